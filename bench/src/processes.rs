//! CPU time of the processes, from /proc.

use std::{fs, process, time::Duration};

use anyhow::{Context, bail};
use sqlx::PgConnection;
use tokio::time::{Instant, sleep};

use crate::measured::CpuSeconds;

/// `USER_HZ`, which is the same on all machines Linux runs on today (man 5 proc).
const TICKS_PER_S: f64 = 100.0;
/// How long the processes have to be quiet to count as idle.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// CPU seconds that idle processes may use meanwhile.
const IDLE_CPU_S: f64 = 0.015;
/// How long they may take to become idle.
const MOST_WAIT: Duration = Duration::from_secs(120);

/// The processes that are measured.
pub struct Processes {
    api: u32,
    postmaster: u32,
}

/// The times of one process, in ticks.
struct Ticks {
    parent: u32,
    own: u64,
    of_ended_children: u64,
}

impl Processes {
    /// The API by its id, and the database's.
    ///
    /// # Errors
    /// If there is no /proc, or not these processes.
    pub async fn find(database: &mut PgConnection, api: u32) -> anyhow::Result<Self> {
        let file: String =
            sqlx::query_scalar("SELECT pg_read_file('postmaster.pid')").fetch_one(database).await?;
        let postmaster = file.lines().next().unwrap_or_default().parse()?;
        let processes = Self { api, postmaster };
        processes.cpu().context("CPU time is read from /proc, which Linux has")?;
        Ok(processes)
    }

    /// What they have used until now. The callers are this process and those it has started.
    ///
    /// # Errors
    /// If one of them has ended.
    pub fn cpu(&self) -> anyhow::Result<CpuSeconds> {
        let seconds = |ticks: u64| ticks as f64 / TICKS_PER_S;
        let ours = ticks(process::id())?;
        let postmaster = ticks(self.postmaster)?;
        let mut postgres = postmaster.own + postmaster.of_ended_children;
        for entry in fs::read_dir("/proc")? {
            let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // One that has ended meanwhile is among the ended children next time.
            if let Ok(child) = ticks(id)
                && child.parent == self.postmaster
            {
                postgres += child.own;
            }
        }
        Ok(CpuSeconds {
            api: seconds(ticks(self.api)?.own),
            postgres: seconds(postgres),
            callers: seconds(ours.own + ours.of_ended_children),
        })
    }

    /// Waits until API and database do nothing: what follows in the background of a run is not to
    /// weigh on the next one.
    ///
    /// # Errors
    /// If they go on for two minutes.
    pub async fn idle(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + MOST_WAIT;
        let mut before = self.cpu()?;
        while Instant::now() < deadline {
            sleep(LOOK_EVERY).await;
            let now = self.cpu()?;
            if now.api + now.postgres - before.api - before.postgres < IDLE_CPU_S {
                return Ok(());
            }
            before = now;
        }
        bail!("API and database are still busy after {} s", MOST_WAIT.as_secs())
    }
}

fn ticks(id: u32) -> anyhow::Result<Ticks> {
    let path = format!("/proc/{id}/stat");
    let stat = fs::read_to_string(&path).with_context(|| path.clone())?;
    parse(&stat).with_context(|| format!("{path} is not as expected: {stat}"))
}

/// Reads /proc/PID/stat (man 5 proc). The program's name may hold anything, so what counts is what
/// follows its last bracket: from field 3, the state.
fn parse(stat: &str) -> Option<Ticks> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Ticks {
        parent: u32::try_from(field(4)?).ok()?,
        own: field(14)? + field(15)?,
        of_ended_children: field(16)? + field(17)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_whatever_the_program_is_called() {
        let stat = "4711 (postgres: a) b) S 42 4711 4711 0 -1 4194560 1 2 3 4 100 20 7 3 20 0 1 0 99";
        let ticks = parse(stat).unwrap();
        assert_eq!((ticks.parent, ticks.own, ticks.of_ended_children), (42, 120, 10));
        assert!(parse("4711 (x) S 42").is_none());
    }
}

//! pgbench, and what it took for each transaction.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, bail, ensure};
use tokio::process::Command;

use crate::{
    load::Pace,
    measured::Run,
    scenario::{ITEMS, USERS},
    script::Script,
};

/// Threads that pgbench drives its clients with.
const THREADS: u16 = 2;

/// The program, and where it works.
pub struct Pgbench {
    /// The program.
    pub program: PathBuf,
    /// A folder for scripts and logs.
    pub folder: PathBuf,
    /// The database.
    pub database_url: String,
}

/// A transaction as pgbench logs it, in microseconds since 1970.
#[derive(Debug, PartialEq, Eq)]
struct Transaction {
    began: u64,
    ended: u64,
}

impl Pgbench {
    /// Runs one transaction. `number` is another one for every run.
    ///
    /// # Errors
    /// If it fails.
    pub async fn once(&self, script: Script, number: u32) -> anyhow::Result<()> {
        self.start(script, number, &["--client=1", "--transactions=1"]).await
    }

    /// Runs transactions at the given pace.
    ///
    /// # Errors
    /// If one fails.
    pub async fn run(&self, script: Script, number: u32, pace: &Pace) -> anyhow::Result<Run> {
        let log = format!("run-{number}");
        let arguments = [
            format!("--client={}", pace.connections),
            format!("--jobs={}", pace.connections.min(THREADS)),
            format!("--time={}", (pace.warm_up + pace.measured).as_secs()),
            "--log".to_owned(),
            format!("--log-prefix={log}"),
        ];
        self.start(script, number, &arguments).await?;
        let mut transactions = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // One file for each thread: PREFIX.PID, PREFIX.PID.1 and so on.
            if entry.file_name().to_string_lossy().starts_with(&format!("{log}.")) {
                for line in fs::read_to_string(entry.path())?.lines() {
                    transactions.push(parse(line).with_context(|| format!("in pgbench's log: {line}"))?);
                }
                fs::remove_file(entry.path())?;
            }
        }
        measured(&transactions, pace.warm_up).context("pgbench logged no transaction")
    }

    async fn start<A: AsRef<str>>(&self, script: Script, number: u32, arguments: &[A]) -> anyhow::Result<()> {
        fs::write(self.folder.join("script.sql"), script.text)?;
        let mut command = Command::new(&self.program);
        command
            .current_dir(&self.folder)
            .kill_on_drop(true)
            .args(["--no-vacuum", "--protocol=prepared", "--define=counter=0"])
            .args([
                format!("--define=run={number}"),
                format!("--define=items={ITEMS}"),
                format!("--define=users={USERS}"),
            ])
            .args(arguments.iter().map(AsRef::as_ref))
            .arg("--file=script.sql");
        let ended = command.arg(&self.database_url).output().await.context("pgbench cannot be started")?;
        let said = String::from_utf8_lossy(&ended.stderr);
        if !ended.status.success() {
            bail!("pgbench failed on {}:\n{said}", script.file);
        }
        // It ends well even if some of its clients gave up.
        ensure!(!said.contains("aborted"), "clients of pgbench gave up:\n{said}");
        Ok(())
    }
}

/// Reads `client transaction latency script seconds microseconds`.
fn parse(line: &str) -> Option<Transaction> {
    let fields: Vec<u64> = line.split(' ').map(|field| field.parse().ok()).collect::<Option<_>>()?;
    let [_, _, latency, _, seconds, microseconds, ..] = fields[..] else { return None };
    let ended = seconds * 1_000_000 + microseconds;
    Some(Transaction { began: ended.checked_sub(latency)?, ended })
}

/// What counts is what began after the warm-up, as for the API.
fn measured(transactions: &[Transaction], warm_up: Duration) -> Option<Run> {
    let first = transactions.iter().map(|transaction| transaction.began).min()?;
    let last = transactions.iter().map(|transaction| transaction.ended).max()?;
    let from = first + u64::try_from(warm_up.as_micros()).ok()?;
    let counted = transactions.iter().filter(|transaction| transaction.began >= from);
    Some(Run {
        latencies: counted.map(|counted| Duration::from_micros(counted.ended - counted.began)).collect(),
        took: Duration::from_micros(last.saturating_sub(from)),
        kept: transactions.len() as u64,
        ..Run::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_tells_when_a_transaction_began_and_ended() {
        assert_eq!(
            parse("31 4 2500 0 1700000000 500000"),
            Some(Transaction { began: 1_700_000_000_497_500, ended: 1_700_000_000_500_000 })
        );
        for bad in ["31 4 failed 0 1700000000 500000", "31 4 2500", ""] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_warm_up_counts_as_work_but_not_as_measured() {
        let transaction = |began: u64| Transaction { began, ended: began + 1000 };
        let all: Vec<Transaction> = (0..10).map(|number| transaction(number * 1_000_000)).collect();
        let run = measured(&all, Duration::from_secs(4)).unwrap();
        assert_eq!((run.latencies.len(), run.kept), (6, 10));
        assert_eq!(run.took, Duration::from_micros(5_001_000));
        assert!(measured(&[], Duration::ZERO).is_none());
    }
}

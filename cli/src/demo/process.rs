//! One process of the demo: started in a process group of its own, so that Ctrl-C reaches the demo
//! alone, which then ends everything in order.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::folder::{Folder, last_lines};

/// How long a process may take to finish what it is doing.
const END_WITHIN: Duration = Duration::from_secs(12);

/// How a process is started, so that it can be started again.
#[derive(Clone)]
pub struct Recipe {
    /// What it is called in logs, process ids and messages.
    pub name: &'static str,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What is added to the demo's own environment.
    pub environment: Vec<(&'static str, String)>,
}

/// A process that runs, or ran.
pub struct Process {
    recipe: Recipe,
    child: Child,
    group: Pid,
    log: PathBuf,
    pid_file: PathBuf,
    started: Instant,
}

impl Process {
    /// Starts it; its output goes to its log, which `fresh` empties first.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(recipe: Recipe, folder: &Folder, fresh: bool) -> anyhow::Result<Self> {
        let log = folder.log(recipe.name);
        if fresh {
            File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        }
        let output = File::options().create(true).append(true).open(&log)?;
        let child = Command::new(&recipe.program)
            .args(&recipe.arguments)
            .envs(recipe.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", recipe.program.display()))?;
        let id = child.id().context("a process that was just started has no id")?;
        let group = Pid::from_raw(i32::try_from(id)?);
        let pid_file = folder.pid_file(recipe.name);
        fs::write(&pid_file, format!("{id}\n"))?;
        Ok(Self { recipe, child, group, log, pid_file, started: Instant::now() })
    }

    pub fn name(&self) -> &'static str {
        self.recipe.name
    }

    /// How to start it again.
    pub fn recipe(&self) -> Recipe {
        self.recipe.clone()
    }

    /// How long ago it was started.
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until `is_ready` says so.
    ///
    /// # Errors
    /// When the process ends before, or `within` is over; with the last lines of its log.
    pub async fn wait_ready<Ready>(
        &mut self,
        within: Duration,
        is_ready: impl Fn() -> Ready,
    ) -> anyhow::Result<()>
    where
        Ready: Future<Output = bool>,
    {
        let deadline = Instant::now() + within;
        while !is_ready().await {
            if let Some(status) = self.ended() {
                bail!("{} ended while starting ({status}).\n{}", self.name(), self.last_words());
            }
            if Instant::now() > deadline {
                let waited_s = within.as_secs();
                bail!("{} was not ready within {waited_s} s.\n{}", self.name(), self.last_words());
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// The last lines of its log, and where the rest is.
    pub fn last_words(&self) -> String {
        format!("Its log, {}, ends with\n{}", self.log.display(), last_lines(&self.log, 12))
    }

    /// Lets it finish what it is doing, and ends it when that takes too long.
    pub async fn stop(&mut self) {
        // Errors of the signals say that it is gone already.
        let _ = killpg(self.group, Signal::SIGTERM);
        if timeout(END_WITHIN, self.child.wait()).await.is_err() {
            let _ = killpg(self.group, Signal::SIGKILL);
            let _ = self.child.wait().await;
        }
        let _ = fs::remove_file(&self.pid_file);
    }
}

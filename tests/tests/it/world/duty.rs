//! A worker with some of its duties and nothing else.

use tempfile::TempDir;

use super::{
    Program,
    processes::{self, Running},
};

/// A worker that runs what it is told, on a database alone. It ends with this value.
pub struct Duty {
    environment: Vec<(String, String)>,
    logs: TempDir,
    running: Running,
}

impl Duty {
    /// Starts one.
    pub fn start(database: &str, runs: &str, environment: &[(&'static str, String)]) -> Self {
        let database_url = ("DATABASE_URL", processes::database_url(database));
        let own = [database_url, ("WORKER_RUNS", runs.to_owned())];
        let environment: Vec<_> = own
            .into_iter()
            .chain(environment.iter().cloned())
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let logs = tempfile::tempdir().expect("a folder is made");
        let running = start(&environment, &logs);
        Self { environment, logs, running }
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        self.running.kill();
    }

    /// Starts it again if it has ended.
    pub fn revive(&mut self) {
        if self.running.has_ended() {
            self.running = start(&self.environment, &self.logs);
        }
    }
}

fn start(environment: &[(String, String)], logs: &TempDir) -> Running {
    let logs = processes::logs(logs.path(), "duty");
    processes::start(Program::Worker, false, environment, processes::free_port(), &logs)
}

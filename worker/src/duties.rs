//! What a worker does beside its lanes.

use tokio::task::JoinSet;

use crate::{config::Config, sweepers};

/// Work that no task queue hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// What was left in the inbox, runs that are gone, what expires or grows old, and the gauges operators watch.
    Sweepers,
}

impl Duty {
    /// Every duty.
    pub const ALL: [Self; 1] = [Self::Sweepers];

    /// The name in `WORKER_RUNS`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sweepers => "sweepers",
        }
    }
}

/// Starts the duties that this worker has.
pub fn start(config: &Config, with: &sweepers::With) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for duty in Duty::ALL.into_iter().filter(|duty| config.runs.include(duty.name())) {
        match duty {
            Duty::Sweepers => sweepers::start(&mut tasks, config, with),
        }
    }
    tasks
}

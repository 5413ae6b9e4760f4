//! What pgbench runs: scripts written by hand, with the statements that the API runs for a request.

use crate::scenario::Scenario;

/// A script for pgbench.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// Its file, as people find it.
    pub file: &'static str,
    /// What pgbench reads.
    pub text: &'static str,
}

impl Scenario {
    /// The script that does the same.
    pub const fn script(self) -> Script {
        match self {
            Self::Orders => {
                Script { file: "bench/scripts/orders.sql", text: include_str!("../scripts/orders.sql") }
            }
            Self::Allocations => Script {
                file: "bench/scripts/allocations.sql",
                text: include_str!("../scripts/allocations.sql"),
            },
        }
    }
}

impl Script {
    /// Its statements, `BEGIN` and `COMMIT` among them: each is a round trip.
    pub fn statements(&self) -> usize {
        self.text.lines().filter(|line| !line.starts_with("--") && line.ends_with(';')).count()
    }
}

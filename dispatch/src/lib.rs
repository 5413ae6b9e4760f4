//! The way from an inbox row to a started or signalled workflow: the API goes it at once, the worker's sweeper for
//! what a crash left.
//!
//! **Invariant:** a message is settled only after its effect is committed or its workflow has been
//! started or signalled; whatever crashes before leaves the row for a sweeper.

pub mod commands;

mod dispatcher;
mod lost_runs;
mod returns;
mod runs;
mod shop;
mod shop_updates;
mod warehouse_updates;

pub use dispatcher::{DispatchError, Dispatcher};

use dispatcher::{Dispatched, Outcome};

/// How long whoever stored a message has to dispatch it before a sweeper may.
pub const SWEEP_AFTER: std::time::Duration = std::time::Duration::from_secs(5);

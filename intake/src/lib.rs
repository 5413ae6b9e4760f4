//! What both processes share: their settings, their connections, and the way from an inbox row to a
//! started or signalled workflow.
//!
//! **Invariant:** a message is settled only after its effect is committed or its workflow has been
//! started or signalled; whatever crashes before leaves the row for a sweeper.

pub mod dispatch;
pub mod settings;
pub mod temporal;

mod database;
mod logging;
mod metrics;

pub use database::{DatabasePool, connect_database};
pub use dispatch::Dispatcher;
pub use logging::init_logging;
pub use metrics::serve_metrics;

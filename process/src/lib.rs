//! What every process needs: its settings, logs, metrics and readiness, the connection to Temporal, and
//! its end.
//!
//! **Invariant:** nothing here knows what happens to an order.

pub mod settings;
pub mod shutdown;
pub mod temporal;

mod logging;
mod ops;

pub use logging::init_logging;
pub use ops::{OpsPort, serve_ops};

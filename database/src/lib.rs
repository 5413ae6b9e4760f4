//! PostgreSQL as every process meets it: the pool, and trouble that passes.
//!
//! **Invariant:** nothing here knows a table.

#![warn(missing_docs)]

mod pool;
mod transient;

pub use pool::{DatabasePool, connect};
pub use transient::{is_transient, met_another_transaction, retried};

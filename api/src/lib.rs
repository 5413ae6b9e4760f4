//! The HTTP process: webhooks in, stock and orders for people and services.
//!
//! | module | what it is |
//! |---|---|
//! | [`config`] | the settings of the process |
//! | [`server`] | the routes under their limits, and the listener |
//! | [`queue`] | what was committed to the inbox on its way to its workflow |
//! | `access`, [`caller`] | who sends a request, and whether it may |
//! | `envelope` | how answers are wrapped on the integration endpoints |
//! | `openapi` | what the interface says of itself |
//! | [`problem`] | every refusal, and the one place that chooses an HTTP status |
//! | `routes` | one file per part of the interface |
//! | `amount`, `correlation`, `extract`, `field` | reading what a caller sent |
//! | `events` | what other systems hear of allocations |
//! | [`telemetry`] | the names of the metrics |
//!
//! **Invariant:** nothing is acknowledged before it is committed, nothing here writes stock except
//! through `inventory`, and nothing here calls `activities`.

pub mod caller;
pub mod config;
pub mod problem;
pub mod queue;
pub mod server;
pub mod telemetry;

mod access;
mod amount;
mod correlation;
mod envelope;
mod events;
mod extract;
mod field;
mod openapi;
mod routes;

#[cfg(feature = "faults")]
mod planted;

//! How others are called: one HTTP transport, one breaker, and what a failed call says of the next.
//!
//! **Invariant:** nothing here repeats a call, and of every failed one it says whether it may have worked.
#![warn(missing_docs)]

mod breaker;
mod failure;
mod heard;
mod http;

pub use breaker::{Breaker, BreakerSettings};
pub use failure::{CallFailure, VendorText};
pub use heard::listening;
pub use http::{Http, HttpAnswer, HttpFailure, HttpSetUpError, TimeLimits, wait_asked_for};

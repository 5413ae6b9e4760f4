//! The integration tests: real servers, one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod architecture;
mod histories;
mod intake;
mod line;
mod paths;
mod proof;
mod rules;
mod stock;
mod world;

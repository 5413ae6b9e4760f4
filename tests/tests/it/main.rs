//! The integration tests: real servers, one binary.

mod line;
mod stock;
mod world;

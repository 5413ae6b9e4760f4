//! The integration tests: real servers, one binary.

mod stock;
mod world;

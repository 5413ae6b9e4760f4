//! The real servers that the tests talk to.

mod database;

pub use database::database;

//! The database's schema as embedded SQL, in the order in which it grew.
//!
//! **Invariant:** a released file is never edited. A release only adds what old and new processes
//! can both live with; a later release takes away what nobody uses any more.

/// Brings a database to the newest schema.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./sql");

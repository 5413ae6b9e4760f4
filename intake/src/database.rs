//! The pool of database connections of a process.

use std::{str::FromStr, time::Duration};

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

/// How large a pool is and what it is for.
#[derive(Debug, Clone, Copy)]
pub struct DatabasePool {
    /// Shown by PostgreSQL as the application's name.
    pub name: &'static str,
    /// The most connections.
    pub most: u32,
}

/// Makes the pool without connecting yet: a process starts while its database is down and says so
/// when asked. Every connection gives up on a lock after 2 s and on a statement after 5 s; a caller
/// that gets no connection hears so within 2 s.
///
/// # Errors
/// If the URL is no PostgreSQL URL.
pub fn connect_database(url: &str, pool: DatabasePool) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?.application_name(pool.name).options([
        ("lock_timeout", "2s"),
        ("statement_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "10s"),
    ]);
    Ok(PgPoolOptions::new()
        .max_connections(pool.most)
        .acquire_timeout(Duration::from_secs(2))
        .test_before_acquire(false)
        .connect_lazy_with(options))
}

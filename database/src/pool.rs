//! The pool of database connections of a process.

use std::{str::FromStr, time::Duration};

use sqlx::{
    Connection,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};

const IDLE_LONG_ENOUGH_TO_ASK: Duration = Duration::from_secs(1);

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
pub fn connect(url: &str, pool: DatabasePool) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?.application_name(pool.name).options([
        ("lock_timeout", "2s"),
        ("statement_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "10s"),
    ]);
    Ok(PgPoolOptions::new()
        .max_connections(pool.most)
        .acquire_timeout(Duration::from_secs(2))
        .test_before_acquire(false)
        .before_acquire(|conn, meta| {
            Box::pin(async move {
                // One that lay idle may have lost its server; asking each time would cost a round trip.
                if meta.idle_for > IDLE_LONG_ENOUGH_TO_ASK {
                    conn.ping().await.map(|()| true)
                } else {
                    Ok(true)
                }
            })
        })
        .connect_lazy_with(options))
}

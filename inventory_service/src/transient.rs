//! Trouble with the database that passes.

/// Whether the same statement may work in a moment: no connection, a time-out, a server that starts
/// or is full (SQLSTATE classes 08, 53, 57), or a transaction that met another one (40, 55).
#[must_use]
pub fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| ["08", "40", "53", "55", "57"].iter().any(|class| code.starts_with(class))),
        _ => false,
    }
}

/// Whether a transaction met another one, a deadlock or a conflict of two that could not be put in a
/// row (SQLSTATE class 40), and may be made again at once.
#[must_use]
pub fn met_another_transaction(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code.starts_with("40"))
}

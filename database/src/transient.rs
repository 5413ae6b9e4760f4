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

/// How often a transaction is tried that meets another one.
const MOST_ATTEMPTS: u32 = 3;

/// Makes an attempt, and again at once if it met another transaction. An attempt begins its transaction itself and
/// commits it as its last step, so that one that met another has been rolled back whole.
///
/// # Errors
/// What the last attempt failed with.
pub async fn retried<T, E, Attempt>(
    met_another: impl Fn(&E) -> bool,
    mut attempt: impl FnMut() -> Attempt,
) -> Result<T, E>
where
    Attempt: Future<Output = Result<T, E>>,
{
    for _ in 1..MOST_ATTEMPTS {
        match attempt().await {
            Err(error) if met_another(&error) => {}
            ended => return ended,
        }
    }
    attempt().await
}

//! Idempotency keys: the same request sent again hears the same answer.
//!
//! **Invariant:** a key and the answer that belongs to it are committed with what the request did, so
//! a key that is there has an answer, and a request that was refused or crashed has left no key.

use std::time::Duration;

use sqlx::PgConnection;

use crate::OrdersError;

/// How long an answer is kept.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// A key, as one caller sent it with one content.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// Whose: callers do not share keys.
    pub caller: &'a str,
    /// The key itself.
    pub key: &'a str,
    /// SHA-256 of the content.
    pub fingerprint: &'a [u8],
}

/// What a request was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body, to the byte.
    pub body: String,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nothing until now: the caller goes on, and has to [`remember`] its answer or roll back.
    New,
    /// It was answered before.
    Answered(KeptAnswer),
    /// It came with another content before.
    OtherContent,
}

/// Claims a key. Waits for whoever holds the same one, and then tells its answer.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn claim(conn: &mut PgConnection, key: &Key<'_>) -> Result<Claim, OrdersError> {
    let claimed = sqlx::query(
        "INSERT INTO orders.idempotency_keys AS known (caller, key, fingerprint) VALUES ($1, $2, $3)
         ON CONFLICT ON CONSTRAINT idempotency_keys_pk DO UPDATE
             SET fingerprint = EXCLUDED.fingerprint, status = NULL, body = NULL, created_at = now()
             WHERE known.created_at < now() - $4 * interval '1 second'",
    )
    .bind(key.caller)
    .bind(key.key)
    .bind(key.fingerprint)
    .bind(KEPT_FOR.as_secs_f64())
    .execute(&mut *conn)
    .await?;
    if claimed.rows_affected() == 1 {
        return Ok(Claim::New);
    }
    let (fingerprint, status, body): (Vec<u8>, i16, String) = sqlx::query_as(
        "SELECT fingerprint, status, body FROM orders.idempotency_keys WHERE caller = $1 AND key = $2",
    )
    .bind(key.caller)
    .bind(key.key)
    .fetch_one(conn)
    .await?;
    if fingerprint != key.fingerprint {
        return Ok(Claim::OtherContent);
    }
    let status = u16::try_from(status).map_err(|_| OrdersError::Unreadable("status is negative".into()))?;
    Ok(Claim::Answered(KeptAnswer { status, body }))
}

/// Keeps the answer to a request whose key was claimed in this transaction.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn remember(
    conn: &mut PgConnection,
    key: &Key<'_>,
    answer: &KeptAnswer,
) -> Result<(), OrdersError> {
    let status = i16::try_from(answer.status)
        .map_err(|_| OrdersError::Unreadable("status is beyond reason".into()))?;
    sqlx::query("UPDATE orders.idempotency_keys SET status = $3, body = $4 WHERE caller = $1 AND key = $2")
        .bind(key.caller)
        .bind(key.key)
        .bind(status)
        .bind(&answer.body)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets up to `most` answers that were kept for long enough; tells how many.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn forget_old(conn: &mut PgConnection, most: i64) -> Result<u64, OrdersError> {
    let forgotten = sqlx::query(
        "DELETE FROM orders.idempotency_keys WHERE (caller, key) IN (
             SELECT caller, key FROM orders.idempotency_keys
             WHERE created_at < now() - $2 * interval '1 second'
             ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED)",
    )
    .bind(most)
    .bind(KEPT_FOR.as_secs_f64())
    .execute(conn)
    .await?;
    Ok(forgotten.rows_affected())
}

//! How often a call of an order failed by its own fault, as far as anybody can tell.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{OrderId, Step};
use sqlx::{FromRow, PgConnection};

use crate::OrdersError;

/// A call that failed and is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Attempts {
    /// How often it counted.
    pub counted: i32,
    /// When it failed first.
    pub first_failed_at: DateTime<Utc>,
    /// When it failed last.
    pub last_failed_at: DateTime<Utc>,
}

/// An attempt that failed.
#[derive(Debug, Clone, Copy)]
pub struct FailedAttempt<'a> {
    /// Which call: the id of its run and of its activity.
    pub call: &'a str,
    /// Of which order.
    pub order: &'a OrderId,
    /// At which step.
    pub step: Step,
    /// Why.
    pub code: &'a str,
}

/// What is known of a call that failed before.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn of(conn: &mut PgConnection, call: &str) -> Result<Option<Attempts>, OrdersError> {
    Ok(sqlx::query_as(
        "SELECT counted, first_failed_at, last_failed_at FROM orders.call_attempts WHERE call = $1 FOR UPDATE",
    )
    .bind(call)
    .fetch_optional(conn)
    .await?)
}

/// Notes that an attempt failed.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn failed(
    conn: &mut PgConnection,
    attempt: FailedAttempt<'_>,
    counts: bool,
) -> Result<Attempts, OrdersError> {
    Ok(sqlx::query_as(
        "INSERT INTO orders.call_attempts AS known (call, order_id, step, code, counted) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (call) DO UPDATE
         SET counted = known.counted + excluded.counted, code = excluded.code, last_failed_at = clock_timestamp()
         RETURNING counted, first_failed_at, last_failed_at",
    )
    .bind(attempt.call)
    .bind(attempt.order.as_str())
    .bind(attempt.step.as_str())
    .bind(attempt.code)
    .bind(i32::from(counts))
    .fetch_one(conn)
    .await?)
}

/// The last attempt counts after all.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn count_last(conn: &mut PgConnection, call: &str) -> Result<(), OrdersError> {
    sqlx::query("UPDATE orders.call_attempts SET counted = counted + 1 WHERE call = $1")
        .bind(call)
        .execute(conn)
        .await?;
    Ok(())
}

/// A call that had failed before was done.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn done(conn: &mut PgConnection, call: &str) -> Result<(), OrdersError> {
    sqlx::query("DELETE FROM orders.call_attempts WHERE call = $1").bind(call).execute(conn).await?;
    Ok(())
}

/// Forgets calls that nobody repeats any more. Returns how many, `batch` at most.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn forget_old(conn: &mut PgConnection, keep: Duration, batch: i64) -> Result<u64, OrdersError> {
    let forgotten = sqlx::query(
        "DELETE FROM orders.call_attempts WHERE call IN
            (SELECT call FROM orders.call_attempts WHERE last_failed_at < now() - $1 * interval '1 second' LIMIT $2)",
    )
    .bind(keep.as_secs_f64())
    .bind(batch)
    .execute(conn)
    .await?;
    Ok(forgotten.rows_affected())
}

//! What another inventory system says of the stock of our orders, by its events.
//!
//! **Invariant:** it is shown and nothing else: no order goes on or waits by it.

use std::time::Duration;

use domain::{LineId, OrderId, Sku};
use sqlx::{FromRow, PgConnection};

use crate::OrdersError;

/// What is known of a line's stock.
#[derive(Debug, Clone, FromRow)]
pub struct LineAllocation {
    /// The inventory system's id of what is held; none for what is short.
    pub allocation_id: Option<String>,
    /// The line; none for what is short.
    pub line_id: Option<String>,
    /// What is held or short.
    pub sku: String,
    /// `BACKORDERED`, `PENDING`, `CONFIRMED`, `FULFILLED` or `CANCELLED`.
    pub status: String,
    /// How many pieces are held, where it is said.
    pub quantity: Option<i64>,
}

/// Notes an allocation.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn note(
    conn: &mut PgConnection,
    order: &OrderId,
    (line, sku): (&LineId, &Sku),
    allocation_id: &str,
    (status, quantity): (&str, Option<i64>),
) -> Result<(), OrdersError> {
    sqlx::query(
        "INSERT INTO orders.line_allocations AS known (order_id, allocation_id, line_id, sku, status, quantity, is_ours)
         VALUES ($1, $2, $3, $4, $5, $6, EXISTS (SELECT FROM orders.orders WHERE order_id = $1))
         ON CONFLICT ON CONSTRAINT line_allocations_unique
         DO UPDATE SET status = excluded.status, line_id = excluded.line_id, is_ours = excluded.is_ours,
                       quantity = COALESCE(excluded.quantity, known.quantity), changed_at = now()",
    )
    .bind(order.as_str())
    .bind(allocation_id)
    .bind(line.as_str())
    .bind(sku.as_str())
    .bind(status)
    .bind(quantity)
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that there was not enough.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn note_short(conn: &mut PgConnection, order: &OrderId, sku: &Sku) -> Result<(), OrdersError> {
    sqlx::query(
        "INSERT INTO orders.line_allocations (order_id, sku, status, is_ours)
         VALUES ($1, $2, 'BACKORDERED', EXISTS (SELECT FROM orders.orders WHERE order_id = $1))
         ON CONFLICT ON CONSTRAINT line_allocations_unique
         DO UPDATE SET changed_at = now(), is_ours = excluded.is_ours",
    )
    .bind(order.as_str())
    .bind(sku.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// What is known of an order's lines.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn of_order(conn: &mut PgConnection, order: &OrderId) -> Result<Vec<LineAllocation>, OrdersError> {
    Ok(sqlx::query_as(
        "SELECT allocation_id, line_id, sku, status, quantity FROM orders.line_allocations WHERE order_id = $1
         ORDER BY changed_at, allocation_id",
    )
    .bind(order.as_str())
    .fetch_all(conn)
    .await?)
}

/// Looks at up to `most` that were of no order of ours when they were last said, which is so long ago, and forgets those
/// that still are: others may order from that system too. How many were looked at.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn forget_others(conn: &mut PgConnection, after: Duration, most: i64) -> Result<i64, OrdersError> {
    Ok(sqlx::query_scalar(
        "WITH old AS (
             SELECT a.ctid AS row, o.order_id IS NOT NULL AS is_ours
             FROM orders.line_allocations a LEFT JOIN orders.orders o USING (order_id)
             WHERE NOT a.is_ours AND a.changed_at < now() - make_interval(secs => $1)
             ORDER BY a.changed_at LIMIT $2 FOR UPDATE OF a SKIP LOCKED
         ), kept AS (
             UPDATE orders.line_allocations a SET is_ours = true FROM old WHERE a.ctid = old.row AND old.is_ours
         ), forgotten AS (
             DELETE FROM orders.line_allocations a USING old WHERE a.ctid = old.row AND NOT old.is_ours
         )
         SELECT count(*) FROM old",
    )
    .bind(after.as_secs_f64())
    .bind(most)
    .fetch_one(conn)
    .await?)
}

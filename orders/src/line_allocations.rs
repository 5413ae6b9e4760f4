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
}

/// Notes an allocation. What was short of it is not any more.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn note(
    conn: &mut PgConnection,
    order: &OrderId,
    (line, sku): (&LineId, &Sku),
    allocation_id: &str,
    status: &str,
) -> Result<(), OrdersError> {
    sqlx::query(
        "WITH served AS (
             DELETE FROM orders.line_allocations WHERE order_id = $1 AND sku = $4 AND allocation_id IS NULL
         )
         INSERT INTO orders.line_allocations (order_id, allocation_id, line_id, sku, status) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT ON CONSTRAINT line_allocations_unique
         DO UPDATE SET status = excluded.status, line_id = excluded.line_id, changed_at = now()",
    )
    .bind(order.as_str())
    .bind(allocation_id)
    .bind(line.as_str())
    .bind(sku.as_str())
    .bind(status)
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
        "INSERT INTO orders.line_allocations (order_id, sku, status) VALUES ($1, $2, 'BACKORDERED')
         ON CONFLICT ON CONSTRAINT line_allocations_unique DO UPDATE SET changed_at = now()",
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
        "SELECT allocation_id, line_id, sku, status FROM orders.line_allocations WHERE order_id = $1
         ORDER BY changed_at, allocation_id",
    )
    .bind(order.as_str())
    .fetch_all(conn)
    .await?)
}

/// Forgets up to `most` that have been of no order of ours for so long: others may order from that system too.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn forget_others(conn: &mut PgConnection, after: Duration, most: i64) -> Result<u64, OrdersError> {
    let forgotten = sqlx::query(
        "DELETE FROM orders.line_allocations WHERE ctid = ANY (ARRAY(
             SELECT a.ctid FROM orders.line_allocations a
             WHERE changed_at < now() - make_interval(secs => $1)
               AND NOT EXISTS (SELECT FROM orders.orders o WHERE o.order_id = a.order_id)
             ORDER BY changed_at LIMIT $2))",
    )
    .bind(after.as_secs_f64())
    .bind(most)
    .execute(conn)
    .await?;
    Ok(forgotten.rows_affected())
}

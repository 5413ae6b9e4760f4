//! Orders that were taken while the inventory service was away. They wait in the order in which they came.
//!
//! **Invariant:** an order awaits its allocation or has been reserved for, never both: whoever reserves for it ends the
//! waiting in the same transaction.

use domain::{Condition, LineId, OrderId, Sku};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::{
    OrdersError,
    progress::{self, Waiting},
};

/// An order begins to wait. The prices of these lines are to be the items' own.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn begin(conn: &mut PgConnection, order: &OrderId, unpriced: &[LineId]) -> Result<(), OrdersError> {
    let waiting = Waiting { condition: Condition::AwaitingAllocation, reason: None, held_by: None };
    progress::set_condition(conn, order, waiting).await?;
    let unpriced: Vec<&str> = unpriced.iter().map(LineId::as_str).collect();
    sqlx::query(
        "UPDATE orders.orders SET awaits_allocation_since = now(), unpriced_lines = NULLIF($2, '{}') WHERE order_id = $1",
    )
    .bind(order.as_str())
    .bind(unpriced)
    .execute(conn)
    .await?;
    Ok(())
}

/// An order waits no more. What else keeps it stays.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn end(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.orders
         SET awaits_allocation_since = NULL, updated_at = now(),
             condition = CASE WHEN condition <> 'AWAITING_ALLOCATION' THEN condition END
         WHERE order_id = $1",
    )
    .bind(order.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// The first that wait, but those, and whoever waits for the same as they do.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn first(conn: &mut PgConnection, but: &[OrderId], most: i64) -> Result<Vec<OrderId>, OrdersError> {
    let but: Vec<&str> = but.iter().map(OrderId::as_str).collect();
    let found: Vec<String> = sqlx::query_scalar(
        "WITH kept_back AS (
             SELECT DISTINCT sku FROM orders.lines JOIN orders.orders USING (order_id)
             WHERE order_id = ANY($1) AND awaits_allocation_since IS NOT NULL
         )
         SELECT order_id FROM orders.orders o WHERE awaits_allocation_since IS NOT NULL AND order_id <> ALL($1)
           AND NOT EXISTS (SELECT FROM orders.lines l JOIN kept_back USING (sku) WHERE l.order_id = o.order_id)
         ORDER BY awaits_allocation_since, order_id LIMIT $2",
    )
    .bind(but)
    .bind(most)
    .fetch_all(conn)
    .await?;
    found.iter().map(|id| Ok(OrderId::parse(id)?)).collect()
}

/// Whether an order waits that wants any of these.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn is_wanted(conn: &mut PgConnection, skus: &[&Sku]) -> Result<bool, OrdersError> {
    let skus: Vec<&str> = skus.iter().map(|sku| sku.as_str()).collect();
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM orders.orders JOIN orders.lines USING (order_id)
                        WHERE awaits_allocation_since IS NOT NULL AND sku = ANY($1))",
    )
    .bind(skus)
    .fetch_one(conn)
    .await?)
}

/// How many orders wait, and for how many seconds the first of them has.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn backlog(conn: &mut PgConnection) -> Result<(i64, f64), OrdersError> {
    Ok(sqlx::query_as(
        "SELECT count(*), COALESCE(extract(epoch FROM now() - min(awaits_allocation_since)), 0)::float8
         FROM orders.orders WHERE awaits_allocation_since IS NOT NULL",
    )
    .fetch_one(conn)
    .await?)
}

/// The lines of an order whose prices are to be the items' own, and are not known yet.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn unpriced(conn: &mut PgConnection, order: &OrderId) -> Result<Vec<LineId>, OrdersError> {
    let lines: Option<Vec<String>> =
        sqlx::query_scalar("SELECT unpriced_lines FROM orders.orders WHERE order_id = $1")
            .bind(order.as_str())
            .fetch_one(conn)
            .await?;
    lines.unwrap_or_default().iter().map(|line| Ok(LineId::parse(line)?)).collect()
}

/// The prices of these lines are not known yet; those of all others are.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn set_unpriced(
    conn: &mut PgConnection,
    order: &OrderId,
    lines: &[LineId],
) -> Result<(), OrdersError> {
    let lines: Vec<&str> = lines.iter().map(LineId::as_str).collect();
    sqlx::query("UPDATE orders.orders SET unpriced_lines = NULLIF($2, '{}') WHERE order_id = $1")
        .bind(order.as_str())
        .bind(lines)
        .execute(conn)
        .await?;
    Ok(())
}

/// Names a line as its item is called, if nobody named it, and gives it the price of one piece, if it has none yet.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn describe_line(
    conn: &mut PgConnection,
    order: &OrderId,
    line: &LineId,
    name: &str,
    price: Option<Decimal>,
) -> Result<(), OrdersError> {
    sqlx::query(
        "WITH line AS (
             UPDATE orders.lines l
             SET product_name = CASE WHEN l.product_name = l.sku THEN $3 ELSE l.product_name END,
                 unit_price = COALESCE($4, l.unit_price)
             FROM orders.lines old
             WHERE l.order_id = $1 AND l.line_id = $2 AND old.order_id = $1 AND old.line_id = $2
             RETURNING (l.unit_price - old.unit_price) * l.quantity AS more
         )
         UPDATE orders.orders SET total_amount = total_amount + more FROM line WHERE order_id = $1 AND more <> 0",
    )
    .bind(order.as_str())
    .bind(line.as_str())
    .bind(name)
    .bind(price)
    .execute(conn)
    .await?;
    Ok(())
}

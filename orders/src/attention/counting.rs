//! How many orders wait for a person, and for how long.

use sqlx::PgConnection;

use crate::OrdersError;

/// How many orders wait for a person by reason, and for how many seconds the first of them has.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn parked_orders(conn: &mut PgConnection) -> Result<(Vec<(String, i64)>, f64), OrdersError> {
    let rows: Vec<(String, i64, f64)> = sqlx::query_as(
        "SELECT reason, count(DISTINCT order_id),
                COALESCE(EXTRACT(EPOCH FROM now() - min(opened_at)), 0)::float8
         FROM orders.attention WHERE resolved_at IS NULL AND order_id IS NOT NULL
         GROUP BY reason",
    )
    .fetch_all(conn)
    .await?;
    let oldest = rows.iter().map(|(_, _, seconds)| *seconds).fold(0.0, f64::max);
    Ok((rows.into_iter().map(|(reason, orders, _)| (reason, orders)).collect(), oldest))
}

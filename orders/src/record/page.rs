//! A page of orders, newest first, in two statements however long it is.

use std::collections::HashMap;

use domain::ShopDomain;
use sqlx::PgConnection;

use super::{
    Order,
    row::{LineRow, OrderRow},
};
use crate::OrdersError;

/// The orders of these rows, their lines read in one statement.
pub(super) async fn with_lines(
    conn: &mut PgConnection,
    rows: Vec<OrderRow>,
) -> Result<Vec<Order>, OrdersError> {
    let ids: Vec<&str> = rows.iter().map(|row| row.order_id.as_str()).collect();
    let lines: Vec<LineRow> =
        sqlx::query_as("SELECT * FROM orders.lines WHERE order_id = ANY($1) ORDER BY position")
            .bind(&ids)
            .fetch_all(conn)
            .await?;
    let mut lines_of: HashMap<String, Vec<LineRow>> = HashMap::new();
    for line in lines {
        lines_of.entry(line.order_id.clone()).or_default().push(line);
    }
    rows.into_iter()
        .map(|row| {
            let lines = lines_of.remove(&row.order_id).unwrap_or_default();
            row.into_order(lines)
        })
        .collect()
}

/// Which orders are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this shop only.
    pub shop: Option<ShopDomain>,
    /// With this id in the shop only.
    pub shopify_order_id: Option<i64>,
    /// At most so many.
    pub limit: i64,
}

/// The orders that match, newest first.
///
/// # Errors
/// [`OrdersError::Database`] or [`OrdersError::Unreadable`].
pub async fn list(conn: &mut PgConnection, filter: &Filter) -> Result<Vec<Order>, OrdersError> {
    let rows: Vec<OrderRow> = sqlx::query_as(
        "SELECT * FROM orders.orders
         WHERE ($1::text IS NULL OR shop = $1) AND ($2::bigint IS NULL OR shopify_order_id = $2)
         ORDER BY created_at DESC, order_id LIMIT $3",
    )
    .bind(filter.shop.as_ref().map(ShopDomain::as_str))
    .bind(filter.shopify_order_id)
    .bind(filter.limit)
    .fetch_all(&mut *conn)
    .await?;

    with_lines(conn, rows).await
}

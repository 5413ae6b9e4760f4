//! The timeline of an order: what happened, for people.

use chrono::{DateTime, Utc};
use domain::OrderId;
use serde::Serialize;
use sqlx::{FromRow, PgConnection};

use crate::OrdersError;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct Entry {
    /// When, by the database's clock.
    pub at: DateTime<Utc>,
    /// What: `RECEIVED`, `RESERVED`, `HANDED_OVER`, `SHIPPED`, `SHOP_NOTIFIED`, `DELIVERED` and so on.
    pub event: String,
    /// More about it, without personal data.
    pub detail: Option<String>,
}

/// Adds an entry.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn note(
    conn: &mut PgConnection,
    order: &OrderId,
    event: &str,
    detail: Option<&str>,
) -> Result<(), OrdersError> {
    sqlx::query("INSERT INTO orders.timeline (order_id, event, detail) VALUES ($1, $2, $3)")
        .bind(order.as_str())
        .bind(event)
        .bind(detail)
        .execute(conn)
        .await?;
    Ok(())
}

/// The entries of an order, oldest first.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn of(conn: &mut PgConnection, order: &OrderId) -> Result<Vec<Entry>, OrdersError> {
    Ok(sqlx::query_as("SELECT at, event, detail FROM orders.timeline WHERE order_id = $1 ORDER BY entry_id")
        .bind(order.as_str())
        .fetch_all(conn)
        .await?)
}

//! Edits, as people are shown them.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};

use super::Member;
use crate::{OrdersError, record::Order};

/// An edit, as people are shown it; of an address that it was changed.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Made {
    /// Of what.
    #[sqlx(try_from = "String")]
    pub member: Member,
    /// Of which line; empty where it is of none.
    pub line_id: String,
    /// To what.
    pub value: Option<String>,
    /// Who did.
    pub made_by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub made_at: DateTime<Utc>,
    /// When another edit, or the shop, said something else.
    pub superseded_at: Option<DateTime<Utc>>,
}

/// The edits of an order, oldest first.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn of_order(conn: &mut PgConnection, order: &Order) -> Result<Vec<Made>, OrdersError> {
    if !order.is_edited {
        return Ok(Vec::new());
    }
    Ok(sqlx::query_as(
        "SELECT member, line_id, value, made_by, reason, made_at, superseded_at FROM orders.edits
         WHERE order_id = $1 ORDER BY edit_id",
    )
    .bind(order.order_id.as_str())
    .fetch_all(conn)
    .await?)
}

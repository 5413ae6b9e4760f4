//! Fulfilment requests, as people are shown them.

use chrono::{DateTime, Utc};
use domain::OrderId;
use sqlx::{FromRow, PgConnection};

use super::FulfilmentRequestStatus;
use crate::OrdersError;

/// What a warehouse was asked to ship.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Seen {
    /// Its unique reference.
    pub reference: String,
    /// Where.
    pub warehouse: String,
    /// How it stands.
    #[sqlx(try_from = "String")]
    pub status: FulfilmentRequestStatus,
    /// Pieces that are to leave, or have left, under it.
    pub pieces: i32,
    /// When the warehouse was called about it first; none if it never was.
    pub called_at: Option<DateTime<Utc>>,
    /// When the warehouse is asked about it, unless it said something final by then.
    pub ask_after: Option<DateTime<Utc>>,
    /// The warehouse was asked to stop it and could not.
    pub recall_refused: bool,
}

impl Seen {
    /// Whether its warehouse has pieces that are still to leave.
    #[must_use]
    pub fn is_outstanding(&self) -> bool {
        use FulfilmentRequestStatus::{Accepted, Recalled, Requested};
        let is_open = match self.status {
            Accepted => true,
            Requested => self.called_at.is_some(),
            // What could not be stopped leaves.
            Recalled => self.recall_refused,
            FulfilmentRequestStatus::Cancelled | FulfilmentRequestStatus::Shipped => false,
        };
        is_open && self.pieces > 0
    }
}

/// The fulfilment requests of an order, oldest first.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn seen_of_order(conn: &mut PgConnection, order: &OrderId) -> Result<Vec<Seen>, OrdersError> {
    Ok(sqlx::query_as(
        "SELECT reference, warehouse, status, pieces, called_at, ask_after, recall_refused
         FROM orders.fulfilment_requests WHERE order_id = $1 ORDER BY created_at, reference",
    )
    .bind(order.as_str())
    .fetch_all(conn)
    .await?)
}

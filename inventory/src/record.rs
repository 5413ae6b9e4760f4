//! Allocations as others see them: whose they are, and until when they are held.

use chrono::{DateTime, Utc};
use domain::{OrderId, ParseError};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection};

use crate::allocation::{Allocation, AllocationChange, AllocationId};
use crate::error::InventoryError;
use crate::holder::{Epoch, Holder};
use crate::ledger::Booked;

/// The number of the epoch under which an order's allocations for another system stand. Reservations count
/// from 1.
pub(crate) const OF_ALLOCATIONS: u32 = 0;

/// Who asked for an allocation, and alone may change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Owner {
    /// An order of ours.
    Order,
    /// Another service.
    Service,
}

impl TryFrom<i64> for Owner {
    type Error = ParseError;
    /// The epoch says it. What is kept under a holder's own epochs, an allocation like a reservation, is that
    /// holder's.
    fn try_from(epoch: i64) -> Result<Self, ParseError> {
        let epoch = Epoch::try_from(epoch)?;
        let is_ours = epoch.holder() == Holder::OURS && epoch.number() != OF_ALLOCATIONS;
        Ok(if is_ours { Self::Order } else { Self::Service })
    }
}

/// An allocation with whose it is and its times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct AllocationRecord {
    /// What is held.
    #[sqlx(flatten)]
    pub allocation: Allocation,
    /// For which order.
    #[sqlx(try_from = "String")]
    pub order_id: OrderId,
    /// Under which reservation it stands, and whose it is.
    #[sqlx(try_from = "i64")]
    pub epoch: Epoch,
    /// Who asked for it.
    #[sqlx(rename = "epoch", try_from = "i64")]
    pub owner: Owner,
    /// When it expires unless it is confirmed before; none for one of our own orders.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl AllocationRecord {
    pub(crate) fn header(&self) -> Header<'_> {
        (&self.order_id, self.epoch)
    }

    /// What an event tells of a change that moved so many pieces and left it as it is here.
    pub(crate) fn change(&self, pieces: u64, booked: Booked) -> AllocationChange {
        let change = AllocationChange::new(&self.order_id, self.allocation.clone(), pieces, booked);
        AllocationChange { expires_at: self.expires_at, ..change }
    }
}

/// All allocations ever made for an order of ours, and for one of that id by this holder, or by every one if
/// none is named; oldest first.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn allocations_of_order(
    conn: &mut PgConnection,
    order_id: &OrderId,
    holder: Option<Holder>,
) -> Result<Vec<AllocationRecord>, InventoryError> {
    Ok(sqlx::query_as(
        "SELECT allocation_id, line_id, sku, warehouse, quantity, fulfilled_quantity, status, cause,
                order_id, epoch, expires_at, created_at, updated_at
         FROM inventory.allocations
         WHERE order_id = $1 AND ($2::bigint IS NULL OR epoch >> 32 IN (0, $2))
         ORDER BY created_at, allocation_id",
    )
    .bind(order_id.as_str())
    .bind(holder.map(Holder::number))
    .fetch_all(conn)
    .await?)
}

/// An allocation, and whether its time is over while nobody has confirmed it.
#[derive(FromRow)]
pub(crate) struct Found {
    #[sqlx(flatten)]
    pub(crate) record: AllocationRecord,
    pub(crate) overdue: bool,
}

/// The allocation with this id.
pub(crate) async fn find(conn: &mut PgConnection, id: &AllocationId) -> Result<Found, InventoryError> {
    let found: Option<Found> = sqlx::query_as(
        "SELECT allocation_id, line_id, sku, warehouse, quantity, fulfilled_quantity, status, cause,
                order_id, epoch, expires_at, created_at, updated_at,
                coalesce(status = 'PENDING' AND expires_at <= now(), false) AS overdue
         FROM inventory.allocations WHERE allocation_id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(conn)
    .await?;
    found.ok_or_else(|| InventoryError::UnknownAllocation { allocation_id: id.clone() })
}

/// The header that an allocation stands under: its order and epoch.
pub(crate) type Header<'a> = (&'a OrderId, Epoch);

/// Locks these headers, in order. The caller holds the locks of the stock already.
pub(crate) async fn lock_headers(
    conn: &mut PgConnection,
    headers: &[Header<'_>],
) -> Result<(), InventoryError> {
    let (orders, epochs) = columns_of(headers);
    sqlx::query(
        "SELECT FROM inventory.reservations r
         WHERE (order_id, epoch) IN (SELECT * FROM unnest($1::text[], $2::bigint[]))
         ORDER BY order_id, epoch FOR NO KEY UPDATE",
    )
    .bind(orders)
    .bind(epochs)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes on these headers, which are locked, what their allocations have come to. Other than a
/// reservation, one of allocations that were given back is taken up again by the next allocation.
pub(crate) async fn settle_headers(
    conn: &mut PgConnection,
    headers: &[Header<'_>],
) -> Result<(), InventoryError> {
    let (orders, epochs) = columns_of(headers);
    sqlx::query(
        "UPDATE inventory.reservations r
         SET status = CASE WHEN EXISTS (SELECT FROM inventory.waiting w
                                        WHERE w.order_id = r.order_id AND w.epoch = r.epoch) THEN 'WAITING'
                           WHEN a.active THEN 'COMPLETE' WHEN a.fulfilled THEN 'FULFILLED' ELSE 'RELEASED' END
         FROM (SELECT order_id, epoch, bool_or(status IN ('PENDING', 'CONFIRMED')) AS active,
                      bool_or(status = 'FULFILLED') AS fulfilled
               FROM inventory.allocations
               WHERE (order_id, epoch) IN (SELECT * FROM unnest($1::text[], $2::bigint[]))
               GROUP BY order_id, epoch) a
         WHERE r.order_id = a.order_id AND r.epoch = a.epoch",
    )
    .bind(orders)
    .bind(epochs)
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) fn columns_of<'a>(headers: &[Header<'a>]) -> (Vec<&'a str>, Vec<i64>) {
    headers.iter().map(|(order_id, epoch)| (order_id.as_str(), i64::from(*epoch))).unzip()
}

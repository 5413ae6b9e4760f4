//! Allocations: the pieces of one warehouse that a line of an order holds.

use chrono::{DateTime, Utc};
use domain::{LineId, OrderId, Quantity, Sku, WarehouseId, words};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use crate::error::InventoryError;
use crate::holder::Epoch;
use crate::ledger::{Booked, Entry, Place};
use crate::reservation::WaitingLine;

pub use domain::AllocationId;

/// An id that no allocation has.
pub(crate) fn draw_id() -> AllocationId {
    AllocationId::of(Uuid::now_v7().as_u128())
}

/// What has become of an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum AllocationStatus {
    /// Held until it is confirmed or expires.
    Pending,
    /// Held for good.
    Confirmed,
    /// All its pieces have left the warehouse.
    Fulfilled,
    /// What had not left the warehouse was given back.
    Cancelled,
}

words!(AllocationStatus, "status");

impl AllocationStatus {
    /// Whether its unfulfilled pieces are held.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Pending | Self::Confirmed)
    }
}

/// The pieces of one warehouse that a line holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Allocation {
    /// Its id.
    #[sqlx(try_from = "String")]
    pub allocation_id: AllocationId,
    /// The line it is for.
    #[sqlx(try_from = "String")]
    pub line_id: LineId,
    /// What it holds.
    #[sqlx(try_from = "String")]
    pub sku: Sku,
    /// Where.
    #[sqlx(try_from = "String")]
    pub warehouse: WarehouseId,
    /// How many pieces it was given in all.
    #[sqlx(try_from = "i64")]
    pub quantity: Quantity,
    /// How many of them have left the warehouse.
    #[sqlx(try_from = "i64")]
    pub fulfilled_quantity: u64,
    /// What has become of it.
    #[sqlx(try_from = "String")]
    pub status: AllocationStatus,
    /// Why it was cancelled, if it was.
    pub cause: Option<String>,
}

impl Allocation {
    /// Pieces it holds now: given, not cancelled and not yet gone.
    #[must_use]
    pub fn held(&self) -> u64 {
        if self.status.is_active() {
            u64::from(self.quantity.get()).saturating_sub(self.fulfilled_quantity)
        } else {
            0
        }
    }
}

/// One change of one allocation, with what an event tells about it. Figures are of the SKU in the
/// allocation's warehouse, by the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AllocationChange {
    /// The allocation.
    pub allocation_id: AllocationId,
    /// Whose it is.
    pub order_id: OrderId,
    /// The line it is for.
    pub line_id: LineId,
    /// What it holds.
    pub sku: Sku,
    /// Where.
    pub warehouse: WarehouseId,
    /// How many pieces it was given in all.
    pub quantity: Quantity,
    /// How many pieces this change allocated, gave back or fulfilled.
    pub changed_quantity: u64,
    /// What has become of it.
    pub status: AllocationStatus,
    /// Pieces a newcomer could get before the change.
    pub previous_available: u64,
    /// Pieces a newcomer can get after it.
    pub new_available: u64,
    /// Pieces orders held before the change.
    pub previous_reserved: u64,
    /// Pieces orders hold after it.
    pub new_reserved: u64,
    /// When it expires or would have, if it is one that does.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
    /// Why it was cancelled, if it was.
    #[serde(default)]
    pub cause: Option<String>,
    /// Whether it was made by this change, and is held for good from the start.
    #[serde(default)]
    pub made_and_confirmed: bool,
}

impl AllocationChange {
    pub(crate) fn new(
        order_id: &OrderId,
        allocation: Allocation,
        changed_quantity: u64,
        booked: Booked,
    ) -> Self {
        let Booked { before, after } = booked;
        Self {
            allocation_id: allocation.allocation_id,
            order_id: order_id.clone(),
            line_id: allocation.line_id,
            sku: allocation.sku,
            warehouse: allocation.warehouse,
            quantity: allocation.quantity,
            changed_quantity,
            status: allocation.status,
            previous_available: before.available(),
            new_available: after.available(),
            previous_reserved: before.reserved,
            new_reserved: after.reserved,
            expires_at: None,
            cause: allocation.cause,
            made_and_confirmed: false,
        }
    }
}

/// An allocation that holds what was booked for it, and whether it was made now.
#[derive(FromRow)]
pub(crate) struct Held {
    #[sqlx(flatten)]
    pub(crate) allocation: Allocation,
    is_new: bool,
}

impl Held {
    pub(crate) fn change(self, order_id: &OrderId, pieces: u64, booked: Booked) -> AllocationChange {
        let change = AllocationChange::new(order_id, self.allocation, pieces, booked);
        AllocationChange { made_and_confirmed: self.is_new, ..change }
    }
}

/// Pieces of one place for a line of an order.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Holding {
    #[sqlx(try_from = "String")]
    pub(crate) order_id: OrderId,
    #[sqlx(try_from = "i64")]
    pub(crate) epoch: Epoch,
    #[sqlx(try_from = "String")]
    pub(crate) line_id: LineId,
    #[sqlx(flatten)]
    pub(crate) place: Place,
    #[sqlx(try_from = "i64")]
    pub(crate) quantity: Quantity,
}

impl Holding {
    /// The booking that pays for it; pieces that were waited for leave the queue.
    pub(crate) fn entry(&self, from_queue: bool) -> Entry {
        let reserved = i64::from(self.quantity);
        let queued = if from_queue { -reserved } else { 0 };
        Entry { reserved, queued, ..Entry::of(&self.order_id, self.place.clone()) }
    }

    /// The booking that queues for it.
    pub(crate) fn queue_entry(&self) -> Entry {
        Entry { queued: i64::from(self.quantity), ..Entry::of(&self.order_id, self.place.clone()) }
    }

    pub(crate) fn into_waiting_line(self) -> WaitingLine {
        let Self { line_id, place: Place { sku, warehouse }, quantity, .. } = self;
        WaitingLine { line_id, sku, warehouse, quantity }
    }
}

/// Writes allocations for pieces that are booked already. Whose they are is in their epoch; for the database an
/// allocation that never expires is an order's, also where that order is another system's. A line that holds pieces there gets the
/// new ones added to the same allocation. The answer is in the order of `holdings`.
pub(crate) async fn hold(conn: &mut PgConnection, holdings: &[Holding]) -> Result<Vec<Held>, InventoryError> {
    if holdings.is_empty() {
        return Ok(Vec::new());
    }
    // `unnest` is read in its own order, and RETURNING tells the rows as they were written.
    Ok(sqlx::query_as(
        "INSERT INTO inventory.allocations
             (allocation_id, order_id, epoch, line_id, sku, warehouse, quantity, status, owner)
         SELECT allocation_id, order_id, epoch, line_id, sku, warehouse, quantity, 'CONFIRMED', 'ORDER'
         FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[])
             AS h (allocation_id, order_id, epoch, line_id, sku, warehouse, quantity)
         ON CONFLICT (order_id, line_id, warehouse, epoch) WHERE status IN ('PENDING', 'CONFIRMED')
         DO UPDATE SET quantity = allocations.quantity + excluded.quantity, updated_at = now()
         RETURNING order_id, epoch, allocation_id, line_id, sku, warehouse, quantity, fulfilled_quantity,
                   status, cause, xmax = 0 AS is_new",
    )
    .bind(holdings.iter().map(|_| String::from(draw_id())).collect::<Vec<_>>())
    .bind(holdings.iter().map(|h| h.order_id.as_str()).collect::<Vec<_>>())
    .bind(holdings.iter().map(|h| i64::from(h.epoch)).collect::<Vec<_>>())
    .bind(holdings.iter().map(|h| h.line_id.as_str()).collect::<Vec<_>>())
    .bind(holdings.iter().map(|h| h.place.sku.as_str()).collect::<Vec<_>>())
    .bind(holdings.iter().map(|h| h.place.warehouse.as_str()).collect::<Vec<_>>())
    .bind(holdings.iter().map(|h| i64::from(h.quantity)).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocation_id_is_alloc_and_a_uuid_without_hyphens() {
        let drawn = draw_id();
        assert_eq!(AllocationId::parse(drawn.as_str()).unwrap(), drawn);
        for bad in
            ["", "alloc_", "0190a0b0000070008000000000000000", "alloc_0190A0B0000070008000000000000000"]
        {
            assert!(AllocationId::parse(bad).is_err(), "{bad}");
        }
    }
}

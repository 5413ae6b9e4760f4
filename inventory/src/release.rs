//! Release: an order gives back what it holds, and whoever waits is served in the same transaction.

use std::collections::BTreeMap;

use domain::OrderId;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection};

use crate::allocation::{Allocation, AllocationChange};
use crate::error::InventoryError;
use crate::events;
use crate::holder::Epoch;
use crate::ledger::{self, Entry, Figures, Guard, Place, Reason};
use crate::queue::{self, ServedOrder};
use crate::reservation::{self, ReservationStatus};

/// The cause of what an order that was cancelled gives back.
pub const ORDER_CANCELLED: &str = "ORDER_CANCELLED";

/// What a release led to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Released {
    /// The allocations that were cancelled.
    pub changed: Vec<AllocationChange>,
    /// Who waited and was allocated what came free.
    pub served: Vec<ServedOrder>,
}

/// Gives back all that has not left the warehouse and leaves the queues.
///
/// Releasing what is released, fulfilled or never was is a success that changes no stock. What
/// never was is refused for the future: a `reserve` that is still on its way, for this order and
/// epoch, finds it released and holds nothing.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn release(
    conn: &mut PgConnection,
    order_id: &OrderId,
    epoch: Epoch,
    cause: &str,
    correlation_id: &str,
) -> Result<Released, InventoryError> {
    if reservation::begin(conn, order_id, epoch, ReservationStatus::Released, 0).await? {
        return Ok(Released::default());
    }
    let skus = skus_of(conn, order_id, epoch).await?;
    let mut places = ledger::lock(conn, &skus).await?;
    if !is_open(conn, order_id, epoch).await? {
        return Ok(Released::default());
    }
    let cancelled = cancel_allocations(conn, order_id, epoch, cause).await?;
    // It leaves the queues first: what it gives back is available to others then, and told so.
    let mut entries = leave_queues(conn, order_id, epoch).await?;
    let left = entries.len();
    entries.extend(cancelled.iter().map(|(_, entry)| entry.clone()));
    reservation::set_status(conn, order_id, epoch, ReservationStatus::Released).await?;
    let booked = ledger::book(conn, Reason::Release, Some(cause), &entries, Guard::None).await?;
    let booked = booked.unwrap_or_default();
    for (entry, booked) in entries.iter().zip(&booked) {
        places.insert(entry.place.clone(), booked.after);
    }
    let changed =
        cancelled.into_iter().zip(booked.into_iter().skip(left)).map(|((allocation, entry), booked)| {
            AllocationChange::new(order_id, allocation, entry.reserved.unsigned_abs(), booked)
        });
    let changed = events::announce_allocations(conn, correlation_id, changed).await?;
    let served = queue::serve(conn, &touched(places, &entries), correlation_id).await?;
    Ok(Released { changed, served })
}

/// The SKUs the order holds or waits for. They are known when the reservation is made, and no
/// later: a line that is served stays with its SKU and its warehouse.
pub(crate) async fn skus_of(
    conn: &mut PgConnection,
    order_id: &OrderId,
    epoch: Epoch,
) -> Result<Vec<String>, InventoryError> {
    Ok(sqlx::query_scalar(
        "SELECT sku FROM inventory.allocations WHERE order_id = $1 AND epoch = $2
         UNION
         SELECT sku FROM inventory.waiting WHERE order_id = $1 AND epoch = $2",
    )
    .bind(order_id.as_str())
    .bind(i64::from(epoch))
    .fetch_all(conn)
    .await?)
}

async fn is_open(conn: &mut PgConnection, order_id: &OrderId, epoch: Epoch) -> Result<bool, InventoryError> {
    Ok(sqlx::query_scalar(
        "SELECT status IN ('COMPLETE', 'WAITING') FROM inventory.reservations
         WHERE order_id = $1 AND epoch = $2",
    )
    .bind(order_id.as_str())
    .bind(i64::from(epoch))
    .fetch_one(conn)
    .await?)
}

/// An allocation that was cancelled, and the pieces it held.
#[derive(FromRow)]
struct Cancelled {
    #[sqlx(flatten)]
    allocation: Allocation,
    given_back: i64,
}

async fn cancel_allocations(
    conn: &mut PgConnection,
    order_id: &OrderId,
    epoch: Epoch,
    cause: &str,
) -> Result<Vec<(Allocation, Entry)>, InventoryError> {
    let cancelled: Vec<Cancelled> = sqlx::query_as(
        "UPDATE inventory.allocations SET status = 'CANCELLED', cause = $3, updated_at = now()
         WHERE order_id = $1 AND epoch = $2 AND status IN ('PENDING', 'CONFIRMED')
         RETURNING allocation_id, line_id, sku, warehouse, quantity, fulfilled_quantity, status, cause,
                   quantity - fulfilled_quantity AS given_back",
    )
    .bind(order_id.as_str())
    .bind(i64::from(epoch))
    .bind(cause)
    .fetch_all(conn)
    .await?;
    let cancelled = cancelled.into_iter().map(|Cancelled { allocation, given_back }| {
        let place = Place::new(&allocation.sku, &allocation.warehouse);
        (allocation, Entry { reserved: -given_back, ..Entry::of(order_id, place) })
    });
    Ok(cancelled.collect())
}

/// What a line waited for in one place.
#[derive(FromRow)]
struct LeftQueue {
    #[sqlx(flatten)]
    place: Place,
    quantity: i64,
}

async fn leave_queues(
    conn: &mut PgConnection,
    order_id: &OrderId,
    epoch: Epoch,
) -> Result<Vec<Entry>, InventoryError> {
    let left: Vec<LeftQueue> = sqlx::query_as(
        "DELETE FROM inventory.waiting WHERE order_id = $1 AND epoch = $2
         RETURNING sku, warehouse, quantity",
    )
    .bind(order_id.as_str())
    .bind(i64::from(epoch))
    .fetch_all(conn)
    .await?;
    let entry = |LeftQueue { place, quantity }| Entry { queued: -quantity, ..Entry::of(order_id, place) };
    Ok(left.into_iter().map(entry).collect())
}

/// The places where something came free.
fn touched(mut places: BTreeMap<Place, Figures>, entries: &[Entry]) -> BTreeMap<Place, Figures> {
    places.retain(|place, _| entries.iter().any(|entry| entry.place == *place));
    places
}

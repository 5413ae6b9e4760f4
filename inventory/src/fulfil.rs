//! Fulfil: what an order holds has left the warehouse.

use std::collections::BTreeMap;

use domain::{OrderId, Quantity, Sku, WarehouseId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::allocation::{Allocation, AllocationChange, AllocationStatus};
use crate::columns;
use crate::error::InventoryError;
use crate::events;
use crate::holder::{Epoch, Holder};
use crate::ledger::{self, Entry, Guard, Place, Reason};
use crate::reservation::{self, Reservation, ReservationStatus};

/// What left the warehouse for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FulfilRequest {
    /// The order.
    pub order_id: OrderId,
    /// Which of its reservations.
    pub epoch: Epoch,
    /// Where it left.
    pub warehouse: WarehouseId,
    /// The warehouse's id of the parcel; a parcel is booked once.
    pub parcel_id: String,
    /// What left; lines of one SKU are added up.
    pub lines: Vec<(Sku, Quantity)>,
}

impl FulfilRequest {
    /// The parcel's id under which it is kept: one within its holder.
    fn kept_as(&self) -> String {
        match self.epoch.holder() {
            Holder::OURS => self.parcel_id.clone(),
            holder => format!("{}:{}", holder.number(), self.parcel_id),
        }
    }
}

/// What a fulfilment led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fulfilled {
    /// Whether the parcel was booked before; then nothing was changed now.
    pub already: bool,
    /// The allocations that were fulfilled, in whole or in part.
    pub changed: Vec<AllocationChange>,
    /// Pieces the reservation still holds or waits for.
    pub remaining: u64,
}

/// Books out what left the warehouse, oldest allocation first. A parcel that is booked already
/// changes nothing.
///
/// # Errors
/// [`InventoryError::UnknownReservation`]; [`InventoryError::MoreThanAllocated`] if the order does not
/// hold as much there; [`InventoryError::Database`].
pub async fn fulfil(
    conn: &mut PgConnection,
    request: &FulfilRequest,
    correlation_id: &str,
) -> Result<Fulfilled, InventoryError> {
    let FulfilRequest { order_id, epoch, .. } = request;
    let mut demand = BTreeMap::<&Sku, u64>::new();
    for (sku, quantity) in &request.lines {
        *demand.entry(sku).or_default() += u64::from(quantity.get());
    }
    let skus: Vec<String> = demand.keys().map(|sku| sku.to_string()).collect();
    ledger::lock(conn, &skus).await?;
    // Its header, too, so that two parcels of different SKUs do not both think the other is still to come.
    let held = reservation::lock(conn, order_id, *epoch)
        .await?
        .ok_or_else(|| InventoryError::UnknownReservation { order_id: order_id.clone(), epoch: *epoch })?;
    if is_booked(conn, request).await? {
        return Ok(Fulfilled { already: true, changed: Vec::new(), remaining: held.outstanding() });
    }
    let shipped = allot(request, &demand, &held)?;
    mark(conn, &shipped).await?;
    let entries = shipped.iter().map(|(held, pieces)| leaving(order_id, held, *pieces));
    let entries: Vec<Entry> = entries.collect::<Result<_, _>>()?;
    let reference = Some(request.parcel_id.as_str());
    let booked = ledger::book(conn, Reason::Fulfilment, reference, &entries, Guard::None).await?;
    note(conn, request).await?;
    let gone: u64 = shipped.iter().map(|(_, pieces)| pieces).sum();
    let remaining = held.outstanding() - gone;
    if remaining == 0 && held.status == ReservationStatus::Complete {
        reservation::set_status(conn, order_id, *epoch, ReservationStatus::Fulfilled).await?;
    }
    let changed = shipped
        .into_iter()
        .zip(booked.unwrap_or_default())
        .map(|((allocation, pieces), booked)| AllocationChange::new(order_id, allocation, pieces, booked));
    let changed = events::announce_allocations(conn, correlation_id, changed).await?;
    Ok(Fulfilled { already: false, changed, remaining })
}

async fn is_booked(conn: &mut PgConnection, request: &FulfilRequest) -> Result<bool, InventoryError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM inventory.fulfilments
                        WHERE order_id = $1 AND warehouse = $2 AND parcel_id = $3)",
    )
    .bind(request.order_id.as_str())
    .bind(request.warehouse.as_str())
    .bind(request.kept_as())
    .fetch_one(conn)
    .await?)
}

/// Which allocations give the pieces that left, as they are afterwards, and how many each.
fn allot(
    request: &FulfilRequest,
    demand: &BTreeMap<&Sku, u64>,
    held: &Reservation,
) -> Result<Vec<(Allocation, u64)>, InventoryError> {
    let mut shipped = Vec::new();
    for (sku, requested) in demand {
        let mut left = *requested;
        let there = |a: &&Allocation| a.sku == **sku && a.warehouse == request.warehouse && a.held() > 0;
        for allocation in held.allocations.iter().filter(there) {
            let pieces = left.min(allocation.held());
            if pieces > 0 {
                left -= pieces;
                shipped.push((after(allocation, pieces), pieces));
            }
        }
        if left > 0 {
            let (sku, warehouse) = ((*sku).clone(), request.warehouse.clone());
            let (requested, allocated) = (*requested, requested - left);
            return Err(InventoryError::MoreThanAllocated { sku, warehouse, requested, allocated });
        }
    }
    Ok(shipped)
}

fn after(allocation: &Allocation, pieces: u64) -> Allocation {
    let mut after = allocation.clone();
    after.fulfilled_quantity += pieces;
    if after.held() == 0 {
        after.status = AllocationStatus::Fulfilled;
    }
    after
}

fn leaving(order_id: &OrderId, allocation: &Allocation, pieces: u64) -> Result<Entry, InventoryError> {
    let place = Place::new(&allocation.sku, &allocation.warehouse);
    let out = -columns::whole(pieces)?;
    Ok(Entry { on_hand: out, reserved: out, ..Entry::of(order_id, place) })
}

async fn mark(conn: &mut PgConnection, shipped: &[(Allocation, u64)]) -> Result<(), InventoryError> {
    let pieces: Vec<i64> =
        shipped.iter().map(|(_, pieces)| columns::whole(*pieces)).collect::<Result<_, _>>()?;
    sqlx::query(
        "UPDATE inventory.allocations a
         SET fulfilled_quantity = a.fulfilled_quantity + s.pieces, status = s.status, updated_at = now()
         FROM unnest($1::text[], $2::bigint[], $3::text[]) AS s (allocation_id, pieces, status)
         WHERE a.allocation_id = s.allocation_id",
    )
    .bind(shipped.iter().map(|(a, _)| a.allocation_id.as_str()).collect::<Vec<_>>())
    .bind(pieces)
    .bind(shipped.iter().map(|(a, _)| a.status.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

async fn note(conn: &mut PgConnection, request: &FulfilRequest) -> Result<(), InventoryError> {
    let line = |(sku, quantity): &(Sku, Quantity)| serde_json::json!({ "sku": sku, "quantity": quantity });
    sqlx::query(
        "INSERT INTO inventory.fulfilments (order_id, epoch, warehouse, parcel_id, lines)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(request.order_id.as_str())
    .bind(i64::from(request.epoch))
    .bind(request.warehouse.as_str())
    .bind(request.kept_as())
    .bind(serde_json::Value::from_iter(request.lines.iter().map(line)))
    .execute(conn)
    .await?;
    Ok(())
}

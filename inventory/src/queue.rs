//! The queue of each SKU and warehouse: first come, first served. What a count took from an order counts as come when
//! the order took hold of it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::{OrderId, WarehouseId};
use outbox::StockCause;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection};

use crate::allocation::{self, AllocationChange, Holding};
use crate::columns;
use crate::error::InventoryError;
use crate::events;
use crate::holder::{Epoch, Holder};
use crate::ledger::{self, Entry, Figures, Guard, Place, Reason};
use crate::record;
use crate::reservation::ReservationKey;

/// What the movement of pieces says that a count had not found.
const COUNTED_BEFORE: &str = "not found by a count before";

/// A waiting order that was allocated pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServedOrder {
    /// The order.
    pub order_id: OrderId,
    /// Which of its reservations waited.
    pub epoch: Epoch,
    /// Whether it waits for nothing any more.
    pub complete: bool,
    /// What it was allocated.
    pub allocated: Vec<AllocationChange>,
}

/// Those of them that are orders of ours. Another system asks what it was served.
pub fn ours(served: &[ServedOrder]) -> impl Iterator<Item = &OrderId> {
    served.iter().filter(|order| order.epoch.holder() == Holder::OURS).map(|order| &order.order_id)
}

/// Puts lines at the end of their queues. The caller holds the locks and books the pieces.
pub(crate) async fn join(conn: &mut PgConnection, lines: &[Holding]) -> Result<(), InventoryError> {
    sqlx::query(
        "INSERT INTO inventory.waiting (order_id, epoch, line_id, sku, warehouse, quantity)
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[])",
    )
    .bind(lines.iter().map(|l| l.order_id.as_str()).collect::<Vec<_>>())
    .bind(lines.iter().map(|l| i64::from(l.epoch)).collect::<Vec<_>>())
    .bind(lines.iter().map(|l| l.line_id.as_str()).collect::<Vec<_>>())
    .bind(lines.iter().map(|l| l.place.sku.as_str()).collect::<Vec<_>>())
    .bind(lines.iter().map(|l| l.place.warehouse.as_str()).collect::<Vec<_>>())
    .bind(lines.iter().map(|l| i64::from(l.quantity)).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Puts lines into their queues where their age has them. The caller holds the locks and books the pieces.
pub(crate) async fn rejoin(
    conn: &mut PgConnection,
    lines: &[(Holding, DateTime<Utc>)],
) -> Result<(), InventoryError> {
    sqlx::query(
        "INSERT INTO inventory.waiting (order_id, epoch, line_id, sku, warehouse, quantity, since)
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[],
                              $7::timestamptz[])",
    )
    .bind(lines.iter().map(|(l, _)| l.order_id.as_str()).collect::<Vec<_>>())
    .bind(lines.iter().map(|(l, _)| i64::from(l.epoch)).collect::<Vec<_>>())
    .bind(lines.iter().map(|(l, _)| l.line_id.as_str()).collect::<Vec<_>>())
    .bind(lines.iter().map(|(l, _)| l.place.sku.as_str()).collect::<Vec<_>>())
    .bind(lines.iter().map(|(l, _)| l.place.warehouse.as_str()).collect::<Vec<_>>())
    .bind(lines.iter().map(|(l, _)| i64::from(l.quantity)).collect::<Vec<_>>())
    .bind(lines.iter().map(|(_, since)| *since).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Allocates what is free in these places to whoever waits there, unless the warehouse is inactive. What a count did
/// not find goes before: it is not there to be allocated. The caller holds the locks.
pub(crate) async fn serve(
    conn: &mut PgConnection,
    places: &BTreeMap<Place, Figures>,
    correlation_id: &str,
) -> Result<Vec<ServedOrder>, InventoryError> {
    let mut free: Vec<(&Place, u64)> = Vec::new();
    for (place, figures) in places.iter().filter(|(_, figures)| figures.free() > 0) {
        let left = figures.free() - write_off_missing(conn, place, figures, correlation_id).await?;
        if left > 0 && figures.queued > 0 {
            free.push((place, left));
        }
    }
    if free.is_empty() {
        return Ok(Vec::new());
    }
    let active = active_of(conn, free.iter().map(|(place, _)| &place.warehouse)).await?;
    let mut turns = Vec::new();
    for (place, free) in free {
        if active.contains(place.warehouse.as_str()) {
            turns.extend(next_in(conn, place, free).await?);
        }
    }
    if turns.is_empty() {
        return Ok(Vec::new());
    }
    leave(conn, &turns).await?;
    let holdings = together(turns)?;
    let entries: Vec<_> = holdings.iter().map(|holding| holding.entry(true)).collect();
    let booked = ledger::book(conn, Reason::BackorderAllocation, None, &entries, Guard::None).await?;
    let allocations = allocation::hold(conn, &holdings).await?;
    let complete = complete_those_served(conn, &holdings).await?;
    let changed =
        holdings.iter().zip(allocations).zip(booked.unwrap_or_default()).map(|((holding, held), booked)| {
            held.change(&holding.order_id, u64::from(holding.quantity.get()), booked)
        });
    let changed = events::announce_allocations(conn, correlation_id, changed).await?;
    let mut served = BTreeMap::<(OrderId, Epoch), Vec<AllocationChange>>::new();
    for (holding, change) in holdings.into_iter().zip(changed) {
        served.entry((holding.order_id, holding.epoch)).or_default().push(change);
    }
    let orders = served.into_iter().map(|((order_id, epoch), allocated)| {
        let complete = complete.contains(&(order_id.clone(), epoch));
        ServedOrder { order_id, epoch, complete, allocated }
    });
    Ok(orders.collect())
}

/// Books off as many free pieces as a count did not find and nobody could do without then; how many.
async fn write_off_missing(
    conn: &mut PgConnection,
    place: &Place,
    figures: &Figures,
    correlation_id: &str,
) -> Result<u64, InventoryError> {
    let gone = figures.missing.min(figures.free());
    if gone > 0 {
        let pieces = -columns::whole(gone)?;
        let entry = Entry { missing: pieces, ..Entry::on_hand(&place.sku, &place.warehouse, pieces) };
        let why = (Reason::Count, StockCause::Counted);
        ledger::book_unheld(conn, why, Some(COUNTED_BEFORE), &[entry], correlation_id).await?;
    }
    Ok(gone)
}

/// Those of these warehouses that are active.
async fn active_of(
    conn: &mut PgConnection,
    warehouses: impl Iterator<Item = &WarehouseId>,
) -> Result<BTreeSet<String>, InventoryError> {
    let active: Vec<String> = sqlx::query_scalar(
        "SELECT warehouse_id FROM inventory.warehouses WHERE warehouse_id = ANY ($1) AND active",
    )
    .bind(warehouses.map(WarehouseId::as_str).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    Ok(active.into_iter().collect())
}

/// What each line gets: one that waits twice, as it was raised meanwhile, may be served for both at once.
fn together(turns: Vec<QueueEntry>) -> Result<Vec<Holding>, InventoryError> {
    let mut holdings: Vec<Holding> = Vec::with_capacity(turns.len());
    let mut known = BTreeMap::new();
    for QueueEntry { holding, .. } in turns {
        let key = (holding.order_id.clone(), holding.epoch, holding.line_id.clone(), holding.place.clone());
        let at = *known.entry(key).or_insert(holdings.len());
        match holdings.get_mut(at) {
            Some(first) => {
                let pieces = i64::from(first.quantity) + i64::from(holding.quantity);
                first.quantity = columns::quantity(pieces)?;
            }
            None => holdings.push(holding),
        }
    }
    Ok(holdings)
}

/// A waiting line whose turn it is, and the pieces it gets.
#[derive(FromRow)]
struct QueueEntry {
    waiting_id: i64,
    #[sqlx(flatten)]
    holding: Holding,
}

/// The lines at the head of the queue that `free` pieces reach; the last may get only a part.
async fn next_in(
    conn: &mut PgConnection,
    place: &Place,
    free: u64,
) -> Result<Vec<QueueEntry>, InventoryError> {
    Ok(sqlx::query_as(
        "SELECT waiting_id, order_id, epoch, line_id, sku, warehouse, least(quantity, $3 - before)::bigint AS quantity
         FROM (SELECT *, sum(quantity) OVER (ORDER BY since, waiting_id) - quantity AS before
               FROM inventory.waiting WHERE sku = $1 AND warehouse = $2) queue
         WHERE before < $3
         ORDER BY since, waiting_id",
    )
    .bind(place.sku.as_str())
    .bind(place.warehouse.as_str())
    .bind(columns::whole(free)?)
    .fetch_all(conn)
    .await?)
}

/// Takes served pieces off the waiting lines; a line with nothing left to wait for goes.
async fn leave(conn: &mut PgConnection, turns: &[QueueEntry]) -> Result<(), InventoryError> {
    let ids: Vec<i64> = turns.iter().map(|turn| turn.waiting_id).collect();
    let pieces: Vec<i64> = turns.iter().map(|turn| i64::from(turn.holding.quantity)).collect();
    sqlx::query(
        "WITH turn AS (SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS t (waiting_id, pieces)),
         gone AS (
             DELETE FROM inventory.waiting w USING turn t
             WHERE w.waiting_id = t.waiting_id AND w.quantity = t.pieces
         )
         UPDATE inventory.waiting w SET quantity = w.quantity - t.pieces
         FROM turn t WHERE w.waiting_id = t.waiting_id AND w.quantity > t.pieces",
    )
    .bind(ids)
    .bind(pieces)
    .execute(conn)
    .await?;
    Ok(())
}

/// Marks the reservations that wait for nothing any more. Their headers are locked first, in
/// order: two places may serve the same order at the same time, and the one that comes second has
/// to see, by a fresh look, that the first has taken its line off.
async fn complete_those_served(
    conn: &mut PgConnection,
    holdings: &[Holding],
) -> Result<BTreeSet<(OrderId, Epoch)>, InventoryError> {
    let headers: Vec<record::Header<'_>> = holdings.iter().map(|h| (&h.order_id, h.epoch)).collect();
    record::lock_headers(conn, &headers).await?;
    let (orders, epochs) = record::columns_of(&headers);
    let served: Vec<ReservationKey> = sqlx::query_as(
        "UPDATE inventory.reservations r SET status = 'COMPLETE'
         WHERE (order_id, epoch) IN (SELECT * FROM unnest($1::text[], $2::bigint[]))
           AND status = 'WAITING'
           AND NOT EXISTS (SELECT FROM inventory.waiting w
                           WHERE w.order_id = r.order_id AND w.epoch = r.epoch)
         RETURNING order_id, epoch",
    )
    .bind(orders)
    .bind(epochs)
    .fetch_all(conn)
    .await?;
    Ok(served.into_iter().map(|served| (served.order_id, served.epoch)).collect())
}

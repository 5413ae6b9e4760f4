//! Adjust: a reservation that was made follows what its order wants now. What is wanted no more is given
//! back, and whoever waits is served first; what is wanted besides is held or queued for.
//!
//! A waiting line keeps its place in the queue. Pieces wanted besides join at the end.

use std::collections::{BTreeMap, BTreeSet};

use domain::{LineId, Sku, WarehouseId};
use sqlx::{FromRow, PgConnection};

use crate::allocation::{Allocation, AllocationChange, AllocationStatus};
use crate::columns;
use crate::error::InventoryError;
use crate::events;
use crate::ledger::{self, Booked, Entry, Figures, Guard, Place, Reason};
use crate::queue::{self, ServedOrder};
use crate::reservation::{self, Reservation, ReservationStatus, reservation};
use crate::reserve::{self, ReserveMode, ReserveOutcome, ReserveRequest, Shortage};

/// Why pieces that an order wants no more were given back.
const NOT_WANTED: &str = "not wanted any more";

/// Adjusts a reservation that was made for an older version of what the order wants.
pub(crate) async fn adjust(
    conn: &mut PgConnection,
    request: &ReserveRequest,
    correlation_id: &str,
) -> Result<ReserveOutcome, InventoryError> {
    let ReserveRequest { order_id, epoch, .. } = request;
    let unknown = reserve::unknown_lines(conn, request).await?;
    if !unknown.is_empty() {
        return Ok(ReserveOutcome::UnknownSku(unknown));
    }
    reserve::ensure_places(conn, request).await?;
    let mut skus: BTreeSet<String> = request.all_lines().map(|line| line.sku.to_string()).collect();
    skus.extend(crate::release::skus_of(conn, order_id, *epoch).await?);
    let mut places = ledger::lock(conn, &Vec::from_iter(skus)).await?;
    let made = reservation::lock(conn, order_id, *epoch).await?;
    let made = made.ok_or(InventoryError::Database(sqlx::Error::RowNotFound))?;
    let is_open = !matches!(made.status, ReservationStatus::Released);
    if !is_open || made.version >= request.version {
        return Ok(ReserveOutcome::Reserved(made));
    }
    let waiting = waiting_rows(conn, request).await?;
    let change = Change::of(request, &made, &waiting);
    let mut changed = Vec::new();
    let served = give_back(conn, request, &change, &mut places, (&mut changed, correlation_id)).await?;
    let missed = take_more(conn, request, &change, (&mut changed, correlation_id)).await?;
    let settled = missed.is_none();
    note(conn, request, settled).await?;
    let mut adjusted = reservation(conn, order_id, *epoch).await?.unwrap_or(made);
    adjusted.changed = changed;
    adjusted.served = served;
    Ok(match missed {
        None => ReserveOutcome::Reserved(adjusted),
        Some(short) => ReserveOutcome::Short(short),
    })
}

/// A place in a queue.
#[derive(FromRow)]
struct WaitingRow {
    waiting_id: i64,
    #[sqlx(try_from = "String")]
    line_id: LineId,
    #[sqlx(flatten)]
    place: Place,
    #[sqlx(try_from = "i64")]
    quantity: u64,
}

async fn waiting_rows(
    conn: &mut PgConnection,
    request: &ReserveRequest,
) -> Result<Vec<WaitingRow>, InventoryError> {
    Ok(sqlx::query_as(
        "SELECT waiting_id, line_id, sku, warehouse, quantity FROM inventory.waiting
         WHERE order_id = $1 AND epoch = $2 ORDER BY since, waiting_id",
    )
    .bind(request.order_id.as_str())
    .bind(i64::from(request.epoch))
    .fetch_all(conn)
    .await?)
}

/// What becomes of what an order has, and what it wants besides.
#[derive(Default)]
struct Change<'a> {
    /// Pieces to give back, of these allocations.
    release: Vec<(&'a Allocation, u64)>,
    /// Pieces to take out of these places in queues.
    leave: Vec<(&'a WaitingRow, u64)>,
    /// Pieces wanted besides: the line, the SKU, how many, and where if it matters.
    more: Vec<(LineId, Sku, u64, Option<WarehouseId>)>,
}

impl<'a> Change<'a> {
    fn of(request: &'a ReserveRequest, made: &'a Reservation, waiting: &'a [WaitingRow]) -> Self {
        let mut change = Self::default();
        let mut kept = Kept::of(request, made, waiting);
        for (line, warehouse) in request.places() {
            let mut wanted = u64::from(line.quantity.get());
            wanted -= kept.keep(&line.line_id, &line.sku, warehouse, wanted);
            if wanted > 0 {
                change.more.push((line.line_id.clone(), line.sku.clone(), wanted, warehouse.cloned()));
            }
        }
        // The newest goes first, so that what is held the longest stays.
        change.release = kept.held.into_iter().rev().filter(|(_, pieces)| *pieces > 0).collect();
        change.leave = kept.waiting.into_iter().rev().filter(|(_, pieces)| *pieces > 0).collect();
        change
    }
}

/// What is there to be kept. Pinned pieces are at a warehouse already: they are never given back here,
/// and count for their line wherever it is wanted from.
struct Kept<'a> {
    held: Vec<(&'a Allocation, u64)>,
    waiting: Vec<(&'a WaitingRow, u64)>,
    pinned: BTreeMap<(&'a LineId, &'a WarehouseId), u64>,
}

impl<'a> Kept<'a> {
    fn of(request: &'a ReserveRequest, made: &'a Reservation, waiting: &'a [WaitingRow]) -> Self {
        let mut held: Vec<(&Allocation, u64)> =
            made.allocations.iter().map(|allocation| (allocation, allocation.held())).collect();
        let mut pinned: BTreeMap<(&LineId, &WarehouseId), u64> = BTreeMap::new();
        for pin in &request.pinned {
            let mut pieces = u64::from(pin.pieces);
            for (allocation, free) in held.iter_mut().filter(|(allocation, _)| {
                allocation.line_id == pin.line_id && allocation.warehouse == pin.warehouse
            }) {
                let taken = pieces.min(*free);
                *free -= taken;
                pieces -= taken;
                *pinned.entry((&allocation.line_id, &allocation.warehouse)).or_default() += taken;
            }
        }
        let waiting = waiting.iter().map(|row| (row, row.quantity)).collect();
        Self { held, waiting, pinned }
    }

    /// Takes up to `wanted` pieces for a line, from what is pinned first, then from what is held, then
    /// from what it waits for. Returns how many.
    fn keep(&mut self, line_id: &LineId, sku: &Sku, warehouse: Option<&WarehouseId>, wanted: u64) -> u64 {
        let mut left = wanted;
        let fits = |at: &WarehouseId| warehouse.is_none_or(|wanted| wanted == at);
        // What is at another warehouse than wanted still counts until it is recalled.
        for exactly in [true, false] {
            for ((line, at), pieces) in &mut self.pinned {
                if *line == line_id && (!exactly || fits(at)) {
                    take(pieces, &mut left);
                }
            }
        }
        for (allocation, pieces) in &mut self.held {
            if allocation.line_id == *line_id && allocation.sku == *sku && fits(&allocation.warehouse) {
                take(pieces, &mut left);
            }
        }
        for (row, pieces) in &mut self.waiting {
            if row.line_id == *line_id && row.place.sku == *sku && fits(&row.place.warehouse) {
                take(pieces, &mut left);
            }
        }
        wanted - left
    }
}

fn take(pieces: &mut u64, left: &mut u64) {
    let taken = (*pieces).min(*left);
    *pieces -= taken;
    *left -= taken;
}

/// Gives back and leaves queues; whoever waits for what came free is served.
async fn give_back(
    conn: &mut PgConnection,
    request: &ReserveRequest,
    change: &Change<'_>,
    places: &mut BTreeMap<Place, Figures>,
    (changed, correlation_id): (&mut Vec<AllocationChange>, &str),
) -> Result<Vec<ServedOrder>, InventoryError> {
    if change.release.is_empty() && change.leave.is_empty() {
        return Ok(Vec::new());
    }
    let after = change.release.iter().map(|(allocation, pieces)| lessened(allocation, *pieces, NOT_WANTED));
    let after: Vec<Allocation> = after.collect::<Result<_, _>>()?;
    lessen(conn, &after).await?;
    leave(conn, &change.leave).await?;
    let mut entries = Vec::with_capacity(change.leave.len() + change.release.len());
    // It leaves the queues first: what it gives back is available to others then, and told so.
    for (row, pieces) in &change.leave {
        let queued = -columns::whole(*pieces)?;
        entries.push(Entry { queued, ..Entry::of(&request.order_id, row.place.clone()) });
    }
    for (held, pieces) in &change.release {
        let (reserved, place) = (-columns::whole(*pieces)?, Place::new(&held.sku, &held.warehouse));
        entries.push(Entry { reserved, ..Entry::of(&request.order_id, place) });
    }
    let booked = ledger::book(conn, Reason::Release, Some(NOT_WANTED), &entries, Guard::None).await?;
    let booked: Vec<Booked> = booked.unwrap_or_default();
    for (entry, booked) in entries.iter().zip(&booked) {
        places.insert(entry.place.clone(), booked.after);
    }
    places.retain(|place, _| entries.iter().any(|entry| entry.place == *place));
    let released =
        after.into_iter().zip(&change.release).zip(booked.into_iter().skip(change.leave.len())).map(
            |((allocation, (_, pieces)), booked)| {
                AllocationChange::new(&request.order_id, allocation, *pieces, booked)
            },
        );
    changed.extend(events::announce_allocations(conn, correlation_id, released).await?);
    queue::serve(conn, places, correlation_id).await
}

/// The allocation after some of what it holds was given back, for this cause.
pub(crate) fn lessened(
    allocation: &Allocation,
    pieces: u64,
    cause: &str,
) -> Result<Allocation, InventoryError> {
    let mut after = allocation.clone();
    if pieces >= allocation.held() {
        after.status = AllocationStatus::Cancelled;
        after.cause = Some(cause.to_owned());
    } else {
        let rest = columns::whole(u64::from(allocation.quantity.get()).saturating_sub(pieces))?;
        after.quantity = columns::quantity(rest)?;
    }
    Ok(after)
}

pub(crate) async fn lessen(conn: &mut PgConnection, after: &[Allocation]) -> Result<(), InventoryError> {
    sqlx::query(
        "UPDATE inventory.allocations a
         SET quantity = l.quantity, status = l.status, cause = l.cause, updated_at = now()
         FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) AS l (allocation_id, quantity, status, cause)
         WHERE a.allocation_id = l.allocation_id",
    )
    .bind(after.iter().map(|a| a.allocation_id.as_str()).collect::<Vec<_>>())
    .bind(after.iter().map(|a| i64::from(a.quantity)).collect::<Vec<_>>())
    .bind(after.iter().map(|a| a.status.as_str()).collect::<Vec<_>>())
    .bind(after.iter().map(|a| a.cause.as_deref()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

async fn leave(conn: &mut PgConnection, rows: &[(&WaitingRow, u64)]) -> Result<(), InventoryError> {
    let rest = rows.iter().map(|(row, pieces)| columns::whole(row.quantity.saturating_sub(*pieces)));
    let rest: Vec<i64> = rest.collect::<Result<_, _>>()?;
    sqlx::query(
        "WITH rest AS (SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS r (waiting_id, quantity)),
         gone AS (
             DELETE FROM inventory.waiting w USING rest r WHERE w.waiting_id = r.waiting_id AND r.quantity = 0
         )
         UPDATE inventory.waiting w SET quantity = r.quantity
         FROM rest r WHERE w.waiting_id = r.waiting_id AND r.quantity > 0",
    )
    .bind(rows.iter().map(|(row, _)| row.waiting_id).collect::<Vec<_>>())
    .bind(rest)
    .execute(conn)
    .await?;
    Ok(())
}

/// Holds what is wanted besides, or queues for it; what does not suffice where nothing may wait.
async fn take_more(
    conn: &mut PgConnection,
    request: &ReserveRequest,
    change: &Change<'_>,
    (changed, correlation_id): (&mut Vec<AllocationChange>, &str),
) -> Result<Option<Vec<Shortage>>, InventoryError> {
    if change.more.is_empty() {
        return Ok(None);
    }
    let plan = reserve::plan_more(conn, request, &change.more).await?;
    if !plan.is_complete() && request.mode == ReserveMode::AllOrNothing {
        return Ok(Some(reserve::shortages(request, &plan)));
    }
    let taken = reserve::book_plan(conn, request, &plan, Guard::None, correlation_id).await?;
    changed.extend(taken.map(|taken| taken.changed).unwrap_or_default());
    Ok(None)
}

/// Writes how far the reservation has come, and for which version of the order's wish it stands.
async fn note(
    conn: &mut PgConnection,
    request: &ReserveRequest,
    settled: bool,
) -> Result<(), InventoryError> {
    let (waits, holds, some_left): (bool, bool, bool) = sqlx::query_as(
        "SELECT EXISTS (SELECT FROM inventory.waiting WHERE order_id = $1 AND epoch = $2) AS waits,
                EXISTS (SELECT FROM inventory.allocations WHERE order_id = $1 AND epoch = $2
                        AND status IN ('PENDING', 'CONFIRMED')) AS holds,
                EXISTS (SELECT FROM inventory.allocations WHERE order_id = $1 AND epoch = $2
                        AND fulfilled_quantity > 0) AS some_left",
    )
    .bind(request.order_id.as_str())
    .bind(i64::from(request.epoch))
    .fetch_one(&mut *conn)
    .await?;
    let status = match (waits, holds, some_left) {
        (true, _, _) => ReservationStatus::Waiting,
        (false, true, _) => ReservationStatus::Complete,
        (false, false, true) => ReservationStatus::Fulfilled,
        (false, false, false) => ReservationStatus::Released,
    };
    reservation::set_status(conn, &request.order_id, request.epoch, status).await?;
    if settled {
        reservation::set_version(conn, &request.order_id, request.epoch, request.version).await?;
    }
    Ok(())
}

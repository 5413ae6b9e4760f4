//! Reserve: an order takes hold of stock, all of it or what is there.

use std::collections::{BTreeMap, BTreeSet};

use domain::plan::{DemandLine, Missing, Pick, Plan, Shelf, plan};
use domain::{LineId, OrderId, Sku, WarehouseId};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Row};

use crate::allocation::{self, AllocationChange, Holding};
use crate::error::InventoryError;
use crate::ledger::{self, Entry, Figures, Guard, Place, Reason};
use crate::queue;
use crate::reservation::{self, Reservation, ReservationStatus, reservation};

/// What an order asks for.
#[derive(Debug, Clone)]
pub struct ReserveRequest {
    /// The order.
    pub order_id: OrderId,
    /// Which of its reservations.
    pub epoch: u32,
    /// What it asks for; line ids are unique.
    pub lines: Vec<DemandLine>,
    /// What to do if not everything is there.
    pub mode: ReserveMode,
    /// The warehouse to take from if nothing speaks against it, and to wait at.
    pub preferred_warehouse: Option<WarehouseId>,
}

/// What to do if not everything is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReserveMode {
    /// Reserve nothing.
    AllOrNothing,
    /// Hold what is there, and queue for the rest before anything ships.
    WaitForTheRest,
    /// Hold what is there for shipping, and queue for the rest. Stock is booked as in
    /// [`ReserveMode::WaitForTheRest`]; the caller decides what to ship.
    ShipWhatIsThere,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReserveOutcome {
    /// Reserved now or earlier; see its status.
    Reserved(Reservation),
    /// These lines ask for SKUs that are no items. Nothing was changed.
    UnknownSku(Vec<LineId>),
    /// These SKUs do not suffice. Nothing was changed.
    Short(Vec<Shortage>),
}

/// A SKU that does not suffice for all its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shortage {
    /// What is short.
    pub sku: Sku,
    /// Pieces asked for by all lines together.
    pub requested: u64,
    /// Pieces that could be had in all warehouses together.
    pub available: u64,
}

/// Reserves stock for an order.
///
/// Asking again for the same order and epoch returns the reservation that is there, whatever the
/// new request says: also one that was released, even if it was released before it was made.
///
/// # Errors
/// [`InventoryError::RepeatedLine`], [`InventoryError::Database`].
pub async fn reserve(
    conn: &mut PgConnection,
    request: &ReserveRequest,
) -> Result<ReserveOutcome, InventoryError> {
    let ReserveRequest { order_id, epoch, .. } = request;
    refuse_repeated(request.lines.iter().map(|line| &line.line_id))?;
    if !reservation::begin(conn, order_id, *epoch, ReservationStatus::Complete).await? {
        let made = reservation(conn, order_id, *epoch).await?;
        return made.map(ReserveOutcome::Reserved).ok_or(InventoryError::Database(sqlx::Error::RowNotFound));
    }
    let shelves = match shelves(conn, &request.lines).await? {
        Shelves::Known(shelves) => shelves,
        Shelves::Unknown(lines) => {
            reservation::forget(conn, order_id, *epoch).await?;
            return Ok(ReserveOutcome::UnknownSku(lines));
        }
    };
    let draft = plan(&request.lines, &shelves, request.preferred_warehouse.as_ref());
    if draft.is_complete() {
        if let Some(made) = take(conn, request, &draft, Guard::Available).await? {
            return Ok(ReserveOutcome::Reserved(made));
        }
    } else if request.mode == ReserveMode::AllOrNothing {
        return give_up(conn, request, &draft).await;
    }
    reserve_locked(conn, request, shelves).await
}

/// Plans on figures that nobody else can change. Comes second, because it keeps others waiting
/// for longer: when somebody was faster, or when a line is going to wait. A line may only wait
/// while nothing is free, and only locked figures tell.
async fn reserve_locked(
    conn: &mut PgConnection,
    request: &ReserveRequest,
    mut shelves: Vec<Shelf>,
) -> Result<ReserveOutcome, InventoryError> {
    let places = ledger::lock(conn, &skus_of(&request.lines)).await?;
    for shelf in &mut shelves {
        let place = Place::new(&shelf.sku, &shelf.warehouse);
        shelf.available = places.get(&place).map_or(0, Figures::available);
    }
    let plan = plan(&request.lines, &shelves, request.preferred_warehouse.as_ref());
    if !plan.is_complete() && request.mode == ReserveMode::AllOrNothing {
        return give_up(conn, request, &plan).await;
    }
    let made = take(conn, request, &plan, Guard::None).await?;
    made.map(ReserveOutcome::Reserved).ok_or(InventoryError::Database(sqlx::Error::RowNotFound))
}

/// Books the plan and writes what it holds and waits for; `None` if the guard does not hold.
async fn take(
    conn: &mut PgConnection,
    request: &ReserveRequest,
    plan: &Plan,
    guard: Guard,
) -> Result<Option<Reservation>, InventoryError> {
    let ReserveRequest { order_id, epoch, .. } = request;
    let holdings: Vec<Holding> = plan.picks.iter().map(|pick| held(request, pick)).collect();
    let waiting: Vec<Holding> =
        plan.missing.iter().map(|missing| waiting(request, missing)).collect::<Result<_, _>>()?;
    let mut entries: Vec<Entry> = holdings.iter().map(|holding| holding.entry(false)).collect();
    entries.extend(waiting.iter().map(Holding::queue_entry));
    let Some(booked) = ledger::book(conn, Reason::Reservation, None, &entries, guard).await? else {
        return Ok(None);
    };
    let allocations = allocation::hold(conn, &holdings).await?;
    let mut status = ReservationStatus::Complete;
    if !waiting.is_empty() {
        status = ReservationStatus::Waiting;
        queue::join(conn, &waiting).await?;
        reservation::set_status(conn, order_id, *epoch, status).await?;
    }
    let changed = allocations.iter().cloned().zip(booked).map(|(allocation, booked)| {
        let pieces = allocation.held();
        AllocationChange::new(order_id, allocation, pieces, booked)
    });
    let changed = changed.collect();
    let waiting = waiting.into_iter().map(Holding::into_waiting_line).collect();
    let order_id = order_id.clone();
    Ok(Some(Reservation { order_id, epoch: *epoch, status, allocations, waiting, changed }))
}

/// Leaves nothing behind, and tells what is short.
async fn give_up(
    conn: &mut PgConnection,
    request: &ReserveRequest,
    plan: &Plan,
) -> Result<ReserveOutcome, InventoryError> {
    reservation::forget(conn, &request.order_id, request.epoch).await?;
    let mut short = BTreeMap::<&Sku, u64>::new();
    for missing in &plan.missing {
        *short.entry(&missing.sku).or_default() += u64::from(missing.quantity.get());
    }
    let shortage = |(sku, missing): (&Sku, u64)| {
        let lines = request.lines.iter().filter(|line| line.sku == *sku);
        let requested = lines.map(|line| u64::from(line.quantity.get())).sum();
        Shortage { sku: sku.clone(), requested, available: requested - missing }
    };
    Ok(ReserveOutcome::Short(short.into_iter().map(shortage).collect()))
}

/// The shelves of all SKUs, or the lines whose SKU is no item.
enum Shelves {
    Known(Vec<Shelf>),
    Unknown(Vec<LineId>),
}

async fn shelves(conn: &mut PgConnection, lines: &[DemandLine]) -> Result<Shelves, InventoryError> {
    let rows = sqlx::query(
        "SELECT s.sku, s.warehouse, s.on_hand, s.reserved, s.queued, w.priority
         FROM inventory.stock s JOIN inventory.warehouses w ON w.warehouse_id = s.warehouse
         WHERE s.sku = ANY ($1)",
    )
    .bind(skus_of(lines))
    .fetch_all(conn)
    .await?;
    let mut shelves = Vec::with_capacity(rows.len());
    for row in &rows {
        let Place { sku, warehouse } = Place::read(row)?;
        let available = Figures::read(row)?.available();
        shelves.push(Shelf { sku, warehouse, available, priority: row.try_get("priority")? });
    }
    // Every item has a place in some warehouse from the transaction that made it.
    let known: BTreeSet<&Sku> = shelves.iter().map(|shelf| &shelf.sku).collect();
    let unknown: Vec<LineId> =
        lines.iter().filter(|line| !known.contains(&line.sku)).map(|line| line.line_id.clone()).collect();
    Ok(if unknown.is_empty() { Shelves::Known(shelves) } else { Shelves::Unknown(unknown) })
}

pub(crate) fn refuse_repeated<'l>(lines: impl IntoIterator<Item = &'l LineId>) -> Result<(), InventoryError> {
    let mut seen = BTreeSet::new();
    match lines.into_iter().find(|line_id| !seen.insert(*line_id)) {
        Some(line_id) => Err(InventoryError::RepeatedLine { line_id: line_id.clone() }),
        None => Ok(()),
    }
}

fn skus_of(lines: &[DemandLine]) -> Vec<String> {
    lines.iter().map(|line| line.sku.to_string()).collect()
}

fn held(request: &ReserveRequest, pick: &Pick) -> Holding {
    Holding {
        order_id: request.order_id.clone(),
        epoch: request.epoch,
        line_id: pick.line_id.clone(),
        place: Place::new(&pick.sku, &pick.warehouse),
        quantity: pick.quantity,
    }
}

fn waiting(request: &ReserveRequest, missing: &Missing) -> Result<Holding, InventoryError> {
    let unknown = || InventoryError::UnknownItem { sku: missing.sku.clone() };
    Ok(Holding {
        order_id: request.order_id.clone(),
        epoch: request.epoch,
        line_id: missing.line_id.clone(),
        place: Place::new(&missing.sku, missing.queue_at.as_ref().ok_or_else(unknown)?),
        quantity: missing.quantity,
    })
}

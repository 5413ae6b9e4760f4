//! Reserve: an order takes hold of stock, all of it or what is there.

use std::collections::{BTreeMap, BTreeSet};

use domain::plan::{DemandLine, Missing, Pick, Plan};
use domain::{LineId, OrderId, Sku, WarehouseId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::adjust::adjust;
use crate::allocation::{self, Allocation, Holding};
use crate::error::InventoryError;
use crate::events;
use crate::holder::Epoch;
use crate::ledger::{self, Entry, Guard, Place, Reason};
use crate::queue;
use crate::reservation::{self, Reservation, ReservationStatus, reservation};

mod planning;

pub(crate) use planning::{OpenShelves, ShelfRow, plan_more, unknown_lines};
use planning::{Shelves, locked, plan_request, shelves};

/// What an order asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReserveRequest {
    /// The order.
    pub order_id: OrderId,
    /// Which of its reservations.
    pub epoch: Epoch,
    /// What it asks for, wherever it comes from; line ids are unique.
    pub lines: Vec<DemandLine>,
    /// What it asks for from one warehouse and no other; a line is unique there.
    pub placed: Vec<PlacedLine>,
    /// Pieces that are with a warehouse already: they stay with their line.
    pub pinned: Vec<Pinned>,
    /// What to do if not everything is there.
    pub mode: ReserveMode,
    /// The warehouse to take from if nothing speaks against it, and to wait at.
    pub preferred_warehouse: Option<WarehouseId>,
    /// Rises with every change of what the order wants. A request of an older version, or of the same,
    /// changes nothing.
    pub version: u32,
}

/// A line that is to be served by one warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedLine {
    /// Where.
    pub warehouse: WarehouseId,
    /// What.
    pub line: DemandLine,
}

/// Pieces of a line that were handed over to a warehouse and have not left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The line.
    pub line_id: LineId,
    /// The warehouse that has them.
    pub warehouse: WarehouseId,
    /// How many pieces.
    pub pieces: u32,
}

impl ReserveRequest {
    /// What is asked for, placed lines first.
    pub(crate) fn places(&self) -> impl Iterator<Item = (&DemandLine, Option<&WarehouseId>)> {
        let placed = self.placed.iter().map(|placed| (&placed.line, Some(&placed.warehouse)));
        placed.chain(self.lines.iter().map(|line| (line, None)))
    }

    pub(crate) fn all_lines(&self) -> impl Iterator<Item = &DemandLine> {
        self.places().map(|(line, _)| line)
    }
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
#[must_use]
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

/// Reserves stock for an order, or adjusts what is reserved for it to what it wants now: `lines` and
/// `placed` are what it is to hold or wait for, beside what has left already.
///
/// Asking again for the same order, epoch and version, or with an older version, returns the reservation
/// that is there, whatever the new request says: also one that was released, even if it was released
/// before it was made.
///
/// # Errors
/// [`InventoryError::RepeatedLine`], [`InventoryError::Database`].
pub async fn reserve(
    conn: &mut PgConnection,
    request: &ReserveRequest,
    correlation_id: &str,
) -> Result<ReserveOutcome, InventoryError> {
    let ReserveRequest { order_id, epoch, version, .. } = request;
    refuse_repeated(request.lines.iter().map(|line| &line.line_id))?;
    if !reservation::begin(conn, order_id, *epoch, ReservationStatus::Complete, *version).await? {
        let made = reservation(conn, order_id, *epoch).await?;
        let made = made.ok_or(InventoryError::Database(sqlx::Error::RowNotFound))?;
        if made.version >= *version || made.status == ReservationStatus::Released {
            return Ok(ReserveOutcome::Reserved(made));
        }
        return adjust(conn, request, correlation_id).await;
    }
    let open = match shelves(conn, request).await? {
        Shelves::Known(open) => open,
        Shelves::Unknown(lines) => {
            reservation::forget(conn, order_id, *epoch).await?;
            return Ok(ReserveOutcome::UnknownSku(lines));
        }
    };
    ensure_places(conn, request).await?;
    let draft = plan_request(request, &open.shelves);
    if draft.is_complete() {
        if let Some(made) = book_plan(conn, request, &draft, Guard::Available, correlation_id).await? {
            return Ok(ReserveOutcome::Reserved(made));
        }
    } else if request.mode == ReserveMode::AllOrNothing {
        return give_up(conn, request, &draft).await;
    }
    reserve_locked(conn, request, open, correlation_id).await
}

/// Plans on figures that nobody else can change. Comes second, because it keeps others waiting
/// for longer: when somebody was faster, or when a line is going to wait. A line may only wait
/// while nothing is free, and only locked figures tell.
async fn reserve_locked(
    conn: &mut PgConnection,
    request: &ReserveRequest,
    open: OpenShelves,
    correlation_id: &str,
) -> Result<ReserveOutcome, InventoryError> {
    let shelves = locked(conn, request, open).await?;
    let plan = plan_request(request, &shelves);
    if !plan.is_complete() && request.mode == ReserveMode::AllOrNothing {
        return give_up(conn, request, &plan).await;
    }
    let made = book_plan(conn, request, &plan, Guard::None, correlation_id).await?;
    made.map(ReserveOutcome::Reserved).ok_or(InventoryError::Database(sqlx::Error::RowNotFound))
}

/// Sees to it that every SKU has a place where it is wanted from. Before any lock is taken.
pub(crate) async fn ensure_places(
    conn: &mut PgConnection,
    request: &ReserveRequest,
) -> Result<(), InventoryError> {
    for PlacedLine { warehouse, line } in &request.placed {
        ledger::ensure_shelf(conn, &line.sku, warehouse).await?;
    }
    Ok(())
}

/// What does not suffice.
pub(crate) fn shortages(request: &ReserveRequest, plan: &Plan) -> Vec<Shortage> {
    let mut short = BTreeMap::<&Sku, u64>::new();
    for missing in &plan.missing {
        *short.entry(&missing.sku).or_default() += u64::from(missing.quantity.get());
    }
    let shortage = |(sku, missing): (&Sku, u64)| {
        let lines = request.all_lines().filter(|line| line.sku == *sku);
        let requested: u64 = lines.map(|line| u64::from(line.quantity.get())).sum();
        Shortage { sku: sku.clone(), requested, available: requested.saturating_sub(missing) }
    };
    short.into_iter().map(shortage).collect()
}

/// Books the plan and writes what it holds and waits for; `None` if the guard does not hold.
pub(crate) async fn book_plan(
    conn: &mut PgConnection,
    request: &ReserveRequest,
    plan: &Plan,
    guard: Guard,
    correlation_id: &str,
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
    let held = allocation::hold(conn, &holdings).await?;
    let allocations: Vec<Allocation> = held.iter().map(|held| held.allocation.clone()).collect();
    let changed = held.into_iter().zip(booked).map(|(held, booked)| {
        let pieces = held.allocation.held();
        held.change(order_id, pieces, booked)
    });
    let changed = events::announce_allocations(conn, correlation_id, changed).await?;
    let mut status = ReservationStatus::Complete;
    if !waiting.is_empty() {
        status = ReservationStatus::Waiting;
        queue::join(conn, &waiting).await?;
        reservation::set_status(conn, order_id, *epoch, status).await?;
    }
    let waiting = waiting.into_iter().map(Holding::into_waiting_line).collect();
    let (order_id, epoch, version) = (order_id.clone(), *epoch, request.version);
    let served = Vec::new();
    Ok(Some(Reservation { order_id, epoch, version, status, allocations, waiting, changed, served }))
}

/// Leaves nothing behind, and tells what is short.
async fn give_up(
    conn: &mut PgConnection,
    request: &ReserveRequest,
    plan: &Plan,
) -> Result<ReserveOutcome, InventoryError> {
    reservation::forget(conn, &request.order_id, request.epoch).await?;
    Ok(ReserveOutcome::Short(shortages(request, plan)))
}

pub(crate) fn refuse_repeated<'l>(lines: impl IntoIterator<Item = &'l LineId>) -> Result<(), InventoryError> {
    let mut seen = BTreeSet::new();
    match lines.into_iter().find(|line_id| !seen.insert(*line_id)) {
        Some(line_id) => Err(InventoryError::RepeatedLine { line_id: line_id.clone() }),
        None => Ok(()),
    }
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

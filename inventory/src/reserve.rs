//! Reserve: an order takes hold of stock, all of it or what is there.

use std::collections::{BTreeMap, BTreeSet};

use domain::plan::{DemandLine, Missing, Pick, Plan, Shelf, plan};
use domain::{LineId, OrderId, Quantity, Sku, WarehouseId};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Row};

use crate::adjust::adjust;
use crate::allocation::{self, Allocation, AllocationChange, Holding};
use crate::error::InventoryError;
use crate::events;
use crate::holder::Epoch;
use crate::ledger::{self, Entry, Figures, Guard, Place, Reason};
use crate::queue;
use crate::reservation::{self, Reservation, ReservationStatus, reservation};

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
    let shelves = match shelves(conn, request).await? {
        Shelves::Known(shelves) => shelves,
        Shelves::Unknown(lines) => {
            reservation::forget(conn, order_id, *epoch).await?;
            return Ok(ReserveOutcome::UnknownSku(lines));
        }
    };
    ensure_places(conn, request).await?;
    let draft = plan_request(request, &shelves);
    if draft.is_complete() {
        if let Some(made) = book_plan(conn, request, &draft, Guard::Available, correlation_id).await? {
            return Ok(ReserveOutcome::Reserved(made));
        }
    } else if request.mode == ReserveMode::AllOrNothing {
        return give_up(conn, request, &draft).await;
    }
    reserve_locked(conn, request, shelves, correlation_id).await
}

/// Plans on figures that nobody else can change. Comes second, because it keeps others waiting
/// for longer: when somebody was faster, or when a line is going to wait. A line may only wait
/// while nothing is free, and only locked figures tell.
async fn reserve_locked(
    conn: &mut PgConnection,
    request: &ReserveRequest,
    shelves: Vec<Shelf>,
    correlation_id: &str,
) -> Result<ReserveOutcome, InventoryError> {
    let shelves = locked(conn, request, shelves).await?;
    let plan = plan_request(request, &shelves);
    if !plan.is_complete() && request.mode == ReserveMode::AllOrNothing {
        return give_up(conn, request, &plan).await;
    }
    let made = book_plan(conn, request, &plan, Guard::None, correlation_id).await?;
    made.map(ReserveOutcome::Reserved).ok_or(InventoryError::Database(sqlx::Error::RowNotFound))
}

/// The shelves with figures that nobody else can change any more.
async fn locked(
    conn: &mut PgConnection,
    request: &ReserveRequest,
    mut shelves: Vec<Shelf>,
) -> Result<Vec<Shelf>, InventoryError> {
    let places = ledger::lock(conn, &skus_of(request)).await?;
    for shelf in &mut shelves {
        let place = Place::new(&shelf.sku, &shelf.warehouse);
        shelf.available = places.get(&place).map_or(0, Figures::available);
    }
    Ok(shelves)
}

fn plan_request(request: &ReserveRequest, shelves: &[Shelf]) -> Plan {
    let wanted: Vec<(DemandLine, Option<&WarehouseId>)> =
        request.places().map(|(line, warehouse)| (line.clone(), warehouse)).collect();
    plan_places(&wanted, shelves, request.preferred_warehouse.as_ref())
}

/// Lines with a place first, each from its own warehouse; the others from what is then left.
fn plan_places(
    wanted: &[(DemandLine, Option<&WarehouseId>)],
    shelves: &[Shelf],
    preferred: Option<&WarehouseId>,
) -> Plan {
    let mut shelves = shelves.to_vec();
    let mut whole = Plan::default();
    let places: BTreeSet<&WarehouseId> = wanted.iter().filter_map(|(_, place)| *place).collect();
    for warehouse in places {
        let lines: Vec<DemandLine> = wanted
            .iter()
            .filter(|(_, place)| *place == Some(warehouse))
            .map(|(line, _)| line.clone())
            .collect();
        let there: Vec<Shelf> =
            shelves.iter().filter(|shelf| shelf.warehouse == *warehouse).cloned().collect();
        let mut part = plan(&lines, &there, Some(warehouse));
        for pick in &part.picks {
            let shelf = shelves.iter_mut().find(|s| s.sku == pick.sku && s.warehouse == pick.warehouse);
            if let Some(shelf) = shelf {
                shelf.available = shelf.available.saturating_sub(u64::from(pick.quantity.get()));
            }
        }
        for missing in &mut part.missing {
            missing.queue_at = Some(warehouse.clone());
        }
        whole.picks.extend(part.picks);
        whole.missing.extend(part.missing);
    }
    let lines: Vec<DemandLine> =
        wanted.iter().filter(|(_, place)| place.is_none()).map(|(line, _)| line.clone()).collect();
    let rest = plan(&lines, &shelves, preferred);
    whole.picks.extend(rest.picks);
    whole.missing.extend(rest.missing);
    merged(whole)
}

/// One pick per line and warehouse: a line may be wanted from one warehouse in part and from any for
/// the rest.
fn merged(plan: Plan) -> Plan {
    let mut picks: Vec<Pick> = Vec::with_capacity(plan.picks.len());
    for pick in plan.picks {
        let same = |known: &&mut Pick| {
            (&known.line_id, &known.sku, &known.warehouse) == (&pick.line_id, &pick.sku, &pick.warehouse)
        };
        let both = picks.iter_mut().find(same).and_then(|known| {
            let pieces = i64::from(known.quantity) + i64::from(pick.quantity);
            Quantity::new(pieces).ok().map(|quantity| known.quantity = quantity)
        });
        if both.is_none() {
            picks.push(pick);
        }
    }
    Plan { picks, missing: plan.missing }
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

/// Plans pieces that a reservation wants besides what it has. The stock rows are locked.
pub(crate) async fn plan_more(
    conn: &mut PgConnection,
    request: &ReserveRequest,
    more: &[(LineId, Sku, u64, Option<WarehouseId>)],
) -> Result<Plan, InventoryError> {
    let Shelves::Known(shelves) = shelves(conn, request).await? else { return Ok(Plan::default()) };
    let shelves = locked(conn, request, shelves).await?;
    let mut wanted = Vec::with_capacity(more.len());
    for (line_id, sku, pieces, warehouse) in more {
        let quantity = Quantity::new(crate::columns::whole(*pieces)?)
            .map_err(|refused| InventoryError::Database(crate::columns::undecodable("quantity", refused)))?;
        let line = DemandLine { line_id: line_id.clone(), sku: sku.clone(), quantity };
        wanted.push((line, warehouse.as_ref()));
    }
    Ok(plan_places(&wanted, &shelves, request.preferred_warehouse.as_ref()))
}

/// What does not suffice.
pub(crate) struct Missed {
    pub(crate) short: Vec<Shortage>,
}

impl Missed {
    pub(crate) fn of(request: &ReserveRequest, plan: &Plan) -> Self {
        let mut short = BTreeMap::<&Sku, u64>::new();
        for missing in &plan.missing {
            *short.entry(&missing.sku).or_default() += u64::from(missing.quantity.get());
        }
        let shortage = |(sku, missing): (&Sku, u64)| {
            let lines = request.all_lines().filter(|line| line.sku == *sku);
            let requested: u64 = lines.map(|line| u64::from(line.quantity.get())).sum();
            Shortage { sku: sku.clone(), requested, available: requested.saturating_sub(missing) }
        };
        Self { short: short.into_iter().map(shortage).collect() }
    }
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
    let changed: Vec<AllocationChange> = changed.collect();
    events::announce_allocations(conn, correlation_id, &changed).await?;
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
    Ok(ReserveOutcome::Short(Missed::of(request, plan).short))
}

/// The shelves of all SKUs, or the lines whose SKU is no item.
enum Shelves {
    Known(Vec<Shelf>),
    Unknown(Vec<LineId>),
}

/// The lines that ask for SKUs that are no items.
pub(crate) async fn unknown_lines(
    conn: &mut PgConnection,
    request: &ReserveRequest,
) -> Result<Vec<LineId>, InventoryError> {
    Ok(match shelves(conn, request).await? {
        Shelves::Known(_) => Vec::new(),
        Shelves::Unknown(lines) => lines,
    })
}

async fn shelves(conn: &mut PgConnection, request: &ReserveRequest) -> Result<Shelves, InventoryError> {
    let rows = sqlx::query(
        "SELECT s.sku, s.warehouse, s.on_hand, s.reserved, s.queued, w.priority
         FROM inventory.stock s JOIN inventory.warehouses w ON w.warehouse_id = s.warehouse
         WHERE s.sku = ANY ($1)",
    )
    .bind(skus_of(request))
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
    let unknown: Vec<LineId> = request
        .all_lines()
        .filter(|line| !known.contains(&line.sku))
        .map(|line| line.line_id.clone())
        .collect();
    Ok(if unknown.is_empty() { Shelves::Known(shelves) } else { Shelves::Unknown(unknown) })
}

pub(crate) fn refuse_repeated<'l>(lines: impl IntoIterator<Item = &'l LineId>) -> Result<(), InventoryError> {
    let mut seen = BTreeSet::new();
    match lines.into_iter().find(|line_id| !seen.insert(*line_id)) {
        Some(line_id) => Err(InventoryError::RepeatedLine { line_id: line_id.clone() }),
        None => Ok(()),
    }
}

fn skus_of(request: &ReserveRequest) -> Vec<String> {
    request.all_lines().map(|line| line.sku.to_string()).collect()
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

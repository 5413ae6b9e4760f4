//! What there is of the SKUs of a request, and what of it each line is to get.

use std::collections::BTreeSet;

use domain::plan::{DemandLine, Pick, Plan, Shelf, plan};
use domain::{LineId, Quantity, Sku, WarehouseId};
use sqlx::{FromRow, PgConnection};

use super::ReserveRequest;
use crate::columns;
use crate::error::InventoryError;
use crate::ledger::{self, Figures, Place, Stock};

/// The shelves with figures that nobody else can change any more.
pub(super) async fn locked(
    conn: &mut PgConnection,
    request: &ReserveRequest,
    OpenShelves { mut shelves, inactive }: OpenShelves,
) -> Result<Vec<Shelf>, InventoryError> {
    let places = ledger::lock(conn, &skus_of(request)).await?;
    for shelf in shelves.iter_mut().filter(|shelf| !inactive.contains(&shelf.warehouse)) {
        let place = Place::new(&shelf.sku, &shelf.warehouse);
        shelf.available = places.get(&place).map_or(0, Figures::available);
    }
    Ok(shelves)
}

pub(super) fn plan_request(request: &ReserveRequest, shelves: &[Shelf]) -> Plan {
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

/// Plans pieces that a reservation wants besides what it has. The stock rows are locked.
pub(crate) async fn plan_more(
    conn: &mut PgConnection,
    request: &ReserveRequest,
    more: &[(LineId, Sku, u64, Option<WarehouseId>)],
) -> Result<Plan, InventoryError> {
    let Shelves::Known(open) = shelves(conn, request).await? else { return Ok(Plan::default()) };
    let shelves = locked(conn, request, open).await?;
    let mut wanted = Vec::with_capacity(more.len());
    for (line_id, sku, pieces, warehouse) in more {
        let quantity = columns::quantity(columns::whole(*pieces)?)?;
        let line = DemandLine { line_id: line_id.clone(), sku: sku.clone(), quantity };
        wanted.push((line, warehouse.as_ref()));
    }
    Ok(plan_places(&wanted, &shelves, request.preferred_warehouse.as_ref()))
}

/// The shelves of all SKUs, or the lines whose SKU is no item.
pub(super) enum Shelves {
    Known(OpenShelves),
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

/// What is in stock of a SKU in a warehouse, how soon that one is taken from, and whether it is at all.
#[derive(FromRow)]
pub(crate) struct ShelfRow {
    #[sqlx(flatten)]
    stock: Stock,
    priority: i32,
    active: bool,
}

/// The shelves that may be planned with.
pub(crate) struct OpenShelves {
    pub(crate) shelves: Vec<Shelf>,
    /// The warehouses that take nothing new. Such a one has a shelf here, with nothing on it, only for a SKU that no
    /// other has: what asks for it waits there.
    inactive: BTreeSet<WarehouseId>,
}

impl OpenShelves {
    pub(crate) fn of(rows: Vec<ShelfRow>) -> Self {
        let stocked: BTreeSet<Sku> =
            rows.iter().filter(|row| row.active).map(|row| row.stock.place.sku.clone()).collect();
        let (mut shelves, mut inactive) = (Vec::with_capacity(rows.len()), BTreeSet::new());
        for ShelfRow { stock: Stock { place, figures }, priority, active } in rows {
            if !active {
                inactive.insert(place.warehouse.clone());
            }
            if active || !stocked.contains(&place.sku) {
                let available = if active { figures.available() } else { 0 };
                shelves.push(Shelf { sku: place.sku, warehouse: place.warehouse, available, priority });
            }
        }
        Self { shelves, inactive }
    }
}

pub(super) async fn shelves(
    conn: &mut PgConnection,
    request: &ReserveRequest,
) -> Result<Shelves, InventoryError> {
    let skus = skus_of(request);
    let mut open = OpenShelves::of(rows_of(conn, &skus).await?);
    if !open.inactive.is_empty() {
        // Whoever joins the queue of an inactive warehouse is seen by whoever makes it active: one waits for the other.
        sqlx::query(
            "SELECT FROM inventory.warehouses WHERE warehouse_id = ANY ($1) ORDER BY warehouse_id FOR SHARE",
        )
        .bind(open.inactive.iter().map(WarehouseId::as_str).collect::<Vec<_>>())
        .execute(&mut *conn)
        .await?;
        open = OpenShelves::of(rows_of(conn, &skus).await?);
    }
    // Every item has a place in some warehouse from the transaction that made it.
    let known: BTreeSet<&Sku> = open.shelves.iter().map(|shelf| &shelf.sku).collect();
    let unknown: Vec<LineId> = request
        .all_lines()
        .filter(|line| !known.contains(&line.sku))
        .map(|line| line.line_id.clone())
        .collect();
    Ok(if unknown.is_empty() { Shelves::Known(open) } else { Shelves::Unknown(unknown) })
}

async fn rows_of(conn: &mut PgConnection, skus: &[String]) -> Result<Vec<ShelfRow>, InventoryError> {
    Ok(sqlx::query_as(
        "SELECT s.sku, s.warehouse, s.on_hand, s.reserved, s.queued, w.priority, w.active
         FROM inventory.stock s JOIN inventory.warehouses w ON w.warehouse_id = s.warehouse
         WHERE s.sku = ANY ($1)",
    )
    .bind(skus)
    .fetch_all(conn)
    .await?)
}

fn skus_of(request: &ReserveRequest) -> Vec<String> {
    request.all_lines().map(|line| line.sku.to_string()).collect()
}

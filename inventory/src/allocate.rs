//! Allocate: another service takes hold of stock for a while.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::{LineId, OrderId, Quantity, Sku, WarehouseId};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection, Row};

use crate::allocation::{AllocationChange, AllocationId, AllocationStatus, draw_id};
use crate::columns;
use crate::error::InventoryError;
use crate::events;
use crate::expiry;
use crate::holder::{Epoch, Holder};
use crate::ledger::{self, Entry, Figures, Guard, Place, Reason};
use crate::queue::ServedOrder;
use crate::record::{self, AllocationRecord, Found, OF_ALLOCATIONS};
use crate::reserve::refuse_repeated;

/// What another service asks for.
#[derive(Debug, Clone)]
pub struct AllocateRequest {
    /// Who asks.
    pub holder: Holder,
    /// For which order; not one of ours.
    pub order_id: OrderId,
    /// What it asks for; order items are unique.
    pub items: Vec<AllocateItem>,
    /// When what is not confirmed is given back; 15 minutes from now by the database's clock if none.
    pub expires_at: Option<DateTime<Utc>>,
}

/// One item of the request.
#[derive(Debug, Clone)]
pub struct AllocateItem {
    /// The caller's item of the order.
    pub order_item: LineId,
    /// What is asked for.
    pub sku: Sku,
    /// How many pieces, all from one warehouse.
    pub quantity: Quantity,
    /// From which warehouse; if none, the first by priority that has enough.
    pub warehouse: Option<WarehouseId>,
}

/// What a request led to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Allocated {
    /// One for each item, in the request's order.
    pub allocations: Vec<AllocationRecord>,
    /// Whether any of them was made now.
    pub any_new: bool,
    /// What changed: what expired and made place for these, then what was allocated.
    pub changed: Vec<AllocationChange>,
    /// Who waited and was allocated what expired.
    pub served: Vec<ServedOrder>,
}

/// Allocates all items or none.
///
/// Asking again for an order item that holds the same is answered with the allocation that is
/// there, also if it was confirmed or fulfilled since, and whatever expiry is asked for now. After
/// a cancelled one a new one is made; one whose time is over is expired first.
///
/// # Errors
/// [`InventoryError::RepeatedLine`], [`InventoryError::OwnedByOrder`], [`InventoryError::UnknownItem`],
/// [`InventoryError::UnknownWarehouse`], [`InventoryError::AllocationExists`],
/// [`InventoryError::ExpiryPassed`], [`InventoryError::NotEnough`], [`InventoryError::Database`].
pub async fn allocate(
    conn: &mut PgConnection,
    request: &AllocateRequest,
    correlation_id: &str,
) -> Result<Allocated, InventoryError> {
    refuse_repeated(request.items.iter().map(|item| &item.order_item))?;
    if request.items.is_empty() {
        return Ok(Allocated::default());
    }
    let begun = begin(conn, request).await?;
    let mut shelves = Shelves::lock(conn, request, &begun.pending_skus).await?;
    let mut allocated = Allocated::default();
    let mut made = BTreeMap::new();
    let header = (&request.order_id, epoch_of(request));
    if !begun.new {
        record::lock_headers(conn, &[header]).await?;
        let Known { kept, overdue } = known(conn, request, &shelves.skus).await?;
        if !overdue.is_empty() {
            let expired = expiry::expire(conn, &overdue, correlation_id).await?;
            shelves.refresh(conn).await?;
            (allocated.changed, allocated.served) = (expired.changed, expired.served);
        }
        made = kept;
    }
    let wanted: Vec<&AllocateItem> =
        request.items.iter().filter(|item| !made.contains_key(&item.order_item)).collect();
    if !wanted.is_empty() {
        if begun.expiry_passed {
            return Err(InventoryError::ExpiryPassed);
        }
        let new = take(conn, request, begun.expires_at, &shelves.place(&wanted)?).await?;
        if !begun.new {
            record::settle_headers(conn, &[header]).await?;
        }
        let (new, changes): (Vec<_>, Vec<_>) = new.into_iter().unzip();
        allocated.changed.extend(events::announce_allocations(conn, correlation_id, changes).await?);
        allocated.any_new = true;
        made.extend(new.into_iter().map(|record| (record.allocation.line_id.clone(), record)));
    }
    let in_order = request.items.iter().filter_map(|item| made.remove(&item.order_item));
    allocated.allocations = in_order.collect();
    Ok(allocated)
}

/// What is known before any stock is locked.
#[derive(FromRow)]
struct HeaderState {
    /// Whether the order is one of ours.
    ours: bool,
    /// Whether the order had no allocation before. Its header is locked then.
    #[sqlx(rename = "begun")]
    new: bool,
    expires_at: DateTime<Utc>,
    expiry_passed: bool,
    /// SKUs of allocations of these order items that may have to be expired.
    pending_skus: Vec<String>,
}

/// Begins the header, if it is not there, unless the order is one of ours.
async fn begin(conn: &mut PgConnection, request: &AllocateRequest) -> Result<HeaderState, InventoryError> {
    let state: HeaderState = sqlx::query_as(
        "WITH ours AS (
             SELECT EXISTS (SELECT FROM inventory.reservations
                            WHERE order_id = $1 AND epoch BETWEEN 1 AND 4294967295) AS ours
         ), begun AS (
             INSERT INTO inventory.reservations (order_id, epoch, status)
             SELECT $1, $2, 'COMPLETE' FROM ours WHERE NOT ours
             ON CONFLICT ON CONSTRAINT reservations_pk DO NOTHING
             RETURNING order_id
         )
         SELECT ours, EXISTS (SELECT FROM begun) AS begun,
                coalesce($3, now() + interval '15 minutes') AS expires_at,
                coalesce($3 <= now(), false) AS expiry_passed,
                ARRAY (SELECT DISTINCT sku FROM inventory.allocations
                       WHERE order_id = $1 AND epoch = $2 AND line_id = ANY ($4)
                         AND status = 'PENDING') AS pending_skus
         FROM ours",
    )
    .bind(request.order_id.as_str())
    .bind(i64::from(epoch_of(request)))
    .bind(request.expires_at)
    .bind(line_ids(request))
    .fetch_one(conn)
    .await?;
    if state.ours {
        return Err(InventoryError::OwnedByOrder { order_id: request.order_id.clone() });
    }
    Ok(state)
}

/// What the order items hold already.
struct Known {
    /// What answers the request, by order item.
    kept: BTreeMap<LineId, AllocationRecord>,
    /// What was not confirmed in time.
    overdue: Vec<AllocationId>,
}

/// One whose time is over while its stock is not locked was made since [`begin`] looked. It counts as
/// pending still: locking its stock now would be out of order.
async fn known(
    conn: &mut PgConnection,
    request: &AllocateRequest,
    locked_skus: &[String],
) -> Result<Known, InventoryError> {
    let rows: Vec<Found> = sqlx::query_as(
        "SELECT allocation_id, line_id, sku, warehouse, quantity, fulfilled_quantity, status, cause,
                order_id, epoch, expires_at, created_at, updated_at,
                coalesce(status = 'PENDING' AND expires_at <= now(), false) AS overdue
         FROM inventory.allocations
         WHERE order_id = $1 AND epoch = $2 AND line_id = ANY ($3) AND status <> 'CANCELLED'",
    )
    .bind(request.order_id.as_str())
    .bind(i64::from(epoch_of(request)))
    .bind(line_ids(request))
    .fetch_all(conn)
    .await?;
    let mut known = Known { kept: BTreeMap::new(), overdue: Vec::new() };
    for Found { record, overdue } in rows {
        let held = &record.allocation;
        let is_locked = locked_skus.iter().any(|sku| sku == held.sku.as_str());
        if is_locked && overdue {
            known.overdue.push(held.allocation_id.clone());
            continue;
        }
        let line_id = held.line_id.clone();
        let asked = request.items.iter().find(|item| item.order_item == line_id);
        let same = asked.is_some_and(|item| {
            (&item.sku, item.quantity) == (&held.sku, held.quantity)
                && item.warehouse.as_ref().is_none_or(|warehouse| *warehouse == held.warehouse)
        });
        if !same {
            return Err(InventoryError::AllocationExists { line_id });
        }
        known.kept.insert(line_id, record);
    }
    Ok(known)
}

/// The locked shelves of all SKUs concerned, and the warehouses in the order they are taken from.
struct Shelves {
    skus: Vec<String>,
    warehouses: Vec<WarehouseId>,
    /// Those of them that take nothing new.
    inactive: BTreeSet<WarehouseId>,
    figures: BTreeMap<Place, Figures>,
}

impl Shelves {
    async fn lock(
        conn: &mut PgConnection,
        request: &AllocateRequest,
        pending_skus: &[String],
    ) -> Result<Self, InventoryError> {
        let mut skus: Vec<String> = request.items.iter().map(|item| item.sku.to_string()).collect();
        skus.extend_from_slice(pending_skus);
        let ranked = sqlx::query(
            "SELECT warehouse_id, active FROM inventory.warehouses ORDER BY priority, warehouse_id",
        )
        .fetch_all(&mut *conn)
        .await?;
        let (mut warehouses, mut inactive) = (Vec::with_capacity(ranked.len()), BTreeSet::new());
        for row in &ranked {
            let warehouse: WarehouseId = columns::id(row, "warehouse_id")?;
            if !row.try_get::<bool, _>("active")? {
                inactive.insert(warehouse.clone());
            }
            warehouses.push(warehouse);
        }
        let figures = ledger::lock(conn, &skus).await?;
        Ok(Self { skus, warehouses, inactive, figures })
    }

    /// Reads the figures again, after something was given back.
    async fn refresh(&mut self, conn: &mut PgConnection) -> Result<(), InventoryError> {
        self.figures = ledger::lock(conn, &self.skus).await?;
        Ok(())
    }

    /// A place for each item. Those that name a warehouse choose first, because they have no
    /// choice; of the others the larger, because they find a place less easily.
    fn place<'r>(
        &self,
        wanted: &[&'r AllocateItem],
    ) -> Result<Vec<(&'r AllocateItem, Place)>, InventoryError> {
        let mut by_choice: Vec<&AllocateItem> = wanted.to_vec();
        by_choice.sort_by_key(|item| (item.warehouse.is_none(), Reverse(item.quantity)));
        let mut taken = BTreeMap::<Place, u64>::new();
        let mut placed = Vec::with_capacity(wanted.len());
        for item in by_choice {
            let place = self.home(item, &taken)?;
            *taken.entry(place.clone()).or_default() += u64::from(item.quantity.get());
            placed.push((item, place));
        }
        Ok(placed)
    }

    fn home(&self, item: &AllocateItem, taken: &BTreeMap<Place, u64>) -> Result<Place, InventoryError> {
        if !self.figures.keys().any(|place| place.sku == item.sku) {
            return Err(InventoryError::UnknownItem { sku: item.sku.clone() });
        }
        let among = match &item.warehouse {
            Some(named) if self.warehouses.contains(named) => std::slice::from_ref(named),
            Some(warehouse) => return Err(InventoryError::UnknownWarehouse { warehouse: warehouse.clone() }),
            None => &self.warehouses,
        };
        let wanted = u64::from(item.quantity.get());
        let mut most: Option<(u64, &WarehouseId, u64, u64)> = None;
        for warehouse in among {
            let place = Place::new(&item.sku, warehouse);
            let figures = self.figures.get(&place).filter(|_| !self.inactive.contains(warehouse));
            let available = figures.map_or(0, Figures::available);
            let taken = taken.get(&place).copied().unwrap_or_default();
            if taken + wanted <= available {
                return Ok(place);
            }
            // The first of equals stays.
            if most.is_none_or(|(left, ..)| available - taken > left) {
                most = Some((available - taken, warehouse, taken + wanted, available));
            }
        }
        let (_, warehouse, requested, available) =
            most.ok_or_else(|| InventoryError::UnknownItem { sku: item.sku.clone() })?;
        let (sku, warehouse) = (item.sku.clone(), warehouse.clone());
        Err(InventoryError::NotEnough { sku, warehouse, requested, available })
    }
}

/// Books the pieces and writes the allocations; the places are locked and have enough.
async fn take(
    conn: &mut PgConnection,
    request: &AllocateRequest,
    expires_at: DateTime<Utc>,
    placed: &[(&AllocateItem, Place)],
) -> Result<Vec<(AllocationRecord, AllocationChange)>, InventoryError> {
    let entry = |(item, place): &(&AllocateItem, Place)| Entry {
        reserved: i64::from(item.quantity),
        ..Entry::of(&request.order_id, place.clone())
    };
    let entries: Vec<Entry> = placed.iter().map(entry).collect();
    let booked = ledger::book(conn, Reason::Allocation, None, &entries, Guard::None).await?;
    let records = write(conn, request, expires_at, placed).await?;
    let changes = records.into_iter().zip(booked.unwrap_or_default()).map(|(record, booked)| {
        let change = record.change(record.allocation.held(), booked);
        (record, change)
    });
    Ok(changes.collect())
}

/// Writes the allocations in the order given.
async fn write(
    conn: &mut PgConnection,
    request: &AllocateRequest,
    expires_at: DateTime<Utc>,
    placed: &[(&AllocateItem, Place)],
) -> Result<Vec<AllocationRecord>, InventoryError> {
    Ok(sqlx::query_as(
        "INSERT INTO inventory.allocations
             (allocation_id, order_id, epoch, line_id, sku, warehouse, quantity, status, owner, expires_at)
         SELECT allocation_id, $1, $2, line_id, sku, warehouse, quantity, $3, 'SERVICE', $4
         FROM unnest($5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[])
             AS n (allocation_id, line_id, sku, warehouse, quantity)
         RETURNING allocation_id, line_id, sku, warehouse, quantity, fulfilled_quantity, status, cause,
                   order_id, epoch, expires_at, created_at, updated_at",
    )
    .bind(request.order_id.as_str())
    .bind(i64::from(epoch_of(request)))
    .bind(AllocationStatus::Pending.as_str())
    .bind(expires_at)
    .bind(placed.iter().map(|_| String::from(draw_id())).collect::<Vec<_>>())
    .bind(placed.iter().map(|(item, _)| item.order_item.as_str()).collect::<Vec<_>>())
    .bind(placed.iter().map(|(_, place)| place.sku.as_str()).collect::<Vec<_>>())
    .bind(placed.iter().map(|(_, place)| place.warehouse.as_str()).collect::<Vec<_>>())
    .bind(placed.iter().map(|(item, _)| i64::from(item.quantity)).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?)
}

fn epoch_of(request: &AllocateRequest) -> Epoch {
    request.holder.epoch(OF_ALLOCATIONS)
}

fn line_ids(request: &AllocateRequest) -> Vec<&str> {
    request.items.iter().map(|item| item.order_item.as_str()).collect()
}

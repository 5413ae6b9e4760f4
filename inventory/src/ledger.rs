//! The ledger: the one place that writes stock and the movements that explain it.
//!
//! **Invariant:** no figure of a stock row changes but by [`book`], which adds the movements in
//! the same statement; the row's lock is held from then on until the transaction ends.

use std::collections::BTreeMap;

use domain::{OrderId, Sku, WarehouseId};
use outbox::StockCause;
use sqlx::{FromRow, PgConnection};

use crate::error::InventoryError;
use crate::events;

/// The figures of one SKU in one warehouse, in pieces.
#[derive(Debug, Clone, Copy, Default, FromRow)]
pub(crate) struct Figures {
    #[sqlx(try_from = "i64")]
    pub(crate) on_hand: u64,
    #[sqlx(try_from = "i64")]
    pub(crate) reserved: u64,
    #[sqlx(try_from = "i64")]
    pub(crate) queued: u64,
    /// Pieces on hand by the books that a count did not find. Only the ledger reads them.
    #[sqlx(default, try_from = "i64")]
    pub(crate) missing: u64,
}

impl Figures {
    /// Pieces a newcomer could get: whoever waits is served first.
    pub(crate) fn available(&self) -> u64 {
        self.free().saturating_sub(self.queued)
    }

    /// Pieces that nobody holds, whoever waits for them.
    pub(crate) fn free(&self) -> u64 {
        self.on_hand.saturating_sub(self.reserved)
    }

    /// These figures as they are after `entry`, or with `-1` as they were before it.
    fn moved(self, entry: &Entry, sign: i64) -> Self {
        Self {
            on_hand: self.on_hand.saturating_add_signed(sign * entry.on_hand),
            reserved: self.reserved.saturating_add_signed(sign * entry.reserved),
            queued: self.queued.saturating_add_signed(sign * entry.queued),
            missing: self.missing.saturating_add_signed(sign * entry.missing),
        }
    }
}

/// A SKU's place in a warehouse.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, FromRow)]
pub(crate) struct Place {
    #[sqlx(try_from = "String")]
    pub(crate) sku: Sku,
    #[sqlx(try_from = "String")]
    pub(crate) warehouse: WarehouseId,
}

/// A row of `inventory.stock`.
#[derive(FromRow)]
pub(crate) struct Stock {
    #[sqlx(flatten)]
    pub(crate) place: Place,
    #[sqlx(flatten)]
    pub(crate) figures: Figures,
}

impl Place {
    pub(crate) fn new(sku: &Sku, warehouse: &WarehouseId) -> Self {
        Self { sku: sku.clone(), warehouse: warehouse.clone() }
    }
}

/// By how much one booking changes a place, and for whom.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) order_id: Option<OrderId>,
    pub(crate) on_hand: i64,
    pub(crate) reserved: i64,
    pub(crate) queued: i64,
    pub(crate) missing: i64,
}

impl Entry {
    /// What changes nothing yet, for an order.
    pub(crate) fn of(order_id: &OrderId, place: Place) -> Self {
        Self { place, order_id: Some(order_id.clone()), on_hand: 0, reserved: 0, queued: 0, missing: 0 }
    }

    pub(crate) fn on_hand(sku: &Sku, warehouse: &WarehouseId, pieces: i64) -> Self {
        let place = Place::new(sku, warehouse);
        Self { place, order_id: None, on_hand: pieces, reserved: 0, queued: 0, missing: 0 }
    }
}

/// Why stock changed, as the movement says it.
#[derive(Debug, Clone, Copy, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Reason {
    OpeningStock,
    Receipt,
    Reservation,
    BackorderAllocation,
    Release,
    Fulfilment,
    Allocation,
    Expiry,
    Adjustment,
    Return,
    Count,
    FulfilledElsewhere,
}

/// What must hold for a booking to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// The caller holds the locks and knows the figures.
    None,
    /// What is reserved must be available to a newcomer, everywhere, or nothing is booked.
    Available,
}

/// The figures of a place just before and just after one entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Booked {
    pub(crate) before: Figures,
    pub(crate) after: Figures,
}

/// Locks all places of these SKUs and reads them.
pub(crate) async fn lock(
    conn: &mut PgConnection,
    skus: &[String],
) -> Result<BTreeMap<Place, Figures>, InventoryError> {
    let rows: Vec<Stock> = sqlx::query_as(
        "SELECT sku, warehouse, on_hand, reserved, queued, missing FROM inventory.stock
         WHERE sku = ANY ($1) ORDER BY sku, warehouse FOR NO KEY UPDATE",
    )
    .bind(skus)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|Stock { place, figures }| (place, figures)).collect())
}

/// Sees to it that the SKU has a place in the warehouse. To be called before any lock is taken:
/// it waits for whoever is making the same place.
pub(crate) async fn ensure_shelf(
    conn: &mut PgConnection,
    sku: &Sku,
    warehouse: &WarehouseId,
) -> Result<(), InventoryError> {
    sqlx::query(
        "INSERT INTO inventory.stock (sku, warehouse, on_hand) VALUES ($1, $2, 0)
         ON CONFLICT ON CONSTRAINT stock_pk DO NOTHING",
    )
    .bind(sku.as_str())
    .bind(warehouse.as_str())
    .execute(conn)
    .await
    .map_err(|error| InventoryError::of_stock(error, sku, warehouse))?;
    Ok(())
}

/// The guard is checked on rows that are locked already, so nobody can come between; all places
/// of the SKUs are locked, so that a second look finds nothing new to lock out of order. The new
/// figures are reckoned from the locked rows: the UPDATE's own first sight of a row is as old as the
/// statement, and what it would make of that can break a constraint that the truth keeps. What left was
/// there: no more is missing than is on hand.
const BOOK: &str = "
WITH entry AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
                         $10::bigint[])
        AS e (sku, warehouse, order_id, on_hand, reserved, queued, missing)
), place AS (
    SELECT sku, warehouse, on_hand, reserved, queued, missing FROM inventory.stock
    WHERE sku = ANY ($1) ORDER BY sku, warehouse FOR NO KEY UPDATE
), demand AS (
    SELECT sku, warehouse, sum(on_hand)::bigint AS on_hand, sum(reserved)::bigint AS reserved,
           sum(queued)::bigint AS queued, sum(missing)::bigint AS missing
    FROM entry GROUP BY sku, warehouse
), verdict AS (
    SELECT bool_and(NOT $7 OR coalesce(d.reserved <= p.on_hand - p.reserved - p.queued, false)) AS booked
    FROM demand d LEFT JOIN place p USING (sku, warehouse)
), booked AS (
    UPDATE inventory.stock s
    SET on_hand = p.on_hand + d.on_hand, reserved = p.reserved + d.reserved, queued = p.queued + d.queued,
        missing = least(p.missing + d.missing, p.on_hand + d.on_hand), version = s.version + 1
    FROM demand d JOIN place p USING (sku, warehouse), verdict v
    WHERE v.booked AND s.sku = p.sku AND s.warehouse = p.warehouse
    RETURNING s.sku, s.warehouse, s.on_hand, s.reserved, s.queued, s.missing
), movement AS (
    INSERT INTO inventory.movements
        (sku, warehouse, on_hand_change, reserved_change, reason, order_id, reference)
    SELECT e.sku, e.warehouse, sum(e.on_hand), sum(e.reserved), $8::text, e.order_id, $9::text
    FROM entry e JOIN booked USING (sku, warehouse)
    GROUP BY e.sku, e.warehouse, e.order_id
    HAVING sum(e.on_hand) <> 0 OR sum(e.reserved) <> 0
)
SELECT sku, warehouse, on_hand, reserved, queued, missing FROM booked";

/// Books all entries, added up per place, and their movements; or nothing and `None` if the guard
/// does not hold. Either way all places of the SKUs are locked from then on. The answer has the
/// figures around each entry, as if they had been booked one after the other.
pub(crate) async fn book(
    conn: &mut PgConnection,
    reason: Reason,
    reference: Option<&str>,
    entries: &[Entry],
    guard: Guard,
) -> Result<Option<Vec<Booked>>, InventoryError> {
    if entries.is_empty() {
        return Ok(Some(Vec::new()));
    }
    #[cfg(feature = "faults")]
    if guard == Guard::Available && domain::planted::is_planted("check_then_decrement") {
        return crate::planted::book_as_read(conn, reason, entries).await;
    }
    let column = |value: fn(&Entry) -> i64| entries.iter().map(value).collect::<Vec<i64>>();
    let rows: Vec<Stock> = sqlx::query_as(BOOK)
        .bind(entries.iter().map(|e| e.place.sku.as_str()).collect::<Vec<_>>())
        .bind(entries.iter().map(|e| e.place.warehouse.as_str()).collect::<Vec<_>>())
        .bind(entries.iter().map(|e| e.order_id.as_ref().map(OrderId::as_str)).collect::<Vec<_>>())
        .bind(column(|e| e.on_hand))
        .bind(column(|e| e.reserved))
        .bind(column(|e| e.queued))
        .bind(guard == Guard::Available)
        .bind(<&str>::from(reason))
        .bind(reference)
        .bind(column(|e| e.missing))
        .fetch_all(conn)
        .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let figures = rows.into_iter().map(|Stock { place, figures }| (place, figures)).collect();
    Ok(Some(retrace(entries, figures)))
}

/// Books pieces that no allocation holds, in or out, and tells of it.
pub(crate) async fn book_unheld(
    conn: &mut PgConnection,
    (reason, cause): (Reason, StockCause),
    reference: Option<&str>,
    entries: &[Entry],
    correlation_id: &str,
) -> Result<Vec<Booked>, InventoryError> {
    let booked = book(conn, reason, reference, entries, Guard::None).await?.unwrap_or_default();
    let places = entries.iter().map(|entry| entry.place.clone());
    events::announce_stock(conn, correlation_id, cause, places.zip(booked.iter().copied())).await?;
    Ok(booked)
}

/// Goes back from the figures after all entries, and then forward entry by entry.
fn retrace(entries: &[Entry], mut figures: BTreeMap<Place, Figures>) -> Vec<Booked> {
    let mut booked = Vec::with_capacity(entries.len());
    for entry in entries.iter().rev() {
        let current = figures.entry(entry.place.clone()).or_default();
        let after = *current;
        *current = after.moved(entry, -1);
        booked.push(Booked { before: *current, after });
    }
    booked.reverse();
    booked
}

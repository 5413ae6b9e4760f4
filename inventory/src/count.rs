//! Count: what is found is what is there. Who decides which orders lose theirs knows what was handed over, which this
//! room does not: it is told.
//!
//! **Invariant:** after a count, on hand is what was found and what is missing beside it; pieces are missing only where
//! everything on hand is held.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{LineId, OrderId, Sku, WarehouseId};
use outbox::StockCause;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection};

use crate::adjust;
use crate::allocation::{Allocation, AllocationChange, Holding};
use crate::columns;
use crate::error::InventoryError;
use crate::events;
use crate::holder::Epoch;
use crate::ledger::{self, Entry, Guard, Place, Reason};
use crate::queue::{self, ServedOrder};
use crate::record;

/// The cause of what a count took from an order that keeps waiting for it.
pub const COUNTED_LESS: &str = "COUNTED_LESS";

/// The figures of a SKU in a warehouse, in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceFigures {
    /// By the books.
    pub on_hand: u64,
    /// Held for orders.
    pub reserved: u64,
    /// Of those on hand, what a count did not find.
    pub missing: u64,
}

/// What a line of an order of ours holds in one place.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct HeldLine {
    /// The order.
    #[sqlx(try_from = "String")]
    pub order_id: OrderId,
    /// Which of its reservations.
    #[sqlx(try_from = "i64")]
    pub epoch: Epoch,
    /// The line.
    #[sqlx(try_from = "String")]
    pub line_id: LineId,
    /// Pieces it holds there.
    #[sqlx(try_from = "i64")]
    pub held: u64,
    /// Pieces of it that have left from there.
    #[sqlx(try_from = "i64")]
    pub left: u64,
    /// Since when the order has a reservation.
    pub since: DateTime<Utc>,
}

/// Pieces that a line is to wait for again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// From whom.
    pub from: HeldLine,
    /// How many.
    pub pieces: u64,
}

/// The cause of what somebody else's fulfilment took from an order that does not ship it any more.
const FULFILLED_ELSEWHERE: &str = "FULFILLED_ELSEWHERE";

/// What a count led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counted {
    /// Pieces on hand before it, by the books.
    pub on_hand_before: u64,
    /// Pieces on hand after it.
    pub on_hand_after: u64,
    /// Pieces of those that were not found, and that nobody could be taken.
    pub missing: u64,
    /// The allocations from which pieces were taken.
    pub changed: Vec<AllocationChange>,
    /// Who waited and was allocated pieces.
    pub served: Vec<ServedOrder>,
}

/// The figures of a place as they are now; nothing is locked. A warehouse that never had the item has a place for it
/// from now on.
///
/// # Errors
/// [`InventoryError::UnknownItem`], [`InventoryError::UnknownWarehouse`], [`InventoryError::Database`].
pub async fn place(
    conn: &mut PgConnection,
    sku: &Sku,
    warehouse: &WarehouseId,
) -> Result<PlaceFigures, InventoryError> {
    ledger::ensure_shelf(conn, sku, warehouse).await?;
    let (on_hand, reserved, missing): (i64, i64, i64) = sqlx::query_as(
        "SELECT on_hand, reserved, missing FROM inventory.stock WHERE sku = $1 AND warehouse = $2",
    )
    .bind(sku.as_str())
    .bind(warehouse.as_str())
    .fetch_one(conn)
    .await?;
    let [on_hand, reserved, missing] = [on_hand, reserved, missing].map(i64::unsigned_abs);
    Ok(PlaceFigures { on_hand, reserved, missing })
}

/// As [`place`], and nobody else changes it, its allocations or its queue until the transaction ends. Orders that are to
/// be locked are locked before.
///
/// # Errors
/// As [`place`].
pub async fn lock_place(
    conn: &mut PgConnection,
    sku: &Sku,
    warehouse: &WarehouseId,
) -> Result<PlaceFigures, InventoryError> {
    ledger::lock(conn, &[sku.to_string()]).await?;
    place(conn, sku, warehouse).await
}

/// Up to `most` lines of orders of ours, or of one of them, that hold pieces in a place, the youngest reservation first;
/// those after `after`, if it is given. Other systems' are not among them: what they have handed over is not known here.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn held_lines(
    conn: &mut PgConnection,
    sku: &Sku,
    warehouse: &WarehouseId,
    order: Option<&OrderId>,
    after: Option<&HeldLine>,
    most: i64,
) -> Result<Vec<HeldLine>, InventoryError> {
    Ok(sqlx::query_as(
        "SELECT a.order_id, a.epoch, a.line_id, r.created_at AS since,
                coalesce(sum(a.quantity - a.fulfilled_quantity) FILTER (WHERE a.status IN ('PENDING', 'CONFIRMED')), 0)
                    ::bigint AS held,
                sum(a.fulfilled_quantity)::bigint AS \"left\"
         FROM (SELECT DISTINCT order_id, epoch, line_id FROM inventory.allocations
               WHERE sku = $1 AND warehouse = $2 AND status IN ('PENDING', 'CONFIRMED')
                 AND epoch BETWEEN 1 AND 4294967295 AND ($8::text IS NULL OR order_id = $8)) AS holding
         JOIN inventory.reservations r USING (order_id, epoch)
         JOIN inventory.allocations a USING (order_id, epoch, line_id)
         WHERE a.sku = $1 AND a.warehouse = $2
           AND ($3::timestamptz IS NULL OR (r.created_at, a.order_id, a.epoch, a.line_id) < ($3, $4, $5, $6))
         GROUP BY a.order_id, a.epoch, a.line_id, r.created_at
         ORDER BY r.created_at DESC, a.order_id DESC, a.epoch DESC, a.line_id DESC LIMIT $7",
    )
    .bind(sku.as_str())
    .bind(warehouse.as_str())
    .bind(after.map(|line| line.since))
    .bind(after.map(|line| line.order_id.as_str()))
    .bind(after.map(|line| i64::from(line.epoch)))
    .bind(after.map(|line| line.line_id.as_str()))
    .bind(most)
    .bind(order.map(OrderId::as_str))
    .fetch_all(conn)
    .await?)
}

/// Books a place to what was found. What is taken back waits again, each line where the age of its order's reservation
/// has it. If what is still held is more than was found, on hand is that, and the rest is missing: it is booked off with
/// the first pieces that come free. What is more than was there serves who waits.
///
/// The place is locked by [`lock_place`], and so are the orders of what is taken back.
///
/// # Errors
/// [`InventoryError::BeyondReason`], [`InventoryError::Database`].
pub async fn count(
    conn: &mut PgConnection,
    (sku, warehouse): (&Sku, &WarehouseId),
    found: u64,
    taken_back: &[TakenBack],
    reason: &str,
    correlation_id: &str,
) -> Result<Counted, InventoryError> {
    let why = (Reason::Count, StockCause::Counted, COUNTED_LESS);
    book_to(conn, &Place::new(sku, warehouse), found, taken_back, (why, reason), correlation_id).await
}

/// Books out pieces that left a place by somebody else's fulfilment, or with fewer than none those that came back as it was
/// cancelled; `reference` is kept with the movement. What is taken back waits, until its order is planned anew. What others
/// hold is not touched: it is missing until it comes free.
///
/// The place is locked by [`lock_place`], and so is the order of what is taken back.
///
/// # Errors
/// As [`count`].
pub async fn leave_elsewhere(
    conn: &mut PgConnection,
    (sku, warehouse): (&Sku, &WarehouseId),
    pieces: i64,
    taken_back: &[TakenBack],
    reference: &str,
    correlation_id: &str,
) -> Result<Counted, InventoryError> {
    let figures = place(conn, sku, warehouse).await?;
    let found =
        figures.on_hand.saturating_sub(figures.missing).saturating_add_signed(pieces.saturating_neg());
    let cause = if pieces > 0 { StockCause::Shipped } else { StockCause::Returned };
    let why = (Reason::FulfilledElsewhere, cause, FULFILLED_ELSEWHERE);
    book_to(conn, &Place::new(sku, warehouse), found, taken_back, (why, reference), correlation_id).await
}

/// Why a place is booked to what is there: for the movement, for its event, for who loses pieces, and more about it.
type Why<'a> = ((Reason, StockCause, &'static str), &'a str);

async fn book_to(
    conn: &mut PgConnection,
    at: &Place,
    found: u64,
    taken_back: &[TakenBack],
    ((reason, cause, lost_to), more): Why<'_>,
    correlation_id: &str,
) -> Result<Counted, InventoryError> {
    let before = place(conn, &at.sku, &at.warehouse).await?;
    let headers: Vec<record::Header<'_>> =
        taken_back.iter().map(|taken| (&taken.from.order_id, taken.from.epoch)).collect();
    record::lock_headers(conn, &headers).await?;
    let taken = take_back(conn, at, taken_back, lost_to).await?;
    record::settle_headers(conn, &headers).await?;
    let still_held = before.reserved - taken.iter().map(|(_, _, pieces)| pieces).sum::<u64>();
    let on_hand = found.max(still_held);
    let missing = on_hand - found;
    let mut entries = Vec::with_capacity(taken.len() + 1);
    for (order_id, _, pieces) in &taken {
        let pieces = columns::whole(*pieces)?;
        entries.push(Entry { reserved: -pieces, queued: pieces, ..Entry::of(order_id, at.clone()) });
    }
    let difference = columns::whole(on_hand)? - columns::whole(before.on_hand)?;
    let still_missing = columns::whole(missing)? - columns::whole(before.missing)?;
    entries.push(Entry { missing: still_missing, ..Entry::on_hand(&at.sku, &at.warehouse, difference) });
    let booked = ledger::book(conn, reason, Some(more), &entries, Guard::None).await?;
    let mut booked = booked.unwrap_or_default();
    let last = booked.pop().ok_or(InventoryError::Database(sqlx::Error::RowNotFound))?;
    let changed = taken.into_iter().zip(booked).map(|((order_id, allocation, pieces), booked)| {
        AllocationChange::new(&order_id, allocation, pieces, booked)
    });
    let changed = events::announce_allocations(conn, correlation_id, changed).await?;
    if difference != 0 {
        events::announce_stock(conn, correlation_id, cause, [(at.clone(), last)]).await?;
    }
    let served = queue::serve(conn, &BTreeMap::from([(at.clone(), last.after)]), correlation_id).await?;
    Ok(Counted { on_hand_before: before.on_hand, on_hand_after: on_hand, missing, changed, served })
}

/// Takes pieces off the allocations of these lines, the youngest first, and has the lines wait for them. Each
/// allocation as it is then, and what it lost.
async fn take_back(
    conn: &mut PgConnection,
    at: &Place,
    taken_back: &[TakenBack],
    lost_to: &'static str,
) -> Result<Vec<(OrderId, Allocation, u64)>, InventoryError> {
    let (mut taken, mut waiting) = (Vec::new(), Vec::new());
    for TakenBack { from, pieces } in taken_back {
        let held: Vec<Allocation> = sqlx::query_as(
            "SELECT allocation_id, line_id, sku, warehouse, quantity, fulfilled_quantity, status, cause
             FROM inventory.allocations
             WHERE order_id = $1 AND epoch = $2 AND line_id = $3 AND sku = $4 AND warehouse = $5
               AND status IN ('PENDING', 'CONFIRMED')
             ORDER BY created_at DESC, allocation_id DESC",
        )
        .bind(from.order_id.as_str())
        .bind(i64::from(from.epoch))
        .bind(from.line_id.as_str())
        .bind(at.sku.as_str())
        .bind(at.warehouse.as_str())
        .fetch_all(&mut *conn)
        .await?;
        let mut left = *pieces;
        for allocation in held {
            let lost = left.min(allocation.held());
            if lost > 0 {
                left -= lost;
                let after = adjust::lessened(&allocation, lost, lost_to)?;
                taken.push((from.order_id.clone(), after, lost));
            }
        }
        let lost = columns::whole(pieces - left)?;
        if lost > 0 {
            let holding = Holding {
                order_id: from.order_id.clone(),
                epoch: from.epoch,
                line_id: from.line_id.clone(),
                place: at.clone(),
                quantity: columns::quantity(lost)?,
            };
            waiting.push((holding, from.since));
        }
    }
    let after: Vec<Allocation> = taken.iter().map(|(_, allocation, _)| allocation.clone()).collect();
    adjust::lessen(conn, &after).await?;
    queue::rejoin(conn, &waiting).await?;
    Ok(taken)
}

/// A count as it is kept, to be answered again.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct KeptCount {
    /// Where.
    #[sqlx(try_from = "String")]
    pub warehouse: WarehouseId,
    /// What was found.
    #[sqlx(try_from = "i64")]
    pub counted: u64,
    /// Pieces on hand before it, by the books.
    #[sqlx(try_from = "i64")]
    pub on_hand_before: u64,
    /// Pieces on hand after it.
    #[sqlx(try_from = "i64")]
    pub on_hand_after: u64,
    /// Pieces of those that were not found.
    #[sqlx(try_from = "i64")]
    pub missing: u64,
    /// Orders that wait for pieces they held before.
    pub backordered: i32,
    /// Orders that waited and got pieces.
    pub served: i32,
    /// Why.
    pub reason: String,
}

/// The count of a SKU that this request made, if it did.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn counted_before(
    conn: &mut PgConnection,
    sku: &Sku,
    request_id: &str,
) -> Result<Option<KeptCount>, InventoryError> {
    Ok(sqlx::query_as(
        "SELECT warehouse, counted, on_hand_before, on_hand_after, missing, backordered, served, reason
         FROM inventory.counts WHERE sku = $1 AND request_id = $2",
    )
    .bind(sku.as_str())
    .bind(request_id)
    .fetch_optional(conn)
    .await?)
}

/// Keeps what a count led to, with who made it, in its transaction.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn keep_count(
    conn: &mut PgConnection,
    sku: &Sku,
    request_id: &str,
    by: &str,
    kept: &KeptCount,
) -> Result<(), InventoryError> {
    sqlx::query(
        "INSERT INTO inventory.counts (sku, warehouse, request_id, counted, on_hand_before, on_hand_after, missing,
                                       backordered, served, counted_by, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(sku.as_str())
    .bind(kept.warehouse.as_str())
    .bind(request_id)
    .bind(columns::whole(kept.counted)?)
    .bind(columns::whole(kept.on_hand_before)?)
    .bind(columns::whole(kept.on_hand_after)?)
    .bind(columns::whole(kept.missing)?)
    .bind(kept.backordered)
    .bind(kept.served)
    .bind(by)
    .bind(&kept.reason)
    .execute(conn)
    .await?;
    Ok(())
}

//! Expiry: what another service did not confirm in time is given back, and whoever waits is served
//! in the same transaction.

use std::collections::BTreeMap;

use domain::OrderId;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Row};

use crate::allocation::{AllocationChange, AllocationId};
use crate::columns;
use crate::error::InventoryError;
use crate::events;
use crate::holder::Epoch;
use crate::ledger::{self, Entry, Guard, Place, Reason};
use crate::queue::{self, ServedOrder};
use crate::record::{self, AllocationRecord};

/// The cause an allocation that was not confirmed in time is cancelled with.
pub const EXPIRED: &str = "EXPIRED";

/// What expired.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expired {
    /// The allocations that were cancelled.
    pub changed: Vec<AllocationChange>,
    /// Who waited and was allocated what came free.
    pub served: Vec<ServedOrder>,
}

/// Cancels up to `most` allocations that were not confirmed in time, the longest overdue first.
///
/// Several may be at it side by side: while one is, the others find nothing to do.
///
/// # Errors
/// [`InventoryError::Database`].
pub async fn expire_due(
    conn: &mut PgConnection,
    most: i64,
    correlation_id: &str,
) -> Result<Expired, InventoryError> {
    // Rows cannot be skipped one by one where they are locked: stock is locked before allocations.
    let alone: bool =
        sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended('inventory.expire_due', 0))")
            .fetch_one(&mut *conn)
            .await?;
    if !alone {
        return Ok(Expired::default());
    }
    let due = sqlx::query(
        "SELECT allocation_id, sku, order_id, epoch FROM inventory.allocations
         WHERE status = 'PENDING' AND expires_at <= now() ORDER BY expires_at LIMIT $1",
    )
    .bind(most)
    .fetch_all(&mut *conn)
    .await?;
    let column =
        |name| due.iter().map(|row| row.try_get::<String, _>(name)).collect::<sqlx::Result<Vec<_>>>();
    let (ids, skus) = (column("allocation_id")?, column("sku")?);
    if ids.is_empty() {
        return Ok(Expired::default());
    }
    ledger::lock(conn, &skus).await?;
    let header = |row| Ok((columns::id(row, "order_id")?, columns::epoch(row)?));
    let headers: Vec<(OrderId, Epoch)> = due.iter().map(header).collect::<sqlx::Result<_>>()?;
    record::lock_headers(conn, &headers.iter().map(|(order, epoch)| (order, *epoch)).collect::<Vec<_>>())
        .await?;
    cancel(conn, &ids, correlation_id).await
}

/// Cancels those of the allocations whose time is over and that nobody has confirmed. The caller
/// holds the locks of their stock and of their headers.
pub(crate) async fn expire(
    conn: &mut PgConnection,
    ids: &[AllocationId],
    correlation_id: &str,
) -> Result<Expired, InventoryError> {
    cancel(conn, &ids.iter().map(ToString::to_string).collect::<Vec<_>>(), correlation_id).await
}

async fn cancel(
    conn: &mut PgConnection,
    ids: &[String],
    correlation_id: &str,
) -> Result<Expired, InventoryError> {
    let rows = sqlx::query(
        "UPDATE inventory.allocations SET status = 'CANCELLED', cause = $2, updated_at = now()
         WHERE allocation_id = ANY ($1) AND status = 'PENDING' AND expires_at <= now()
         RETURNING allocation_id, line_id, sku, warehouse, quantity, fulfilled_quantity, status, cause,
                   order_id, epoch, expires_at, created_at, updated_at",
    )
    .bind(ids)
    .bind(EXPIRED)
    .fetch_all(&mut *conn)
    .await?;
    let expired: Vec<AllocationRecord> =
        rows.iter().map(AllocationRecord::read).collect::<sqlx::Result<_>>()?;
    let headers: Vec<record::Header<'_>> = expired.iter().map(AllocationRecord::header).collect();
    record::settle_headers(conn, &headers).await?;
    give_back(conn, Reason::Expiry, None, &expired, correlation_id).await
}

/// Books back what cancelled allocations held, and serves who waits for it.
pub(crate) async fn give_back(
    conn: &mut PgConnection,
    reason: Reason,
    reference: Option<&str>,
    cancelled: &[AllocationRecord],
    correlation_id: &str,
) -> Result<Expired, InventoryError> {
    let entries: Vec<Entry> = cancelled.iter().map(given_back).collect::<Result<_, _>>()?;
    let booked = ledger::book(conn, reason, reference, &entries, Guard::None).await?.unwrap_or_default();
    let mut places = BTreeMap::new();
    for (entry, booked) in entries.iter().zip(&booked) {
        places.insert(entry.place.clone(), booked.after);
    }
    let changed = cancelled
        .iter()
        .zip(&entries)
        .zip(booked)
        .map(|((record, entry), booked)| record.change(entry.reserved.unsigned_abs(), booked));
    let changed: Vec<AllocationChange> = changed.collect();
    events::announce_allocations(conn, correlation_id, &changed).await?;
    Ok(Expired { changed, served: queue::serve(conn, &places, correlation_id).await? })
}

fn given_back(record: &AllocationRecord) -> Result<Entry, InventoryError> {
    let held = &record.allocation;
    let gone = columns::whole(held.fulfilled_quantity)?;
    Ok(Entry {
        place: Place::new(&held.sku, &held.warehouse),
        order_id: Some(record.order_id.clone()),
        on_hand: 0,
        reserved: gone - i64::from(held.quantity),
        queued: 0,
    })
}

//! Expiry: what another service did not confirm in time is given back, and whoever waits is served
//! in the same transaction.

use std::collections::BTreeMap;

use domain::OrderId;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection};

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
    let due: Vec<Due> = sqlx::query_as(
        "SELECT allocation_id, sku, order_id, epoch FROM inventory.allocations
         WHERE status = 'PENDING' AND expires_at <= now() ORDER BY expires_at LIMIT $1",
    )
    .bind(most)
    .fetch_all(&mut *conn)
    .await?;
    if due.is_empty() {
        return Ok(Expired::default());
    }
    let skus: Vec<String> = due.iter().map(|due| due.sku.clone()).collect();
    ledger::lock(conn, &skus).await?;
    let headers: Vec<record::Header<'_>> = due.iter().map(|due| (&due.order_id, due.epoch)).collect();
    record::lock_headers(conn, &headers).await?;
    let ids: Vec<AllocationId> = due.into_iter().map(|due| due.allocation_id).collect();
    expire(conn, &ids, correlation_id).await
}

/// An allocation whose time is over.
#[derive(FromRow)]
struct Due {
    #[sqlx(try_from = "String")]
    allocation_id: AllocationId,
    sku: String,
    #[sqlx(try_from = "String")]
    order_id: OrderId,
    #[sqlx(try_from = "i64")]
    epoch: Epoch,
}

/// Cancels those of the allocations whose time is over and that nobody has confirmed. The caller
/// holds the locks of their stock and of their headers.
pub(crate) async fn expire(
    conn: &mut PgConnection,
    ids: &[AllocationId],
    correlation_id: &str,
) -> Result<Expired, InventoryError> {
    let expired: Vec<AllocationRecord> = sqlx::query_as(
        "UPDATE inventory.allocations SET status = 'CANCELLED', cause = $2, updated_at = now()
         WHERE allocation_id = ANY ($1) AND status = 'PENDING' AND expires_at <= now()
         RETURNING allocation_id, line_id, sku, warehouse, quantity, fulfilled_quantity, status, cause,
                   order_id, epoch, expires_at, created_at, updated_at",
    )
    .bind(ids.iter().map(AllocationId::as_str).collect::<Vec<_>>())
    .bind(EXPIRED)
    .fetch_all(&mut *conn)
    .await?;
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
    let changed = events::announce_allocations(conn, correlation_id, changed).await?;
    Ok(Expired { changed, served: queue::serve(conn, &places, correlation_id).await? })
}

fn given_back(record: &AllocationRecord) -> Result<Entry, InventoryError> {
    let held = &record.allocation;
    let reserved = columns::whole(held.fulfilled_quantity)? - i64::from(held.quantity);
    Ok(Entry { reserved, ..Entry::of(&record.order_id, Place::new(&held.sku, &held.warehouse)) })
}

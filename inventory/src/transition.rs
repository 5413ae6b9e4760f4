//! What another service does with an allocation of its own: confirm, cancel, fulfil.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::allocation::{AllocationChange, AllocationId, AllocationStatus};
use crate::columns;
use crate::error::InventoryError;
use crate::events;
use crate::expiry::{self, EXPIRED, Expired};
use crate::holder::Holder;
use crate::ledger::{self, Booked, Entry, Figures, Guard, Place, Reason};
use crate::queue::ServedOrder;
use crate::record::{self, AllocationRecord, Found, Owner};

/// The cause an allocation is cancelled with by the service that asked for it.
const RELEASED: &str = "RELEASED";

/// What has become of an allocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AllocationTransition {
    /// The allocation as it is now.
    pub record: AllocationRecord,
    /// What changed; empty if it was so already.
    pub changed: Vec<AllocationChange>,
    /// Who waited and was allocated what came free.
    pub served: Vec<ServedOrder>,
}

/// Confirms an allocation: it is held for good and does not expire any more; cancels it: what it holds is given back,
/// and whoever waits for it is served; or fulfils it: what it holds has left the warehouse and is booked out.
///
/// # Errors
/// [`InventoryError::UnknownAllocation`], [`InventoryError::OwnedByOrder`];
/// [`InventoryError::AllocationExpired`] if it is to be confirmed and its time is over;
/// [`InventoryError::InvalidTransition`] for what may not follow: only what is pending is confirmed, only what is
/// confirmed is fulfilled, and nothing that is fulfilled is cancelled; [`InventoryError::Database`].
pub async fn change_allocation(
    conn: &mut PgConnection,
    id: &AllocationId,
    holder: Option<Holder>,
    to: AllocationStatus,
    correlation_id: &str,
) -> Result<AllocationTransition, InventoryError> {
    let seen = record::find(conn, id).await?.record;
    if !seen.epoch.is_shown_to(holder) {
        // Somebody else's: it is not told from one that is not there.
        return Err(InventoryError::UnknownAllocation { allocation_id: id.clone() });
    }
    if seen.owner == Owner::Order {
        return Err(InventoryError::OwnedByOrder { order_id: seen.order_id });
    }
    let place = Place::new(&seen.allocation.sku, &seen.allocation.warehouse);
    let figures = ledger::lock(conn, &[place.sku.to_string()]).await?;
    record::lock_headers(conn, &[seen.header()]).await?;
    // Read again: whoever had the locks before may have changed it.
    let Found { record, overdue } = record::find(conn, id).await?;
    if record.allocation.status == to {
        return Ok(AllocationTransition { record, changed: Vec::new(), served: Vec::new() });
    }
    refuse(&record, overdue, to)?;
    // Of a reservation's, some may have left before.
    let held = record.allocation.held();
    let record = write(conn, id, record.allocation.status, to).await?;
    let Expired { changed, served } = match to {
        AllocationStatus::Pending | AllocationStatus::Confirmed => {
            let figures = figures.get(&place).copied().unwrap_or_default();
            unmoved(conn, &record, held, figures, correlation_id).await?
        }
        AllocationStatus::Fulfilled => book_out(conn, &record, held, correlation_id).await?,
        AllocationStatus::Cancelled => {
            let cancelled = std::slice::from_ref(&record);
            expiry::give_back(conn, Reason::Release, Some(id.as_str()), cancelled, correlation_id).await?
        }
    };
    if !to.is_active() {
        record::settle_headers(conn, &[record.header()]).await?;
    }
    Ok(AllocationTransition { record, changed, served })
}

/// The table of what may become of what.
fn refuse(record: &AllocationRecord, overdue: bool, to: AllocationStatus) -> Result<(), InventoryError> {
    use AllocationStatus::{Cancelled, Confirmed, Fulfilled, Pending};
    let from = record.allocation.status;
    let expired = overdue || record.allocation.cause.as_deref() == Some(EXPIRED);
    match (from, to) {
        (Pending | Cancelled, Confirmed) if expired => Err(InventoryError::AllocationExpired),
        (Pending, Confirmed | Cancelled) | (Confirmed, Fulfilled | Cancelled) => Ok(()),
        _ => Err(InventoryError::InvalidTransition { from, to }),
    }
}

/// Writes the status where it still is what was read. The locks see to that; the guard would show if
/// they did not.
async fn write(
    conn: &mut PgConnection,
    id: &AllocationId,
    from: AllocationStatus,
    to: AllocationStatus,
) -> Result<AllocationRecord, InventoryError> {
    let cause = (to == AllocationStatus::Cancelled).then_some(RELEASED);
    Ok(sqlx::query_as(
        "UPDATE inventory.allocations
         SET status = $3, cause = $4, updated_at = now(),
             fulfilled_quantity = CASE $3 WHEN 'FULFILLED' THEN quantity ELSE fulfilled_quantity END
         WHERE allocation_id = $1 AND status = $2
         RETURNING allocation_id, line_id, sku, warehouse, quantity, fulfilled_quantity, status, cause,
                   order_id, epoch, expires_at, created_at, updated_at",
    )
    .bind(id.as_str())
    .bind(from.as_str())
    .bind(to.as_str())
    .bind(cause)
    .fetch_one(conn)
    .await?)
}

/// A change that moves no stock.
async fn unmoved(
    conn: &mut PgConnection,
    record: &AllocationRecord,
    held: u64,
    figures: Figures,
    correlation_id: &str,
) -> Result<Expired, InventoryError> {
    let changed = [record.change(held, Booked { before: figures, after: figures })];
    let changed = events::announce_allocations(conn, correlation_id, changed).await?;
    Ok(Expired { changed, served: Vec::new() })
}

async fn book_out(
    conn: &mut PgConnection,
    record: &AllocationRecord,
    held: u64,
    correlation_id: &str,
) -> Result<Expired, InventoryError> {
    let allocation = &record.allocation;
    let out = -columns::whole(held)?;
    let place = Place::new(&allocation.sku, &allocation.warehouse);
    let entry = Entry { on_hand: out, reserved: out, ..Entry::of(&record.order_id, place) };
    let reference = Some(allocation.allocation_id.as_str());
    let booked = ledger::book(conn, Reason::Fulfilment, reference, &[entry], Guard::None).await?;
    let changed = booked.into_iter().flatten().map(|booked| record.change(held, booked));
    let changed = events::announce_allocations(conn, correlation_id, changed).await?;
    Ok(Expired { changed, served: Vec::new() })
}

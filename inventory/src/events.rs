//! What changes of stock tell other systems, in the transaction and under the locks that made them.

use outbox::{
    AllocationEvent, AllocationEventKind, CancelCause, Event, PlaceFigures, StockCause, StockChanged,
};
use sqlx::PgConnection;

use crate::allocation::{AllocationChange, AllocationStatus};
use crate::error::InventoryError;
use crate::expiry::EXPIRED;
use crate::ledger::{Booked, Place};
use crate::provisional::NOT_CONFIRMED;
use crate::release::ORDER_CANCELLED;

/// Tells of each change, in their sequence, and returns them.
pub(crate) async fn announce_allocations(
    conn: &mut PgConnection,
    correlation_id: &str,
    changes: impl IntoIterator<Item = AllocationChange>,
) -> Result<Vec<AllocationChange>, InventoryError> {
    let changes = Vec::from_iter(changes);
    let events: Vec<Event> = changes.iter().flat_map(events_of).collect();
    outbox::append(conn, correlation_id, &events).await?;
    Ok(changes)
}

/// Tells of stock that changed while no allocation did.
pub(crate) async fn announce_stock(
    conn: &mut PgConnection,
    correlation_id: &str,
    cause: StockCause,
    changes: impl IntoIterator<Item = (Place, Booked)>,
) -> Result<(), InventoryError> {
    let event = |(Place { sku, warehouse }, Booked { before, after }): (Place, Booked)| {
        Event::StockChanged(StockChanged {
            sku,
            warehouse_id: warehouse,
            cause,
            previous_on_hand: before.on_hand,
            new_on_hand: after.on_hand,
            previous_available: before.available(),
            new_available: after.available(),
        })
    };
    let events: Vec<Event> = changes.into_iter().map(event).collect();
    Ok(outbox::append(conn, correlation_id, &events).await?)
}

/// One that is held for good from the start was made and confirmed at once: the first event has the figures that
/// moved, and the second changes none.
fn events_of(change: &AllocationChange) -> Vec<Event> {
    let moved = PlaceFigures {
        previous_available_quantity: change.previous_available,
        new_available_quantity: change.new_available,
        previous_reserved_quantity: change.previous_reserved,
        new_reserved_quantity: change.new_reserved,
    };
    let event = |status, figures| Event::Allocation(kind_of(status), event_of(change, status, figures));
    if !change.made_and_confirmed {
        return vec![event(change.status, moved)];
    }
    let unmoved = PlaceFigures {
        previous_available_quantity: change.new_available,
        previous_reserved_quantity: change.new_reserved,
        ..moved
    };
    vec![event(AllocationStatus::Pending, moved), event(AllocationStatus::Confirmed, unmoved)]
}

fn kind_of(status: AllocationStatus) -> AllocationEventKind {
    match status {
        AllocationStatus::Pending => AllocationEventKind::Created,
        AllocationStatus::Confirmed => AllocationEventKind::Confirmed,
        AllocationStatus::Cancelled => AllocationEventKind::Cancelled,
        AllocationStatus::Fulfilled => AllocationEventKind::Fulfilled,
    }
}

fn event_of(change: &AllocationChange, status: AllocationStatus, figures: PlaceFigures) -> AllocationEvent {
    AllocationEvent {
        allocation_id: change.allocation_id.as_str().to_owned(),
        order_id: change.order_id.clone(),
        order_item_id: change.line_id.clone(),
        inventory_item_id: change.sku.clone(),
        sku: change.sku.clone(),
        product_id: change.sku.clone(),
        warehouse_id: change.warehouse.clone(),
        quantity: change.quantity,
        status: status.as_str(),
        expires_at: change.expires_at,
        cause: (status == AllocationStatus::Cancelled).then(|| cause_of(change.cause.as_deref())),
        inventory_item_details: figures,
    }
}

/// Causes are kept in words; consumers know three of them.
fn cause_of(cause: Option<&str>) -> CancelCause {
    match cause {
        Some(EXPIRED | NOT_CONFIRMED) => CancelCause::Expired,
        Some(ORDER_CANCELLED) => CancelCause::OrderCancelled,
        _ => CancelCause::Released,
    }
}

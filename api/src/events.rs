//! What other systems hear of allocations, written in the transaction that changed them.

use inventory::{AllocationChange, AllocationStatus};
use orders::{
    OrdersError,
    outbox::{self, Event},
};
use serde_json::json;
use sqlx::PgConnection;

/// Appends an event for each change.
pub(crate) async fn allocations(
    conn: &mut PgConnection,
    changes: &[AllocationChange],
    correlation_id: &str,
) -> Result<(), OrdersError> {
    for change in changes {
        let event = Event {
            event_type: event_type(change.status),
            aggregate_type: "Allocation",
            aggregate_id: change.allocation_id.as_str(),
            correlation_id,
            payload: json!({
                "allocationId": change.allocation_id,
                "orderId": change.order_id,
                "orderItemId": change.line_id,
                "inventoryItemId": change.sku,
                "sku": change.sku,
                "warehouseId": change.warehouse,
                "quantity": change.quantity,
                "status": change.status,
                "inventoryItemDetails": {
                    "previousAvailableQuantity": change.previous_available,
                    "newAvailableQuantity": change.new_available,
                    "previousReservedQuantity": change.previous_reserved,
                    "newReservedQuantity": change.new_reserved,
                },
            }),
        };
        outbox::append(conn, &event).await?;
    }
    Ok(())
}

fn event_type(status: AllocationStatus) -> &'static str {
    match status {
        AllocationStatus::Pending => "AllocationCreated",
        AllocationStatus::Confirmed => "AllocationConfirmed",
        AllocationStatus::Fulfilled => "AllocationFulfilled",
        AllocationStatus::Cancelled => "AllocationCancelled",
    }
}

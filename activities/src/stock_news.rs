//! What a change of stock tells others: events of allocations, and a message for each order that
//! waited and was served. Written in the transaction that changed the stock.

use std::time::Duration;

use inventory::{AllocationChange, AllocationStatus, ServedOrder};
use orders::{
    OrdersError,
    inbox::{self, NewMessage, Source},
    outbox::{self, Event},
};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

/// Appends an event for each change.
pub(crate) async fn announce(
    conn: &mut PgConnection,
    correlation_id: &str,
    changes: &[AllocationChange],
) -> Result<(), OrdersError> {
    for change in changes {
        let event_type = match change.status {
            AllocationStatus::Pending => "AllocationCreated",
            AllocationStatus::Confirmed => "AllocationConfirmed",
            AllocationStatus::Fulfilled => "AllocationFulfilled",
            AllocationStatus::Cancelled => "AllocationCancelled",
        };
        let event = Event {
            event_type,
            aggregate_type: "Allocation",
            aggregate_id: change.allocation_id.as_str(),
            correlation_id,
            payload: json!(change),
        };
        outbox::append(conn, &event).await?;
    }
    Ok(())
}

/// Leaves a message for each order that waited and was served, with the events of its allocations.
pub(crate) async fn wake(
    conn: &mut PgConnection,
    correlation_id: &str,
    served: &[ServedOrder],
) -> Result<(), OrdersError> {
    for order in served {
        announce(conn, correlation_id, &order.allocated).await?;
        let body = json!({"orderId": order.order_id}).to_string();
        let message = NewMessage {
            source: Source::Inventory,
            shop: "",
            message_id: &format!("stock/{}/{}", order.order_id, Uuid::now_v7()),
            topic: "stock-available",
            headers: json!({}),
            body: body.as_bytes(),
            sweep_after: Duration::ZERO,
        };
        inbox::insert(conn, &message).await?;
    }
    Ok(())
}

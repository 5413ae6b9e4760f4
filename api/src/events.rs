//! What other systems hear of allocations, written in the transaction that changed them.

use intake::settings::SWEEP_AFTER;
use inventory::{AllocationChange, ServedOrder};
use orders::{
    OrdersError,
    inbox::{self, Message},
    outbox::{self, Event},
};
use sqlx::PgConnection;

/// Appends an event for each change.
pub(crate) async fn allocations(
    conn: &mut PgConnection,
    changes: &[AllocationChange],
    correlation_id: &str,
) -> Result<(), OrdersError> {
    let events: Vec<Event<'_>> = changes
        .iter()
        .map(|change| Event {
            event_type: change.event_type(),
            aggregate_type: "Allocation",
            aggregate_id: change.allocation_id.as_str(),
            correlation_id,
            payload: change.event_payload(),
        })
        .collect();
    outbox::append_all(conn, &events).await
}

/// Appends the events of orders that waited and were served, and leaves each order's run the message
/// that its stock is there. The messages are to be offered to the queue once they are committed.
pub(crate) async fn served(
    conn: &mut PgConnection,
    served: &[ServedOrder],
    correlation_id: &str,
) -> Result<Vec<Message>, OrdersError> {
    let mut messages = Vec::with_capacity(served.len());
    for order in served {
        allocations(conn, &order.allocated, correlation_id).await?;
        messages.extend(inbox::insert_stock_available(conn, &order.order_id, SWEEP_AFTER).await?);
    }
    Ok(messages)
}

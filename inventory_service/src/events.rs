//! What a change of stock tells others: events of allocations, and a message for each order that
//! waited and was served. Written in the transaction that changed the stock.

use std::time::Duration;

use inventory::{AllocationChange, Holder, ServedOrder};
use orders::{
    OrdersError,
    inbox::{self, Message},
    outbox::{self, Event},
};
use sqlx::PgConnection;

/// Appends an event for each change.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn announce(
    conn: &mut PgConnection,
    correlation_id: &str,
    changes: &[AllocationChange],
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

/// Leaves a message for each order that waited and was served, with the events of its allocations.
/// Whoever is told of the messages has `sweep_after` to dispatch them before a sweeper does.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn wake(
    conn: &mut PgConnection,
    correlation_id: &str,
    served: &[ServedOrder],
    sweep_after: Duration,
) -> Result<Vec<Message>, OrdersError> {
    let mut messages = Vec::with_capacity(served.len());
    for order in served {
        announce(conn, correlation_id, &order.allocated).await?;
        // Another system asks what it was served.
        if order.epoch.holder() == Holder::OURS {
            messages.extend(inbox::insert_stock_available(conn, &order.order_id, sweep_after).await?);
        }
    }
    Ok(messages)
}

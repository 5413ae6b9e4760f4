//! What other systems hear of allocations, written in the transaction that changed them.

use intake::settings::SWEEP_AFTER;
use inventory::{AllocationChange, ServedOrder};
use orders::{OrdersError, inbox::Message};
use sqlx::PgConnection;

/// Appends an event for each change.
pub(crate) async fn allocations(
    conn: &mut PgConnection,
    changes: &[AllocationChange],
    correlation_id: &str,
) -> Result<(), OrdersError> {
    inventory_service::announce(conn, correlation_id, changes).await
}

/// Appends the events of orders that waited and were served, and leaves each order's run the message
/// that its stock is there. The messages are to be offered to the queue once they are committed.
pub(crate) async fn served(
    conn: &mut PgConnection,
    served: &[ServedOrder],
    correlation_id: &str,
) -> Result<Vec<Message>, OrdersError> {
    inventory_service::wake(conn, correlation_id, served, SWEEP_AFTER).await
}

//! What other systems hear of allocations, written in the transaction that changed them.

use inventory::AllocationChange;
use orders::{
    OrdersError,
    outbox::{self, Event},
};
use sqlx::PgConnection;

/// Appends an event for each change.
pub(crate) async fn allocations(
    conn: &mut PgConnection,
    changes: &[AllocationChange],
    correlation_id: &str,
) -> Result<(), OrdersError> {
    for change in changes {
        let event = Event {
            event_type: change.event_type(),
            aggregate_type: "Allocation",
            aggregate_id: change.allocation_id.as_str(),
            correlation_id,
            payload: change.event_payload(),
        };
        outbox::append(conn, &event).await?;
    }
    Ok(())
}

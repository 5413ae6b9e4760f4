//! Events on their way out, written in the transaction that made them true.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::OrdersError;

/// An event to be published. It holds no personal data.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// For example `AllocationConfirmed`.
    pub event_type: &'a str,
    /// `Order`, `Allocation` or `InventoryItem`.
    pub aggregate_type: &'a str,
    /// Events of one aggregate are published in order.
    pub aggregate_id: &'a str,
    /// Ties together what one request caused.
    pub correlation_id: &'a str,
    /// The event's own members.
    pub payload: Value,
}

/// Appends an event.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn append(conn: &mut PgConnection, event: &Event<'_>) -> Result<(), OrdersError> {
    sqlx::query(
        "INSERT INTO integration.outbox
             (event_id, event_type, aggregate_type, aggregate_id, correlation_id, payload)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(Uuid::now_v7())
    .bind(event.event_type)
    .bind(event.aggregate_type)
    .bind(event.aggregate_id)
    .bind(event.correlation_id)
    .bind(&event.payload)
    .execute(conn)
    .await?;
    Ok(())
}

/// Appends events in one statement, in their sequence.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn append_all(conn: &mut PgConnection, events: &[Event<'_>]) -> Result<(), OrdersError> {
    if events.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO integration.outbox
             (event_id, event_type, aggregate_type, aggregate_id, correlation_id, payload)
         SELECT event_id, event_type, aggregate_type, aggregate_id, correlation_id, payload
         FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[]) WITH ORDINALITY
              AS new(event_id, event_type, aggregate_type, aggregate_id, correlation_id, payload, position)
         ORDER BY position",
    )
    .bind(events.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>())
    .bind(events.iter().map(|event| event.event_type).collect::<Vec<_>>())
    .bind(events.iter().map(|event| event.aggregate_type).collect::<Vec<_>>())
    .bind(events.iter().map(|event| event.aggregate_id).collect::<Vec<_>>())
    .bind(events.iter().map(|event| event.correlation_id).collect::<Vec<_>>())
    .bind(events.iter().map(|event| &event.payload).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

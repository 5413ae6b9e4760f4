//! Where events go.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

/// An event as a sink gets it.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct Outgoing {
    pub outbox_id: i64,
    /// The same however often it is published.
    pub event_id: Uuid,
    pub event_type: String,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub correlation_id: String,
    pub payload: Value,
    pub occurred_at: DateTime<Utc>,
    pub stream: String,
    /// Which of its stream it is, from 1.
    pub sequence: i64,
    pub partition_key: String,
    pub lane: i16,
}

/// That nothing is left to do about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// The sink has it.
    Taken,
    /// It is none of those that this sink publishes.
    NotWanted,
}

/// Why an event was not published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkError {
    /// The sink takes nothing now, as far as can be told. If it takes others all the same, this event's stream alone waits.
    Away(String),
    /// The sink does not take this event. A code or a sentence without personal data.
    Refused(String),
}

/// Something events are published to.
pub trait Sink: Send + Sync {
    /// Its name in the database.
    fn name(&self) -> &str;

    /// Publishes an event; done when the sink has it for good. It may be asked again for what it has already.
    fn publish(&self, event: &Outgoing) -> impl Future<Output = Result<Done, SinkError>> + Send;
}

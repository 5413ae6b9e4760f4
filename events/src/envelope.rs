//! An event as consumers read it, whatever the broker: the envelope, and CloudEvents 1.0 attributes beside it in binary
//! mode. Names and members are a contract.

use chrono::{DateTime, Utc};
use outbox::Outgoing;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// Members may be added under it, never changed.
const VERSION: &str = "1.0.0";

/// The body of a message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    event_id: Uuid,
    event_type: &'a str,
    event_version: &'static str,
    aggregate_id: &'a str,
    aggregate_type: &'a str,
    timestamp: DateTime<Utc>,
    metadata: Metadata<'a>,
    payload: &'a Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    correlation_id: &'a str,
    source: &'a str,
}

/// The event under the name that this broker's consumers know.
pub(crate) fn body(event: &Outgoing, event_type: &str, source: &str) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Envelope {
        event_id: event.event_id,
        event_type,
        event_version: VERSION,
        aggregate_id: &event.aggregate_id,
        aggregate_type: &event.aggregate_type,
        timestamp: event.occurred_at,
        metadata: Metadata { correlation_id: &event.correlation_id, source },
        payload: &event.payload,
    })
}

/// The CloudEvents attributes, by their names without a prefix.
pub(crate) fn attributes(event: &Outgoing, event_type: &str, source: &str) -> [(&'static str, String); 7] {
    [
        ("specversion", "1.0".to_owned()),
        ("id", event.event_id.to_string()),
        ("type", event_type.to_owned()),
        ("source", source.to_owned()),
        ("time", event.occurred_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)),
        ("subject", event.aggregate_id.clone()),
        // Sorts as text.
        ("sequence", format!("{:020}", event.sequence)),
    ]
}

#[cfg(test)]
mod tests;

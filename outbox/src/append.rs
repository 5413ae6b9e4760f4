//! The one place that writes events.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Event, Stream};

/// Streams are locked in their order and counted on first; the events are numbered from there, in their sequence.
/// An id is drawn when its row is written, and by then every stream is locked.
const APPEND: &str = "
WITH new AS (
    SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::text[], $7::text[])
        WITH ORDINALITY AS n (event_id, event_type, aggregate_type, aggregate_id, payload, stream, partition_key,
                              position)
), counted AS (
    INSERT INTO integration.streams AS s (stream, sequence)
    SELECT stream, count(*) FROM new GROUP BY stream ORDER BY stream
    ON CONFLICT ON CONSTRAINT streams_pk DO UPDATE SET sequence = s.sequence + EXCLUDED.sequence
    RETURNING stream, sequence
), written AS (
    INSERT INTO integration.outbox
        (event_id, event_type, aggregate_type, aggregate_id, correlation_id, payload, stream, partition_key, lane,
         sequence)
    SELECT event_id, event_type, aggregate_type, aggregate_id, $8, payload, stream, partition_key,
           hashtextextended(partition_key, 0) & 15,
           counted.sequence - count(*) OVER (PARTITION BY stream)
               + row_number() OVER (PARTITION BY stream ORDER BY position)
    FROM new JOIN counted USING (stream)
    ORDER BY position
    RETURNING outbox_id, occurred_at, lane, stream, event_type
)
INSERT INTO integration.deliveries (sink, outbox_id, occurred_at, lane, stream)
SELECT sink, outbox_id, occurred_at, lane, stream
FROM written JOIN integration.sinks s ON s.event_types IS NULL OR written.event_type = ANY (s.event_types)";

/// Writes events in their sequence, in the caller's transaction, which holds the locks of what they tell of. The
/// correlation id ties together what one request caused.
///
/// # Errors
/// The database's.
pub async fn append(
    conn: &mut PgConnection,
    correlation_id: &str,
    events: &[Event],
) -> Result<(), sqlx::Error> {
    if events.is_empty() {
        return Ok(());
    }
    let streams: Vec<Stream> = events.iter().map(Event::stream).collect();
    let payloads = events.iter().map(Event::payload).collect::<Result<Vec<_>, _>>();
    let payloads = payloads.map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query(APPEND)
        .bind(events.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>())
        .bind(events.iter().map(Event::event_type).collect::<Vec<_>>())
        .bind(events.iter().map(Event::aggregate_type).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.aggregate_id()).collect::<Vec<_>>())
        .bind(payloads)
        .bind(streams.iter().map(ToString::to_string).collect::<Vec<_>>())
        .bind(streams.iter().map(Stream::key).collect::<Vec<_>>())
        .bind(correlation_id)
        .execute(conn)
        .await?;
    Ok(())
}

//! What is still to be published: what is due, and what was refused.

use std::time::Duration;

use sqlx::{FromRow, PgConnection, PgPool};

use crate::{relay::RelaySettings, sink::Outgoing};

/// How many times as many events as are taken are looked at for some of other streams.
const LOOKED_AT: u32 = 8;

/// The next events of these lanes in the order of their ids, some of each stream, but none of a stream that waits behind
/// one that was not taken.
pub(crate) async fn due(
    pool: &PgPool,
    sink: &str,
    lanes: &[i16],
    batch: u32,
    of_a_stream: u32,
) -> Result<Vec<Outgoing>, sqlx::Error> {
    sqlx::query_as(
        "SELECT o.outbox_id, o.event_id, o.event_type, o.aggregate_type, o.aggregate_id, o.correlation_id, o.payload,
                o.occurred_at, o.stream, o.sequence, o.partition_key, o.lane
         FROM unnest($2::smallint[]) AS l (lane)
         CROSS JOIN LATERAL (
             SELECT outbox_id, occurred_at FROM (
                 SELECT outbox_id, occurred_at, row_number() OVER (PARTITION BY stream ORDER BY outbox_id) AS place
                 FROM (
                     SELECT d.outbox_id, d.occurred_at, d.stream FROM integration.deliveries d
                     WHERE d.sink = $1 AND d.lane = l.lane AND NOT d.parked
                       AND NOT EXISTS (SELECT FROM integration.deliveries h
                                       WHERE h.sink = $1 AND h.stream = d.stream AND h.last_error IS NOT NULL
                                         AND (h.dead_at IS NOT NULL OR h.next_attempt_at > now()))
                     ORDER BY d.outbox_id LIMIT $5
                 ) AS looked_at
             ) AS d WHERE place <= $4 ORDER BY outbox_id LIMIT $3
         ) AS d
         JOIN integration.outbox o ON o.outbox_id = d.outbox_id AND o.occurred_at = d.occurred_at
         ORDER BY o.outbox_id",
    )
    .bind(sink)
    .bind(lanes)
    .bind(i64::from(batch))
    .bind(i64::from(of_a_stream))
    .bind(i64::from(batch.saturating_mul(LOOKED_AT)))
    .fetch_all(pool)
    .await
}

/// Takes away what is done.
pub(crate) async fn take_away(pool: &PgPool, sink: &str, done: &[i64]) -> Result<(), sqlx::Error> {
    if done.is_empty() {
        return Ok(());
    }
    sqlx::query("DELETE FROM integration.deliveries WHERE sink = $1 AND outbox_id = ANY ($2)")
        .bind(sink)
        .bind(done)
        .execute(pool)
        .await?;
    Ok(())
}

/// Notes what was not taken: tried again later, or dead, which no event is that is younger than this.
pub(crate) async fn hold(
    pool: &PgPool,
    sink: &str,
    held: &[(i64, String)],
    younger_lives: Duration,
    settings: &RelaySettings,
) -> Result<(), sqlx::Error> {
    if held.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE integration.deliveries d
         SET attempts = d.attempts + 1, last_error = r.error,
             next_attempt_at = now() + least($4 * power(2, least(d.attempts, 20)), $5) * interval '1 second',
             dead_at = CASE WHEN d.attempts + 1 >= $6 AND d.occurred_at <= now() - $7 * interval '1 second'
                            THEN now() END
         FROM unnest($2::bigint[], $3::text[]) AS r (outbox_id, error)
         WHERE d.sink = $1 AND d.outbox_id = r.outbox_id AND d.dead_at IS NULL",
    )
    .bind(sink)
    .bind(held.iter().map(|(outbox_id, _)| *outbox_id).collect::<Vec<_>>())
    .bind(held.iter().map(|(_, error)| error.as_str()).collect::<Vec<_>>())
    .bind(settings.first_pause.as_secs_f64())
    .bind(settings.longest_pause.as_secs_f64())
    .bind(i64::from(settings.most_attempts))
    .bind(younger_lives.as_secs_f64())
    .execute(pool)
    .await?;
    Ok(())
}

/// Puts what waits behind dead events of these lanes out of sight, so that nobody looks through it again and again.
pub(crate) async fn park(pool: &PgPool, sink: &str, lanes: &[i16]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "WITH dead AS MATERIALIZED (
             SELECT lane, stream FROM integration.deliveries
             WHERE sink = $1 AND dead_at IS NOT NULL AND lane = ANY ($2)
               AND stream IN (SELECT stream FROM integration.deliveries
                              WHERE sink = $1 AND lane = ANY ($2) AND NOT parked)
             ORDER BY outbox_id FOR SHARE
         )
         UPDATE integration.deliveries d SET parked = true FROM dead
         WHERE d.sink = $1 AND d.lane = dead.lane AND d.stream = dead.stream AND NOT d.parked",
    )
    .bind(sink)
    .bind(lanes)
    .execute(pool)
    .await?;
    Ok(())
}

/// How far a sink is behind.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct Backlog {
    pub sink: String,
    /// Events it could have and does not have yet, counted up to a hundred thousand: not those that are dead, nor those
    /// that wait behind them.
    pub waiting: i64,
    /// The age of the oldest of them, in seconds.
    pub oldest_seconds: f64,
    pub dead: i64,
}

/// How far each sink is behind.
///
/// # Errors
/// The database's.
pub async fn backlog(conn: &mut PgConnection) -> Result<Vec<Backlog>, sqlx::Error> {
    sqlx::query_as(
        "SELECT s.sink, w.waiting, COALESCE(extract(epoch FROM now() - first.occurred_at), 0)::float8 AS oldest_seconds,
                x.dead
         FROM integration.sinks s
         CROSS JOIN LATERAL (SELECT count(*) AS waiting FROM (
             SELECT FROM integration.deliveries WHERE sink = s.sink AND NOT parked AND dead_at IS NULL LIMIT 100000
         ) AS counted) AS w
         LEFT JOIN LATERAL (
             SELECT min(occurred_at) AS occurred_at FROM unnest(ARRAY[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]) AS l (lane)
             CROSS JOIN LATERAL (
                 SELECT occurred_at FROM integration.deliveries
                 WHERE sink = s.sink AND lane = l.lane AND NOT parked AND dead_at IS NULL ORDER BY outbox_id LIMIT 1
             ) AS head
         ) AS first ON true
         CROSS JOIN LATERAL (SELECT count(*) AS dead FROM integration.deliveries
                             WHERE sink = s.sink AND dead_at IS NOT NULL) AS x
         ORDER BY s.sink",
    )
    .fetch_all(conn)
    .await
}

/// Takes away some of what was left for sinks that are gone; true if there may be more.
///
/// # Errors
/// The database's.
pub async fn forget_removed(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    const AT_ONCE: i64 = 5_000;
    let gone = sqlx::query(
        "DELETE FROM integration.deliveries d USING (
             SELECT sink, outbox_id FROM integration.deliveries
             WHERE sink = ANY (ARRAY(SELECT sink FROM integration.removed_sinks)) LIMIT $1
         ) AS g WHERE d.sink = g.sink AND d.outbox_id = g.outbox_id",
    )
    .bind(AT_ONCE)
    .execute(&mut *conn)
    .await?;
    if gone.rows_affected() == 0 {
        // Nobody's transaction is as old as that.
        sqlx::query("DELETE FROM integration.removed_sinks WHERE removed_at < now() - interval '1 day'")
            .execute(conn)
            .await?;
    }
    Ok(gone.rows_affected() == AT_ONCE.unsigned_abs())
}

/// Adds a sink, which gets what is written from then on. Adding it again changes nothing.
///
/// # Errors
/// The database's.
pub async fn add_sink(conn: &mut PgConnection, sink: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO integration.sinks (sink) VALUES ($1) ON CONFLICT ON CONSTRAINT sinks_pk DO NOTHING",
    )
    .bind(sink)
    .execute(conn)
    .await?;
    Ok(())
}

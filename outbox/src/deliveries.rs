//! What is still to be published: what is due, what was refused, what is dead, and what a person decides of that.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, PgPool};

use crate::{relay::RelaySettings, sink::Outgoing};

/// The next events of these lanes in the order of their ids, but those of a stream that waits behind one that was
/// refused.
pub(crate) async fn due(
    pool: &PgPool,
    sink: &str,
    lanes: &[i16],
    batch: u32,
) -> Result<Vec<Outgoing>, sqlx::Error> {
    sqlx::query_as(
        "SELECT o.outbox_id, o.event_id, o.event_type, o.aggregate_type, o.aggregate_id, o.correlation_id, o.payload,
                o.occurred_at, o.stream, o.sequence, o.partition_key, o.lane
         FROM unnest($2::smallint[]) AS l (lane)
         CROSS JOIN LATERAL (
             SELECT d.outbox_id, d.occurred_at FROM integration.deliveries d
             WHERE d.sink = $1 AND d.lane = l.lane
               AND NOT EXISTS (SELECT FROM integration.deliveries h
                               WHERE h.sink = $1 AND h.stream = d.stream AND h.attempts > 0
                                 AND (h.dead_at IS NOT NULL OR h.next_attempt_at > now()))
             ORDER BY d.outbox_id LIMIT $3
         ) AS d
         JOIN integration.outbox o ON o.outbox_id = d.outbox_id AND o.occurred_at = d.occurred_at
         ORDER BY o.outbox_id",
    )
    .bind(sink)
    .bind(lanes)
    .bind(i64::from(batch))
    .fetch_all(pool)
    .await
}

/// Takes away what was published, and notes what was refused: tried again later, or dead.
pub(crate) async fn note(
    pool: &PgPool,
    sink: &str,
    published: &[i64],
    refused: &[(i64, String)],
    settings: &RelaySettings,
) -> Result<(), sqlx::Error> {
    if !published.is_empty() {
        sqlx::query("DELETE FROM integration.deliveries WHERE sink = $1 AND outbox_id = ANY ($2)")
            .bind(sink)
            .bind(published)
            .execute(pool)
            .await?;
    }
    if refused.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE integration.deliveries d
         SET attempts = d.attempts + 1, last_error = r.error,
             next_attempt_at = now() + least($4 * power(2, least(d.attempts, 20)), $5) * interval '1 second',
             dead_at = CASE WHEN d.attempts + 1 >= $6 THEN now() END
         FROM unnest($2::bigint[], $3::text[]) AS r (outbox_id, error)
         WHERE d.sink = $1 AND d.outbox_id = r.outbox_id AND d.dead_at IS NULL",
    )
    .bind(sink)
    .bind(refused.iter().map(|(outbox_id, _)| *outbox_id).collect::<Vec<_>>())
    .bind(refused.iter().map(|(_, error)| error.as_str()).collect::<Vec<_>>())
    .bind(settings.first_pause.as_secs_f64())
    .bind(settings.longest_pause.as_secs_f64())
    .bind(i64::from(settings.most_attempts))
    .execute(pool)
    .await?;
    Ok(())
}

/// Which dead events are meant; all of them where nothing is said.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub sink: Option<String>,
    pub event_type: Option<String>,
    /// The order's id, or the SKU.
    pub key: Option<String>,
    /// Dead for at least so long.
    pub dead_for: Option<Duration>,
    /// A part of what the sink said.
    pub error: Option<String>,
}

/// An event a sink refused until it was given up.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Dead {
    pub sink: String,
    pub outbox_id: i64,
    pub event_type: String,
    pub partition_key: String,
    pub attempts: i32,
    pub last_error: Option<String>,
    pub dead_at: DateTime<Utc>,
}

/// A part of a WHERE for `d` and `o`, with its parameters from the first on.
const MATCHES: &str = "d.dead_at IS NOT NULL
    AND ($1::text IS NULL OR d.sink = $1) AND ($2::text IS NULL OR o.event_type = $2)
    AND ($3::text IS NULL OR o.partition_key = $3)
    AND ($4::float8 IS NULL OR d.dead_at <= now() - $4 * interval '1 second')
    AND ($5::text IS NULL OR position($5 IN d.last_error) > 0)";

macro_rules! filtered {
    ($query:expr, $filter:expr) => {
        $query
            .bind(&$filter.sink)
            .bind(&$filter.event_type)
            .bind(&$filter.key)
            .bind($filter.dead_for.map(|time| time.as_secs_f64()))
            .bind(&$filter.error)
    };
}

/// The dead events that are meant, oldest first.
///
/// # Errors
/// The database's.
pub async fn dead(conn: &mut PgConnection, filter: &Filter, most: i64) -> Result<Vec<Dead>, sqlx::Error> {
    let sql = format!(
        "SELECT d.sink, d.outbox_id, o.event_type, o.partition_key, d.attempts, d.last_error, d.dead_at
         FROM integration.deliveries d JOIN integration.outbox o USING (outbox_id, occurred_at)
         WHERE {MATCHES} ORDER BY d.outbox_id LIMIT $6"
    );
    filtered!(sqlx::query_as(sqlx::AssertSqlSafe(sql)), filter).bind(most).fetch_all(conn).await
}

/// Has dead events tried again from the beginning, and with them what waits behind them. How many.
///
/// # Errors
/// The database's.
pub async fn redrive(conn: &mut PgConnection, filter: &Filter) -> Result<u64, sqlx::Error> {
    let sql = format!(
        "UPDATE integration.deliveries d SET attempts = 0, dead_at = NULL, next_attempt_at = now()
         FROM integration.outbox o
         WHERE o.outbox_id = d.outbox_id AND o.occurred_at = d.occurred_at AND {MATCHES}"
    );
    let done = filtered!(sqlx::query(sqlx::AssertSqlSafe(sql)), filter).execute(conn).await?;
    Ok(done.rows_affected())
}

/// Gives dead events up: what waits behind them goes on without them. Who decided so and why is kept. How many.
///
/// # Errors
/// The database's.
pub async fn skip(
    conn: &mut PgConnection,
    filter: &Filter,
    skipped_by: &str,
    reason: &str,
) -> Result<u64, sqlx::Error> {
    let sql = format!(
        "WITH gone AS (
             DELETE FROM integration.deliveries d USING integration.outbox o
             WHERE o.outbox_id = d.outbox_id AND o.occurred_at = d.occurred_at AND {MATCHES}
             RETURNING d.sink, d.outbox_id, d.last_error
         )
         INSERT INTO integration.skipped_deliveries (sink, outbox_id, last_error, skipped_by, reason)
         SELECT sink, outbox_id, last_error, $6, $7 FROM gone"
    );
    let query = filtered!(sqlx::query(sqlx::AssertSqlSafe(sql)), filter).bind(skipped_by).bind(reason);
    Ok(query.execute(conn).await?.rows_affected())
}

/// How far a sink is behind.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct Backlog {
    pub sink: String,
    /// Events it does not have yet, dead ones apart.
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
        "SELECT s.sink, count(d.outbox_id) FILTER (WHERE dead_at IS NULL) AS waiting,
                COALESCE(extract(epoch FROM now() - min(d.occurred_at) FILTER (WHERE dead_at IS NULL)), 0)::float8
                    AS oldest_seconds,
                count(d.outbox_id) FILTER (WHERE dead_at IS NOT NULL) AS dead
         FROM integration.sinks s LEFT JOIN integration.deliveries d USING (sink)
         GROUP BY s.sink ORDER BY s.sink",
    )
    .fetch_all(conn)
    .await
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

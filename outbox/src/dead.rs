//! What a sink refused until it was given up, and what a person decides of that.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{Connection, FromRow, PgConnection};
use uuid::Uuid;

/// Which dead events are meant; all of them where nothing is said.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By [`Dead::id`].
    pub ids: Option<Vec<String>>,
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
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct Dead {
    pub sink: String,
    pub outbox_id: i64,
    pub event_id: Uuid,
    pub event_type: String,
    pub partition_key: String,
    /// Which of its stream it is.
    pub sequence: i64,
    pub occurred_at: DateTime<Utc>,
    pub attempts: i32,
    pub last_error: Option<String>,
    pub dead_at: DateTime<Utc>,
    /// Events of its stream that wait behind it.
    pub waiting: i64,
    /// Who had it tried again before.
    pub redriven_by: Option<String>,
    pub payload: Value,
}

impl Dead {
    /// What it is called.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}:{}", self.sink, self.outbox_id)
    }
}

/// A part of a WHERE for `d` and `o`, with its parameters from the first on.
const MATCHES: &str = "d.dead_at IS NOT NULL
    AND ($1::text[] IS NULL OR d.sink || ':' || d.outbox_id = ANY ($1))
    AND ($2::text IS NULL OR d.sink = $2) AND ($3::text IS NULL OR o.event_type = $3)
    AND ($4::text IS NULL OR o.partition_key = $4)
    AND ($5::float8 IS NULL OR d.dead_at <= now() - $5 * interval '1 second')
    AND ($6::text IS NULL OR position($6 IN d.last_error) > 0)";

macro_rules! filtered {
    ($query:expr, $filter:expr) => {
        $query
            .bind(&$filter.ids)
            .bind(&$filter.sink)
            .bind(&$filter.event_type)
            .bind(&$filter.key)
            .bind($filter.dead_for.map(|time| time.as_secs_f64()))
            .bind(&$filter.error)
    };
}

/// The dead events that are meant, oldest first, from the one after `after` (outbox id and sink) on.
///
/// # Errors
/// The database's.
pub async fn dead(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<&(i64, String)>,
    most: i64,
) -> Result<Vec<Dead>, sqlx::Error> {
    let sql = format!(
        "SELECT d.sink, d.outbox_id, o.event_id, o.event_type, o.partition_key, o.sequence, o.occurred_at, d.attempts,
                d.last_error, d.dead_at, o.payload,
                (SELECT redriven_by FROM integration.redriven_deliveries r
                 WHERE r.sink = d.sink AND r.outbox_id = d.outbox_id ORDER BY redriven_at DESC LIMIT 1) AS redriven_by,
                (SELECT count(*) FROM integration.deliveries b WHERE b.sink = d.sink AND b.stream = d.stream AND b.parked
                 AND b.outbox_id > d.outbox_id) AS waiting
         FROM integration.deliveries d JOIN integration.outbox o USING (outbox_id, occurred_at)
         WHERE {MATCHES} AND ($8::bigint IS NULL OR (d.outbox_id, d.sink) > ($8, $9))
         ORDER BY d.outbox_id, d.sink LIMIT $7"
    );
    let (id, sink) = after.map(|(id, sink)| (*id, sink.as_str())).unzip();
    let query = filtered!(sqlx::query_as(sqlx::AssertSqlSafe(sql)), filter);
    query.bind(most).bind(id).bind(sink).fetch_all(conn).await
}

/// How many are meant.
///
/// # Errors
/// The database's.
pub async fn count_dead(conn: &mut PgConnection, filter: &Filter) -> Result<u64, sqlx::Error> {
    let sql = format!(
        "SELECT count(*) FROM integration.deliveries d JOIN integration.outbox o USING (outbox_id, occurred_at)
         WHERE {MATCHES}"
    );
    let count: i64 = filtered!(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)), filter).fetch_one(conn).await?;
    Ok(count.unsigned_abs())
}

/// A dead event that somebody decides about. Whoever parks what waits behind it locks its row too, and looks again: what
/// is let go behind it in a later statement stays let go.
#[derive(FromRow)]
struct Decided {
    sink: String,
    stream: String,
    outbox_id: i64,
    last_error: Option<String>,
}

/// Has dead events tried again from the beginning, and with them what waits behind them. Who decided so is kept. How
/// many.
///
/// # Errors
/// The database's.
pub async fn redrive(
    conn: &mut PgConnection,
    filter: &Filter,
    redriven_by: &str,
) -> Result<u64, sqlx::Error> {
    let sql = format!(
        "SELECT d.sink, d.stream, d.outbox_id, d.last_error
         FROM integration.deliveries d JOIN integration.outbox o USING (outbox_id, occurred_at)
         WHERE {MATCHES} ORDER BY d.outbox_id, d.sink FOR UPDATE OF d"
    );
    let mut tx = conn.begin().await?;
    let meant: Vec<Decided> =
        filtered!(sqlx::query_as(sqlx::AssertSqlSafe(sql)), filter).fetch_all(&mut *tx).await?;
    let (sinks, ids, errors) = columns(&meant);
    sqlx::query(
        "WITH again AS (
             UPDATE integration.deliveries d
             SET attempts = 0, dead_at = NULL, next_attempt_at = now(), parked = false, last_error = NULL
             FROM unnest($1::text[], $2::bigint[]) AS m (sink, outbox_id)
             WHERE d.sink = m.sink AND d.outbox_id = m.outbox_id
         )
         INSERT INTO integration.redriven_deliveries (sink, outbox_id, last_error, redriven_by)
         SELECT sink, outbox_id, error, $4 FROM unnest($1::text[], $2::bigint[], $3::text[]) AS m (sink, outbox_id, error)",
    )
    .bind(&sinks)
    .bind(&ids)
    .bind(&errors)
    .bind(redriven_by)
    .execute(&mut *tx)
    .await?;
    let_go_behind(&mut tx, &meant).await?;
    tx.commit().await?;
    Ok(meant.len() as u64)
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
             RETURNING d.sink, d.stream, d.outbox_id, d.last_error
         ), kept AS (
             INSERT INTO integration.skipped_deliveries (sink, outbox_id, last_error, skipped_by, reason)
             SELECT sink, outbox_id, last_error, $7, $8 FROM gone
         )
         SELECT sink, stream, outbox_id, last_error FROM gone"
    );
    let mut tx = conn.begin().await?;
    let query = filtered!(sqlx::query_as(sqlx::AssertSqlSafe(sql)), filter).bind(skipped_by).bind(reason);
    let gone: Vec<Decided> = query.fetch_all(&mut *tx).await?;
    let_go_behind(&mut tx, &gone).await?;
    tx.commit().await?;
    Ok(gone.len() as u64)
}

fn columns(decided: &[Decided]) -> (Vec<&str>, Vec<i64>, Vec<Option<&str>>) {
    let sinks = decided.iter().map(|one| one.sink.as_str()).collect();
    let ids = decided.iter().map(|one| one.outbox_id).collect();
    (sinks, ids, decided.iter().map(|one| one.last_error.as_deref()).collect())
}

/// A statement of its own, after the one that locked the dead events: it sees what was parked until then.
async fn let_go_behind(conn: &mut PgConnection, decided: &[Decided]) -> Result<(), sqlx::Error> {
    let (sinks, ids, _) = columns(decided);
    sqlx::query(
        "UPDATE integration.deliveries d SET parked = false
         FROM unnest($1::text[], $2::text[], $3::bigint[]) AS m (sink, stream, outbox_id)
         WHERE d.sink = m.sink AND d.stream = m.stream AND d.parked AND d.outbox_id > m.outbox_id",
    )
    .bind(sinks)
    .bind(decided.iter().map(|one| one.stream.as_str()).collect::<Vec<_>>())
    .bind(ids)
    .execute(conn)
    .await?;
    Ok(())
}

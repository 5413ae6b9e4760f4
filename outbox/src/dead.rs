//! Events that died, on their way out or in, and what a person decides of them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{Connection, FromRow, PgConnection};

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

/// Which way an event was going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Direction {
    /// One of ours, which a sink refused until it was given up.
    Out,
    /// One of another system's, on which nobody could act.
    In,
}

/// An event that a person decides about.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct Dead {
    /// What it is called.
    #[sqlx(rename = "letter_id")]
    pub id: String,
    #[sqlx(try_from = "String")]
    pub direction: Direction,
    /// Where it was going, or the broker that brought it.
    pub sink: String,
    pub event_id: String,
    pub event_type: String,
    /// The order's id, or the SKU; of one that came in, what it says itself.
    pub key: Option<String>,
    /// Which of its stream it is, of ours.
    pub sequence: Option<i64>,
    /// Of one that came in: when it came.
    pub occurred_at: DateTime<Utc>,
    pub attempts: i32,
    pub last_error: Option<String>,
    pub dead_at: DateTime<Utc>,
    /// Events of its stream, or of its order, that wait behind it.
    pub waiting: i64,
    /// Who had it tried again before.
    pub redriven_by: Option<String>,
    /// What it says, of ours: no personal data.
    pub payload: Option<Value>,
    /// As it came from another system, personal data and all.
    pub body: Option<Vec<u8>>,
}

impl TryFrom<String> for Direction {
    type Error = strum::ParseError;

    fn try_from(kept: String) -> Result<Self, strum::ParseError> {
        kept.parse()
    }
}

/// A part of a WHERE over the view, with its parameters from the first on.
const MATCHES: &str = "($1::text[] IS NULL OR letter_id = ANY ($1))
    AND ($2::text IS NULL OR sink = $2) AND ($3::text IS NULL OR event_type = $3)
    AND ($4::text IS NULL OR key = $4)
    AND ($5::float8 IS NULL OR dead_at <= now() - $5 * interval '1 second')
    AND ($6::text IS NULL OR position($6 IN last_error) > 0)";

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

/// The dead events that are meant, those that died first before the others, from the one after `after` on.
///
/// # Errors
/// The database's.
pub async fn dead(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<&(DateTime<Utc>, String)>,
    most: i64,
) -> Result<Vec<Dead>, sqlx::Error> {
    let sql = format!(
        "SELECT * FROM integration.dead_letters
         WHERE {MATCHES} AND ($8::timestamptz IS NULL OR (dead_at, letter_id) > ($8, $9))
         ORDER BY dead_at, letter_id LIMIT $7"
    );
    let (at, id) = after.map(|(at, id)| (*at, id.as_str())).unzip();
    let query = filtered!(sqlx::query_as(sqlx::AssertSqlSafe(sql)), filter);
    query.bind(most).bind(at).bind(id).fetch_all(conn).await
}

/// How many are meant.
///
/// # Errors
/// The database's.
pub async fn count_dead(conn: &mut PgConnection, filter: &Filter) -> Result<u64, sqlx::Error> {
    let sql = format!("SELECT count(*) FROM integration.dead_letters WHERE {MATCHES}");
    let count: i64 = filtered!(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)), filter).fetch_one(conn).await?;
    Ok(count.unsigned_abs())
}

/// The numbers of those that are meant and go this way, with their sinks.
async fn meant(
    conn: &mut PgConnection,
    filter: &Filter,
    direction: Direction,
) -> Result<(Vec<String>, Vec<i64>), sqlx::Error> {
    let sql = format!(
        "SELECT sink, number FROM integration.dead_letters WHERE {MATCHES} AND direction = $7 ORDER BY number, sink"
    );
    let query = filtered!(sqlx::query_as(sqlx::AssertSqlSafe(sql)), filter).bind(direction.to_string());
    let meant: Vec<(String, i64)> = query.fetch_all(conn).await?;
    Ok(meant.into_iter().unzip())
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
    let mut tx = conn.begin().await?;
    let again = incoming_again(&mut tx, filter, redriven_by).await?;
    let (sinks, ids) = meant(&mut tx, filter, Direction::Out).await?;
    let meant: Vec<Decided> = sqlx::query_as(
        "SELECT d.sink, d.stream, d.outbox_id, d.last_error
         FROM integration.deliveries d JOIN unnest($1::text[], $2::bigint[]) AS m (sink, outbox_id) USING (sink, outbox_id)
         WHERE d.dead_at IS NOT NULL ORDER BY d.outbox_id, d.sink FOR UPDATE OF d",
    )
    .bind(sinks)
    .bind(ids)
    .fetch_all(&mut *tx)
    .await?;
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
    Ok(meant.len() as u64 + again)
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
    let mut tx = conn.begin().await?;
    let given_up = incoming_skipped(&mut tx, filter, skipped_by, reason).await?;
    let (sinks, ids) = meant(&mut tx, filter, Direction::Out).await?;
    let gone: Vec<Decided> = sqlx::query_as(
        "WITH gone AS (
             DELETE FROM integration.deliveries d USING unnest($1::text[], $2::bigint[]) AS m (sink, outbox_id)
             WHERE d.sink = m.sink AND d.outbox_id = m.outbox_id AND d.dead_at IS NOT NULL
             RETURNING d.sink, d.stream, d.outbox_id, d.last_error
         ), kept AS (
             INSERT INTO integration.skipped_deliveries (sink, outbox_id, last_error, skipped_by, reason)
             SELECT sink, outbox_id, last_error, $3, $4 FROM gone
         )
         SELECT sink, stream, outbox_id, last_error FROM gone",
    )
    .bind(sinks)
    .bind(ids)
    .bind(skipped_by)
    .bind(reason)
    .fetch_all(&mut *tx)
    .await?;
    let_go_behind(&mut tx, &gone).await?;
    tx.commit().await?;
    Ok(gone.len() as u64 + given_up)
}

/// Has dead events of other systems tried again, and what waits behind them after them.
async fn incoming_again(conn: &mut PgConnection, filter: &Filter, by: &str) -> Result<u64, sqlx::Error> {
    let (_, ids) = meant(conn, filter, Direction::In).await?;
    let again = sqlx::query(
        "UPDATE integration.incoming SET state = 'AGAIN', dead_at = NULL, decided_by = $2, decided_at = now()
         WHERE incoming_id = ANY ($1) AND state = 'DEAD'",
    );
    let again = again.bind(&ids).bind(by).execute(&mut *conn).await?.rows_affected();
    go_on_behind(conn, &ids).await?;
    Ok(again)
}

/// Gives dead events of other systems up; what waits behind them has its turn.
async fn incoming_skipped(
    conn: &mut PgConnection,
    filter: &Filter,
    by: &str,
    reason: &str,
) -> Result<u64, sqlx::Error> {
    let (_, ids) = meant(conn, filter, Direction::In).await?;
    let skipped = sqlx::query(
        "UPDATE integration.incoming
         SET state = 'SKIPPED', body = NULL, dead_at = NULL, decided_by = $2, decided_at = now(), reason = $3
         WHERE incoming_id = ANY ($1) AND state = 'DEAD'",
    );
    let skipped = skipped.bind(&ids).bind(by).bind(reason).execute(&mut *conn).await?.rows_affected();
    go_on_behind(conn, &ids).await?;
    Ok(skipped)
}

/// A dead one of the same order, if there is another, stops them anew.
async fn go_on_behind(conn: &mut PgConnection, ids: &[i64]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE integration.incoming b SET state = 'AGAIN' FROM integration.incoming i
         WHERE i.incoming_id = ANY ($1) AND b.source = i.source AND b.order_id = i.order_id AND b.state = 'WAITING'
           AND NOT EXISTS (SELECT FROM integration.incoming d
                           WHERE d.source = b.source AND d.order_id = b.order_id AND d.state = 'DEAD'
                             AND d.incoming_id < b.incoming_id)",
    )
    .bind(ids)
    .execute(conn)
    .await?;
    Ok(())
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

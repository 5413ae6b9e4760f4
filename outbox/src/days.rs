//! Events are kept by days: a day is made before it begins and dropped in one piece when it is old.

use chrono::{DateTime, Days, NaiveDate, Utc};
use sqlx::{Connection, PgConnection};

/// Days that are made ahead, so that a deployment without a worker for a while still writes into days.
const AHEAD: u64 = 7;

/// Events of days that nobody had made that are deleted at once.
const BATCH: i64 = 1000;

/// A lock that others hold, a statement that takes too long, a deadlock, an event that came for the day meanwhile,
/// another that was faster.
const NOT_NOW: [&str; 6] = ["55P03", "57014", "40P01", "23514", "42P07", "42P01"];

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptDays {
    pub made: Vec<NaiveDate>,
    pub dropped: Vec<NaiveDate>,
}

/// Makes the next days, and drops those that ended more than `kept` days before `today` and of which nothing is still
/// to be published. While another is at it, or the table is busy, nothing is done: the next time will do.
///
/// # Errors
/// The database's.
pub async fn keep_days(
    conn: &mut PgConnection,
    today: NaiveDate,
    kept: u64,
) -> Result<KeptDays, sqlx::Error> {
    let mut days = KeptDays::default();
    let known = known_days(conn).await?;
    let oldest_kept = today.checked_sub_days(Days::new(kept)).unwrap_or(NaiveDate::MIN);
    for ahead in 0..=AHEAD {
        let Some(day) = today.checked_add_days(Days::new(ahead)) else { continue };
        if !known.contains(&day)
            && in_short_transaction(conn, &make(day), day).await?
            && exists(conn, day).await?
        {
            days.made.push(day);
        }
    }
    for day in known.into_iter().filter(|day| *day < oldest_kept) {
        if in_short_transaction(conn, &drop_unless_needed(day), day).await? && !exists(conn, day).await? {
            days.dropped.push(day);
        }
    }
    // What was written for a day that nobody had made.
    sqlx::query(
        "DELETE FROM integration.outbox_rest WHERE outbox_id IN (
             SELECT outbox_id FROM integration.outbox_rest r WHERE occurred_at < $1
             AND NOT EXISTS (SELECT FROM integration.deliveries d WHERE d.outbox_id = r.outbox_id) LIMIT $2)",
    )
    .bind(begin_of(oldest_kept))
    .bind(BATCH)
    .execute(conn)
    .await?;
    Ok(days)
}

fn begin_of(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

fn table_of(day: NaiveDate) -> String {
    format!("outbox_{}", day.format("%Y%m%d"))
}

async fn known_days(conn: &mut PgConnection) -> Result<Vec<NaiveDate>, sqlx::Error> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'integration.outbox'::regclass ORDER BY 1",
    )
    .fetch_all(conn)
    .await?;
    let day = |table: &String| NaiveDate::parse_from_str(table, "outbox_%Y%m%d").ok();
    Ok(tables.iter().filter_map(day).collect())
}

async fn exists(conn: &mut PgConnection, day: NaiveDate) -> Result<bool, sqlx::Error> {
    Ok(known_days(conn).await?.contains(&day))
}

/// A day of which events are there already stays with the rest.
fn make(day: NaiveDate) -> String {
    let (table, from) = (table_of(day), begin_of(day).to_rfc3339());
    let to = day.succ_opt().map_or_else(|| "infinity".to_owned(), |next| begin_of(next).to_rfc3339());
    format!(
        "DO $$ BEGIN
             IF NOT EXISTS (SELECT FROM integration.outbox_rest WHERE occurred_at >= '{from}' AND occurred_at < '{to}')
                AND to_regclass('integration.{table}') IS NULL
             THEN
                 CREATE TABLE integration.{table} PARTITION OF integration.outbox FOR VALUES FROM ('{from}') TO ('{to}');
             END IF;
         END $$"
    )
}

fn drop_unless_needed(day: NaiveDate) -> String {
    let table = table_of(day);
    format!(
        "DO $$ BEGIN
             IF NOT EXISTS (SELECT FROM integration.deliveries d JOIN integration.{table} o USING (outbox_id))
             THEN DROP TABLE integration.{table}; END IF;
         END $$"
    )
}

/// False if it could not be done now. Whoever waits for the table's lock makes all others wait behind it.
async fn in_short_transaction(
    conn: &mut PgConnection,
    sql: &str,
    day: NaiveDate,
) -> Result<bool, sqlx::Error> {
    let mut tx = conn.begin().await?;
    sqlx::raw_sql("SET LOCAL lock_timeout = '500ms'").execute(&mut *tx).await?;
    match sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut *tx).await {
        Ok(_) => {
            tx.commit().await?;
            Ok(true)
        }
        Err(sqlx::Error::Database(busy))
            if busy.code().is_some_and(|code| NOT_NOW.contains(&code.as_ref())) =>
        {
            tracing::debug!(%day, "the events of a day are in use; it is made or dropped another time");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

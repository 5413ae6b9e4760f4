//! Events of other systems: each is kept once, with what came of it. One that nobody could act on is dead until a person
//! decides, and what came later of its order waits behind it.
//!
//! **Invariant:** of one source's order, no event has an effect before every older one had its own, or was given up.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};

/// An event as it came.
#[derive(Debug, Clone, FromRow)]
pub struct Incoming {
    /// Who made it, by its CloudEvents source.
    pub source: String,
    /// The source's own id of it.
    pub event_id: String,
    /// Which broker brought it: `kafka` or `amqp`.
    pub broker: String,
    pub event_type: String,
    /// The order it is about, as its source calls it.
    pub order_id: Option<String>,
    /// With the envelope.
    pub body: Vec<u8>,
}

/// What to do with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Act on it, and say what came of it under this id.
    New(i64),
    /// It came before.
    Repeated,
    /// An older one of its order is dead; it waits.
    Waits,
}

/// Keeps the event, as done, in the transaction of its effect. Events of one order take turns from here on.
///
/// # Errors
/// The database's.
pub async fn keep(conn: &mut PgConnection, event: &Incoming) -> Result<Kept, sqlx::Error> {
    take_turns(conn, event).await?;
    let kept: Option<(i64, bool)> = sqlx::query_as(
        "INSERT INTO integration.incoming (source, event_id, broker, event_type, order_id, state, body)
         SELECT $1, $2, $3, $4, $5, CASE WHEN behind THEN 'WAITING' ELSE 'DONE' END, CASE WHEN behind THEN $6 END
         FROM (SELECT EXISTS (SELECT FROM integration.incoming WHERE source = $1 AND order_id = $5
                              AND state IN ('DEAD', 'AGAIN', 'WAITING')) AS behind) AS b
         ON CONFLICT ON CONSTRAINT incoming_event_unique DO NOTHING
         RETURNING incoming_id, state = 'WAITING'",
    )
    .bind(&event.source)
    .bind(&event.event_id)
    .bind(&event.broker)
    .bind(&event.event_type)
    .bind(&event.order_id)
    .bind(&event.body)
    .fetch_optional(conn)
    .await?;
    Ok(match kept {
        None => Kept::Repeated,
        Some((_, true)) => Kept::Waits,
        Some((id, false)) => Kept::New(id),
    })
}

/// In a statement of its own: the one after it sees what was committed meanwhile.
async fn take_turns(conn: &mut PgConnection, event: &Incoming) -> Result<(), sqlx::Error> {
    let Some(order_id) = &event.order_id else { return Ok(()) };
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('incoming ' || $1 || ' ' || $2, 0))")
        .bind(&event.source)
        .bind(order_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether one of this type had its effect for this order before.
///
/// # Errors
/// The database's.
pub async fn had_effect(
    conn: &mut PgConnection,
    event: &Incoming,
    event_type: &str,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM integration.incoming
                        WHERE source = $1 AND order_id = $2 AND event_type = $3 AND state = 'DONE')",
    )
    .bind(&event.source)
    .bind(&event.order_id)
    .bind(event_type)
    .fetch_one(conn)
    .await
}

/// Says what came of it.
///
/// # Errors
/// The database's.
pub async fn done(conn: &mut PgConnection, id: i64, outcome: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE integration.incoming SET state = 'DONE', outcome = $2, body = NULL, last_error = NULL, dead_at = NULL
         WHERE incoming_id = $1",
    )
    .bind(id)
    .bind(outcome)
    .execute(conn)
    .await?;
    Ok(())
}

/// Nothing can come of it as it is. What was to be tried again behind it waits on.
///
/// # Errors
/// The database's.
pub async fn die(conn: &mut PgConnection, id: i64, event: &Incoming, why: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "WITH behind AS (
             UPDATE integration.incoming SET state = 'WAITING'
             WHERE source = $2 AND order_id = $3 AND state = 'AGAIN' AND incoming_id > $1
         )
         UPDATE integration.incoming SET state = 'DEAD', dead_at = now(), last_error = $4, body = $5
         WHERE incoming_id = $1",
    )
    .bind(id)
    .bind(&event.source)
    .bind(&event.order_id)
    .bind(why)
    .bind(&event.body)
    .execute(conn)
    .await?;
    Ok(())
}

/// The oldest that is to be tried again, to find out what it needs.
///
/// # Errors
/// The database's.
pub async fn first_again(conn: &mut PgConnection) -> Result<Option<(i64, Incoming)>, sqlx::Error> {
    #[derive(FromRow)]
    struct Row {
        incoming_id: i64,
        #[sqlx(flatten)]
        event: Incoming,
    }
    let row: Option<Row> = sqlx::query_as(
        "SELECT incoming_id, source, event_id, broker, event_type, order_id, body
         FROM integration.incoming WHERE state = 'AGAIN' ORDER BY incoming_id LIMIT 1",
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.incoming_id, row.event)))
}

/// Takes the oldest that is to be tried again, in the transaction of its effect, and says which it is. `event` is the one
/// that is expected. None while another process is at it, so that none goes past what another has taken.
///
/// # Errors
/// The database's.
pub async fn take_again(conn: &mut PgConnection, event: &Incoming) -> Result<Option<i64>, sqlx::Error> {
    take_turns(conn, event).await?;
    let turn: bool =
        sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended('incoming again', 0))")
            .fetch_one(&mut *conn)
            .await?;
    if !turn {
        return Ok(None);
    }
    sqlx::query_scalar(
        "UPDATE integration.incoming SET attempts = attempts + 1
         WHERE incoming_id = (SELECT incoming_id FROM integration.incoming WHERE state = 'AGAIN'
                              ORDER BY incoming_id LIMIT 1)
         RETURNING incoming_id",
    )
    .fetch_optional(conn)
    .await
}

/// How many wait for a person to decide.
///
/// # Errors
/// The database's.
pub async fn count_dead(conn: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM integration.incoming WHERE state = 'DEAD'").fetch_one(conn).await
}

/// Forgets up to `most` that were done or given up before then. True if there may be more.
///
/// # Errors
/// The database's.
pub async fn forget(conn: &mut PgConnection, before: DateTime<Utc>, most: i64) -> Result<bool, sqlx::Error> {
    let forgotten = sqlx::query(
        "DELETE FROM integration.incoming WHERE incoming_id IN (
             SELECT incoming_id FROM integration.incoming
             WHERE state IN ('DONE', 'SKIPPED') AND received_at < $1 LIMIT $2)",
    )
    .bind(before)
    .bind(most)
    .execute(conn)
    .await?;
    Ok(i64::try_from(forgotten.rows_affected()) == Ok(most))
}

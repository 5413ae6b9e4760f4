//! A message that an operator takes up again.
//!
//! **Invariant:** what had its effect is never taken up again. Its sender's wish was fulfilled then;
//! the same wish in another situation (a retry of what was parked weeks ago) is another wish, and
//! Temporal would take its signal for the one it has. Everything else had no effect that could be
//! repeated.

use std::time::Duration;

use sqlx::{FromRow, PgConnection};

use super::{Message, State, milliseconds};
use crate::{OrdersError, timeline::TimelineEvent};

/// What became of the wish to take a message up again.
#[derive(Debug, Clone)]
pub enum ReplayOutcome {
    /// It is to be looked at again.
    TakenUp(Message),
    /// It had its effect, on this order.
    Done(Option<String>),
    /// There is no such message.
    Unknown,
}

/// A message as it was before it was taken up again.
#[derive(FromRow)]
struct Row {
    #[sqlx(flatten)]
    message: Message,
    order_id: Option<String>,
    #[sqlx(try_from = "String")]
    state_before: State,
}

/// Has a message looked at again, and notes so in its reason and in the timeline of its order. The
/// caller has `lease` to dispatch it; then a sweeper may.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn replay(
    conn: &mut PgConnection,
    inbox_id: i64,
    lease: Duration,
) -> Result<ReplayOutcome, OrdersError> {
    let taken_up: Option<Row> = sqlx::query_as(
        "UPDATE integration.inbox
         SET state = 'RECEIVED', settled_at = NULL, attempts = inbox.attempts + 1,
             reason = CASE WHEN before.state = 'RECEIVED' THEN before.reason
                           ELSE concat_ws(': ', 'taken up again; it was ' || before.state, before.reason) END,
             next_attempt_at = now() + $2 * interval '1 millisecond'
         FROM (SELECT inbox_id, state, reason FROM integration.inbox
               WHERE inbox_id = $1 AND state <> 'DONE' FOR UPDATE) AS before
         WHERE inbox.inbox_id = before.inbox_id
         RETURNING inbox.inbox_id, source, shop, message_id, topic, headers, body, received_at, attempts, order_id,
                   before.state AS state_before",
    )
    .bind(inbox_id)
    .bind(milliseconds(lease))
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = taken_up else {
        return refused(conn, inbox_id).await;
    };
    note(conn, &row).await?;
    Ok(ReplayOutcome::TakenUp(row.message))
}

/// In the order's timeline, where the message has an order.
async fn note(conn: &mut PgConnection, row: &Row) -> Result<(), OrdersError> {
    sqlx::query(
        "INSERT INTO orders.timeline (order_id, event, detail)
         SELECT order_id, $3, $2 FROM orders.orders WHERE order_id = $1",
    )
    .bind(row.order_id.as_deref())
    .bind(format!("{} of {}, it was {}", row.message.topic, row.message.source, row.state_before))
    .bind(TimelineEvent::MessageReplayed.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// Why there was nothing to take up.
async fn refused(conn: &mut PgConnection, inbox_id: i64) -> Result<ReplayOutcome, OrdersError> {
    let done: Option<(Option<String>,)> =
        sqlx::query_as("SELECT order_id FROM integration.inbox WHERE inbox_id = $1")
            .bind(inbox_id)
            .fetch_optional(conn)
            .await?;
    Ok(done.map_or(ReplayOutcome::Unknown, |(order_id,)| ReplayOutcome::Done(order_id)))
}

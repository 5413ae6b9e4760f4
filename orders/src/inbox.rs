//! The inbox: everything that arrives and has an effect, committed before it is acknowledged.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{OrderId, WarehouseSystem, words};
use serde_json::Value;
use sqlx::{FromRow, PgConnection};
use tracing::error;

use crate::OrdersError;

mod listing;
mod replay;

pub use listing::{Filter, Listed, State, list, topics_received};
pub use replay::{ReplayOutcome, replay};

/// Where a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Source {
    /// A webhook of a shop.
    Shopify,
    /// A callback of the warehouse, or its answer to our inquiry.
    Warehouse,
    /// Our own order API.
    Api,
    /// Stock that was allocated to an order that waited for it.
    Inventory,
}

words!(Source, "source");

/// The topic of what a warehouse answered when it was asked; a callback's is another.
pub const INQUIRY: &str = "inquiry";

/// What stands for a warehouse system where a shop stands for its own messages: nothing for the first system.
#[must_use]
pub fn shop_of_system(system: &WarehouseSystem) -> &str {
    if system.is_first() { "" } else { system.as_str() }
}

/// A message to keep.
#[derive(Debug, Clone)]
pub struct NewMessage<'a> {
    /// Where it came from.
    pub source: Source,
    /// The shop, or the warehouse system unless it is the first; else empty.
    pub shop: &'a str,
    /// Unique within source and shop; a repeated delivery has the same.
    pub message_id: &'a str,
    /// What it is about.
    pub topic: &'a str,
    /// Whose order it is about, as far as that is known: the shop's id of the order, or ours.
    pub subject: Option<&'a str>,
    /// The headers worth keeping, as an object.
    pub headers: Value,
    /// The raw bytes.
    pub body: &'a [u8],
    /// When a sweeper may take it, if whoever stored it does not handle it at once itself.
    pub sweep_after: Duration,
}

/// A message as it was kept.
#[derive(Debug, Clone, FromRow)]
pub struct Message {
    /// The inbox's own id.
    pub inbox_id: i64,
    /// Where it came from.
    #[sqlx(try_from = "String")]
    pub source: Source,
    /// The shop, or the warehouse system unless it is the first; else empty.
    pub shop: String,
    /// The sender's id.
    pub message_id: String,
    /// What it is about.
    pub topic: String,
    /// The headers worth keeping.
    pub headers: Value,
    /// The raw bytes.
    pub body: Vec<u8>,
    /// When it was committed.
    pub received_at: DateTime<Utc>,
    /// How often it was taken up.
    pub attempts: i32,
}

/// How a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinalState {
    /// It had its effect on an order.
    Done,
    /// Stale, or without effect.
    Skipped,
    /// Kept; a later version acts on it.
    Stored,
    /// Signed, but nothing this version can read.
    Unreadable,
}

impl From<FinalState> for State {
    fn from(how: FinalState) -> Self {
        match how {
            FinalState::Done => Self::Done,
            FinalState::Skipped => Self::Skipped,
            FinalState::Stored => Self::Stored,
            FinalState::Unreadable => Self::Unreadable,
        }
    }
}

/// Keeps a message. `None` if the same delivery is here already.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn insert(
    conn: &mut PgConnection,
    message: &NewMessage<'_>,
) -> Result<Option<Message>, OrdersError> {
    let inserted: Option<(i64, DateTime<Utc>)> = sqlx::query_as(
        "INSERT INTO integration.inbox (source, shop, message_id, topic, headers, body, next_attempt_at, subject)
         VALUES ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 millisecond', $8)
         ON CONFLICT ON CONSTRAINT inbox_message_unique DO NOTHING
         RETURNING inbox_id, received_at",
    )
    .bind(message.source.as_str())
    .bind(message.shop)
    .bind(message.message_id)
    .bind(message.topic)
    .bind(&message.headers)
    .bind(message.body)
    .bind(milliseconds(message.sweep_after))
    .bind(message.subject)
    .fetch_optional(conn)
    .await?;
    Ok(inserted.map(|(inbox_id, received_at)| Message {
        inbox_id,
        source: message.source,
        shop: message.shop.to_owned(),
        message_id: message.message_id.to_owned(),
        topic: message.topic.to_owned(),
        headers: message.headers.clone(),
        body: message.body.to_vec(),
        received_at,
        attempts: 0,
    }))
}

/// Takes up to `most` messages that are due, oldest first. Whoever takes one has `lease` to settle
/// it; then another may. Several sweepers may run side by side. One that this version cannot read is
/// left to a version that can, and keeps no other waiting.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn take_due(
    conn: &mut PgConnection,
    most: i64,
    lease: Duration,
) -> Result<Vec<Message>, OrdersError> {
    let rows = sqlx::query(
        "UPDATE integration.inbox
         SET attempts = attempts + 1, next_attempt_at = now() + $2 * interval '1 millisecond'
         WHERE inbox_id IN (
             SELECT inbox_id FROM integration.inbox
             WHERE settled_at IS NULL AND next_attempt_at <= now()
             ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED)
         RETURNING inbox_id, source, shop, message_id, topic, headers, body, received_at, attempts",
    )
    .bind(most)
    .bind(milliseconds(lease))
    .fetch_all(conn)
    .await?;
    let mut taken = Vec::with_capacity(rows.len());
    for row in &rows {
        match Message::from_row(row) {
            Ok(message) => taken.push(message),
            Err(error) => error!(%error, "a message of the inbox cannot be read by this version"),
        }
    }
    taken.sort_by_key(|message| message.inbox_id);
    Ok(taken)
}

/// Ends a message. Ending it twice keeps the first end.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn settle(
    conn: &mut PgConnection,
    inbox_id: i64,
    how: FinalState,
    reason: Option<&str>,
    order: Option<&OrderId>,
) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE integration.inbox SET state = $2, reason = $3, order_id = $4, settled_at = now()
         WHERE inbox_id = $1 AND settled_at IS NULL",
    )
    .bind(inbox_id)
    .bind(State::from(how).as_str())
    .bind(reason)
    .bind(order.map(OrderId::as_str))
    .execute(conn)
    .await?;
    Ok(())
}

/// Leaves a message for later, with the reason.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn postpone(
    conn: &mut PgConnection,
    inbox_id: i64,
    reason: &str,
    order: Option<&OrderId>,
    wait: Duration,
) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE integration.inbox
         SET state = 'WAITING', reason = $2, order_id = $3, next_attempt_at = now() + $4 * interval '1 millisecond'
         WHERE inbox_id = $1 AND settled_at IS NULL",
    )
    .bind(inbox_id)
    .bind(reason)
    .bind(order.map(OrderId::as_str))
    .bind(milliseconds(wait))
    .execute(conn)
    .await?;
    Ok(())
}

/// How many messages are not settled, and how old the oldest of them is, in seconds.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn backlog(conn: &mut PgConnection) -> Result<(i64, f64), OrdersError> {
    Ok(sqlx::query_as(
        "SELECT count(*), COALESCE(EXTRACT(EPOCH FROM now() - min(received_at))::float8, 0)
         FROM integration.inbox WHERE settled_at IS NULL",
    )
    .fetch_one(conn)
    .await?)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

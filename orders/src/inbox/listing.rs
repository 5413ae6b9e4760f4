//! The inbox as a list for people, without the bodies, which may hold personal data.

use chrono::{DateTime, Utc};
use domain::words;
use sqlx::{FromRow, PgConnection};

use super::Source;
use crate::OrdersError;

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Not looked at yet.
    Received,
    /// Looked at; it cannot be done yet.
    Waiting,
    /// It had its effect on an order.
    Done,
    /// Stale, or without effect.
    Skipped,
    /// Kept; a later version acts on it.
    Stored,
    /// Signed, but nothing this version can read.
    Unreadable,
}

words!(State, "state");

/// Those of the topics of which a shop has sent something that is still kept.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn topics_received(
    conn: &mut PgConnection,
    shop: &str,
    topics: &[&str],
) -> Result<Vec<String>, OrdersError> {
    let received = sqlx::query_scalar(
        "SELECT wanted FROM unnest($2::text[]) AS wanted WHERE EXISTS (SELECT 1 FROM integration.inbox
         WHERE source = 'shopify' AND shop = $1 AND topic = wanted)",
    );
    Ok(received.bind(shop).bind(topics).fetch_all(conn).await?)
}

/// Which messages are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In this state only.
    pub state: Option<State>,
    /// From there only.
    pub source: Option<Source>,
    /// About the order with this id or order number only, as far as that is known.
    pub order: Option<String>,
    /// Older than this one only.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: i64,
}

/// A message in a list.
#[derive(Debug, Clone, FromRow)]
pub struct Listed {
    /// The inbox's own id.
    pub inbox_id: i64,
    /// Where it came from.
    #[sqlx(try_from = "String")]
    pub source: Source,
    /// The shop, or empty.
    pub shop: String,
    /// The sender's id.
    pub message_id: String,
    /// What it is about.
    pub topic: String,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub state: State,
    /// Why it is in that state.
    pub reason: Option<String>,
    /// The order it is about, once that is known.
    pub order_id: Option<String>,
    /// When it was committed.
    pub received_at: DateTime<Utc>,
    /// How often it was taken up by a sweeper or an operator.
    pub attempts: i32,
    /// When it came to an end.
    pub settled_at: Option<DateTime<Utc>>,
}

/// The messages that match, newest first.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn list(conn: &mut PgConnection, filter: &Filter) -> Result<Vec<Listed>, OrdersError> {
    Ok(sqlx::query_as(
        "SELECT inbox_id, source, shop, message_id, topic, state, reason, order_id, received_at, attempts,
                settled_at
         FROM integration.inbox
         WHERE ($1::text IS NULL OR state = $1)
           AND ($2::text IS NULL OR source = $2)
           AND ($3::text IS NULL
                OR order_id = COALESCE((SELECT order_id FROM orders.orders WHERE order_number = $3), $3))
           AND ($4::bigint IS NULL OR inbox_id < $4)
         ORDER BY inbox_id DESC LIMIT $5",
    )
    .bind(filter.state.map(State::as_str))
    .bind(filter.source.map(Source::as_str))
    .bind(filter.order.as_deref())
    .bind(filter.before)
    .bind(filter.limit)
    .fetch_all(conn)
    .await?)
}

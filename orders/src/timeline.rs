//! The timeline of an order: what happened, for people.

use chrono::{DateTime, Utc};
use domain::{OrderId, open_words};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection};

use crate::OrdersError;

/// What happened, as the timeline says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr, strum::EnumString)]
#[serde(from = "String", into = "String")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum TimelineEvent {
    /// The order reached us.
    Received,
    /// Its stock is reserved.
    Reserved,
    /// It is held no more; its stock was reserved before.
    Confirmed,
    /// A warehouse has it.
    HandedOver,
    /// All of it has left.
    Shipped,
    /// The shop was notified of a parcel.
    ShopNotified,
    /// Nothing was left to notify the shop of, or an operator went on without.
    ShopNotNotified,
    /// The carrier delivered it.
    Delivered,
    /// It is not to be fulfilled any more.
    Cancelled,
    /// Pieces of it are to come back.
    ReturnAnnounced,
    /// Pieces of it came back.
    ReturnReceived,
    /// The shop took a return of it back.
    ReturnCancelled,
    /// What was paid for what does not leave was given back in the shop.
    Refunded,
    /// A step waits for a person.
    Parked,
    /// A person answered.
    Resolved,
    /// A person changed where it goes, what a line is, or which warehouse ships it.
    Edited,
    /// A person is shown what could not be followed.
    Shown,
    /// An operator had a message looked at again.
    MessageReplayed,
    /// It is held: [`Condition::OnHold`](domain::Condition::OnHold), as the next six of the same names.
    OnHold,
    /// It waits until it is paid.
    AwaitingPayment,
    /// It waits for stock.
    Backordered,
    /// Some of it has left.
    PartiallyShipped,
    /// A person has to decide.
    NeedsAttention,
    /// It was taken while the inventory service was away.
    AwaitingAllocation,
    /// It is not to be fulfilled.
    Ignored,
    /// Newer than this code.
    #[strum(default, transparent)]
    Unknown(String),
}

open_words!(TimelineEvent);

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct Entry {
    /// When, by the database's clock.
    pub at: DateTime<Utc>,
    /// What.
    #[sqlx(try_from = "String")]
    pub event: TimelineEvent,
    /// More about it, without personal data.
    pub detail: Option<String>,
}

/// Adds an entry.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn note(
    conn: &mut PgConnection,
    order: &OrderId,
    event: TimelineEvent,
    detail: Option<&str>,
) -> Result<(), OrdersError> {
    sqlx::query("INSERT INTO orders.timeline (order_id, event, detail) VALUES ($1, $2, $3)")
        .bind(order.as_str())
        .bind(event.as_str())
        .bind(detail)
        .execute(conn)
        .await?;
    Ok(())
}

/// The entries of an order, oldest first.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn of(conn: &mut PgConnection, order: &OrderId) -> Result<Vec<Entry>, OrdersError> {
    Ok(sqlx::query_as("SELECT at, event, detail FROM orders.timeline WHERE order_id = $1 ORDER BY entry_id")
        .bind(order.as_str())
        .fetch_all(conn)
        .await?)
}

#[cfg(test)]
mod tests {
    use domain::Condition;

    use super::*;

    #[test]
    fn every_condition_is_an_event_and_what_a_later_version_writes_is_shown_as_it_is() {
        for condition in Condition::ALL {
            let event = TimelineEvent::from(condition.as_str());
            assert!(!matches!(event, TimelineEvent::Unknown(_)), "{condition}");
            assert_eq!(event.as_str(), condition.as_str());
        }
        assert_eq!(TimelineEvent::from("TELEPORTED").as_str(), "TELEPORTED");
    }
}

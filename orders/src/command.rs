//! What is to be done with an order, by whomever it is asked: one type, kept in the inbox by one function.
//!
//! **Invariant:** a command is committed before anybody acts on it.

use std::time::Duration;

use domain::{Actor, OrderId, OrderStatus, Resolution};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    OrdersError,
    edits::WantedEdit,
    inbox::{self, Message, NewMessage, Source},
};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Command {
    /// Our own API placed it: its run is to begin.
    OrderPlaced,
    /// Stock that it waited for is allocated to it.
    StockAvailable {
        /// What served it; the same cause is the same message.
        cause: String,
    },
    /// A count took stock from it, or a person recalls what a count did not find: its run is to look.
    StockCounted {
        /// What did; the same cause is the same message.
        cause: String,
    },
    /// Cancel it.
    Cancel {
        /// Who asks.
        actor: Actor,
        /// Why, for its history.
        #[serde(default)]
        reason: Option<String>,
        /// A customer's own words, which may name anybody: they stay in the inbox.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        customers_words: Option<String>,
    },
    /// Do the stuck step again, or begin a run anew that is gone.
    Retry {
        /// Who asks.
        actor: Actor,
    },
    /// A person changed it: its run is to look.
    Edited {
        /// Who did.
        actor: Actor,
        /// The request that did; the same is the same message.
        request_id: String,
    },
    /// Answer a parked step, or a row that nothing waits for.
    Resolve(Answer),
    /// Move it to its next status.
    SetStatus {
        /// To which.
        status: OrderStatus,
        /// Who asks.
        actor: Actor,
        /// Why.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Do not wait for the end of its hold window.
    ReleaseHold {
        /// Who asks.
        actor: Actor,
        /// Why.
        #[serde(default)]
        reason: Option<String>,
    },
}

/// An answer to what waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// What is decided.
    pub action: Resolution,
    /// Who decides, as it stands in histories.
    pub actor: Actor,
    /// Who that is, for rows; it stays in our database.
    pub by: String,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// Which row; none for the step that is parked.
    #[serde(default)]
    pub attention_id: Option<i64>,
    /// What is changed of the order before its step is done again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<WantedEdit>,
}

/// A command with its order, as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    order_id: OrderId,
    #[serde(flatten)]
    command: Command,
}

impl Command {
    /// The topic of its message.
    #[must_use]
    pub fn topic(&self) -> &'static str {
        match self {
            Self::OrderPlaced => "order-placed",
            Self::StockAvailable { .. } => "stock-available",
            Self::StockCounted { .. } => "stock-counted",
            Self::Cancel { .. } => "cancel",
            Self::Retry { .. } => "retry",
            Self::Edited { .. } => "edited",
            Self::Resolve(_) => "resolve",
            Self::SetStatus { .. } => "set-status",
            Self::ReleaseHold { .. } => "release-hold",
        }
    }

    /// Who asks for it; nobody for what our own processes say.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::OrderPlaced | Self::StockAvailable { .. } | Self::StockCounted { .. } => Actor::Operator,
            Self::Cancel { actor, .. }
            | Self::Retry { actor }
            | Self::Edited { actor, .. }
            | Self::SetStatus { actor, .. }
            | Self::ReleaseHold { actor, .. } => *actor,
            Self::Resolve(answer) => answer.actor,
        }
    }

    /// Why, as far as it is for the order's history.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::OrderPlaced
            | Self::StockAvailable { .. }
            | Self::StockCounted { .. }
            | Self::Retry { .. }
            | Self::Edited { .. } => None,
            Self::Cancel { reason, .. }
            | Self::SetStatus { reason, .. }
            | Self::ReleaseHold { reason, .. } => reason.as_deref(),
            Self::Resolve(answer) => answer.reason.as_deref(),
        }
    }

    /// A person's is one of its own each time: asked twice it is two commands, of which the second finds the first one's
    /// effect.
    fn message_id(&self, order: &OrderId) -> String {
        match self {
            Self::OrderPlaced => order.to_string(),
            Self::StockAvailable { cause } => format!("stock/{order}/{cause}"),
            Self::StockCounted { cause } => format!("counted/{order}/{cause}"),
            Self::Edited { request_id, .. } => format!("edited/{order}/{request_id}"),
            Self::Cancel { .. }
            | Self::Retry { .. }
            | Self::Resolve(_)
            | Self::SetStatus { .. }
            | Self::ReleaseHold { .. } => format!("{}/{}", self.topic(), Uuid::now_v7()),
        }
    }
}

/// Keeps a command for an order. `None` if the same is here already. Whoever keeps it has `sweep_after` to have it
/// done before a sweeper does.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn keep(
    conn: &mut PgConnection,
    order: &OrderId,
    command: &Command,
    sweep_after: Duration,
) -> Result<Option<Message>, OrdersError> {
    let kept = Kept { order_id: order.clone(), command: command.clone() };
    let body = serde_json::to_vec(&kept)?;
    let message = NewMessage {
        source: match command {
            Command::StockAvailable { .. } | Command::StockCounted { .. } => Source::Inventory,
            _ => Source::Api,
        },
        shop: "",
        message_id: &command.message_id(order),
        topic: command.topic(),
        subject: Some(order.as_str()),
        headers: serde_json::json!({}),
        body: &body,
        sweep_after,
    };
    inbox::insert(conn, &message).await
}

/// Keeps a message for each order that waited for stock and was served, in the transaction that served it.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn keep_served<'a>(
    conn: &mut PgConnection,
    served: impl IntoIterator<Item = &'a OrderId>,
    sweep_after: Duration,
) -> Result<Vec<Message>, OrdersError> {
    let mut messages = Vec::new();
    for order in served {
        let served = Command::StockAvailable { cause: Uuid::now_v7().to_string() };
        messages.extend(keep(conn, order, &served, sweep_after).await?);
    }
    Ok(messages)
}

/// The answer that a message of the inbox keeps for this order; none where it is of another, or gone by now.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn answer_in(
    conn: &mut PgConnection,
    inbox_id: i64,
    order: &OrderId,
) -> Result<Option<Answer>, OrdersError> {
    let body: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT body FROM integration.inbox WHERE inbox_id = $1 AND source = $2 AND subject = $3 AND topic = 'resolve'",
    )
    .bind(inbox_id)
    .bind(Source::Api.as_str())
    .bind(order.as_str())
    .fetch_optional(conn)
    .await?;
    Ok(match body.map(|body| read(&body)) {
        Some(Ok((_, Command::Resolve(answer)))) => Some(answer),
        _ => None,
    })
}

/// Reads a command and its order from the message that keeps it.
///
/// # Errors
/// What serde says of a body that is none.
pub fn read(body: &[u8]) -> Result<(OrderId, Command), serde_json::Error> {
    serde_json::from_slice(body).map(|Kept { order_id, command }| (order_id, command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_reads_back_from_what_is_kept() {
        let (actor, reason) = (Actor::Operator, Some("why".to_owned()));
        let by = "ada".to_owned();
        let answer = Answer {
            action: Resolution::Skip,
            actor,
            by,
            reason: reason.clone(),
            attention_id: Some(7),
            edit: None,
        };
        for command in [
            Command::OrderPlaced,
            Command::StockAvailable { cause: "17".to_owned() },
            Command::StockCounted { cause: "18".to_owned() },
            Command::Cancel { actor: Actor::Customer, reason: None, customers_words: reason.clone() },
            Command::Retry { actor },
            Command::Resolve(answer),
            Command::SetStatus { status: OrderStatus::Shipped, actor, reason: reason.clone() },
            Command::ReleaseHold { actor, reason },
        ] {
            let order_id = OrderId::parse("order-1").unwrap();
            let kept =
                serde_json::to_vec(&Kept { order_id: order_id.clone(), command: command.clone() }).unwrap();
            assert_eq!(read(&kept).unwrap(), (order_id, command.clone()));
            let value: serde_json::Value = serde_json::from_slice(&kept).unwrap();
            assert_eq!(value["command"], command.topic());
        }
    }
}

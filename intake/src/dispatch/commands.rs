//! Messages of our own: orders placed through the API, stock for orders that waited, operators'
//! commands.

use std::time::Duration;

use domain::OrderId;
use orders::{Order, attention, inbox::Message, record};
use serde::Deserialize;
use serde_json::json;
use workflows::names;

use super::{DispatchError, Dispatcher, Outcome, runs::Reached, shop::request_id};

/// Every message of our own names its order.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Command {
    order_id: OrderId,
    #[serde(default)]
    actor: Option<String>,
}

impl Dispatcher {
    pub(super) async fn command(&self, message: &Message) -> Result<Outcome, DispatchError> {
        let command: Command = match serde_json::from_slice(&message.body) {
            Ok(command) => command,
            Err(error) => return Ok(Outcome::Unreadable(error.to_string())),
        };
        let order = {
            let mut conn = self.pool.acquire().await?;
            record::find(&mut conn, &command.order_id).await?
        };
        let Some(order) = order else { return Ok(Outcome::skipped("no such order", None)) };
        match message.topic.as_str() {
            "order-placed" => {
                self.start(&order).await?;
                Ok(Outcome::done(order.order_id))
            }
            "stock-available" => self.stock_available(message, order).await,
            "retry" => self.retry(message, order, command.actor.as_deref().unwrap_or("operator")).await,
            _ => Ok(Outcome::skipped("a command this version does not know", Some(order.order_id))),
        }
    }

    async fn stock_available(&self, message: &Message, order: Order) -> Result<Outcome, DispatchError> {
        if order.story_ended_at.is_some() {
            return Ok(Outcome::skipped("the order is closed", Some(order.order_id)));
        }
        let input = json!({"messageId": message.message_id});
        match self.signal(&order.workflow_id, names::STOCK_AVAILABLE, &input, request_id(message)).await? {
            Reached::Run => Ok(Outcome::done(order.order_id)),
            Reached::NoRun => Ok(Outcome::Postpone {
                reason: "no run of the order's workflow is there",
                order: Some(order.order_id),
                wait: Duration::from_secs(2 << message.attempts.clamp(0, 5)),
            }),
        }
    }

    /// Retries the parked step; an order whose run is gone gets a new one.
    async fn retry(&self, message: &Message, order: Order, actor: &str) -> Result<Outcome, DispatchError> {
        if order.story_ended_at.is_some() {
            return Ok(Outcome::skipped("the order is closed", Some(order.order_id)));
        }
        let input = json!({"actor": actor});
        if self.signal(&order.workflow_id, names::RETRY, &input, request_id(message)).await? == Reached::Run {
            return Ok(Outcome::done(order.order_id));
        }
        let mut tx = self.pool.begin().await?;
        attention::resolve(&mut tx, &order.order_id, None, "retry", actor, None).await?;
        tx.commit().await?;
        self.start(&order).await?;
        Ok(Outcome::done(order.order_id))
    }
}

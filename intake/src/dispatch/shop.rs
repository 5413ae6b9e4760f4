//! Webhooks of a shop.

use chrono::{DateTime, Utc};
use domain::{
    Condition, GateDecision, Mishap, OrderFacts, OrderId, OrderStatus, ShopifyOrderId, Step, decide_gate,
};
use orders::{
    Order, attention,
    inbox::{Message, Settled},
    progress,
    record::{self, Arrival, Arrived},
};
use serde_json::{Value, json};
use shopify::{webhook::Topic, wire};
use uuid::Uuid;
use workflows::names;

use super::{DispatchError, Dispatcher, Outcome, runs::Reached};
use crate::settings::Shop;

impl Dispatcher {
    pub(super) async fn shop_webhook(&self, message: &Message) -> Result<Outcome, DispatchError> {
        match Topic::parse(&message.topic) {
            topic if topic.is_whole_order() => self.whole_order(message).await,
            Topic::Unknown(_) => Ok(Outcome::Settle {
                how: Settled::Stored,
                reason: Some("a topic this version does not know"),
                order: None,
            }),
            _ => Ok(Outcome::Settle {
                how: Settled::Stored,
                reason: Some("kept; this version does not act on the topic"),
                order: None,
            }),
        }
    }

    async fn whole_order(&self, message: &Message) -> Result<Outcome, DispatchError> {
        let Some(shop) = self.settings.shops.get(&message.shop) else {
            return Ok(Outcome::skipped("the shop is not configured any more", None));
        };
        let mut parsed = match wire::parse_order(&message.body) {
            Ok(parsed) => parsed,
            Err(unreadable) => return Ok(Outcome::Unreadable(unreadable.to_string())),
        };
        parsed.facts.updated_at = parsed.facts.updated_at.or_else(|| triggered_at(&message.headers));
        let customer = serde_json::to_value(&parsed.customer).ok();
        let (order, arrived) =
            self.keep(message, shop, parsed.shopify_order_id, &parsed.facts, customer).await?;
        match arrived {
            Arrived::New => {
                self.start(&order).await?;
                Ok(Outcome::done(order.order_id))
            }
            Arrived::Newer => self.newer_content(message, shop, order).await,
            Arrived::Stale => {
                Ok(Outcome::skipped("older than what is known of the order", Some(order.order_id)))
            }
        }
    }

    /// Keeps the content: one transaction.
    async fn keep(
        &self,
        message: &Message,
        shop: &Shop,
        shopify_order_id: ShopifyOrderId,
        facts: &OrderFacts,
        customer: Option<Value>,
    ) -> Result<(Order, Arrived), DispatchError> {
        let hold = shop.policy.hold_window;
        let correlation_id = Uuid::now_v7().to_string();
        let arrival = Arrival {
            order_id: OrderId::parse(&correlation_id)?,
            shop: &shop.domain,
            shopify_order_id,
            facts,
            customer,
            received_at: message.received_at,
            hold_until: (!hold.is_zero()).then(|| message.received_at + hold),
            correlation_id: &correlation_id,
        };
        let mut tx = self.pool.begin().await?;
        let kept = record::arrive(&mut tx, &arrival).await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// Content of an order that was known already. Only what changes its way is signalled: every
    /// signal costs the history four events.
    async fn newer_content(
        &self,
        message: &Message,
        shop: &Shop,
        order: Order,
    ) -> Result<Outcome, DispatchError> {
        let order_id = order.order_id.clone();
        if order.story_ended_at.is_some() {
            return self.closed_order(shop, order).await;
        }
        let cancelled = order.facts.cancelled_at.is_some();
        let (name, input) = if cancelled && order.status != OrderStatus::Cancelled {
            (names::CANCEL, json!({"actor": "shopify", "reason": "cancelled in the shop"}))
        } else if order.status == OrderStatus::Pending {
            (names::PAYMENT_UPDATED, json!({"messageId": message.message_id}))
        } else {
            return Ok(Outcome::done(order_id));
        };
        if self.signal(&order.workflow_id, name, &input, request_id(message)).await? == Reached::Run {
            return Ok(Outcome::done(order_id));
        }
        self.no_run(order).await
    }

    /// No run is there: the message that brought the order has not started one yet, the run closed a
    /// moment ago, or it is lost. The first is mended here; the last is an operator's to decide.
    async fn no_run(&self, order: Order) -> Result<Outcome, DispatchError> {
        let mut conn = self.pool.acquire().await?;
        let lost = !attention::open(&mut conn, &order.order_id).await?.is_empty();
        if order.status == OrderStatus::Pending && !lost {
            self.start(&order).await?;
            return Ok(Outcome::done(order.order_id));
        }
        Ok(Outcome::Postpone {
            reason: "no run of the order's workflow is there",
            order: Some(order.order_id),
            wait: std::time::Duration::from_secs(2),
        })
    }

    /// An order whose story has ended: a later body may make an ignored one eligible; a cancellation
    /// after it shipped is an operator's.
    async fn closed_order(&self, shop: &Shop, order: Order) -> Result<Outcome, DispatchError> {
        let order_id = order.order_id.clone();
        let ignored = order.condition.as_deref() == Some(Condition::Ignored.as_str());
        if ignored && !matches!(decide_gate(&order.facts, &shop.policy), GateDecision::Ignore(_)) {
            let mut tx = self.pool.begin().await?;
            progress::clear_condition(&mut tx, &order_id).await?;
            progress::set_story_ended(&mut tx, &order_id, false).await?;
            tx.commit().await?;
            self.start(&order).await?;
            return Ok(Outcome::done(order_id));
        }
        let has_left = matches!(order.status, OrderStatus::Shipped | OrderStatus::Delivered);
        if has_left && order.facts.cancelled_at.is_some() {
            let mut tx = self.pool.begin().await?;
            let mishap = Mishap::new(Mishap::CANCELLED_AFTER_SHIPPING);
            attention::park_once(&mut tx, &order_id, Step::CancelInShop, &mishap).await?;
            tx.commit().await?;
            return Ok(Outcome::done(order_id));
        }
        Ok(Outcome::skipped("the order is closed", Some(order_id)))
    }
}

/// The shop's clock at sending, where the body has no `updated_at`.
fn triggered_at(headers: &Value) -> Option<DateTime<Utc>> {
    headers.get("triggeredAt")?.as_str()?.parse().ok()
}

/// Temporal takes a signal with a known request id for the same signal.
pub(super) fn request_id(message: &Message) -> String {
    format!("inbox-{}", message.inbox_id)
}

//! Webhooks of a shop that carry a whole order. Those that say less stand in `shop_updates.rs`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{
    AddressSaid, Condition, FinancialStatus, GateDecision, OrderFacts, OrderId, OrderStatus, ParkReason,
    ShopifyOrderId, Step, WantedLine, decide_gate,
};
use orders::{
    Order, attention, brief,
    inbox::Message,
    privacy::ErasureRequest,
    progress::{self, Waiting},
    record::{self, Arrival, ArrivalOutcome, Authority},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use shopify::{
    webhook::Topic,
    wire::{self, ParsedOrder, UnreadableOrder},
};
use sqlx::PgConnection;
use uuid::Uuid;
use warehouse::parcel::ShipTo;
use workflows::names;

use crate::{
    DispatchError, Dispatched, Dispatcher, Outcome,
    dispatcher::NO_RUN,
    runs::{SignalOutcome, StartOutcome},
};
use process::settings::Shop;

impl Dispatcher {
    pub(crate) async fn shop_webhook(&self, message: &Message) -> Dispatched {
        let Some(shop) = self.settings.shops.get(&message.shop) else {
            return Ok(Outcome::skipped("the shop is not configured any more", None));
        };
        match Topic::parse(&message.topic) {
            topic if topic.is_whole_order() => self.whole_order(message, shop).await,
            Topic::OrdersRiskAssessmentChanged => self.risk_changed(message, shop).await,
            Topic::OrdersEdited => self.order_edited(message, shop).await,
            Topic::RefundsCreate => self.refunded(message, shop).await,
            Topic::ReturnsApprove => self.return_approved(message, shop).await,
            Topic::ReturnsCancel => self.return_cancelled(message, shop).await,
            Topic::ReverseFulfilmentOrdersDispose => self.disposed(message, shop).await,
            Topic::InventoryLevelsUpdate => self.level_changed(message, shop).await,
            Topic::CustomersDataRequest => self.data_requested(message, shop).await,
            Topic::CustomersRedact => self.customer_redacted(message, shop).await,
            Topic::ShopRedact => self.redact(message, shop, ErasureRequest::Shop).await,
            Topic::FulfilmentsCreate | Topic::FulfilmentsUpdate => self.fulfilled(message, shop).await,
            Topic::FulfilmentOrders(_) | Topic::FulfilmentHolds(_) => {
                self.fulfilment_orders_changed(message).await
            }
            Topic::Unknown(_) => Ok(Outcome::stored("a topic this version does not know")),
            _ => Ok(Outcome::stored("kept; this version does not act on the topic")),
        }
    }

    async fn whole_order(&self, message: &Message, shop: &Shop) -> Dispatched {
        let mut parsed = match wire::parse_order(&message.body) {
            Ok(parsed) => parsed,
            Err(unreadable) => return self.unreadable_order(message, shop, unreadable).await,
        };
        let triggered_at = triggered_at(&message.headers);
        parsed.facts.updated_at = parsed.facts.updated_at.or(triggered_at);
        let (order, arrived) = self.keep(message, shop, &parsed, triggered_at).await?;
        match arrived {
            ArrivalOutcome::New => match self.begin(&order).await? {
                StartOutcome::Started => Ok(Outcome::done(order.order_id)),
                // Whoever was faster started it with what was known then.
                StartOutcome::GoesAlready => self.have_run_look(message, order).await,
            },
            ArrivalOutcome::Newer { changes: true } if dropped_beside_a_start(&order) => {
                self.begin(&order).await?;
                Ok(Outcome::done(order.order_id))
            }
            ArrivalOutcome::Newer { changes: true } | ArrivalOutcome::InDoubt => {
                self.have_run_look(message, order).await
            }
            // Whoever committed it before may have died before anybody heard of it.
            ArrivalOutcome::Newer { changes: false } | ArrivalOutcome::Same if message.attempts > 0 => {
                self.have_run_look(message, order).await
            }
            ArrivalOutcome::Newer { changes: false } | ArrivalOutcome::Same => {
                Ok(Outcome::done(order.order_id))
            }
            ArrivalOutcome::Stale => {
                Ok(Outcome::skipped("older than what is known of the order", Some(order.order_id)))
            }
        }
    }

    /// Keeps the content: one transaction.
    async fn keep(
        &self,
        message: &Message,
        shop: &Shop,
        parsed: &ParsedOrder,
        triggered_at: Option<DateTime<Utc>>,
    ) -> Result<(Order, ArrivalOutcome), DispatchError> {
        let customer = serde_json::to_value(&parsed.customer).ok();
        let ship_to = customer.as_ref().and_then(ShipTo::from_stored_customer);
        let drawn = Drawn::now()?;
        let arrival = Arrival {
            triggered_at,
            ship_to_digest: ship_to.map(|ship_to| ship_to.fingerprint()),
            customer,
            ..drawn.arrival(message, shop, parsed.shopify_order_id, &parsed.facts)
        };
        let mut tx = self.pool.begin().await?;
        let mut wanted = self.wanted_before(&mut tx, shop, parsed).await?;
        let (order, arrived) = record::arrive(&mut tx, &arrival).await?;
        if arrived != ArrivalOutcome::Stale {
            attention::unshow(&mut tx, &order.order_id, &ParkReason::new(ParkReason::UNREADABLE_ORDER))
                .await?;
            for refund in &parsed.refunds {
                self.keep_refund(&mut tx, &order, shop, refund, &mut wanted).await?;
            }
        }
        tx.commit().await?;
        Ok((order, arrived))
    }

    /// What was wanted of an order before a body that lists refunds: those of pieces that had not left take
    /// nothing back.
    async fn wanted_before(
        &self,
        conn: &mut PgConnection,
        shop: &Shop,
        parsed: &ParsedOrder,
    ) -> Result<Vec<WantedLine>, DispatchError> {
        let id = parsed.shopify_order_id;
        let known = match parsed.refunds.is_empty() {
            true => None,
            false => record::find_of_shop(conn, shop.domain.as_str(), id).await?,
        };
        let Some(known) = known else { return Ok(Vec::new()) };
        let known = record::lock(conn, &known.order_id).await?;
        Ok(brief::of(conn, &known, &shop.fulfillment_services).await?.wanted)
    }

    /// Something that may change the order's way is in its record: its run looks at it. An order without
    /// one gets one; that one begins with what is in the record, and needs no signal.
    pub(crate) async fn have_run_look(&self, message: &Message, order: Order) -> Dispatched {
        let order_id = order.order_id.clone();
        for _ in 0..3 {
            let Some(order) = self.order(&order_id).await? else { break };
            if order.status == OrderStatus::Cancelled {
                let (_, services) = self.rules_of(&order);
                let mut conn = self.pool.acquire().await?;
                brief::show_what_a_cancelled_order_is_asked_for(&mut conn, &order, &services).await?;
                drop(conn);
                if order.content_in_doubt && brief::can_be_added_to(&order) {
                    return self.have_a_run_look(message, &order).await;
                }
                return Ok(Outcome::done(order_id));
            }
            if order.story_ended_at.is_some() {
                return self.take_up_again(message, order).await;
            }
            let (name, input) = update_of(&order, message);
            if self.signal(&order.workflow_id, name, &input, request_id(message)).await? == SignalOutcome::Run
            {
                return Ok(Outcome::done(order_id));
            }
            if order.status != OrderStatus::Pending || self.is_lost(&order).await? {
                break;
            }
            if self.begin(&order).await? == StartOutcome::Started {
                return Ok(Outcome::done(order_id));
            }
        }
        Ok(Outcome::postponed(NO_RUN, order_id, Duration::from_secs(2)))
    }

    /// A person is to decide about an order whose run is gone.
    async fn is_lost(&self, order: &Order) -> Result<bool, DispatchError> {
        let mut conn = self.pool.acquire().await?;
        let open = attention::open(&mut conn, &order.order_id).await?;
        Ok(open.iter().any(|row| row.reason == ParkReason::RUN_GONE))
    }

    /// An order whose story has ended: where the newest content asks for more, or for something else than
    /// what was done, a new run follows it or shows what it cannot follow.
    async fn take_up_again(&self, message: &Message, order: Order) -> Dispatched {
        let order_id = order.order_id.clone();
        let (policy, services) = self.rules_of(&order);
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &order_id).await?;
        let has_left = matches!(order.status, OrderStatus::Shipped | OrderStatus::Delivered);
        if has_left && order.facts.cancelled_at.is_some() {
            let park_reason = ParkReason::new(ParkReason::CANCELLED_AFTER_SHIPPING);
            attention::park_once(&mut tx, &order_id, Step::CancelInShop, &park_reason).await?;
            tx.commit().await?;
            return Ok(Outcome::done(order_id));
        }
        if order.rest_is_cancelled {
            brief::show_what_is_wanted_again(&mut tx, &order, &services).await?;
        } else {
            brief::take_back_pieces_too_many(&mut tx, &order, &services).await?;
        }
        let rules = domain::GateRules::of(&policy);
        let asks_for_work = brief::asks_for_work(&mut tx, &order, &services, &rules).await?;
        if !asks_for_work && order.condition == Some(Condition::Ignored) {
            say_why_it_is_ignored(&mut tx, &order, &services, &rules).await?;
        }
        tx.commit().await?;
        if !asks_for_work {
            return Ok(Outcome::done(order_id));
        }
        self.have_a_run_look(message, &order).await
    }

    /// A run takes the order up itself: whatever becomes of this message, nothing is half done.
    async fn have_a_run_look(&self, message: &Message, order: &Order) -> Dispatched {
        let order_id = order.order_id.clone();
        if self.begin(order).await? == StartOutcome::Started {
            return Ok(Outcome::done(order_id));
        }
        // The old run is about to close: it looks once more.
        let input = json!({"messageId": message.message_id});
        let once = request_id(message);
        match self.signal(&order.workflow_id, names::CONTENT_UPDATED, &input, once).await? {
            SignalOutcome::Run => Ok(Outcome::done(order_id)),
            SignalOutcome::NoRun => {
                let (reason, wait) = ("the order's run closed a moment ago", Duration::from_millis(500));
                Ok(Outcome::postponed(reason, order_id, wait))
            }
        }
    }

    /// What is needed cannot be read: a person sees which member, at the order where it is known.
    async fn unreadable_order(
        &self,
        message: &Message,
        shop: &Shop,
        unreadable: UnreadableOrder,
    ) -> Dispatched {
        let park_reason = ParkReason::new(ParkReason::UNREADABLE_ORDER);
        let words = format!("{} ({})", unreadable, message.topic);
        let mut tx = self.pool.begin().await?;
        match unreadable.order_id {
            Some(shopify_order_id) => {
                let order = self.known_or_empty(&mut tx, message, shop, shopify_order_id).await?;
                attention::show(&mut tx, &order, &park_reason, &words).await?;
            }
            None => attention::show_message(&mut tx, message.inbox_id, &park_reason, &words).await?,
        }
        tx.commit().await?;
        Ok(Outcome::Unreadable(unreadable.to_string()))
    }

    /// The order, or an empty record of it that waits for a body that can be read.
    async fn known_or_empty(
        &self,
        conn: &mut PgConnection,
        message: &Message,
        shop: &Shop,
        shopify_order_id: ShopifyOrderId,
    ) -> Result<OrderId, DispatchError> {
        if let Some(order) = record::find_of_shop(conn, shop.domain.as_str(), shopify_order_id).await? {
            return Ok(order.order_id);
        }
        let facts = nothing_known(shopify_order_id);
        let drawn = Drawn::now()?;
        let (order, _) =
            record::arrive(conn, &drawn.arrival(message, shop, shopify_order_id, &facts)).await?;
        // Nothing can be done for it yet, so no run is missing.
        progress::set_story_ended(conn, &order.order_id, true).await?;
        Ok(order.order_id)
    }
}

/// It stays ignored, perhaps for another reason.
async fn say_why_it_is_ignored(
    conn: &mut PgConnection,
    order: &Order,
    services: &[String],
    rules: &domain::GateRules,
) -> Result<(), DispatchError> {
    let brief = brief::of(conn, order, services).await?;
    if let GateDecision::Ignore(reason) = decide_gate(&brief.gate, rules) {
        let (condition, reason) = (Condition::Ignored, Some(reason.code()));
        progress::set_condition(conn, &order.order_id, Waiting { condition, reason, held_by: None }).await?;
    }
    Ok(())
}

/// Ids of an order that may be new.
struct Drawn {
    order_id: OrderId,
    correlation_id: String,
}

impl Drawn {
    fn now() -> Result<Self, DispatchError> {
        let correlation_id = Uuid::now_v7().to_string();
        Ok(Self { order_id: OrderId::parse(&correlation_id)?, correlation_id })
    }

    fn arrival<'a>(
        &'a self,
        message: &'a Message,
        shop: &'a Shop,
        shopify_order_id: ShopifyOrderId,
        facts: &'a OrderFacts,
    ) -> Arrival<'a> {
        let hold = shop.policy.hold_window;
        Arrival {
            order_id: self.order_id.clone(),
            shop: &shop.domain,
            lane: &shop.lane,
            shopify_order_id,
            facts,
            triggered_at: None,
            authority: Authority::Message,
            customer: None,
            ship_to_digest: None,
            our_services: &shop.fulfillment_services,
            approval: &shop.policy.approval,
            received_at: message.received_at,
            hold_until: (!hold.is_zero()).then(|| message.received_at + hold),
            correlation_id: &self.correlation_id,
        }
    }
}

/// What is known of an order whose body cannot be read.
fn nothing_known(id: ShopifyOrderId) -> OrderFacts {
    OrderFacts {
        name: format!("#{}", id.0),
        currency: String::new(),
        total_amount: Decimal::ZERO,
        // Whether it was ever payable is for a body to say.
        financial_status: FinancialStatus::Voided,
        test: false,
        cancelled_at: None,
        updated_at: None,
        location_id: None,
        address: AddressSaid::Absent,
        lines: Vec::new(),
        fulfilments: None,
        tags: None,
        refund_ids: Vec::new(),
        shipping_methods: None,
    }
}

/// What the run is told: a cancellation interrupts whatever it waits for; all else it looks up itself.
fn update_of(order: &Order, message: &Message) -> (&'static str, Value) {
    if order.facts.cancelled_at.is_some() {
        return (names::CANCEL, json!({"actor": "shopify", "reason": "cancelled in the shop"}));
    }
    (names::CONTENT_UPDATED, json!({"messageId": message.message_id}))
}

/// The fault `signal_dropped_beside_start`: what finds no run starts one, and takes one that was started
/// meanwhile for its own.
fn dropped_beside_a_start(order: &Order) -> bool {
    domain::planted::is_planted("signal_dropped_beside_start") && order.status == OrderStatus::Pending
}

/// The shop's clock at sending.
fn triggered_at(headers: &Value) -> Option<DateTime<Utc>> {
    domain::leniently::moment(headers.get("triggeredAt")?.as_str()?)
}

/// Temporal takes a signal with a known request id for the same signal.
pub(crate) fn request_id(message: &Message) -> String {
    format!("inbox-{}", message.inbox_id)
}

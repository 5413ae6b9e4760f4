//! Plays a race: leads an order to its step, holds the step up at the moment, and cancels.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::Step;
use futures::future::{join, join_all};
use serde_json::{Value, json};

use super::draw::{Cancel, How, Moment, Race, Warehouse};
use crate::{
    proof::{
        rest::{Rest, Standing, standing},
        stories::truth::Subject,
    },
    world::{PATIENT_SHOP, PATIENT_SPLITTING_SHOP, Placed, Webhook, World, until},
};

/// How long an order may take to the moment.
const PATIENCE: Duration = Duration::from_secs(90);
/// Longer than an attempt: the answer comes too late.
const TOO_LATE_MS: u64 = 4_000;

/// By whom a step is held up.
enum Hold {
    /// The warehouse, when it is asked for this.
    Warehouse(&'static str),
    /// The shop, when it is asked for this.
    Shop(&'static str),
    /// Ourselves: it calls nobody.
    Ours,
}

fn hold(step: Step) -> Hold {
    match step {
        Step::HandOver => Hold::Warehouse("createShipment"),
        Step::Recall => Hold::Warehouse("cancelShipment"),
        Step::ReadOrder => Hold::Shop("order"),
        Step::LookInShop => Hold::Shop("fulfillmentOrders"),
        Step::TellShop => Hold::Shop("fulfillmentCreate"),
        Step::CancelInShop => Hold::Shop("orderCancel"),
        Step::RefundInShop => Hold::Shop("refundCreate"),
        Step::Gate
        | Step::Reserve
        | Step::RecordParcel
        | Step::Release
        | Step::RecordCancelled
        | Step::Follow => Hold::Ours,
    }
}

/// What became of a cancel.
#[derive(Debug, Clone)]
pub struct Cancelled {
    /// How it came.
    pub how: How,
    /// When it was acknowledged.
    pub acknowledged_at: DateTime<Utc>,
    /// What was answered over HTTP; none for a signal.
    pub answer: Option<u16>,
}

/// An order whose race is run.
pub struct Played<'a> {
    world: &'a World,
    /// Its race.
    pub race: Race,
    /// The order.
    pub order: Placed,
    /// Its one SKU.
    pub skus: [String; 1],
    /// Pieces of it that there were.
    pub stock: u32,
    /// What our API answered.
    pub answers: Vec<u16>,
    /// Every cancel.
    pub cancels: Vec<Cancelled>,
}

impl<'a> Played<'a> {
    /// An order that nobody knows of yet.
    pub fn new(world: &'a World, race: Race) -> Self {
        let skus = [format!("RACE-{}-{}", race.number, race.step)];
        // One piece leaves, the other waits for stock that does not come.
        let in_parts = race.step == Step::RefundInShop;
        let shop = if in_parts { PATIENT_SPLITTING_SHOP } else { PATIENT_SHOP };
        let mut order = Placed::new(shop, &[&skus[0]], 2).with("total_price", json!("60.00"));
        order.body["line_items"][0]["price"] = json!("30.00");
        if matches!(race.step, Step::Gate | Step::ReadOrder) {
            order = order.with("financial_status", json!("pending"));
        }
        let stock = if in_parts { 1 } else { 5 };
        Self { world, race, order, skus, stock, answers: Vec::new(), cancels: Vec::new() }
    }

    /// What its truth is asked by.
    pub fn subject(&self) -> Subject<'_> {
        Subject { order: &self.order, skus: &self.skus, cancelled: &self.answers }
    }

    /// Whether nothing more happens to it before the warehouse ships what it was not stopped from shipping.
    pub fn is_settled(&self, rest: &Rest) -> bool {
        self.race.warehouse == Warehouse::CannotStop
            || rest.of(self.order.id).is_some_and(|order| order.ended)
    }

    /// Plays it until every cancel is answered.
    pub async fn play(mut self) -> Self {
        self.set_up().await;
        self.lead().await;
        let first_cancel = match self.race.step {
            Step::Release | Step::CancelInShop | Step::RecordCancelled | Step::RefundInShop => {
                Some(self.cancel(Cancel { how: How::Signal, pause_ms: 0 }).await)
            }
            _ => None,
        };
        self.until_moment().await;
        let cancels = join_all(self.race.cancels.iter().map(|cancel| self.cancel(*cancel)));
        let let_go = async {
            tokio::time::sleep(Duration::from_millis(self.race.held_ms)).await;
            self.world.mend(&self.order, self.race.step).await;
        };
        let (cancelled, ()) = join(cancels, let_go).await;
        self.cancels = first_cancel.into_iter().chain(cancelled).collect();
        self.answers = self.cancels.iter().filter_map(|cancelled| cancelled.answer).collect();
        self
    }

    async fn set_up(&self) {
        let Self { world, race, skus: [sku], .. } = self;
        world.stock(sku, self.stock).await;
        let mut rule = match race.warehouse {
            Warehouse::Waits => json!({"never": true}),
            Warehouse::CannotStop => json!({"never": true, "tooLate": true}),
            Warehouse::Ships => json!({"shipAfterMs": 500}),
        };
        (rule["operation"], rule["sku"], rule["times"]) = (json!("shipment"), json!(sku), json!(0));
        world.wms_rule(rule).await;
        self.hold_up().await;
    }

    /// Holds the step up where the moment is in the midst of it.
    async fn hold_up(&self) {
        let Self { world, race, skus: [sku], order, .. } = self;
        let effect = match (race.moment, race.drops) {
            (Moment::Before | Moment::After, _) => return,
            (Moment::UnderWay, _) => ("delayMs", json!(race.held_ms)),
            (Moment::DoneUnheard, true) => ("effectThenDrop", json!(true)),
            (Moment::DoneUnheard, false) => ("effectThenHangMs", json!(TOO_LATE_MS)),
        };
        let rule = |operation: &str| json!({"operation": operation, "sku": sku, effect.0: effect.1});
        match hold(race.step) {
            Hold::Warehouse(operation) => world.wms_rule(rule(operation)).await,
            Hold::Shop(operation) => world.shopify_rule(rule(operation)).await,
            Hold::Ours => {
                let moment = if race.moment == Moment::UnderWay { "before" } else { "after" };
                world.hold_up(order, race.step, moment).await;
            }
        }
    }

    /// Leads the order to where its step is next.
    async fn lead(&self) {
        let Self { world, order, race, .. } = self;
        world.place(order).await;
        match race.step {
            Step::ReadOrder => {
                self.until("it waits for its payment", |order| order.is("AWAITING_PAYMENT")).await;
                let quietly =
                    |deed: &str| world.shopify(&format!("/_orders/{}/{deed}?announce=false", order.id));
                let line = &order.body["line_items"][0]["id"];
                let fewer = json!({"lines": [{"lineItemId": line, "quantity": 1}]});
                world.stage_with(quietly("edit"), fewer).await;
                world.stage(quietly("pay")).await;
                let hint = json!({"order_edit": {"id": order.id, "order_id": order.id}});
                world.deliver_webhook(&Webhook::new(&order.shop, "orders/edited", hint)).await;
            }
            Step::Recall => {
                self.until("it is at the warehouse", |order| order.status == "PROCESSING").await;
                let moved = json!({"shippingAddress": {"address1": "2 Secret Street"}});
                world.stage_with(world.shopify(&format!("/_orders/{}/edit", order.id)), moved).await;
            }
            Step::Release | Step::CancelInShop | Step::RecordCancelled => {
                self.until("it is at the warehouse", |order| order.status == "PROCESSING").await;
            }
            Step::RefundInShop => {
                self.until("part of it has left", |order| {
                    order.is("PARTIALLY_SHIPPED") && order.unnotified == 0 && !order.booked.is_empty()
                })
                .await;
            }
            Step::Gate
            | Step::Reserve
            | Step::LookInShop
            | Step::HandOver
            | Step::RecordParcel
            | Step::TellShop
            | Step::Follow => {}
        }
    }

    async fn until_moment(&self) {
        let Race { step, moment, .. } = self.race;
        let what = format!("race {}: {moment:?} of {step}", self.race.number);
        match (moment, hold(step)) {
            (Moment::Before, _) => {}
            (Moment::UnderWay | Moment::DoneUnheard, Hold::Ours) => {
                until(&what, PATIENCE, async || self.world.has_struck(&self.order, step).await.then_some(()))
                    .await;
            }
            (Moment::After, Hold::Ours) => self.until(&what, |order| is_done(step, order)).await,
            (moment, Hold::Warehouse(operation) | Hold::Shop(operation)) => {
                let kind = if moment == Moment::After { "answer" } else { "call" };
                until(&what, PATIENCE, async || {
                    // What it waited for may never come: it is over already.
                    let asked = self
                        .entries(step)
                        .await
                        .iter()
                        .any(|entry| entry["kind"] == kind && entry["operation"] == operation);
                    (asked || self.is_over().await).then_some(())
                })
                .await;
            }
        }
    }

    /// What the other side of a step has in its ledger of this order.
    async fn entries(&self, step: Step) -> Vec<Value> {
        let address = match hold(step) {
            Hold::Shop(_) => self.world.shopify(&format!("/_ledger?order={}", self.order.id)),
            Hold::Warehouse(_) | Hold::Ours => {
                let Some(seen) = standing(&self.world.pool, self.order.id).await else { return Vec::new() };
                self.world.wms(&format!("/_ledger?order={}", seen.order_number))
            }
        };
        self.world.ledger(address).await
    }

    async fn is_over(&self) -> bool {
        standing(&self.world.pool, self.order.id).await.is_some_and(|order| order.ended)
    }

    async fn until(&self, what: &str, wanted: impl Fn(&Standing) -> bool) {
        let what = format!("race {}: {what}", self.race.number);
        until(&what, PATIENCE, async || {
            standing(&self.world.pool, self.order.id).await.filter(|order| wanted(order) || order.ended)
        })
        .await;
    }

    async fn cancel(&self, Cancel { how, pause_ms }: Cancel) -> Cancelled {
        let Self { world, order, .. } = self;
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        let answer = match how {
            How::Signal => self.signal().await,
            How::Api => Some(self.cancel_at_our_api().await),
            How::Shop => {
                world.shop_does(order, "cancel").await;
                None
            }
        };
        Cancelled { how, acknowledged_at: Utc::now(), answer }
    }

    /// None, as a signal is not answered. A run that is not there yet, or no more, takes none.
    async fn signal(&self) -> Option<u16> {
        let workflow = self.order.workflow();
        let deadline = Instant::now() + PATIENCE;
        while !self.world.try_signal(&workflow, "cancel", &[World::cancel_request("operator")]).await {
            if self.is_over().await {
                return None;
            }
            assert!(Instant::now() < deadline, "race {}: no run took the cancel", self.race.number);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }

    async fn cancel_at_our_api(&self) -> u16 {
        let world = self.world;
        let id = until("the order is known", PATIENCE, async || {
            standing(&world.pool, self.order.id).await.map(|order| order.order_id)
        })
        .await;
        let path = world.api(&format!("/api/orders/{id}/cancel"));
        world.http.post(path).send().await.expect("the API answers").status().as_u16()
    }
}

/// Whether a step of ours is done and known.
fn is_done(step: Step, order: &Standing) -> bool {
    match step {
        Step::Gate => order.is("AWAITING_PAYMENT"),
        Step::Reserve => !order.held.is_empty() || !order.references.is_empty(),
        Step::RecordParcel => !order.booked.is_empty(),
        Step::Release => order.held.is_empty(),
        Step::RecordCancelled => order.status == "CANCELLED",
        Step::ReadOrder
        | Step::LookInShop
        | Step::HandOver
        | Step::TellShop
        | Step::Recall
        | Step::CancelInShop
        | Step::RefundInShop
        | Step::Follow => true,
    }
}

//! One order that is led to where its cell begins, has done to it what the cell says, and is let go on.

use std::time::Duration;

use domain::Step;
use futures::future::join;
use serde_json::{Value, json};

use super::{
    act::Answer,
    table::{Act, Cancel, Cell, Promise, Stand},
    watch::Watch,
};
use crate::world::{LONG_HOLDING_SHOP, PATIENT_SHOP, PATIENT_SPLITTING_SHOP, Placed, World, until};

/// How long somebody lets a call wait.
pub(super) const CALL: Duration = Duration::from_millis(2_500);
pub(super) const PATIENCE: Duration = Duration::from_secs(240);

/// The walk of a cell.
pub struct Walk<'a> {
    pub(super) world: &'a World,
    pub(super) watch: &'a Watch,
    /// The cell.
    pub cell: Cell,
    /// The order: two pieces of the first SKU and one of the second.
    pub order: Placed,
    /// Its own SKUs; the third comes into it by an edit.
    pub skus: [String; 3],
    /// What was answered to the act.
    pub answer: Answer,
}

impl<'a> Walk<'a> {
    /// A walk that has not begun.
    pub fn new(world: &'a World, watch: &'a Watch, number: usize, cell: Cell) -> Self {
        let skus = ["A", "B", "C"].map(|sku| format!("CELL-{number}-{sku}"));
        let shop = match cell.stand {
            Stand::HeldByWindow => LONG_HOLDING_SHOP,
            Stand::PartShippedRestWaits | Stand::Parked(Step::RefundInShop) => PATIENT_SPLITTING_SHOP,
            _ => PATIENT_SHOP,
        };
        let mut order = Placed::new(shop, &[&skus[0], &skus[1]], 1).with("total_price", json!("89.70"));
        for member in ["quantity", "fulfillable_quantity"] {
            order.body["line_items"][0][member] = json!(2);
        }
        let financial_status = match cell.stand {
            Stand::AwaitingPayment | Stand::Cancelled | Stand::Parked(Step::ReadOrder) => "pending",
            // Nobody can read it.
            Stand::Parked(Step::Gate) => "half_paid",
            _ => "paid",
        };
        let order = order.with("financial_status", json!(financial_status));
        Self { world, watch, cell, order, skus, answer: Answer::None }
    }

    /// What it is called when something is wrong.
    pub fn name(&self) -> String {
        format!("{:?} × {:?} ({:?})", self.cell.stand, self.cell.act, self.cell.promise())
    }

    /// Walks until all is said that is to be said.
    pub async fn walk(mut self) -> Self {
        self.stock().await;
        self.arrange().await;
        let known = self.watch.now(&self.order).map_or(0, |order| order.messages);
        if self.holds_up() {
            // What is done may be answered only when the order goes on.
            let received = self.received().await;
            let (answer, ()) = match self.cell.act {
                Act::Cancel(Cancel::Api) => join(self.act(), self.let_go_after(received)).await,
                Act::Cancel(Cancel::Customer) => {
                    let go_on = async {
                        tokio::time::sleep(Duration::from_secs(3)).await;
                        self.let_go().await;
                    };
                    join(self.act(), go_on).await
                }
                _ => (self.act().await, self.let_go_after(received).await),
            };
            self.answer = answer;
            return self;
        }
        self.answer = self.act().await;
        if self.goes_on() {
            if self.cell.act == Act::HoldPlaced {
                self.until_the_hold_is_heard_of().await;
            } else if self.is_said_by_the_shop() {
                self.until("what was said is known", |order| order.messages > known).await;
            }
            self.let_go().await;
        }
        self
    }

    /// Whether nothing is settled before the order goes on.
    fn holds_up(&self) -> bool {
        matches!(self.cell.stand, Stand::Reserving | Stand::Looking | Stand::HandingOver)
            || self.cell.stand.is_being_cancelled()
    }

    /// The order goes on once what was said of it is committed.
    async fn let_go_after(&self, received: i64) {
        match self.cell.act {
            Act::HoldPlaced => self.until_the_hold_is_heard_of().await,
            Act::Cancel(Cancel::Api | Cancel::Shop) => self.until_received(received).await,
            _ if self.is_said_by_the_shop() => self.until_received(received).await,
            _ => {}
        }
        self.let_go().await;
    }

    async fn until_received(&self, known: i64) {
        until(&format!("{}: what was said is committed", self.name()), PATIENCE, async || {
            (self.received().await > known).then_some(())
        })
        .await;
    }

    /// Messages in the inbox that name the order, settled or not.
    async fn received(&self) -> i64 {
        let id = self.watch.now(&self.order).map(|order| order.order_id);
        sqlx::query_scalar(
            "SELECT count(*) FROM integration.inbox WHERE position($1 IN convert_from(body, 'UTF8')) > 0
             OR position($2 IN convert_from(body, 'UTF8')) > 0",
        )
        .bind(self.order.id.to_string())
        .bind(id)
        .fetch_one(&self.world.pool)
        .await
        .expect("the inbox is read")
    }

    fn is_said_by_the_shop(&self) -> bool {
        !matches!(self.cell.act, Act::Cancel(_) | Act::SkuMapped | Act::WarehouseChosen | Act::AddressByHand)
            && !self.cell.is_refused_by_the_shop()
    }

    /// Of whose order a fulfilment order is may not be known yet.
    async fn until_the_hold_is_heard_of(&self) {
        let path = self.world.shopify(&format!("/_orders/{}", self.order.id));
        let shown = self.world.http.get(path).send().await.expect("the shop answers");
        let shown: Value = shown.json().await.expect("JSON");
        let held = shown["fulfilmentOrders"].as_array().into_iter().flatten();
        let held = held.filter(|found| found["holds"].as_array().is_some_and(|holds| !holds.is_empty()));
        for id in held.filter_map(|found| found["adminGraphqlApiId"].as_str()) {
            until(&format!("{}: the hold is heard of", self.name()), PATIENCE, async || {
                sqlx::query_scalar::<_, i64>(
                    "SELECT inbox_id FROM integration.inbox WHERE topic = 'fulfillment_orders/placed_on_hold'
                     AND settled_at IS NOT NULL AND position($1 IN convert_from(body, 'UTF8')) > 0",
                )
                .bind(format!("{id}\""))
                .fetch_optional(&self.world.pool)
                .await
                .expect("the inbox is read")
            })
            .await;
        }
    }

    /// Whether what it waited for comes after the act.
    fn goes_on(&self) -> bool {
        let Cell { stand, act } = self.cell;
        match (stand, act) {
            (Stand::AwaitingPayment, Act::MoneyGone) | (Stand::HeldByShop, Act::HoldPlaced) => false,
            (Stand::Parked(_) | Stand::ShippedUntold | Stand::DeliveredUntold, _) => true,
            _ => self.cell.promise() != Promise::AtOnce,
        }
    }

    async fn stock(&self) {
        let Self { world, skus: [first, second, third], cell, .. } = self;
        let (of_first, of_second) = match cell.stand {
            Stand::Backordered => (0, 5),
            Stand::PartShipped => (5, 0),
            Stand::PartShippedRestWaits | Stand::Parked(Step::RefundInShop) => (1, 5),
            _ => (5, 5),
        };
        for (sku, pieces) in [(first, of_first), (second, of_second), (third, 5)] {
            world.stock(sku, pieces).await;
        }
        if cell.stand == Stand::PartShipped {
            self.receive_far_away(second).await;
        }
        let behaviour = match cell.stand {
            Stand::HandingOver | Stand::Accepted | Stand::PartShipped => json!({"never": true}),
            Stand::Picked => json!({"never": true, "tooLate": true}),
            Stand::Parked(step) if cell.stand.is_being_cancelled() && step != Step::RefundInShop => {
                json!({"never": true})
            }
            Stand::Told | Stand::ShippedUntold => json!({"deliverAfterMs": 3_600_000}),
            _ => return,
        };
        let mut rule = behaviour;
        (rule["operation"], rule["sku"]) = (json!("shipment"), json!(first));
        world.wms_rule(rule).await;
    }

    pub(super) async fn receive_far_away(&self, sku: &str) {
        let path = self.world.api(&format!("/api/inventory/{sku}/receive"));
        let delivery = json!({"quantity": 5, "warehouseId": "far"});
        let answer = self.world.http.post(path).json(&delivery).send().await.expect("the API answers");
        assert_eq!(answer.status(), 200);
    }

    /// What it waited for comes.
    async fn let_go(&self) {
        let Self { world, order, .. } = self;
        let stage = |deed: &str| world.shopify(&format!("/_orders/{}/{deed}", order.id));
        match self.cell.stand {
            Stand::HeldByWindow => {
                let id = self.until("it is known", |_| true).await.order_id;
                let path = world.api(&format!("/api/orders/{id}/resolve"));
                let answer = world.http.post(path).json(&json!({"action": "release_hold"})).send().await;
                let status = answer.expect("the API answers").status().as_u16();
                assert!([200, 202].contains(&status), "{}: {status}", self.name());
            }
            Stand::AwaitingPayment => world.stage(stage("pay")).await,
            Stand::Reserving => world.mend(order, Step::Reserve).await,
            Stand::Backordered => world.receive(&self.skus[0], 5).await,
            Stand::Looking => world.mend(order, Step::LookInShop).await,
            Stand::HandingOver => tokio::time::sleep(CALL).await,
            Stand::HeldByShop => world.stage(stage("release")).await,
            Stand::ShippedUntold | Stand::DeliveredUntold => self.mend(Step::TellShop).await,
            Stand::Parked(Step::Gate) => {
                if self.cell.promise() != Promise::AtOnce {
                    world.stage(stage("pay")).await;
                }
            }
            Stand::Parked(step) => {
                if step == Step::ReadOrder && self.cell.promise() != Promise::AtOnce {
                    world.stage(stage("pay")).await;
                }
                self.mend(step).await;
            }
            Stand::Accepted
            | Stand::Picked
            | Stand::PartShipped
            | Stand::PartShippedRestWaits
            | Stand::Told
            | Stand::Delivered
            | Stand::Cancelled => {}
        }
    }

    /// The step goes again, and whoever is asked says so. An attempt that began before may park it once more.
    async fn mend(&self, step: Step) {
        self.world.mend(&self.order, step).await;
        let mut clear = 0;
        until(&format!("{}: it goes on", self.name()), PATIENCE, async || {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let seen = self.watch.now(&self.order)?;
            let waits = seen.open.iter().any(|reason| reason == "PLANTED_FOR_GOOD");
            if waits {
                self.world.try_signal(&self.order.workflow(), "retry", &[]).await;
            }
            clear = if waits { 0 } else { clear + 1 };
            (clear > 4 || seen.ended).then_some(())
        })
        .await;
    }

    pub(super) async fn until(
        &self,
        what: &str,
        wanted: impl Fn(&crate::proof::rest::Standing) -> bool,
    ) -> crate::proof::rest::Standing {
        self.watch.until(&format!("{}: {what}", self.name()), &self.order, wanted).await
    }
}

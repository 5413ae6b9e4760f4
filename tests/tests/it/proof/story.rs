//! The ways on which a test leads an order past each step, with somebody who answers when it parks.

use std::time::Duration;

use domain::Step;
use serde_json::json;

use super::board::{Board, Seen};
use crate::world::{PATIENT_SHOP, PATIENT_SPLITTING_SHOP, Placed, SPLITTING_SHOP, Webhook, World, until};

/// How an order is led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Paid, shipped, told.
    Ship,
    /// Unpaid at first.
    Pay,
    /// Its hand-over is parked, an operator answers.
    Park,
    /// Cancelled by an operator while the warehouse has it.
    Cancel,
    /// Changed by the shop's people while it is unpaid, which the shop only hints at.
    Edit,
    /// Cancelled by an operator when some of it has left.
    CancelTheRest,
}

impl Way {
    /// The ways that lead past a step: a new step does not compile without one.
    pub fn past(step: Step) -> &'static [Self] {
        match step {
            // Conditions, parking and resolving are recorded under this step's name.
            Step::Gate => &[Self::Pay, Self::Park],
            Step::ReadOrder => &[Self::Edit],
            Step::Reserve | Step::LookInShop | Step::HandOver | Step::RecordParcel | Step::TellShop => {
                &[Self::Ship]
            }
            Step::Recall | Step::Release | Step::CancelInShop | Step::RecordCancelled => &[Self::Cancel],
            Step::RefundInShop => &[Self::CancelTheRest],
            Step::Follow => &[],
        }
    }

    /// Why an order led this way is parked whatever is planted.
    pub fn parks_anyway(self) -> Option<&'static str> {
        match self {
            Self::Park => Some("PLANTED_FOR_GOOD"),
            Self::Ship | Self::Pay | Self::Cancel | Self::Edit | Self::CancelTheRest => None,
        }
    }

    /// How an order led this way ends.
    fn ends(self, seen: &Seen) -> bool {
        match self {
            Self::Ship | Self::Pay | Self::Park | Self::Edit | Self::CancelTheRest => {
                seen.status == "SHIPPED" || seen.status == "DELIVERED"
            }
            Self::Cancel => seen.status == "CANCELLED",
        }
    }
}

/// A failure planted inside our programs.
#[derive(Debug, Clone, Copy)]
pub struct Planted {
    /// Where.
    pub step: Step,
    /// When.
    pub moment: &'static str,
    /// What.
    pub action: &'static str,
    /// How often.
    pub times: i32,
}

/// An order to be led to its end.
pub struct Story<'a> {
    /// Its world.
    pub world: &'a World,
    /// Where it stands.
    pub board: &'a Board,
    /// A shop with the wanted policy.
    pub shop: &'a str,
    /// Its own SKU.
    pub sku: String,
    /// How it is led.
    pub way: Way,
    /// What fails inside.
    pub planted: Option<Planted>,
    /// Why it is parked on its way, in this order.
    pub parks: Vec<&'static str>,
}

impl Story<'_> {
    /// Leads the order to its end.
    pub async fn lead(self) {
        let Self { world, board, .. } = self;
        let what = format!("{} ({:?})", self.sku, self.way);
        // One piece leaves, the other waits for stock that does not come.
        let (pieces, shop) = match (self.way, self.shop) {
            (Way::CancelTheRest, PATIENT_SHOP) => (1, PATIENT_SPLITTING_SHOP),
            (Way::CancelTheRest, _) => (1, SPLITTING_SHOP),
            _ => (5, self.shop),
        };
        world.stock(&self.sku, pieces).await;
        let mut order = Placed::new(shop, &[&self.sku], 2);
        match self.way {
            Way::Ship | Way::CancelTheRest => {}
            Way::Pay | Way::Edit => order = order.with("financial_status", json!("pending")),
            Way::Park => world.break_down(&order, Step::HandOver).await,
            Way::Cancel => {
                world
                    .rule(
                        world.wms("/_faults"),
                        json!({"operation": "shipment", "sku": self.sku, "never": true}),
                    )
                    .await;
            }
        }
        self.plant(&order).await;
        world.place(&order).await;
        self.on_the_way(&order, &what).await;
        self.answer(&order, &what).await;
        let surprised = |seen: &Seen| seen.parked.len() > self.parks.len();
        let end =
            board.until(&what, &order, |seen| surprised(seen) || (seen.ended && self.way.ends(seen))).await;
        assert_eq!(end.parked, self.parks, "{what}");
    }

    async fn on_the_way(&self, order: &Placed, what: &str) {
        let Self { world, board, .. } = self;
        match self.way {
            Way::Ship | Way::Park => {}
            Way::Pay => {
                board.until(what, order, |seen| seen.condition.as_deref() == Some("AWAITING_PAYMENT")).await;
                world.stage(world.shopify(&format!("/_orders/{}/pay", order.id))).await;
            }
            Way::Edit => {
                board.until(what, order, |seen| seen.condition.as_deref() == Some("AWAITING_PAYMENT")).await;
                let fewer =
                    json!({"lines": [{"lineItemId": order.body["line_items"][0]["id"], "quantity": 1}]});
                let quietly =
                    |deed: &str| world.shopify(&format!("/_orders/{}/{deed}?announce=false", order.id));
                world.stage_with(quietly("edit"), fewer).await;
                world.stage(quietly("pay")).await;
                // A whole body would end the doubt, perhaps before the run hears of it.
                let edited = json!({"order_edit": {"id": order.id, "order_id": order.id}});
                world.deliver_webhook(&Webhook::new(&order.shop, "orders/edited", edited)).await;
            }
            Way::CancelTheRest => {
                board.until(what, order, |seen| seen.condition.as_deref() == Some("PARTIALLY_SHIPPED")).await;
                world.until_shop_notified(order, 1).await;
                world.signal(&order.workflow(), "cancel", &[World::cancel_request("operator")]).await;
            }
            Way::Cancel => {
                board.until(what, order, |seen| seen.status == "PROCESSING").await;
                world.signal(&order.workflow(), "cancel", &[World::cancel_request("operator")]).await;
            }
        }
    }

    /// Answers each time it is parked, by signal and by Update in turn.
    async fn answer(&self, order: &Placed, what: &str) {
        for (count, reason) in (1..).zip(&self.parks) {
            let parked = |seen: &Seen| seen.is_parked() && seen.parked.len() == count;
            let seen = self.board.until(&format!("{what} parks"), order, parked).await;
            assert_eq!(seen.parked.last().map(String::as_str), Some(*reason), "{what}");
            self.until_it_listens(order).await;
            if self.way == Way::Park {
                self.world.mend(order, Step::HandOver).await;
                self.plant(order).await;
            }
            if order.id % 2 == 0 {
                self.world.signal(&order.workflow(), "retry", &[]).await;
            } else {
                let answer = json!({"action": "retry", "actor": "operator", "reason": "mended"});
                self.world.update(&order.workflow(), "resolve", answer).await.expect("the answer is taken");
            }
        }
    }

    /// The record is written a moment before the run waits for the answer.
    async fn until_it_listens(&self, order: &Placed) {
        until("the run waits for an answer", Duration::from_secs(60), async || {
            Some(self.world.status(&order.workflow()).await).filter(|status| !status["parked"].is_null())
        })
        .await;
    }

    async fn plant(&self, order: &Placed) {
        if let Some(Planted { step, moment, action, times }) = self.planted {
            self.world.plant(order, step, moment, action, times).await;
        }
    }
}

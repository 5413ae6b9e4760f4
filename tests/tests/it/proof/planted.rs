//! The checker proven: ten faults planted into the product, each of which it has to find. The same
//! ten plays without a fault have to come out clean, so that it is the fault that is found.

use std::time::Duration;

use domain::Step;
use futures::future::join_all;
use serde_json::{Value, json};

mod news;

use super::{PLACES, assert_clean, board::Board, checker};
use crate::world::{self, Placed, Plan, Program, SHOP, World, until};

/// A fault of the whole product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    AcknowledgeBeforeCommit,
    RandomKey,
    CheckThenDecrement,
    UndoOrderSwapped,
    UndoRegisteredLate,
    SecondHandOver,
    SignalDroppedBesideStart,
    EditIgnoredWhileBackordered,
    ParcelWithoutReference,
    OwnFulfilmentAsEdit,
}

impl Fault {
    const ALL: [Self; 10] = [
        Self::AcknowledgeBeforeCommit,
        Self::RandomKey,
        Self::CheckThenDecrement,
        Self::UndoOrderSwapped,
        Self::UndoRegisteredLate,
        Self::SecondHandOver,
        Self::SignalDroppedBesideStart,
        Self::EditIgnoredWhileBackordered,
        Self::ParcelWithoutReference,
        Self::OwnFulfilmentAsEdit,
    ];

    /// What the programs know it by.
    fn name(self) -> &'static str {
        match self {
            Self::AcknowledgeBeforeCommit => "acknowledge_before_commit",
            Self::RandomKey => "random_key",
            Self::CheckThenDecrement => "check_then_decrement",
            Self::UndoOrderSwapped => "undo_order_swapped",
            Self::UndoRegisteredLate => "undo_registered_late",
            Self::SecondHandOver => "second_hand_over",
            Self::SignalDroppedBesideStart => "signal_dropped_beside_start",
            Self::EditIgnoredWhileBackordered => "edit_ignored_while_backordered",
            Self::ParcelWithoutReference => "parcel_without_reference",
            Self::OwnFulfilmentAsEdit => "own_fulfilment_as_edit",
        }
    }

    /// Which programs have it.
    fn programs(self) -> &'static [Program] {
        match self {
            Self::AcknowledgeBeforeCommit | Self::SignalDroppedBesideStart | Self::ParcelWithoutReference => {
                &[Program::Api]
            }
            Self::RandomKey
            | Self::CheckThenDecrement
            | Self::UndoOrderSwapped
            | Self::UndoRegisteredLate
            | Self::SecondHandOver
            | Self::EditIgnoredWhileBackordered => &[Program::Worker],
            Self::OwnFulfilmentAsEdit => &[Program::Worker, Program::Api],
        }
    }

    /// What the checker says of it.
    fn finding(self) -> &'static str {
        match self {
            Self::AcknowledgeBeforeCommit => "was acknowledged and is not in the inbox",
            Self::RandomKey => "which nobody here knows",
            Self::CheckThenDecrement => "was oversold",
            Self::UndoOrderSwapped => "left for which it holds no stock",
            Self::UndoRegisteredLate => "the warehouse was not stopped from shipping",
            Self::SecondHandOver => "left, 2 were ordered",
            Self::SignalDroppedBesideStart => "(AWAITING_PAYMENT), but by its newest body it is paid",
            Self::EditIgnoredWhileBackordered => "(BACKORDERED), but by its newest body",
            Self::ParcelWithoutReference => "was never booked",
            Self::OwnFulfilmentAsEdit => "is said to be edited too late",
        }
    }
}

/// One play, with its fault or without.
struct Play<'a> {
    world: &'a World,
    board: &'a Board,
    fault: Fault,
    planted: bool,
}

impl Play<'_> {
    /// Plays it and says whom the finding has to name.
    async fn play(&self) -> String {
        match self.fault {
            Fault::AcknowledgeBeforeCommit => self.api_killed_after_acknowledgement().await,
            Fault::RandomKey | Fault::SecondHandOver => self.hand_over_without_an_answer().await,
            Fault::CheckThenDecrement => self.many_buyers_of_one_piece().await,
            Fault::UndoOrderSwapped => self.recall_too_late_while_another_waits().await,
            Fault::UndoRegisteredLate => self.cancelled_after_unanswered_hand_overs().await,
            Fault::SignalDroppedBesideStart => self.paid_while_it_waits().await,
            Fault::EditIgnoredWhileBackordered => self.edited_while_it_waits_for_stock().await,
            Fault::ParcelWithoutReference => self.same_shipment_id_under_two_hand_overs().await,
            Fault::OwnFulfilmentAsEdit => self.told_of_our_own_parcel().await,
        }
    }

    fn sku(&self) -> String {
        format!("{}-{}", self.fault.name(), self.planted)
    }

    async fn stocked(&self, pieces: u32) -> Placed {
        self.world.stock(&self.sku(), pieces).await;
        Placed::new(SHOP, &[&self.sku()], 2)
    }

    async fn api_killed_after_acknowledgement(&self) -> String {
        let Self { world, board, .. } = self;
        let order = self.stocked(5).await;
        world.place(&order).await;
        let webhook = until("the webhook is acknowledged", Duration::from_secs(30), async || {
            let sent = world.ledger(world.shopify(&format!("/_ledger?order={}", order.id))).await;
            sent.into_iter()
                .find(|entry| entry["operation"] == json!("webhook") && entry["status"] == json!(200))
        })
        .await;
        world.restart_with(Program::Api, "");
        world.until_ready().await;
        if !self.planted {
            board.until("it ships", &order, |seen| seen.ended).await;
        }
        webhook["webhookId"].as_str().expect("an id").to_owned()
    }

    async fn hand_over_without_an_answer(&self) -> String {
        let Self { world, board, .. } = self;
        let order = self.stocked(10).await;
        self.warehouse(json!({"operation": "createShipment", "effectThenDrop": true})).await;
        world.place(&order).await;
        let seen = board.until("it is handed over", &order, |seen| !seen.references.is_empty()).await;
        if self.planted {
            self.until_left(&seen.order_number, 2).await;
        } else {
            board.until("it ships", &order, |seen| seen.ended).await;
        }
        seen.order_number
    }

    async fn many_buyers_of_one_piece(&self) -> String {
        let Self { world, board, .. } = self;
        world.stock(&self.sku(), 1).await;
        let buyers: Vec<Placed> = (0..4).map(|_| Placed::new(SHOP, &[&self.sku()], 1)).collect();
        join_all(buyers.iter().map(|order| world.place(order))).await;
        if self.planted {
            self.until_left_of_sku(2).await;
        } else {
            board
                .until_all("one gets it and the others wait", |orders| {
                    let seen: Vec<_> = buyers.iter().filter_map(|order| orders.get(&order.id)).collect();
                    seen.iter().filter(|seen| seen.condition.as_deref() == Some("BACKORDERED")).count() == 3
                        && seen.iter().filter(|seen| seen.ended).count() == 1
                })
                .await;
        }
        self.sku()
    }

    async fn recall_too_late_while_another_waits(&self) -> String {
        let Self { world, board, .. } = self;
        let order = self.stocked(2).await;
        self.warehouse(json!({"operation": "shipment", "never": true, "tooLate": true})).await;
        world.place(&order).await;
        let seen = board.until("it is handed over", &order, |seen| seen.status == "PROCESSING").await;
        let next = Placed::new(SHOP, &[&self.sku()], 2);
        world.place(&next).await;
        board
            .until("the next one waits", &next, |seen| seen.condition.as_deref() == Some("BACKORDERED"))
            .await;
        world.signal(&order.workflow(), "cancel", &[World::cancel_request("operator")]).await;
        self.until_warehouse(&seen.order_number, "the recall is answered", |entry| {
            entry["operation"] == json!("cancelShipment") && entry["kind"] == json!("answer")
        })
        .await;
        world.stage(world.wms(&format!("/_shipments/{}/ship", seen.references[0]))).await;
        self.until_left(&seen.order_number, 1).await;
        if !self.planted {
            board.until("it ships all the same", &order, |seen| seen.ended).await;
        }
        seen.order_number
    }

    async fn cancelled_after_unanswered_hand_overs(&self) -> String {
        let Self { world, board, .. } = self;
        let order = self.stocked(5).await;
        self.warehouse(json!({"operation": "createShipment", "effectThenDrop": true, "times": 3})).await;
        self.warehouse(json!({"operation": "shipment", "never": true})).await;
        world.place(&order).await;
        let seen = board.until("it is parked", &order, super::board::Seen::is_parked).await;
        until("the run waits for an answer", Duration::from_secs(60), async || {
            let parked = world.status(&order.workflow()).await["parked"]["step"].clone();
            (parked == json!(Step::HandOver)).then_some(())
        })
        .await;
        let answer = json!({"action": "compensate", "actor": "operator", "reason": "not worth it"});
        world.update(&order.workflow(), "resolve", answer).await.expect("the answer is taken");
        board.until("it is cancelled", &order, |seen| seen.ended && seen.status == "CANCELLED").await;
        seen.order_number
    }

    /// Adds a rule to the warehouse for this play's SKU.
    async fn warehouse(&self, mut rule: Value) {
        rule["sku"] = json!(self.sku());
        self.world.rule(self.world.wms("/_faults"), rule).await;
    }

    async fn until_left(&self, order_number: &str, parcels: usize) {
        until(&format!("{parcels} parcels of {order_number} leave"), Duration::from_secs(60), async || {
            let ledger = self.world.ledger(self.world.wms(&format!("/_ledger?order={order_number}"))).await;
            (ledger.iter().filter(|entry| entry["effect"] == json!("shipmentShipped")).count() >= parcels)
                .then_some(())
        })
        .await;
    }

    async fn until_left_of_sku(&self, parcels: usize) {
        until(&format!("{parcels} parcels of {} leave", self.sku()), Duration::from_secs(60), async || {
            let ledger = self.world.ledger(self.world.wms("/_ledger")).await;
            let left = ledger.iter().filter(|entry| entry["effect"] == json!("shipmentShipped"));
            let count = left.filter(|entry| entry["lines"][0]["sku"] == json!(self.sku())).count();
            (count >= parcels).then_some(())
        })
        .await;
    }

    async fn until_warehouse(&self, order_number: &str, what: &str, wanted: impl Fn(&Value) -> bool) {
        until(what, Duration::from_secs(60), async || {
            let ledger = self.world.ledger(self.world.wms(&format!("/_ledger?order={order_number}"))).await;
            ledger.iter().any(&wanted).then_some(())
        })
        .await;
    }
}

#[test]
fn the_checker_finds_each_of_ten_planted_faults_and_nothing_without_them() {
    world::run(async {
        let _place = PLACES.acquire().await;
        let world = World::start(Plan { with_faults: true, ..Plan::default() }).await;
        let board = Board::of(&world);
        for fault in Fault::ALL {
            Play { world: &world, board: &board, fault, planted: false }.play().await;
        }
        assert_clean(&world).await;

        for fault in Fault::ALL {
            restart(&world, fault, fault.name()).await;
            let who = Play { world: &world, board: &board, fault, planted: true }.play().await;
            let findings = checker::check(&world).await;
            let found =
                findings.iter().any(|finding| finding.contains(fault.finding()) && finding.contains(&who));
            assert!(found, "{} was not found at {who}; found:\n  {}", fault.name(), findings.join("\n  "));
            restart(&world, fault, "").await;
        }
    });
}

async fn restart(world: &World, fault: Fault, planted: &str) {
    for program in fault.programs() {
        world.restart_with(*program, planted);
    }
    world.until_ready().await;
}

//! The same failures from outside: the stand-ins misbehave towards every step that calls out.

use domain::Step;
use futures::future::join_all;
use serde_json::{Value, json};

use super::{
    PLACES, assert_clean,
    board::Board,
    story::{Story, Way},
};
use crate::world::{self, Plan, SHOP, World};

/// Whom a step calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Warehouse,
    Shop,
}

/// The call a step makes outside: a new step does not compile without saying so.
fn call(step: Step) -> Option<(Side, &'static str)> {
    match step {
        Step::HandOver => Some((Side::Warehouse, "createShipment")),
        Step::Recall => Some((Side::Warehouse, "cancelShipment")),
        Step::TellShop => Some((Side::Shop, "fulfillmentCreate")),
        Step::CancelInShop => Some((Side::Shop, "orderCancel")),
        Step::RefundInShop => Some((Side::Shop, "refundCreate")),
        // What only reads waits for the shop; see `outages`.
        Step::ReadOrder | Step::LookInShop => None,
        Step::Gate
        | Step::Reserve
        | Step::RecordParcel
        | Step::Release
        | Step::RecordCancelled
        | Step::Follow => None,
    }
}

/// What the other side does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    FailsTwice,
    FailsAsOftenAsItIsTried,
    TakesEffectAndDrops,
    TakesEffectAndAnswersTooLate,
    TakesEffectAndAnswersNonsense,
    HangsAndDoesNothing,
    LimitsTheRate,
    Refuses(&'static str),
}

impl Trouble {
    const OF_EVERY_CALL: [Self; 7] = [
        Self::FailsTwice,
        Self::FailsAsOftenAsItIsTried,
        Self::TakesEffectAndDrops,
        Self::TakesEffectAndAnswersTooLate,
        Self::TakesEffectAndAnswersNonsense,
        Self::HangsAndDoesNothing,
        Self::LimitsTheRate,
    ];

    /// The rule's effect; a call gives up after five seconds.
    fn rule(self, side: Side) -> Value {
        match self {
            Self::FailsTwice => json!({"status": 500, "times": 2}),
            Self::FailsAsOftenAsItIsTried => json!({"status": 500, "times": 3}),
            Self::TakesEffectAndDrops => json!({"effectThenDrop": true}),
            Self::TakesEffectAndAnswersTooLate => json!({"effectThenHangMs": 8000}),
            Self::TakesEffectAndAnswersNonsense => json!({"malformed": true}),
            Self::HangsAndDoesNothing => json!({"hangMs": 8000}),
            Self::LimitsTheRate => json!({"rateLimit": {"retryAfterS": 1}, "times": 2}),
            Self::Refuses(code) => match side {
                Side::Warehouse => json!({"code": code}),
                Side::Shop => json!({"userErrors": [{"field": null, "message": code}]}),
            },
        }
    }

    /// Why the step is parked by it.
    fn parks(self, side: Side) -> Option<&'static str> {
        match (self, side) {
            (Self::FailsAsOftenAsItIsTried, Side::Warehouse) => Some("WMS_UNKNOWN_OUTCOME"),
            (Self::FailsAsOftenAsItIsTried, Side::Shop) => Some("SHOPIFY_UNKNOWN_OUTCOME"),
            (Self::Refuses("bad_address"), Side::Warehouse) => Some("WMS_BAD_ADDRESS"),
            (Self::Refuses("unknown_sku"), Side::Warehouse) => Some("WMS_UNKNOWN_SKU"),
            (Self::Refuses(_), Side::Warehouse) => Some("WMS_REJECTED"),
            (Self::Refuses(_), Side::Shop) => Some("SHOPIFY_USER_ERROR"),
            _ => None,
        }
    }
}

/// The troubles of a step's call: each kind once.
fn troubles(step: Step) -> Vec<(Side, &'static str, Trouble)> {
    let Some((side, operation)) = call(step) else { return Vec::new() };
    let refusals: &[&str] =
        if step == Step::HandOver { &["unknown_sku", "bad_address"] } else { &["not_now"] };
    let refusals = refusals.iter().map(|code| Trouble::Refuses(code));
    Trouble::OF_EVERY_CALL.into_iter().chain(refusals).map(|trouble| (side, operation, trouble)).collect()
}

#[test]
fn every_call_to_the_outside_survives_what_the_other_side_does() {
    world::run(async {
        let _place = PLACES.acquire().await;
        let world = World::start(Plan::default()).await;
        let board = Board::of(&world);
        let mut stories = Vec::new();
        for step in Step::ALL {
            for (side, operation, trouble) in troubles(step) {
                let sku = format!("{step}-{trouble:?}").replace(['(', ')', '"'], "-");
                let mut rule = trouble.rule(side);
                if step == Step::TellShop && matches!(trouble, Trouble::Refuses(_)) {
                    // Refused again after the shop's fulfilment orders were read anew.
                    rule["times"] = json!(2);
                }
                rule["operation"] = json!(operation);
                rule["sku"] = json!(sku);
                let address = match side {
                    Side::Warehouse => world.wms("/_faults"),
                    Side::Shop => world.shopify("/_faults"),
                };
                world.rule(address, rule).await;
                let [way] = Way::past(step) else { panic!("{step} has one way") };
                let parks = way.parks_anyway().into_iter().chain(trouble.parks(side)).collect();
                stories.push(Story {
                    world: &world,
                    board: &board,
                    shop: SHOP,
                    sku,
                    way: *way,
                    planted: None,
                    parks,
                });
            }
        }
        join_all(stories.into_iter().map(Story::lead)).await;
        assert_clean(&world).await;
    });
}

//! Updates: the only messages that can refuse.

use std::time::Duration;

use serde_json::{Value, json};
use temporalio_client::WorkflowExecutionStatus;

use crate::{
    line::WORLD,
    world::{self, Placed, Plan, Program, SHOP, World, until},
};

/// The shop refuses once, for good.
fn refusal(operation: &str, sku: &str) -> Value {
    json!({"operation": operation, "sku": sku,
           // A fulfilment is tried once more after the shop's fulfilment orders were read anew.
           "times": if operation == "fulfillmentCreate" { 2 } else { 1 },
           "userErrors": [{"field": ["order"], "message": "This shop is closed for the day."}]})
}

#[test]
fn an_update_with_no_worker_gives_up_and_the_order_is_intact_when_one_comes_back() {
    let world = world::run(World::start(Plan::default()));
    world::run(async {
        world.stock("UPD-ALONE", 0).await;
        let order = Placed::new(SHOP, &["UPD-ALONE"], 1);
        world.place(&order).await;
        world.until_order(&order, "condition", &["BACKORDERED"]).await;
        world.kill(Program::Worker);
        let workflow = order.workflow();
        let asking = world.update(&workflow, "resolve", json!("retry"));
        let answer = tokio::time::timeout(Duration::from_secs(5), asking).await;
        assert!(!matches!(answer, Ok(Ok(_))), "nobody could answer");

        world.start_program(Program::Worker);
        world.receive("UPD-ALONE", 1).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        assert_eq!(world.pieces_shipped("UPD-ALONE").await, 1);
    });
}

#[test]
fn cancelling_what_has_shipped_is_refused_with_the_current_status() {
    let world = &*WORLD;
    world::run(async {
        let sku = "UPD-SHIPPED";
        world.stock(sku, 5).await;
        world.shopify_rule(refusal("fulfillmentCreate", sku)).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_parked(&order).await;
        for actor in ["customer", "operator"] {
            let refused = world.update(&order.workflow(), "cancel-order", World::cancel_request(actor)).await;
            let refusal = refused.expect_err("it has left");
            assert!(
                refusal.contains("Order cannot be cancelled. Current status: SHIPPED"),
                "{actor}: {refusal}"
            );
        }
        let compensate = world.resolve(&order, json!("compensate")).await.expect_err("it has left");
        assert!(compensate.contains("Order cannot be cancelled. Current status: SHIPPED"), "{compensate}");
        world.signal(&order.workflow(), "cancel", &[json!("too late")]).await;
        until("`status` shows the refused cancel", Duration::from_secs(30), async || {
            let status = world.status(&order.workflow()).await;
            status["refused"].to_string().contains("cancel: Order cannot be cancelled").then_some(())
        })
        .await;

        world.resolve(&order, json!("retry")).await.expect("it is parked");
        world.until_shop_notified(&order, 1).await;
        world.until_closed(&order.workflow()).await;
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 0);
    });
}

#[test]
fn cancelling_what_is_cancelled_is_a_success() {
    let world = &*WORLD;
    world::run(async {
        let sku = "UPD-TWICE";
        world.stock(sku, 5).await;
        world.shopify_rule(refusal("orderCancel", sku)).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "never": true})).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_order(&order, "status", &["PROCESSING"]).await;
        world.signal(&order.workflow(), "cancel", &[json!("once")]).await;
        world.until_parked(&order).await;
        // The undo is parked, so the second cancel meets the first under way, and wakes it.
        let second = world.update(&order.workflow(), "cancel-order", World::cancel_request("customer")).await;
        assert_eq!(second.expect("it is cancelled"), json!({"status": "CANCELLED"}));
        world.until_closed(&order.workflow()).await;
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 1);
    });
}

#[test]
fn an_answer_where_nothing_is_parked_is_refused() {
    let world = &*WORLD;
    world::run(async {
        world.stock("UPD-NOTHING", 0).await;
        let order = Placed::new(SHOP, &["UPD-NOTHING"], 1);
        world.place(&order).await;
        world.until_order(&order, "condition", &["BACKORDERED"]).await;
        let skip = json!({"action": "skip", "reason": "no patience"});
        for answer in [json!("retry"), skip, json!("compensate")] {
            let refusal = world.resolve(&order, answer).await.expect_err("nothing is parked");
            assert!(refusal.contains("nothing is parked. Current status: PENDING"), "{refusal}");
        }
        world.receive("UPD-NOTHING", 1).await;
        world.until_shipped(&order).await;
    });
}

#[test]
fn an_answer_that_is_none_of_the_known_ones_is_refused_with_those() {
    let world = &*WORLD;
    world::run(async {
        let sku = "UPD-ODD";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "createShipment", "sku": sku, "code": "bad_address"})).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_parked(&order).await;
        for odd in [json!("explode"), json!(null), json!(7), json!({"action": 7}), json!({"reason": "none"})]
        {
            assert!(world.resolve(&order, odd.clone()).await.is_err(), "{odd}");
        }
        let refusal = world.resolve(&order, json!("explode")).await.expect_err("no such answer");
        assert!(refusal.contains("one of retry, skip, compensate"), "{refusal}");
        world.resolve(&order, json!("retry")).await.expect("it is still parked");
        world.until_shipped(&order).await;
    });
}

#[test]
fn a_skip_needs_a_reason_and_reserving_cannot_be_skipped() {
    let world = &*WORLD;
    world::run(async {
        let order = Placed::new(SHOP, &["UPD-UNSTOCKED"], 1);
        world.place(&order).await;
        assert_eq!(world.until_parked(&order).await, "UNKNOWN_SKU");
        for no_reason in [json!("skip"), json!({"action": "skip"}), json!({"action": "skip", "reason": "  "})]
        {
            let refusal = world.resolve(&order, no_reason).await.expect_err("no reason");
            assert!(refusal.contains("reason: skip needs one"), "{refusal}");
        }
        let skip = json!({"action": "skip", "reason": "ship it all the same"});
        let refusal = world.resolve(&order, skip).await.expect_err("nothing to ship");
        assert!(refusal.contains("reserve cannot be skipped after UNKNOWN_SKU"), "{refusal}");

        world
            .resolve(&order, json!({"action": "compensate", "reason": "nobody sells it"}))
            .await
            .expect("allowed");
        world.until_order(&order, "status", &["CANCELLED"]).await;
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 1);
    });
}

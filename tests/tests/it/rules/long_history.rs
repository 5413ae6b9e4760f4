//! A long history is carried over into a fresh one.

use std::time::Duration;

use prost::Message;
use serde_json::json;
use temporalio_client::WorkflowDescribeOptions;

use crate::{
    line::WORLD,
    world::{self, Placed, SHOP, SPLITTING_SHOP, World, until},
};

async fn run_of(world: &World, order: &Placed) -> String {
    let run = world.workflow(&order.workflow()).describe(WorkflowDescribeOptions::default()).await;
    run.expect("the order's workflow").run_id().to_owned()
}

/// Signals until the server has suggested a fresh history and the story took one.
async fn until_fresh_history(world: &World, order: &Placed, signal: &str) {
    let first = run_of(world, order).await;
    until("the story goes on with a fresh history", Duration::from_secs(120), async || {
        for _ in 0..10 {
            world.signal(&order.workflow(), signal, &[]).await;
        }
        (run_of(world, order).await != first).then_some(())
    })
    .await;
}

/// Waits until the run was told of a callback.
async fn until_settled(world: &World, message_id: &str) {
    until(&format!("{message_id} is dealt with"), Duration::from_secs(30), async || {
        let state: String = sqlx::query_scalar("SELECT state FROM integration.inbox WHERE message_id = $1")
            .bind(message_id)
            .fetch_one(&world.pool)
            .await
            .unwrap();
        (state == "DONE").then_some(())
    })
    .await;
}

#[test]
fn an_unpaid_order_with_a_long_history_goes_on_with_a_fresh_one_and_ships_once() {
    let world = &*WORLD;
    world::run(async {
        let sku = "LONG-UNPAID";
        world.stock(sku, 5).await;
        let order = Placed::new(SHOP, &[sku], 1).with("financial_status", json!("pending"));
        world.place(&order).await;
        world.until_order(&order, "condition", &["AWAITING_PAYMENT"]).await;
        let news = json!({"messageId": "once/1/exception", "kind": "exception", "reference": "20260101-00000001-main-1",
                          "shipmentId": "once"});
        world.signal(&order.workflow(), "warehouse-update", &[news]).await;
        until_fresh_history(world, &order, "content-updated").await;

        world.shop_does(&order, "pay").await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        world.until_closed(&order.workflow()).await;
        assert_eq!(world.pieces_shipped(sku).await, 1);
        let exceptions = world.attention(&order).await;
        assert_eq!(exceptions.len(), 1, "what was taken and not dealt with is carried over: {exceptions:?}");
    });
}

#[test]
fn what_the_warehouse_said_before_a_fresh_history_is_known_when_it_is_said_again() {
    let world = &*WORLD;
    world::run(async {
        let sku = "LONG-SAID";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "never": true})).await;
        // Nobody asks about this shop's hand-overs.
        let order = Placed::new(SPLITTING_SHOP, &[sku], 2);
        world.place(&order).await;
        world.until_order(&order, "status", &["PROCESSING"]).await;
        let reference = world.until_handed_over(sku, 1).await;
        let said = json!({"type": "shipment.exception", "reference": reference, "shipmentId": "SAID-1",
            "sequence": 2, "lines": [{"sku": sku, "quantity": 2}]});
        assert_eq!(world.send_callback("said-once", &said).await, 200);
        assert_eq!(world.until_parked(&order).await, "WAREHOUSE_EXCEPTION");
        world.resolve(&order, json!("retry")).await.expect("it is parked");
        world.until_order(&order, "condition", &["none"]).await;
        until_fresh_history(world, &order, "retry").await;

        // Under an id of its own, so that it reaches the run.
        assert_eq!(world.send_callback("said-twice", &said).await, 200);
        until_settled(world, "said-twice").await;
        world.warehouse_does(&reference, "ship").await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        let exceptions = world.attention(&order).await;
        assert_eq!(exceptions.len(), 1, "{exceptions:?}");
        assert_eq!(world.pieces_shipped(sku).await, 2);
    });
}

#[test]
fn an_order_that_waits_for_its_parcel_keeps_its_hand_over_through_a_fresh_history() {
    let world = &*WORLD;
    world::run(async {
        let sku = "LONG-PARCEL";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "never": true})).await;
        let order = Placed::new(SHOP, &[sku], 2);
        world.place(&order).await;
        world.until_order(&order, "status", &["PROCESSING"]).await;
        let reference = world.until_handed_over(sku, 1).await;
        until_fresh_history(world, &order, "retry").await;
        let ledger = world.status(&order.workflow()).await["ledger"].clone();
        assert!(ledger.to_string().contains(&reference), "{ledger}");
        world.warehouse_does(&reference, "ship").await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.references(sku).await, [reference]);
        assert_eq!(world.pieces_shipped(sku).await, 2);
    });
}

#[test]
fn what_was_handed_over_and_recalled_before_a_fresh_history_is_known_in_it() {
    let world = &*WORLD;
    world::run(async {
        let sku = "LONG-RECALLED";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "times": 2, "never": true})).await;
        let order = Placed::new(SPLITTING_SHOP, &[sku], 2);
        world.place(&order).await;
        let first = world.until_handed_over(sku, 1).await;
        world.until_order(&order, "status", &["PROCESSING"]).await;
        let fewer = json!({"lines": [{"lineItemId": order.body["line_items"][0]["id"], "quantity": 1}]});
        world.stage_with(world.shopify(&format!("/_orders/{}/edit", order.id)), fewer).await;
        world.until_handed_over(sku, 2).await;
        until_fresh_history(world, &order, "retry").await;

        // Of what was recalled it is no news that it was cancelled.
        let said = json!({"type": "shipment.cancelled", "reference": first, "shipmentId": "RECALLED-1",
            "sequence": 9, "lines": [{"sku": sku, "quantity": 2}]});
        assert_eq!(world.send_callback("recalled-1", &said).await, 200);
        until_settled(world, "recalled-1").await;
        // And what was handed over is recalled before its stock is given back.
        let cancelled =
            world.update(&order.workflow(), "cancel-order", World::cancel_request("operator")).await;
        assert_eq!(cancelled, Ok(json!({"status": "CANCELLED"})));
        assert_eq!(world.wms_effects(sku, "shipmentCancelled").await.len(), 2);
        assert_eq!(world.available(sku).await, 5);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn a_parked_order_with_a_long_history_stays_parked_until_it_is_answered() {
    let world = &*WORLD;
    world::run(async {
        let sku = "LONG-PARKED";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "never": true})).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        let reference = world.until_handed_over(sku, 1).await;
        world.warehouse_does(&reference, "cancel").await;
        assert_eq!(world.until_parked(&order).await, "CANCELLED_BY_WAREHOUSE");
        for _ in 0..450 {
            world.signal(&order.workflow(), "stock-available", &[]).await;
        }
        let status = world.status(&order.workflow()).await;
        assert_eq!(status["parked"]["reason"], "CANCELLED_BY_WAREHOUSE", "{status}");
        assert_eq!(world.references(sku).await.len(), 1, "nobody has decided yet");
        world.resolve(&order, json!("retry")).await.expect("it is parked");
        world.until_shipped(&order).await;
        assert_eq!(world.references(sku).await.len(), 2);
        assert_eq!(world.pieces_shipped(sku).await, 1);
    });
}

#[test]
fn an_order_of_five_hundred_lines_ships_and_leaves_a_small_history() {
    let world = &*WORLD;
    world::run(async {
        let sku = "LONG-LINES";
        world.stock(sku, 600).await;
        let mut order = Placed::new(SHOP, &[sku; 500], 1);
        let tax = json!({"title": "VAT", "price": "4.77", "rate": 0.19, "channel_liable": false,
            "price_set": {"shop_money": {"amount": "4.77", "currency_code": "EUR"},
                          "presentment_money": {"amount": "4.77", "currency_code": "EUR"}}});
        for line in order.body["line_items"].as_array_mut().unwrap() {
            line["tax_lines"] = json!(vec![&tax; 12]);
        }
        assert!(order.body.to_string().len() > 1_000_000);
        world.place(&order).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        world.until_closed(&order.workflow()).await;
        assert_eq!(world.pieces_shipped(sku).await, 500);
        let bytes: usize = world.history(&order.workflow()).await.iter().map(Message::encoded_len).sum();
        assert!(bytes < 64 * 1024, "{bytes} bytes of history");
        assert!(world.attention(&order).await.is_empty());
    });
}

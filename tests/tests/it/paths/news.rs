//! What the shop and its people say of an order after it came in.

mod doubts;
mod edits;

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use temporalio_client::WorkflowExecutionStatus;

use crate::{
    line::WORLD,
    world::{self, HOLDING_SHOP, Placed, SHOP, Webhook, World, minutes_later, until},
};

/// What the shop's people do with an order; `quietly` without a webhook.
pub(super) async fn staff(world: &World, order: &Placed, what: &str, words: Value) {
    world.stage_with(world.shopify(&format!("/_orders/{}/{what}", order.id)), words).await;
}

pub(super) async fn staff_quietly(world: &World, order: &Placed, what: &str, words: Value) {
    world.stage_with(world.shopify(&format!("/_orders/{}/{what}?announce=false", order.id)), words).await;
}

pub(super) fn line_of(order: &Placed, at: usize) -> Value {
    order.body["line_items"][at]["id"].clone()
}

/// An order that its warehouse has, and does nothing about by itself.
async fn at_the_warehouse(world: &World, skus: &[&str], quantity: u32) -> (Placed, String) {
    for sku in skus {
        world.stock(sku, 20).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "times": 10, "never": true})).await;
    }
    let order = Placed::new(SHOP, skus, quantity);
    world.place(&order).await;
    let reference = world.until_handed_over(skus[0], 1).await;
    world.until_order(&order, "status", &["PROCESSING"]).await;
    (order, reference)
}

/// Something that changes nothing is said of the order, and dealt with.
async fn order_is_said_again(world: &World, order: &Placed) {
    let before = world.messages(order).await.len();
    staff(world, order, "edit", json!({"totalPrice": "31.00"})).await;
    until("what was said is dealt with", Duration::from_secs(60), async || {
        let messages = world.messages(order).await;
        (messages.len() > before
            && messages.iter().filter(|kept| kept.topic != "callback").all(|kept| !kept.waits()))
        .then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
}

async fn until_available(world: &World, sku: &str, pieces: i64) {
    until(&format!("{pieces} of {sku} are available"), Duration::from_secs(60), async || {
        (world.available(sku).await == pieces).then_some(())
    })
    .await;
}

#[test]
fn the_shops_fulfilment_orders_are_read_once_for_an_order_in_one_parcel() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-READS", 5).await;
        let order = Placed::new(SHOP, &["NEWS-READS"], 2);
        world.place(&order).await;
        world.until_shop_notified(&order, 1).await;
        world.until_closed(&order.workflow()).await;
        assert_eq!(world.shop_answers(&order, "fulfillmentOrders").await, 1);
        assert_eq!(world.shop_answers(&order, "order").await, 0);
        // Wanted in the bucket and paid: the look, and `fulfillmentCreate` with what it answers.
        assert_eq!(world.shop_points(&order).await, (72, 22));
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn each_further_parcel_costs_one_more_read_of_the_shops_fulfilment_orders() {
    let world = &*WORLD;
    world::run(async {
        let sku = "NEWS-READS-MORE";
        world.stock(sku, 5).await;
        world
            .wms_rule(json!({"operation": "shipment", "sku": sku, "parts": [1, 1], "shipAfterMs": 300}))
            .await;
        let order = Placed::new(SHOP, &[sku], 3);
        world.place(&order).await;
        world.until_shop_notified(&order, 3).await;
        world.until_closed(&order.workflow()).await;
        assert_eq!(world.shop_answers(&order, "fulfillmentOrders").await, 3);
        assert_eq!(world.shop_answers(&order, "fulfillmentCreate").await, 3);
        // And which fulfilments there are already.
        assert_eq!(world.shop_answers(&order, "order").await, 2);
        // The location of each of the three that are read costs a point.
        assert_eq!(world.shop_points(&order).await, (72 + 2 * 178, 22 + 2 * 32 + 3));
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn an_order_on_hold_in_the_shop_keeps_its_stock_and_goes_on_when_released() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-HELD", 5).await;
        let order = Placed::new(SHOP, &["NEWS-HELD"], 2);
        world.place_silently(&order).await;
        staff_quietly(world, &order, "hold", json!({"reason": "HIGH_RISK_OF_FRAUD"})).await;
        world.place(&order).await;
        let held = world.until_order(&order, "condition", &["ON_HOLD"]).await;
        assert_eq!(held["heldBy"], "SHOPIFY", "{held}");
        assert_eq!(world.available("NEWS-HELD").await, 3);
        assert!(world.references("NEWS-HELD").await.is_empty());
        staff(world, &order, "release", Value::Null).await;
        world.until_shop_notified(&order, 1).await;
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn a_hold_after_the_hand_over_recalls_and_its_release_hands_over_anew() {
    let world = &*WORLD;
    world::run(async {
        let (order, _) = at_the_warehouse(world, &["NEWS-RECALLED"], 2).await;
        staff(world, &order, "hold", json!({"reason": "OTHER"})).await;
        world.until_order(&order, "condition", &["ON_HOLD"]).await;
        assert_eq!(world.wms_effects("NEWS-RECALLED", "shipmentCancelled").await.len(), 1);
        assert_eq!(world.available("NEWS-RECALLED").await, 18);
        staff(world, &order, "release", Value::Null).await;
        let second = world.until_handed_over("NEWS-RECALLED", 2).await;
        world.warehouse_does(&second, "ship").await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped("NEWS-RECALLED").await, 2);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn what_is_held_in_part_stays_when_the_rest_has_left() {
    let world = &*WORLD;
    world::run(async {
        let (order, _) = at_the_warehouse(world, &["NEWS-PART"], 3).await;
        let which = json!({"reason": "OTHER", "lines": [{"lineItemId": line_of(&order, 0), "quantity": 2}]});
        staff(world, &order, "hold", which).await;
        let second = world.until_handed_over("NEWS-PART", 2).await;
        world.warehouse_does(&second, "ship").await;
        world.until_shop_notified(&order, 1).await;
        // Planned once more after the parcel, and looked at by whatever is said of it.
        order_is_said_again(world, &order).await;
        assert_eq!(world.pieces_shipped("NEWS-PART").await, 1);
        assert_eq!(world.references("NEWS-PART").await.len(), 2);
        staff(world, &order, "release", Value::Null).await;
        let third = world.until_handed_over("NEWS-PART", 3).await;
        world.warehouse_does(&third, "ship").await;
        world.until_shop_notified(&order, 2).await;
        world.until_shipped(&order).await;
        assert_eq!(world.pieces_shipped("NEWS-PART").await, 3);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn a_parcel_that_left_before_the_hold_came_is_told_or_shown() {
    let world = &*WORLD;
    world::run(async {
        let (order, reference) = at_the_warehouse(world, &["NEWS-LEFT-HELD"], 2).await;
        staff_quietly(world, &order, "hold", json!({"reason": "OTHER"})).await;
        world.warehouse_does(&reference, "ship").await;
        let reason = world.until_parked(&order).await;
        assert_eq!(reason, "SHOPIFY_FULFILMENT_ORDER_ON_HOLD");
        staff(world, &order, "release", Value::Null).await;
        world.retry(&order).await;
        world.until_shop_notified(&order, 1).await;
        world.until_shipped(&order).await;
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
    });
}

#[test]
fn an_unmapped_shops_orders_follow_a_split_and_a_move() {
    let world = &*WORLD;
    world::run(async {
        let (order, reference) = at_the_warehouse(world, &["NEWS-SPLIT"], 3).await;
        let which = json!({"lines": [{"lineItemId": line_of(&order, 0), "quantity": 1}]});
        staff(world, &order, "split", which).await;
        staff(world, &order, "move", json!({"fulfillmentOrder": 0, "location": 655_441_499})).await;
        world.warehouse_does(&reference, "ship").await;
        world.until_shipped(&order).await;
        until("all three pieces are told", Duration::from_secs(60), async || {
            let pieces: u64 = world
                .shop_effects(&order, "fulfillmentCreated")
                .await
                .iter()
                .flat_map(|entry| entry["lines"].as_array().cloned().unwrap_or_default())
                .filter_map(|line| line["quantity"].as_u64())
                .sum();
            (pieces == 3).then_some(())
        })
        .await;
        assert_eq!(world.references("NEWS-SPLIT").await.len(), 1);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn what_the_shops_people_fulfilled_by_hand_does_not_leave_again() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-BY-HAND", 5).await;
        let order = Placed::new(SHOP, &["NEWS-BY-HAND"], 3);
        world.place_silently(&order).await;
        let which = json!({"lines": [{"lineItemId": line_of(&order, 0), "quantity": 1}]});
        staff_quietly(world, &order, "fulfil", which).await;
        world.place(&order).await;
        world.until_shipped(&order).await;
        assert_eq!(world.pieces_shipped("NEWS-BY-HAND").await, 2);
        until_available(world, "NEWS-BY-HAND", 3).await;
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn what_left_by_hand_is_taken_back_from_the_warehouse_once() {
    let world = &*WORLD;
    world::run(async {
        let (order, _) = at_the_warehouse(world, &["NEWS-HAND-ONCE"], 3).await;
        let which = json!({"lines": [{"lineItemId": line_of(&order, 0), "quantity": 1}]});
        staff(world, &order, "fulfil", which).await;
        let second = world.until_handed_over("NEWS-HAND-ONCE", 2).await;
        order_is_said_again(world, &order).await;
        assert_eq!(world.references("NEWS-HAND-ONCE").await.len(), 2);
        world.warehouse_does(&second, "ship").await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped("NEWS-HAND-ONCE").await, 2);
        until_available(world, "NEWS-HAND-ONCE", 18).await;
        assert!(world.attention(&order).await.is_empty());
    });
}

/// Without a number it has the pieces that the warehouse says it has accepted, and it is no parcel of ours all
/// the same: none of ours has left.
#[test]
fn a_fulfilment_by_hand_of_which_nothing_else_is_said_is_taken_back_from_the_warehouse() {
    let world = &*WORLD;
    world::run(async {
        let (order, _) = at_the_warehouse(world, &["NEWS-HAND-ALONE"], 3).await;
        world.until_message(&order, "callback", "DONE").await;
        let which = json!({"lines": [{"lineItemId": line_of(&order, 0), "quantity": 1}]});
        staff_quietly(world, &order, "fulfil", which).await;
        let made = world.shown_in_shop(&order).await["fulfillments"][0].clone();
        world.deliver_webhook(&Webhook::new(SHOP, "fulfillments/create", made)).await;
        let second = world.until_handed_over("NEWS-HAND-ALONE", 2).await;
        world.warehouse_does(&second, "ship").await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped("NEWS-HAND-ALONE").await, 2);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn a_cancel_of_an_order_fulfilled_in_part_by_hand_refunds_the_rest() {
    let world = &*WORLD;
    world::run(async {
        let (order, _) = at_the_warehouse(world, &["NEWS-REST"], 3).await;
        let which = json!({"lines": [{"lineItemId": line_of(&order, 0), "quantity": 1}]});
        staff(world, &order, "fulfil", which).await;
        world.until_handed_over("NEWS-REST", 2).await;
        order_is_said_again(world, &order).await;
        // Of which nobody tells us.
        let more = json!({"lines": [{"lineItemId": line_of(&order, 0), "quantity": 5}]});
        staff_quietly(world, &order, "edit", more).await;
        let cancelled =
            world.update(&order.workflow(), "cancel-order", World::cancel_request("operator")).await;
        assert_eq!(cancelled, Ok(json!({"status": "CANCELLED"})));
        let refunds = world.shop_effects(&order, "orderRefunded").await;
        assert_eq!(refunds.len(), 1, "{refunds:?}");
        assert_eq!(refunds[0]["lines"][0]["quantity"], 4, "{refunds:?}");
        assert_eq!(refunds[0]["lines"][0]["restockType"], "cancel", "{refunds:?}");
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 0);
        until_available(world, "NEWS-REST", 20).await;
        assert!(world.attention(&order).await.is_empty());

        // In the shop it is open, and somebody adds to it.
        let words = json!({"lines": [{"sku": "NEWS-REST", "quantity": 2, "price": "5.00"}]});
        staff_quietly(world, &order, "edit", words).await;
        // Which only says that something changed, so that the shop's order is read.
        let edited = json!({"order_edit": {"id": order.id, "order_id": order.id}});
        world.deliver_webhook(&Webhook::new(SHOP, "orders/edited", edited)).await;
        until("a person sees that it is asked for again", Duration::from_secs(30), async || {
            let rows = world.attention(&order).await;
            rows.iter().any(|row| row.reason == "EDITED_TOO_LATE").then_some(())
        })
        .await;
    });
}

#[test]
fn what_is_added_while_an_order_fulfilled_in_part_by_hand_is_cancelled_is_shown() {
    let world = &*WORLD;
    world::run(async {
        let (order, _) = at_the_warehouse(world, &["NEWS-BETWEEN"], 3).await;
        let which = json!({"lines": [{"lineItemId": line_of(&order, 0), "quantity": 1}]});
        staff(world, &order, "fulfil", which).await;
        world.until_handed_over("NEWS-BETWEEN", 2).await;
        let slow = json!({"operation": "refundCreate", "sku": "NEWS-BETWEEN", "effectThenHangMs": 1500});
        world.shopify_rule(slow).await;
        world.signal(&order.workflow(), "cancel", &[World::cancel_request("operator")]).await;
        until("the rest is refunded", Duration::from_secs(30), async || {
            (world.shop_effects(&order, "orderRefunded").await.len() == 1).then_some(())
        })
        .await;
        let words = json!({"lines": [{"sku": "NEWS-BETWEEN", "quantity": 2, "price": "5.00"}]});
        staff(world, &order, "edit", words).await;
        world.until_order(&order, "status", &["CANCELLED"]).await;
        until("a person sees what is asked for", Duration::from_secs(30), async || {
            let rows = world.attention(&order).await;
            rows.iter().any(|row| row.reason == "EDITED_TOO_LATE").then_some(())
        })
        .await;
    });
}

#[test]
fn what_the_warehouse_was_never_told_recalls_nothing_of_a_hundred_orders() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-GEO", 200).await;
        world
            .wms_rule(json!({"operation": "shipment", "sku": "NEWS-GEO", "times": 100, "never": true}))
            .await;
        let mut orders: Vec<Placed> = (0..100).map(|_| Placed::new(SHOP, &["NEWS-GEO"], 1)).collect();
        join_all(orders.iter().map(|order| world.place(order))).await;
        world.until_handed_over("NEWS-GEO", 100).await;
        for order in &mut orders {
            let address = &mut order.body["shipping_address"];
            address["latitude"] = json!(52.52);
            address["longitude"] = json!(13.4);
            address["phone"] = json!("+49 (0)30 / 1234567");
            address["name"] = json!("  grace SECRETNAME ");
            address["country"] = json!("Germany");
            order.body["updated_at"] = json!(chrono::Utc::now());
            order.body["billing_address"] = json!({"city": "Elsewhere"});
            world.announce(order, "announce=true&topics=orders/updated").await;
        }
        for order in &orders {
            world.until_message(order, "orders/updated", "DONE").await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(world.references("NEWS-GEO").await.len(), 100);
        assert!(world.wms_effects("NEWS-GEO", "shipmentCancelled").await.is_empty());
        for order in &orders {
            assert!(world.attention(order).await.is_empty());
        }
    });
}

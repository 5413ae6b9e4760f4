//! What the shop and its people say of an order after it came in.

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
        assert_eq!(world.shop_points(&order).await, (72 + 2 * 173, 22 + 2 * 32));
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
fn a_refund_at_the_warehouse_takes_back_and_hands_over_what_stays() {
    let world = &*WORLD;
    world::run(async {
        let (order, _) = at_the_warehouse(world, &["NEWS-REFUND"], 3).await;
        let words = json!({"amount": "9.90", "lines": [
            {"lineItemId": line_of(&order, 0), "quantity": 1, "restockType": "cancel"}
        ]});
        staff(world, &order, "refund", words).await;
        let second = world.until_handed_over("NEWS-REFUND", 2).await;
        assert_eq!(world.wms_effects("NEWS-REFUND", "shipmentCancelled").await.len(), 1);
        world.warehouse_does(&second, "ship").await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped("NEWS-REFUND").await, 2);
        until_available(world, "NEWS-REFUND", 18).await;
        assert!(world.attention(&order).await.is_empty());
    });
}

/// A line that was edited away is in none of the shop's fulfilment orders, and they are waited for: a hint that
/// there was an edit is followed at once, and not when that wait is over.
#[test]
fn an_edit_that_is_only_hinted_at_is_read_while_fulfilment_orders_are_waited_for() {
    let world = &*WORLD;
    world::run(async {
        for sku in ["NEWS-HINT-A", "NEWS-HINT-B"] {
            world.stock(sku, 5).await;
        }
        let order = Placed::new(SHOP, &["NEWS-HINT-A", "NEWS-HINT-B"], 1);
        world.place_silently(&order).await;
        let gone = json!({"lines": [{"lineItemId": line_of(&order, 1), "quantity": 0}]});
        staff_quietly(world, &order, "edit", gone).await;
        // What was said before the edit arrives after it.
        world.deliver_webhook(&Webhook::new(SHOP, "orders/create", order.body.clone())).await;
        until("its fulfilment orders were looked at", Duration::from_secs(60), async || {
            (world.shop_answers(&order, "fulfillmentOrders").await > 0).then_some(())
        })
        .await;
        let edited = json!({"order_edit": {"id": order.id, "order_id": order.id}});
        world.deliver_webhook(&Webhook::new(SHOP, "orders/edited", edited)).await;

        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped("NEWS-HINT-A").await, 1);
        assert_eq!(world.pieces_shipped("NEWS-HINT-B").await, 0);
        until_available(world, "NEWS-HINT-B", 5).await;
        assert!(world.shop_answers(&order, "fulfillmentOrders").await < 6, "it was waited for to the end");
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn a_refund_of_what_left_puts_nothing_on_hand_and_a_return_is_kept_once() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-RETURN", 5).await;
        let order = Placed::new(SHOP, &["NEWS-RETURN"], 2);
        world.place(&order).await;
        world.until_shop_notified(&order, 1).await;
        world.until_closed(&order.workflow()).await;
        let words = json!({"lines": [
            {"lineItemId": line_of(&order, 0), "quantity": 1, "restockType": "return"}
        ]});
        staff(world, &order, "refund", words).await;
        let kept = until("the return is kept", Duration::from_secs(30), async || {
            let kept: Vec<(String, i32)> = sqlx::query_as(
                "SELECT source, quantity FROM orders.returns r JOIN orders.orders o USING (order_id)
                 WHERE o.shopify_order_id = $1",
            )
            .bind(order.id)
            .fetch_all(&world.pool)
            .await
            .unwrap();
            (!kept.is_empty()).then_some(kept)
        })
        .await;
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_eq!(world.available("NEWS-RETURN").await, 3);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn another_address_is_followed_at_the_warehouse_and_shown_of_what_has_left_alone() {
    let world = &*WORLD;
    world::run(async {
        let sku = "NEWS-ADDRESS";
        let (order, first) = at_the_warehouse(world, &[sku], 3).await;
        let moved = |house: u32| json!({"shippingAddress": {"address1": format!("{house} Secret Street")}});
        staff(world, &order, "edit", moved(2)).await;
        let second = world.until_handed_over(sku, 2).await;
        world.until_message(&order, "orders/updated", "DONE").await;
        assert_eq!(world.wms_effects(sku, "shipmentCancelled").await.len(), 1, "{first}");
        assert!(world.attention(&order).await.is_empty(), "nothing has left");

        let left = json!({"type": "shipment.shipped", "reference": second, "shipmentId": "ADDRESS-1",
            "sequence": 3, "lines": [{"sku": sku, "quantity": 3}]});
        assert_eq!(world.send_callback("address-1", &left).await, 200);
        world.until_shop_notified(&order, 1).await;
        world.until_closed(&order.workflow()).await;
        staff(world, &order, "edit", moved(3)).await;
        let shown = world.until_shown(&order, "EDITED_TOO_LATE").await;
        assert_eq!(shown, format!("{second} left to the address before the newest"));
        assert_eq!(world.references(sku).await.len(), 2);
    });
}

#[test]
fn an_edit_the_warehouse_could_not_stop_is_shown_and_the_order_goes_on() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-LATE", 20).await;
        world
            .wms_rule(json!({"operation": "shipment", "sku": "NEWS-LATE", "never": true, "tooLate": true}))
            .await;
        let order = Placed::new(SHOP, &["NEWS-LATE"], 3);
        world.place(&order).await;
        let reference = world.until_handed_over("NEWS-LATE", 1).await;
        let words = json!({"lines": [{"lineItemId": line_of(&order, 0), "quantity": 1}]});
        staff(world, &order, "edit", words).await;
        until("it is shown", Duration::from_secs(60), async || {
            let rows = world.open_attention(&order).await;
            rows.iter().any(|row| row.reason == "EDITED_TOO_LATE").then_some(())
        })
        .await;
        world.warehouse_does(&reference, "ship").await;
        world.until_shipped(&order).await;
        assert_eq!(world.pieces_shipped("NEWS-LATE").await, 3);
        assert_eq!(world.references("NEWS-LATE").await.len(), 1);
    });
}

#[test]
fn a_line_added_after_shipping_leaves_in_a_parcel_of_its_own() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-FIRST", 5).await;
        world.stock("NEWS-ADDED", 5).await;
        let order = Placed::new(SHOP, &["NEWS-FIRST"], 1);
        world.place(&order).await;
        world.until_shop_notified(&order, 1).await;
        world.until_closed(&order.workflow()).await;
        let words = json!({"lines": [{"sku": "NEWS-ADDED", "quantity": 2, "price": "5.00"}]});
        staff(world, &order, "edit", words).await;
        world.until_shop_notified(&order, 2).await;
        assert_eq!(world.pieces_shipped("NEWS-ADDED").await, 2);
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

#[test]
fn what_is_said_while_the_shops_order_is_read_is_not_lost() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-READING", 5).await;
        // The shop's own clock has whole seconds.
        let second =
            (chrono::Utc::now() - chrono::Duration::hours(1)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let order = Placed::new(SHOP, &["NEWS-READING"], 1).with("financial_status", json!("pending"));
        let mut order = order.with("updated_at", json!(second));
        world.place(&order).await;
        world.until_order(&order, "condition", &["AWAITING_PAYMENT"]).await;
        // The shop shows the order as it is, and its answer takes a while.
        let slow = json!({"operation": "order", "sku": "NEWS-READING", "effectThenHangMs": 1500});
        world.shopify_rule(slow).await;
        let edited = json!({"order_edit": {"id": order.id, "order_id": order.id}});
        world.deliver_webhook(&Webhook::new(SHOP, "orders/edited", edited)).await;
        world.until_message(&order, "orders/edited", "DONE").await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        // Paid in the very second of which the shop has told, and nobody says when that was sent.
        order.body["financial_status"] = json!("paid");
        world.place_silently(&order).await;
        world.deliver_webhook(&Webhook::new(SHOP, "orders/paid", order.body.clone())).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert!(world.attention(&order).await.is_empty());
    });
}

/// The inbox takes what is said in one second of the shop's clock in this order.
async fn said_in_one_second(world: &World, order: &Placed, words: &[(&Placed, Option<i64>)]) {
    let sent = chrono::Utc::now() - chrono::Duration::hours(1);
    let second = sent.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    world.place_silently(&order.clone().with("updated_at", json!(second))).await;
    for (before, (said, milliseconds)) in words.iter().enumerate() {
        let body = (*said).clone().with("updated_at", json!(second)).body;
        let triggered_at = milliseconds.map(|each| sent + chrono::Duration::milliseconds(each));
        let webhook = Webhook { triggered_at, ..Webhook::new(HOLDING_SHOP, "orders/updated", body) };
        world.deliver_webhook(&webhook).await;
        until("it is dealt with", Duration::from_secs(30), async || {
            let rows = world.messages(order).await;
            (rows.len() > before && !rows.iter().any(|kept| kept.waits())).then_some(())
        })
        .await;
    }
}

#[test]
fn a_doubt_is_settled_by_the_shops_order_alone_and_not_by_the_next_message() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-DOUBT", 5).await;
        // In the shop it was voided in the second in which it was placed and edited.
        let order = Placed::new(HOLDING_SHOP, &["NEWS-DOUBT"], 1);
        let voided = order.clone().with("financial_status", json!("voided"));
        let edited = order.clone().with("name", json!("#edited"));
        let words = [(&order, Some(1)), (&voided, None), (&edited, Some(2))];
        said_in_one_second(world, &voided, &words).await;
        let waits = world.until_order(&order, "condition", &["AWAITING_PAYMENT"]).await;
        assert_eq!(waits["status"], "PENDING");
    });
}

#[test]
fn what_is_said_again_without_its_moment_may_be_newer_than_what_is_said_next() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-AGAIN", 5).await;
        let paid = Placed::new(HOLDING_SHOP, &["NEWS-AGAIN"], 1);
        let voided = paid.clone().with("financial_status", json!("voided"));
        said_in_one_second(world, &paid, &[(&paid, Some(1)), (&paid, None), (&voided, Some(2))]).await;
        until("the shop's own order is read", Duration::from_secs(30), async || {
            let (status, in_doubt) = world.content(&paid).await;
            (status == "paid" && !in_doubt).then_some(())
        })
        .await;
    });
}

#[test]
fn what_is_said_again_later_counts_from_that_moment() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-LATER", 5).await;
        let paid = Placed::new(HOLDING_SHOP, &["NEWS-LATER"], 1);
        let voided = paid.clone().with("financial_status", json!("voided"));
        said_in_one_second(world, &paid, &[(&paid, Some(1)), (&paid, Some(3)), (&voided, Some(2))]).await;
        assert_eq!(world.content(&paid).await, ("paid".to_owned(), false));
    });
}

#[test]
fn a_line_raised_as_the_last_parcel_leaves_is_followed_by_its_rest_whatever_is_said_when() {
    let world = &*WORLD;
    world::run(async {
        let one = async |number: usize| {
            let skus = ["A", "B"].map(|sku| format!("NEWS-RAISED-{number}-{sku}"));
            for sku in &skus {
                world.stock(sku, 20).await;
                let parts = json!({"operation": "shipment", "sku": sku, "times": 0, "parts": [1, 1, 1, 1, 1],
                                   "shipAfterMs": 300});
                world.wms_rule(parts).await;
            }
            let mut order = Placed::new(SHOP, &[&skus[0], &skus[1]], 1);
            for member in ["quantity", "fulfillable_quantity"] {
                order.body["line_items"][0][member] = json!(3);
            }
            world.place(&order).await;
            world.until_shop_notified(&order, 4).await;
            tokio::time::sleep(Duration::from_millis(number as u64 * 37)).await;
            let words = json!({"lines": [{"lineItemId": line_of(&order, 1), "quantity": 4}]});
            staff_quietly(world, &order, "edit", words).await;
            let body = world.shown_in_shop(&order).await;
            world.deliver_webhook(&Webhook::new(SHOP, "orders/updated", body)).await;
            until("the rest has left", Duration::from_secs(90), async || {
                let left = world.pieces_shipped(&skus[1]).await;
                (left == 4).then_some(())
            })
            .await;
            world.until_shop_notified(&order, 7).await;
            assert!(
                world.attention(&order).await.is_empty(),
                "{number}: {:?}",
                world.attention(&order).await
            );
        };
        join_all((0..16).map(one)).await;
    });
}

#[test]
fn what_is_shown_of_an_order_after_an_edit_is_what_the_newest_body_says() {
    let world = &*WORLD;
    world::run(async {
        for sku in ["NEWS-SHOWN-A", "NEWS-SHOWN-B"] {
            world.stock(sku, 5).await;
        }
        let order = Placed::new(SHOP, &["NEWS-SHOWN-A"], 2).with("financial_status", json!("pending"));
        world.place(&order).await;
        world.until_order(&order, "condition", &["AWAITING_PAYMENT"]).await;
        let words = json!({"totalPrice": "71.30", "lines": [
            {"lineItemId": line_of(&order, 0), "quantity": 4},
            {"sku": "NEWS-SHOWN-B", "quantity": 3, "price": "5.50", "name": "Socks"},
        ]});
        staff(world, &order, "edit", words).await;
        let shown = world.until_order(&order, "totalAmount", &["71.30"]).await;
        let items: Vec<_> = shown["items"].as_array().unwrap().iter().collect();
        let of = |item: &Value| {
            ["sku", "productName", "quantity", "unitPrice", "totalPrice"].map(|name| item[name].clone())
        };
        assert_eq!(
            items.into_iter().map(of).collect::<Vec<_>>(),
            [
                [json!("NEWS-SHOWN-A"), json!("Shirt"), json!(4), json!("29.90"), json!("119.60")],
                [json!("NEWS-SHOWN-B"), json!("Socks"), json!(3), json!("5.50"), json!("16.50")],
            ]
        );

        // A line that was edited away before it left is shown no more, as one that the body does not have.
        let fewer = json!({"totalPrice": "16.50", "lines": [
            {"lineItemId": line_of(&order, 0), "quantity": 0},
        ]});
        staff(world, &order, "edit", fewer).await;
        let shown = until("one line is left", Duration::from_secs(60), async || {
            let shown = world.order(&order).await;
            (shown["items"].as_array().map(Vec::len) == Some(1)).then_some(shown)
        })
        .await;
        assert_eq!(
            (&shown["items"][0]["sku"], &shown["items"][0]["quantity"]),
            (&json!("NEWS-SHOWN-B"), &json!(3))
        );
        let mut body = world.shown_in_shop(&order).await;
        body["line_items"].as_array_mut().unwrap().remove(0);
        body["total_price"] = json!("17.70");
        body["name"] = json!("#edited");
        body["updated_at"] = minutes_later(1);
        world.deliver_webhook(&Webhook::new(SHOP, "orders/updated", body)).await;
        let shown = world.until_order(&order, "totalAmount", &["17.70"]).await;
        assert_eq!(shown["items"].as_array().map(Vec::len), Some(1), "{shown}");
        assert_eq!((&shown["items"][0]["sku"], &shown["name"]), (&json!("NEWS-SHOWN-B"), &json!("#edited")));
    });
}

#[test]
fn a_body_that_is_silent_about_the_address_and_what_left_takes_nothing_away() {
    let world = &*WORLD;
    world::run(async {
        let sku = "NEWS-SILENT";
        world.stock(sku, 5).await;
        let order = Placed::new(SHOP, &[sku], 2).with("financial_status", json!("pending"));
        world.place(&order).await;
        world.until_order(&order, "condition", &["AWAITING_PAYMENT"]).await;
        let mut silent = order.body.clone();
        silent.as_object_mut().unwrap().remove("shipping_address");
        silent["financial_status"] = json!("paid");
        silent["updated_at"] = minutes_later(1);
        world.deliver_webhook(&Webhook::new(SHOP, "orders/paid", silent.clone())).await;
        world.until_shop_notified(&order, 1).await;
        world.until_closed(&order.workflow()).await;
        assert_eq!(world.shop_answers(&order, "order").await, 0, "the address was known");
        let sent_there: Option<bool> = sqlx::query_scalar(
            "SELECT h.ship_to_digest = c.ship_to_digest AND customer #>> '{shipping_address,zip}' = '10115'
             FROM orders.fulfilment_requests h JOIN orders.customers c USING (order_id)
             JOIN orders.orders o USING (order_id) WHERE o.shopify_order_id = $1",
        )
        .bind(order.id)
        .fetch_one(&world.pool)
        .await
        .unwrap();
        assert_eq!(sent_there, Some(true));

        // Silent about fulfilments as well: what we notified the shop of is still ours.
        silent["updated_at"] = minutes_later(2);
        silent["line_items"][0].as_object_mut().unwrap().remove("fulfillable_quantity");
        world.deliver_webhook(&Webhook::new(SHOP, "orders/updated", silent)).await;
        world.until_message(&order, "orders/updated", "DONE").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(world.references(sku).await.len(), 1);
        assert!(world.attention(&order).await.is_empty());
    });
}

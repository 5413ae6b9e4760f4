//! The look at the shop's fulfilment orders: while what is looked for is not there, and
//! where nobody says that a hold is over. What a shop leaves to people by its policy.

use std::time::Duration;

use chrono::Utc;
use serde_json::{Value, json};

use super::news::{line_of, staff, staff_quietly};
use crate::{
    line::WORLD,
    world::{self, CAUTIOUS_SHOP, HASTY_SHOP, Placed, SHOP, UNSEEN_SHOP, Webhook, World, until},
};

/// An order that its warehouse has, and does nothing about by itself.
async fn at_the_warehouse(world: &World, shop: &str, sku: &str, quantity: u32) -> (Placed, String) {
    world.stock(sku, 10).await;
    world.wms_rule(json!({"operation": "shipment", "sku": sku, "times": 10, "never": true})).await;
    let order = Placed::new(shop, &[sku], quantity).with("total_price", json!("200.00"));
    world.place(&order).await;
    let reference = world.until_handed_over(sku, 1).await;
    world.until_order(&order, "status", &["PROCESSING"]).await;
    (order, reference)
}

#[test]
fn a_line_that_stays_in_no_fulfilment_order_is_shown_and_the_rest_ships() {
    let world = &*WORLD;
    world::run(async {
        for sku in ["LOOK-GONE-A", "LOOK-GONE-B"] {
            world.stock(sku, 5).await;
        }
        let order = Placed::new(CAUTIOUS_SHOP, &["LOOK-GONE-A", "LOOK-GONE-B"], 1);
        world.place_silently(&order).await;
        let gone = json!({"lines": [{"lineItemId": line_of(&order, 1), "quantity": 0}]});
        staff_quietly(world, &order, "edit", gone).await;
        world.deliver_webhook(&Webhook::new(CAUTIOUS_SHOP, "orders/create", order.body.clone())).await;

        let shown = world.until_shown(&order, "NO_FULFILMENT_ORDERS").await;
        assert!(shown.contains("1 × LOOK-GONE-B") && !shown.contains("LOOK-GONE-A"), "{shown}");
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped("LOOK-GONE-A").await, 1);
        assert_eq!(world.pieces_shipped("LOOK-GONE-B").await, 0);
    });
}

#[test]
fn a_hold_whose_end_nobody_announces_is_looked_at_again() {
    let world = &*WORLD;
    world::run(async {
        world.stock("LOOK-AGAIN", 5).await;
        let order = Placed::new(CAUTIOUS_SHOP, &["LOOK-AGAIN"], 2);
        world.place_silently(&order).await;
        staff_quietly(world, &order, "hold", json!({"reason": "OTHER"})).await;
        world.place(&order).await;
        world.until_order(&order, "condition", &["ON_HOLD"]).await;
        staff_quietly(world, &order, "release", Value::Null).await;
        world.until_shop_notified(&order, 1).await;
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn an_edit_at_the_warehouse_is_a_persons_to_follow_or_to_leave_where_the_policy_says_so() {
    let world = &*WORLD;
    world::run(async {
        for (sku, answer, requests, left) in [
            ("LOOK-FOLLOW", json!("retry"), 2, 1),
            ("LOOK-LEAVE", json!({"action": "skip", "reason": "let it go", "actor": "olga"}), 1, 2),
        ] {
            let (order, first) = at_the_warehouse(world, CAUTIOUS_SHOP, sku, 2).await;
            let fewer = json!({"lines": [{"lineItemId": line_of(&order, 0), "quantity": 1}]});
            staff(world, &order, "edit", fewer).await;
            assert_eq!(world.until_parked(&order).await, "EDITED_AT_WAREHOUSE", "{sku}");
            assert_eq!(world.references(sku).await, [first], "nothing is done by itself");
            world.resolve(&order, answer).await.expect("it is parked");

            let reference = world.until_handed_over(sku, requests).await;
            world.warehouse_does(&reference, "ship").await;
            world.until_shipped(&order).await;
            assert_eq!(world.pieces_shipped(sku).await, left, "{sku}");
            assert_eq!(world.wms_effects(sku, "shipmentCancelled").await.len(), requests - 1, "{sku}");
        }
    });
}

/// A body alone may be wrong about a line that was fulfilled in part and refunded.
#[test]
fn of_a_line_fulfilled_in_part_and_refunded_the_shops_fulfilment_orders_say_what_is_left() {
    let world = &*WORLD;
    world::run(async {
        let sku = "LOOK-DOUBT";
        let (order, _) = at_the_warehouse(world, SHOP, sku, 4).await;
        let one = json!({"lines": [{"lineItemId": line_of(&order, 0), "quantity": 1}]});
        staff(world, &order, "fulfil", one).await;
        let second = world.until_handed_over(sku, 2).await;
        let looks = world.shop_answers(&order, "fulfillmentOrders").await;

        // Of the one that was sent by hand the money is given back, and the body takes it off the others.
        let mut body = world.shown_in_shop(&order).await;
        body["updated_at"] = json!(Utc::now() + chrono::Duration::seconds(2));
        body["line_items"][0]["fulfillable_quantity"] = json!(2);
        body["line_items"][0]["current_quantity"] = json!(3);
        world.deliver_webhook(&Webhook::new(SHOP, "orders/updated", body)).await;
        until("the fulfilment orders are looked at", Duration::from_secs(30), async || {
            (world.shop_answers(&order, "fulfillmentOrders").await > looks).then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(world.references(sku).await.len(), 2);
        assert_eq!(
            world.wms_effects(sku, "shipmentCancelled").await.len(),
            1,
            "of the first, of four pieces"
        );
        assert_eq!(world.available(sku).await, 7);

        // Where they say so too, it is followed.
        let words = json!({"lines": [
            {"lineItemId": line_of(&order, 0), "quantity": 1, "restockType": "cancel"}
        ]});
        tokio::time::sleep(Duration::from_secs(2)).await;
        staff(world, &order, "refund", words).await;
        let third = world.until_handed_over(sku, 3).await;
        assert_ne!(second, third);
        world.warehouse_does(&third, "ship").await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped(sku).await, 2);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn what_is_to_be_refunded_of_a_cancelled_rest_is_a_persons_where_the_policy_says_so() {
    let world = &*WORLD;
    world::run(async {
        world.stock("LOOK-REFUND", 1).await;
        let order = Placed::new(CAUTIOUS_SHOP, &["LOOK-REFUND"], 3);
        world.place(&order).await;
        world.until_order(&order, "condition", &["PARTIALLY_SHIPPED"]).await;
        world.until_shop_notified(&order, 1).await;
        world.signal(&order.workflow(), "cancel", &[World::cancel_request("operator")]).await;
        let shown = world.until_shown(&order, "REFUND_BY_HAND").await;
        assert_eq!(shown, "Refund in the shop, restocked, what does not leave: 2 × LOOK-REFUND");
        world.until_order(&order, "status", &["SHIPPED", "DELIVERED"]).await;
        assert!(world.shop_effects(&order, "orderRefunded").await.is_empty());
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 0);
    });
}

#[test]
fn what_the_shops_people_left_of_a_cancelled_order_is_a_persons_to_refund_where_the_policy_says_so() {
    let world = &*WORLD;
    world::run(async {
        let sku = "LOOK-LEFT";
        let (order, _) = at_the_warehouse(world, CAUTIOUS_SHOP, sku, 3).await;
        let one = json!({"lines": [{"lineItemId": line_of(&order, 0), "quantity": 1}]});
        staff(world, &order, "fulfil", one).await;
        assert_eq!(world.until_parked(&order).await, "EDITED_AT_WAREHOUSE");
        world.resolve(&order, json!("retry")).await.expect("it is parked");
        world.until_handed_over(sku, 2).await;
        let cancelled =
            world.update(&order.workflow(), "cancel-order", World::cancel_request("operator")).await;
        assert_eq!(cancelled, Ok(json!({"status": "CANCELLED"})));
        let shown = world.until_shown(&order, "REFUND_BY_HAND").await;
        assert_eq!(shown, "Refund in the shop, restocked, what does not leave: 2 × LOOK-LEFT");
        assert!(world.shop_effects(&order, "orderRefunded").await.is_empty());
    });
}

#[test]
fn money_that_goes_while_the_warehouse_has_it_recalls_and_waits_for_the_deadline() {
    let world = &*WORLD;
    world::run(async {
        let (order, _) = at_the_warehouse(world, HASTY_SHOP, "LOOK-VOID", 2).await;
        world.shop_does(&order, "void").await;
        assert_eq!(world.until_parked(&order).await, "PAYMENT_OVERDUE");
        assert_eq!(world.wms_effects("LOOK-VOID", "shipmentCancelled").await.len(), 1);
        assert_eq!(world.available("LOOK-VOID").await, 8, "its stock is kept");
        world.shop_does(&order, "pay").await;
        let second = world.until_handed_over("LOOK-VOID", 2).await;
        world.warehouse_does(&second, "ship").await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped("LOOK-VOID").await, 2);
    });
}

#[test]
fn where_the_policy_wants_no_look_nothing_is_read_before_the_hand_over_and_the_parcel_is_told() {
    let world = &*WORLD;
    world::run(async {
        let (order, reference) = at_the_warehouse(world, UNSEEN_SHOP, "LOOK-UNSEEN", 2).await;
        assert_eq!(world.shop_answers(&order, "fulfillmentOrders").await, 0);
        // Nobody sees a hold then.
        staff(world, &order, "hold", json!({"reason": "OTHER"})).await;
        staff(world, &order, "release", Value::Null).await;
        world.warehouse_does(&reference, "ship").await;
        world.until_shop_notified(&order, 1).await;
        world.until_shipped(&order).await;
        assert_eq!(world.shop_answers(&order, "fulfillmentOrders").await, 1, "where to report it");
        assert_eq!(world.references("LOOK-UNSEEN").await.len(), 1);
        until("what was said of the hold is done with", Duration::from_secs(30), async || {
            let is_wanted = "SELECT look_wanted FROM orders.orders WHERE shopify_order_id = $1";
            let is_wanted: bool =
                sqlx::query_scalar(is_wanted).bind(order.id).fetch_one(&world.pool).await.unwrap();
            (!is_wanted).then_some(())
        })
        .await;
        assert!(world.attention(&order).await.is_empty());

        // Nor how it is delivered.
        let collected = Placed::new(UNSEEN_SHOP, &["LOOK-UNSEEN"], 1).with("shipping_address", Value::Null);
        world.announce(&collected, "announce=true&topics=orders/create&deliveryMethod=PICK_UP").await;
        assert_eq!(world.until_parked(&collected).await, "NO_ADDRESS");
    });
}

//! What a shop holds, or schedules, or has not made yet: nothing is handed over before the shop lets it go.

use std::time::Duration;

use chrono::{SubsecRound, TimeDelta, Utc};
use serde_json::{Value, json};

use super::news::{staff, staff_quietly};
use crate::{
    line::WORLD,
    world::{self, CAUTIOUS_SHOP, Placed, SHOP, Webhook, World, until},
};

/// The shop's fulfilment orders of an order, as its people see them.
async fn fulfilment_orders(world: &World, order: &Placed) -> Vec<Value> {
    let path = world.shopify(&format!("/_orders/{}", order.id));
    let shown: Value = world.http.get(path).send().await.unwrap().json().await.unwrap();
    shown["fulfilmentOrders"].as_array().cloned().expect("a list")
}

/// Waits until the shop was asked for fulfilment orders, whether or not it has answered.
async fn until_asked(world: &World, order: &Placed) {
    until("the shop is asked for its fulfilment orders", Duration::from_secs(60), async || {
        let entries = world.ledger(world.shopify(&format!("/_ledger?order={}", order.id))).await;
        let is_asked = |entry: &Value| entry["kind"] == "call" && entry["operation"] == "fulfillmentOrders";
        entries.iter().any(is_asked).then_some(())
    })
    .await;
}

async fn news_kept(world: &World, number: i64) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM orders.fulfilment_order_updates WHERE number = $1")
        .bind(number)
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

#[test]
fn what_is_scheduled_keeps_its_stock_and_goes_when_its_time_comes_though_nobody_says_so() {
    let world = &*WORLD;
    world::run(async {
        let sku = "HOLD-SCHEDULED";
        world.stock(sku, 5).await;
        let ready = "scheduled_fulfillment_order_ready";
        world.shopify_rule(json!({"operation": "webhook", "type": ready, "sku": sku, "lost": true})).await;
        let order = Placed::new(SHOP, &[sku], 2);
        world.place_silently(&order).await;
        let moment = (Utc::now() + TimeDelta::seconds(8)).trunc_subsecs(0);
        staff_quietly(world, &order, "schedule", json!({"fulfillAt": moment})).await;
        world.place(&order).await;
        let held = world.until_order(&order, "condition", &["ON_HOLD"]).await;
        assert_eq!((&held["status"], &held["heldBy"]), (&json!("CONFIRMED"), &json!("SHOPIFY")), "{held}");
        assert_eq!(world.available(sku).await, 3);
        assert!(world.references(sku).await.is_empty() && Utc::now() < moment, "it is early enough to see");

        world.until_handed_over(sku, 1).await;
        assert!(Utc::now() >= moment, "it was handed over before its time");
        let shipped = world.until_shipped(&order).await;
        assert_eq!((&shipped["condition"], &shipped["heldBy"]), (&json!(null), &json!(null)));
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped(sku).await, 2);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn what_is_said_of_a_fulfilment_order_before_it_is_known_whose_it_is_is_looked_at_before_the_hand_over() {
    let world = &*WORLD;
    world::run(async {
        for (sku, topic) in [
            ("HOLD-UNKNOWN-A", "fulfillment_orders/placed_on_hold"),
            ("HOLD-UNKNOWN-B", "fulfillment_holds/added"),
        ] {
            world.stock(sku, 5).await;
            let order = Placed::new(SHOP, &[sku], 2);
            world.place_silently(&order).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            // The look sees an open one; before its answer is here, somebody puts it on hold.
            let slow = json!({"operation": "fulfillmentOrders", "sku": sku, "effectThenHangMs": 3000});
            world.shopify_rule(slow).await;
            world.place(&order).await;
            until_asked(world, &order).await;
            staff_quietly(world, &order, "hold", json!({"reason": "OTHER"})).await;
            let held = &fulfilment_orders(world, &order).await[0];
            let number = held["id"].as_i64().expect("an id");
            let body = json!({"fulfillment_order": {"id": held["adminGraphqlApiId"], "status": "on_hold"}});
            let hold = Webhook::new(SHOP, topic, body);
            world.deliver_webhook(&hold).await;
            let state = until("the message is settled", Duration::from_secs(30), async || {
                sqlx::query_scalar::<_, String>(
                    "SELECT state FROM integration.inbox WHERE message_id = $1 AND settled_at IS NOT NULL",
                )
                .bind(&hold.id)
                .fetch_optional(&world.pool)
                .await
                .unwrap()
            })
            .await;
            assert_eq!((state.as_str(), news_kept(world, number).await), ("STORED", 1), "whose is it?");

            world.until_order(&order, "condition", &["ON_HOLD"]).await;
            assert!(world.references(sku).await.is_empty());
            assert_eq!(world.available(sku).await, 3);
            assert_eq!(news_kept(world, number).await, 0, "it was taken up");
            assert_eq!(world.shop_answers(&order, "fulfillmentOrders").await, 2);
            staff(world, &order, "release", Value::Null).await;
            world.until_shop_notified(&order, 1).await;
            assert_eq!(world.pieces_shipped(sku).await, 2);
            assert!(world.attention(&order).await.is_empty());
        }
    });
}

/// The shop knows the order and has made no fulfilment orders for it; we hear of the whole order.
async fn without_fulfilment_orders(world: &World, shop: &str, sku: &str) -> Placed {
    world.stock(sku, 5).await;
    let order = Placed::new(shop, &[sku], 2);
    let mut bare = order.clone();
    bare.body["line_items"][0]["fulfillable_quantity"] = json!(0);
    world.place_silently(&bare).await;
    assert!(fulfilment_orders(world, &order).await.is_empty());
    world.deliver_webhook(&Webhook::new(shop, "orders/create", order.body.clone())).await;
    order
}

#[test]
fn an_order_whose_shop_has_no_fulfilment_orders_is_parked_after_a_while_and_ships_when_there_are_some() {
    let world = &*WORLD;
    world::run(async {
        let sku = "HOLD-NONE";
        let order = without_fulfilment_orders(world, CAUTIOUS_SHOP, sku).await;
        until_asked(world, &order).await;
        let asked = std::time::Instant::now();
        assert_eq!(world.until_parked(&order).await, "NO_FULFILMENT_ORDERS");
        assert!(asked.elapsed() >= Duration::from_secs(1), "it was not waited for");
        assert!(world.shop_answers(&order, "fulfillmentOrders").await > 3, "it was asked once");
        let open = world.open_attention(&order).await;
        assert_eq!((open.len(), open[0].step.as_str()), (1, "look_in_shop"), "{open:?}");
        assert_eq!(world.available(sku).await, 3);
        assert!(world.references(sku).await.is_empty());

        world.place_silently(&order).await;
        world.retry(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped(sku).await, 2);
        assert!(world.open_attention(&order).await.is_empty());
    });
}

#[test]
fn fulfilment_orders_that_the_shop_makes_late_are_waited_for() {
    let world = &*WORLD;
    world::run(async {
        let sku = "HOLD-LATE";
        let order = without_fulfilment_orders(world, SHOP, sku).await;
        // As often as one attempt looks.
        until("the first look has seen none", Duration::from_secs(60), async || {
            (world.shop_answers(&order, "fulfillmentOrders").await >= 3).then_some(())
        })
        .await;
        world.place_silently(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped(sku).await, 2);
        assert!(world.attention(&order).await.is_empty());
    });
}

//! Pieces that left and come back: on hand rises once, by what the policy says.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    line::WORLD,
    world::{
        self, DISPOSING_SHOP, Placed, SHOP, SPLITTING_SHOP, TRUSTING_SHOP, Webhook, World, minutes_later,
        until,
    },
};

async fn staff(world: &World, order: &Placed, what: &str, words: Value) {
    world.stage_with(world.shopify(&format!("/_orders/{}/{what}", order.id)), words).await;
}

/// Three pieces of an SKU of which there were five, with the customer.
async fn shipped(world: &World, shop: &str, sku: &str) -> Placed {
    world.stock(sku, 5).await;
    let order = Placed::new(shop, &[sku], 3);
    world.place(&order).await;
    world.until_shop_notified(&order, 1).await;
    world.until_closed(&order.workflow()).await;
    order
}

fn pieces(order: &Placed, quantity: u32) -> Value {
    json!([{"lineItemId": order.body["line_items"][0]["id"], "quantity": quantity, "restockType": "return"}])
}

async fn until_available(world: &World, sku: &str, pieces: i64) {
    until(&format!("{pieces} of {sku} are available"), Duration::from_secs(60), async || {
        (world.available(sku).await == pieces).then_some(())
    })
    .await;
}

/// The webhooks about returns that are settled, with how.
async fn settled(world: &World, shop: &str, states: &[&str]) {
    until("what was said of the return is settled", Duration::from_secs(60), async || {
        let found: Vec<String> = sqlx::query_scalar(
            "SELECT state FROM integration.inbox
             WHERE shop = $1 AND topic = 'reverse_fulfillment_orders/dispose' ORDER BY inbox_id",
        )
        .bind(shop)
        .fetch_all(&world.pool)
        .await
        .unwrap();
        (found == states).then_some(())
    })
    .await;
}

#[test]
fn what_the_shops_people_put_on_the_shelf_is_on_hand_once_where_the_policy_says_so() {
    let world = &*WORLD;
    world::run(async {
        let order = shipped(world, DISPOSING_SHOP, "RETURN-DISPOSED").await;
        staff(world, &order, "return", json!({"lines": pieces(&order, 3)})).await;
        staff(world, &order, "dispose", json!({"lines": pieces(&order, 1), "type": "NOT_RESTOCKED"})).await;
        settled(world, DISPOSING_SHOP, &["DONE"]).await;
        staff(world, &order, "dispose", json!({"lines": pieces(&order, 1)})).await;
        until_available(world, "RETURN-DISPOSED", 3).await;
        // Every message has all of it read: what was booked in is not booked in again.
        staff(world, &order, "dispose", json!({"lines": pieces(&order, 1)})).await;
        until_available(world, "RETURN-DISPOSED", 4).await;
        settled(world, DISPOSING_SHOP, &["DONE", "DONE", "DONE"]).await;
        assert_eq!(world.available("RETURN-DISPOSED").await, 4);
        assert!(world.attention(&order).await.is_empty());

        // A return that the shop does not know.
        let body = json!({"id": 4_444_000_001_i64, "dispositions": [{"type": "restocked", "quantity": 1,
            "reverse_fulfillment_order_line_item": {"id": 1}}]});
        let topic = "reverse_fulfillment_orders/dispose";
        world.deliver_webhook(&Webhook::new(DISPOSING_SHOP, topic, body)).await;
        until("it is shown", Duration::from_secs(60), async || {
            let shown: Option<String> =
                sqlx::query_scalar("SELECT detail FROM orders.attention WHERE reason = 'RETURN_NOT_BOOKED'")
                    .fetch_optional(&world.pool)
                    .await
                    .unwrap();
            shown.filter(|detail| detail.contains("4444000001"))
        })
        .await;
    });
}

#[test]
fn a_disposition_books_nothing_where_a_receipt_does() {
    let world = &*WORLD;
    world::run(async {
        let order = shipped(world, SHOP, "RETURN-RECEIVED").await;
        staff(world, &order, "return", json!({"lines": pieces(&order, 2)})).await;
        staff(world, &order, "dispose", json!({"lines": pieces(&order, 2)})).await;
        settled(world, SHOP, &["STORED"]).await;
        assert_eq!(world.available("RETURN-RECEIVED").await, 2);
        world.receive("RETURN-RECEIVED", 2).await;
        assert_eq!(world.available("RETURN-RECEIVED").await, 4);
    });
}

#[test]
fn pieces_that_a_return_and_a_refund_both_announce_are_on_hand_once() {
    let world = &*WORLD;
    world::run(async {
        let order = shipped(world, TRUSTING_SHOP, "RETURN-TRUSTED").await;
        staff(world, &order, "return", json!({"lines": pieces(&order, 2)})).await;
        until_available(world, "RETURN-TRUSTED", 4).await;
        staff(world, &order, "refund", json!({"lines": pieces(&order, 2)})).await;
        world.until_message(&order, "refunds/create", "DONE").await;
        assert_eq!(world.available("RETURN-TRUSTED").await, 4);
        staff(world, &order, "refund", json!({"lines": pieces(&order, 1)})).await;
        until_available(world, "RETURN-TRUSTED", 5).await;
        assert!(world.attention(&order).await.is_empty());
    });
}

/// The pieces that refunds of an order announce to come back.
async fn returned(world: &World, order: &Placed) -> Vec<(String, i32)> {
    sqlx::query_as(
        "SELECT source, quantity FROM orders.announced_pieces JOIN orders.orders USING (order_id)
         WHERE shopify_order_id = $1 ORDER BY announced_at",
    )
    .bind(order.id)
    .fetch_all(&world.pool)
    .await
    .unwrap()
}

fn legacy(order: &Placed, quantity: u32) -> Value {
    let mut lines = pieces(order, quantity);
    lines[0]["restockType"] = json!("legacy_restock");
    json!({"amount": "1.00", "lines": lines})
}

#[test]
fn a_refund_in_the_older_words_takes_off_what_has_not_left_and_announces_what_has() {
    let world = &*WORLD;
    world::run(async {
        let sku = "RETURN-LEGACY";
        world.stock(sku, 2).await;
        let order = Placed::new(SPLITTING_SHOP, &[sku], 3);
        world.place(&order).await;
        world.until_order(&order, "condition", &["PARTIALLY_SHIPPED"]).await;
        world.until_shop_notified(&order, 1).await;
        staff(world, &order, "refund", legacy(&order, 1)).await;
        // The piece that is waited for is not wanted any more.
        world.until_shipped(&order).await;
        world.until_closed(&order.workflow()).await;
        world.until_message(&order, "refunds/create", "DONE").await;
        assert_eq!(returned(world, &order).await, []);

        staff(world, &order, "refund", legacy(&order, 1)).await;
        until("the return is kept", Duration::from_secs(30), async || {
            (returned(world, &order).await == [("REFUND".to_owned(), 1)]).then_some(())
        })
        .await;
        world.receive(sku, 4).await;
        assert_eq!(world.available(sku).await, 4, "nobody waits, and nothing is booked in by a word");
        assert_eq!(world.pieces_shipped(sku).await, 2);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn a_refund_in_the_older_words_that_the_orders_body_brings_first_counts_alike() {
    let world = &*WORLD;
    world::run(async {
        let sku = "RETURN-LEGACY-BODY";
        world.stock(sku, 2).await;
        let order = Placed::new(SPLITTING_SHOP, &[sku], 3);
        world.place(&order).await;
        world.until_order(&order, "condition", &["PARTIALLY_SHIPPED"]).await;
        world.until_shop_notified(&order, 1).await;
        world.until_message(&order, "orders/partially_fulfilled", "DONE").await;
        let quietly = world.shopify(&format!("/_orders/{}/refund?announce=false", order.id));
        world.stage_with(quietly, legacy(&order, 1)).await;
        let mut body = world.shown_in_shop(&order).await;
        body["updated_at"] = minutes_later(1);
        let refund = body["refunds"][0].clone();
        world.deliver_webhook(&Webhook::new(SPLITTING_SHOP, "orders/updated", body)).await;
        world.until_shipped(&order).await;
        world.deliver_webhook(&Webhook::new(SPLITTING_SHOP, "refunds/create", refund)).await;
        world.until_message(&order, "refunds/create", "DONE").await;
        assert_eq!(returned(world, &order).await, []);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn a_refund_in_the_older_words_of_what_is_at_the_warehouse_takes_it_back() {
    let world = &*WORLD;
    world::run(async {
        let sku = "RETURN-LEGACY-HERE";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "times": 2, "never": true})).await;
        let order = Placed::new(SHOP, &[sku], 3);
        world.place(&order).await;
        world.until_handed_over(sku, 1).await;
        world.until_order(&order, "status", &["PROCESSING"]).await;
        staff(world, &order, "refund", legacy(&order, 2)).await;
        let second = world.until_handed_over(sku, 2).await;
        world.warehouse_does(&second, "ship").await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped(sku).await, 1);
        until_available(world, sku, 4).await;
        assert_eq!(returned(world, &order).await, []);
        assert!(world.attention(&order).await.is_empty());
    });
}

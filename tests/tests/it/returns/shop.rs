//! Returns that a shop announces, and what refunds and policies put on hand beside.

use std::time::Duration;

use serde_json::{Value, json};

use super::{announce, announced, came, came_back, get, how_far, receive, returns_of, shown, told};
use crate::{
    line::WORLD,
    world::{self, Placed, SHOP, TRUSTING_SHOP, Webhook, World, until},
};

async fn staff(world: &World, order: &Placed, what: &str, quantity: u32) {
    let line = &order.body["line_items"][0]["id"];
    let words = json!({"lines": [{"lineItemId": line, "quantity": quantity, "restockType": "return"}]});
    world.stage_with(world.shopify(&format!("/_orders/{}/{what}", order.id)), words).await;
}

/// An order of a shop of which three of five pieces have left, and our id of it.
async fn shipped(world: &World, shop: &str, sku: &str) -> (Placed, String) {
    world.stock(sku, 5).await;
    let order = Placed::new(shop, &[sku], 3);
    world.place(&order).await;
    world.until_shop_notified(&order, 1).await;
    world.until_closed(&order.workflow()).await;
    let id = world.order(&order).await["orderId"].as_str().unwrap().to_owned();
    (order, id)
}

/// Waits until an order has so many returns; the newest.
async fn until_returns(world: &World, order: &str, number: usize) -> Value {
    until(&format!("{order} has {number} returns"), Duration::from_secs(60), async || {
        let mut found = returns_of(world, order).await;
        (found.len() == number).then(|| found.swap_remove(0))
    })
    .await
}

/// What the shop says of a return with this id.
fn told_by_shop(order: &Placed, return_id: i64, quantity: u32) -> Value {
    json!({"id": return_id, "admin_graphql_api_id": format!("gid://shopify/Return/{return_id}"), "status": "open",
        "order": {"id": order.id, "admin_graphql_api_id": format!("gid://shopify/Order/{}", order.id)},
        "return_line_items": [{"id": return_id + 1, "quantity": quantity, "return_reason": "unwanted",
            "admin_graphql_api_id": format!("gid://shopify/ReturnLineItem/{}", return_id + 1),
            "fulfillment_line_item": {"id": 1, "line_item": {"id": order.body["line_items"][0]["id"]}}}]})
}

async fn until_done(world: &World, webhook: &Webhook) {
    world.deliver_webhook(webhook).await;
    until(&format!("{} is done", webhook.topic), Duration::from_secs(60), async || {
        sqlx::query_scalar::<_, String>("SELECT state FROM integration.inbox WHERE message_id = $1")
            .bind(&webhook.id)
            .fetch_one(&world.pool)
            .await
            .ok()
            .filter(|state| state == "DONE")
    })
    .await;
}

#[test]
fn a_return_that_the_shop_announces_twice_is_one_and_its_end_in_the_shop_frees_its_pieces() {
    let world = &*WORLD;
    world::run(async {
        let sku = "BACK-SHOP";
        let (order, id) = shipped(world, SHOP, sku).await;
        staff(world, &order, "return", 2).await;
        let found = until_returns(world, &id, 1).await;
        let return_id = found["returnId"].as_str().unwrap();
        assert_eq!((&found["source"], &found["lines"][0]["quantity"]), (&json!("SHOPIFY"), &json!(2)));
        let external = found["externalId"].as_str().unwrap();
        let shops_id: i64 = external.strip_prefix(&format!("{SHOP}/")).unwrap().parse().unwrap();
        // The same again, as another delivery.
        until_done(world, &Webhook::new(SHOP, "returns/approve", told_by_shop(&order, shops_id, 2))).await;
        assert_eq!((returns_of(world, &id).await.len(), told(world, &id).await.len()), (1, 1));
        assert_eq!(world.on_hand(sku).await, 2);

        assert_eq!(receive(world, return_id, &[came(sku, 1, true)], None).await.0, 200);
        until_done(world, &Webhook::new(SHOP, "returns/cancel", told_by_shop(&order, shops_id, 2))).await;
        let (status, refused) = receive(world, return_id, &[came(sku, 1, true)], None).await;
        assert_eq!(
            (status, refused["type"].as_str()),
            (409, Some("https://waybill.dev/errors/return-cancelled"))
        );
        assert_eq!(how_far(world, return_id).await, ("CANCELLED".to_owned(), 1, 0));
        // One of three came; two may be announced anew, and no third.
        assert_eq!(announce(world, &id, sku, 3).await.0, 409);
        announced(world, &id, sku, 2).await;
        assert_eq!(world.on_hand(sku).await, 3);
    });
}

#[test]
fn what_the_shop_announces_beyond_what_left_is_shown_and_what_it_takes_back_first_never_begins() {
    let world = &*WORLD;
    world::run(async {
        let sku = "BACK-SHOP-MANY";
        let (order, id) = shipped(world, SHOP, sku).await;
        let ids = order.id + 1_000_000;
        until_done(world, &Webhook::new(SHOP, "returns/cancel", told_by_shop(&order, ids, 1))).await;
        until_done(world, &Webhook::new(SHOP, "returns/approve", told_by_shop(&order, ids, 1))).await;
        let never = until_returns(world, &id, 1).await;
        assert_eq!((&never["state"], &never["lines"]), (&json!("CANCELLED"), &json!([])));
        assert!(told(world, &id).await.is_empty());

        until_done(world, &Webhook::new(SHOP, "returns/approve", told_by_shop(&order, ids + 10, 5))).await;
        let found = until_returns(world, &id, 2).await;
        assert_eq!((&found["reason"], &found["lines"][0]["quantity"]), (&json!("unwanted"), &json!(3)));
        let words = shown(world, &id, "RETURN_NOT_EXPECTED").await;
        assert!(words.starts_with("2 × ") && words.contains(&(ids + 10).to_string()), "{words}");
    });
}

#[test]
fn pieces_that_the_shops_word_put_on_hand_are_received_and_not_booked_again() {
    let world = &*WORLD;
    world::run(async {
        let sku = "BACK-TRUSTED";
        let (order, id) = shipped(world, TRUSTING_SHOP, sku).await;
        staff(world, &order, "return", 2).await;
        let found = until_returns(world, &id, 1).await;
        let return_id = found["returnId"].as_str().unwrap();
        assert_eq!(
            (world.on_hand(sku).await, came_back(world, sku).await),
            (4, (1, 1, 2)),
            "the policy is at once"
        );

        let lines = [came(sku, 1, true), came(sku, 1, false)];
        assert_eq!(receive(world, return_id, &lines, None).await.0, 200);
        assert_eq!(how_far(world, return_id).await, ("RECEIVED".to_owned(), 1, 1));
        assert_eq!(world.on_hand(sku).await, 4);
        let words = shown(world, &id, "UNSELLABLE_ON_HAND").await;
        assert!(words.starts_with(&format!("1 × {sku}")), "{words}");

        // The refund is of the same pieces.
        staff(world, &order, "refund", 2).await;
        world.until_message(&order, "refunds/create", "DONE").await;
        assert_eq!((world.on_hand(sku).await, came_back(world, sku).await), (4, (1, 1, 2)));
        // The third piece is another one: whoever speaks of it first books it.
        let third = announced(world, &id, sku, 1).await;
        assert_eq!(receive(world, &third, &[came(sku, 1, true)], None).await.0, 200);
        staff(world, &order, "refund", 1).await;
        until("both refunds are done", Duration::from_secs(60), async || {
            let done = world.messages(&order).await;
            (done.iter().filter(|kept| kept.topic == "refunds/create" && kept.state == "DONE").count() == 2)
                .then_some(())
        })
        .await;
        assert_eq!((world.on_hand(sku).await, came_back(world, sku).await), (5, (2, 2, 3)));
    });
}

#[test]
fn pieces_that_were_received_are_not_put_on_hand_by_a_later_refund() {
    let world = &*WORLD;
    world::run(async {
        let sku = "BACK-THEN-REFUND";
        let (order, id) = shipped(world, TRUSTING_SHOP, sku).await;
        let return_id = announced(world, &id, sku, 2).await;
        let lines = [came(sku, 1, true), came(sku, 1, false)];
        assert_eq!(receive(world, &return_id, &lines, None).await.0, 200);
        assert_eq!(world.on_hand(sku).await, 3);
        staff(world, &order, "refund", 2).await;
        world.until_message(&order, "refunds/create", "DONE").await;
        assert_eq!((world.on_hand(sku).await, came_back(world, sku).await), (3, (1, 1, 1)));
        let page = get(world, "/api/returns?state=RECEIVED&limit=1").await;
        assert_eq!(page.as_array().map(Vec::len), Some(1), "{page}");
    });
}

//! What other systems hear of an order, and when.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    allocations_api::{post, wanted},
    line::WORLD,
    world::{self, Placed, SHOP, World, minutes_later, until},
};

/// The events of an order of a shop in the order in which they are published: sequence, type, payload.
async fn told(world: &World, order: &Placed) -> Vec<(i64, String, Value)> {
    sqlx::query_as(
        "SELECT sequence, event_type, payload
         FROM integration.outbox JOIN orders.orders ON stream = 'order/' || order_id
         WHERE orders.shop = $1 AND shopify_order_id = $2 ORDER BY outbox_id",
    )
    .bind(&order.shop)
    .bind(order.id)
    .fetch_all(&world.pool)
    .await
    .unwrap()
}

fn names(events: &[(i64, String, Value)]) -> Vec<&str> {
    events.iter().map(|(_, name, _)| name.as_str()).collect()
}

#[test]
fn an_order_is_announced_once_when_it_has_passed_its_gate_and_each_status_after_it() {
    let world = &*WORLD;
    world::run(async {
        world.stock("EVENTS-PAID", 5).await;
        let order = Placed::new(SHOP, &["EVENTS-PAID"], 2).with("financial_status", json!("pending"));
        world.place(&order).await;
        world.until_order(&order, "condition", &["AWAITING_PAYMENT"]).await;
        assert_eq!(told(world, &order).await, [], "it has not passed its gate");

        let paid = order.clone().with("financial_status", json!("paid")).with("updated_at", minutes_later(1));
        world.announce(&paid, "topics=orders/paid").await;
        world.until_order(&order, "status", &["DELIVERED"]).await;
        let events = told(world, &order).await;
        let expected =
            ["ORDER_PLACED", "ORDER_CONFIRMED", "ORDER_PROCESSING", "ORDER_SHIPPED", "ORDER_DELIVERED"];
        assert_eq!(names(&events), expected);
        for (at, (sequence, name, said)) in (1..).zip(&events) {
            assert_eq!(*sequence, at);
            let items = json!([{"orderItemId": order.body["line_items"][0]["id"].to_string(),
                                "inventoryItemId": "EVENTS-PAID", "sku": "EVENTS-PAID", "quantity": 2}]);
            assert_eq!((&said["items"], &said["shop"]), (&items, &json!(order.shop)), "{name}");
            assert_eq!((&said["requiresPreAllocation"], said.get("reason")), (&json!(false), None), "{name}");
        }
        let statuses: Vec<&Value> = events.iter().map(|(_, _, said)| &said["status"]).collect();
        assert_eq!(statuses, ["PENDING", "CONFIRMED", "PROCESSING", "SHIPPED", "DELIVERED"]);
    });
}

#[test]
fn of_an_ignored_order_nothing_is_told_and_of_one_that_never_passed_its_end_alone() {
    let world = &*WORLD;
    world::run(async {
        world.stock("EVENTS-NEVER", 5).await;
        let ignored = Placed::new(SHOP, &["EVENTS-NEVER"], 1).with("test", json!(true));
        world.place(&ignored).await;
        world.until_order(&ignored, "condition", &["IGNORED"]).await;
        assert_eq!(told(world, &ignored).await, []);

        let order = Placed::new(SHOP, &["EVENTS-NEVER"], 1).with("financial_status", json!("pending"));
        world.place(&order).await;
        world.until_order(&order, "condition", &["AWAITING_PAYMENT"]).await;
        let cancelled =
            order.clone().with("cancelled_at", minutes_later(1)).with("updated_at", minutes_later(1));
        world.announce(&cancelled, "topics=orders/cancelled").await;
        world.until_order(&order, "status", &["CANCELLED"]).await;
        let events = told(world, &order).await;
        assert_eq!(names(&events), ["ORDER_CANCELLED"]);
        assert_eq!(events[0].2["reason"], "shopify");
    });
}

#[test]
fn an_order_that_waits_for_stock_is_announced_while_it_waits_and_not_again() {
    let world = &*WORLD;
    world::run(async {
        world.stock("EVENTS-WAITS", 0).await;
        let order = Placed::new(SHOP, &["EVENTS-WAITS"], 1);
        world.place(&order).await;
        world.until_order(&order, "condition", &["BACKORDERED"]).await;
        assert_eq!(names(&told(world, &order).await), ["ORDER_PLACED"]);
        let more = json!({"totalPrice": "31.00"});
        super::news::staff(world, &order, "edit", more).await;
        world.until_message(&order, "orders/updated", "DONE").await;
        world.receive("EVENTS-WAITS", 1).await;
        world.until_shipped(&order).await;
        assert_eq!(names(&told(world, &order).await)[..2], ["ORDER_PLACED", "ORDER_CONFIRMED"]);
    });
}

#[test]
fn an_order_of_the_api_that_is_refused_tells_what_was_short_once() {
    let world = &*WORLD;
    world::run(async {
        world.stock("EVENTS-SHORT", 1).await;
        let form = json!({
            "orderId": "events-short", "customer_name": "Grace Secretname",
            "customer_email": "grace.secret@example.com", "currency": "EUR",
            "items": [{"product_id": "EVENTS-SHORT", "product_name": "Shirt", "quantity": 3, "price": "29.90"}],
        });
        for _ in 0..2 {
            let answer = world.http.post(world.api("/api/orders")).json(&form).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{}", answer.text().await.unwrap());
        }
        let short = async || -> Vec<Value> {
            sqlx::query_scalar(
                "SELECT payload FROM integration.outbox
                 WHERE event_type = 'InsufficientStock' AND aggregate_id = 'EVENTS-SHORT' ORDER BY outbox_id",
            )
            .fetch_all(&world.pool)
            .await
            .unwrap()
        };
        let expected = json!({"orderId": "events-short", "inventoryItemId": "EVENTS-SHORT", "sku": "EVENTS-SHORT",
                              "warehouseId": "main", "requested": 3, "available": 1});
        assert_eq!(short().await, [expected]);

        // One of another system, which asks for its own order.
        let wanted = wanted("events-other", "i1", "EVENTS-SHORT", 2);
        for _ in 0..2 {
            assert_eq!(post(world, "/allocations", &wanted).await.0, StatusCode::CONFLICT);
        }
        let told = until("the other is told", Duration::from_secs(5), async || {
            Some(short().await).filter(|told| told.len() == 2)
        })
        .await;
        assert_eq!((&told[1]["orderId"], &told[1]["available"]), (&json!("events-other"), &json!(1)));
    });
}

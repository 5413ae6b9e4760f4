//! Counting over HTTP: what is found is what is there, whoever holds it.

use std::time::Duration;

use futures::future::{join, join_all};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    line::WORLD,
    world::{self, Placed, Plan, SHOP, World, until},
};

async fn count(world: &World, sku: &str, form: Value) -> (StatusCode, Value) {
    let path = world.api(&format!("/api/inventory/{sku}/count"));
    let answer = world.http.post(path).json(&form).send().await.expect("the API answers");
    (answer.status(), answer.json().await.expect("JSON"))
}

async fn found(world: &World, sku: &str, pieces: u64, request: &str) -> Value {
    let form = json!({"requestId": request, "onHand": pieces, "reason": "yearly count"});
    let (status, body) = count(world, sku, form).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

/// On hand, reserved, queued and missing of an item in `main`.
async fn figures(world: &World, sku: &str) -> (i64, i64, i64, i64) {
    sqlx::query_as("SELECT on_hand, reserved, queued, missing FROM inventory.stock WHERE sku = $1 AND warehouse = 'main'")
        .bind(sku)
        .fetch_one(&world.pool)
        .await
        .expect("the stock is read")
}

/// The same as the movements have it: on hand and reserved.
async fn moved(world: &World, sku: &str) -> (i64, i64) {
    sqlx::query_as(
        "SELECT sum(on_hand_change)::bigint, sum(reserved_change)::bigint FROM inventory.movements WHERE sku = $1",
    )
    .bind(sku)
    .fetch_one(&world.pool)
    .await
    .expect("the movements are read")
}

async fn counts(world: &World, sku: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM inventory.movements WHERE sku = $1 AND reason = 'COUNT'")
        .bind(sku)
        .fetch_one(&world.pool)
        .await
        .expect("the movements are read")
}

async fn backordered(world: &World, order: &Placed) -> Value {
    world.until_order(order, "condition", &["BACKORDERED"]).await
}

#[test]
fn the_youngest_orders_wait_again_and_are_served_by_their_age_before_whoever_came_later() {
    world::run(async {
        let world = World::start(Plan::default()).await;
        let sku = "COUNT-LESS";
        world.stock(sku, 6).await;
        world.pause_lane("warehouse").await;
        let mut orders = Vec::new();
        for _ in 0..3 {
            let order = Placed::new(SHOP, &[sku], 2);
            world.place(&order).await;
            world.until_order(&order, "status", &["CONFIRMED"]).await;
            orders.push(order);
        }
        assert_eq!(figures(&world, sku).await, (6, 6, 0, 0));

        let body = found(&world, sku, 3, "first").await;
        let told =
            ["onHandBefore", "onHand", "missing", "backordered", "served"].map(|name| body[name].clone());
        assert_eq!(json!(told), json!([6, 3, 0, 2, 0]), "{body}");
        assert_eq!(figures(&world, sku).await, (3, 3, 3, 0));
        let oldest = world.order(&orders[0]).await;
        assert_eq!(
            (&oldest["status"], &oldest["condition"]),
            (&json!("CONFIRMED"), &Value::Null),
            "{oldest}"
        );
        for order in &orders[1..] {
            let waits = backordered(&world, order).await;
            assert_eq!(waits["status"], "CONFIRMED", "a status never goes back: {waits}");
            let number = waits["orderNumber"].as_str().unwrap();
            let path = world.api(&format!("/api/orders/{number}/timeline"));
            let told: Value = world.http.get(path).send().await.unwrap().json().await.unwrap();
            assert!(told.to_string().contains("a count found less"), "{told}");
        }
        // Whoever comes now is behind them.
        let late = Placed::new(SHOP, &[sku], 1);
        world.place(&late).await;
        backordered(&world, &late).await;
        assert_eq!(figures(&world, sku).await, (3, 3, 4, 0));
        world.receive(sku, 1).await;
        until("the middle one has all of its pieces", Duration::from_secs(30), async || {
            world.order(&orders[1]).await["condition"].is_null().then_some(())
        })
        .await;
        assert_eq!(world.order(&orders[2]).await["condition"], "BACKORDERED");

        // More than was there serves as goods received do.
        let body = found(&world, sku, 6, "second").await;
        assert_eq!((&body["served"], &body["onHand"]), (&json!(1), &json!(6)), "{body}");
        world.change_lane("warehouse", "resume").await;
        for order in &orders {
            world.until_shipped(order).await;
        }
        assert_eq!(world.pieces_shipped(sku).await, 6);
        assert_eq!(figures(&world, sku).await, (0, 0, 1, 0));
        world.receive(sku, 1).await;
        world.until_shipped(&late).await;
        assert_eq!(moved(&world, sku).await, (0, 0));
        assert_eq!(world.references(sku).await.len(), 4, "each was handed over once");
    });
}

#[test]
fn what_was_handed_over_is_not_taken_but_may_be_recalled() {
    let world = &*WORLD;
    world::run(async {
        let sku = "COUNT-HANDED-OVER";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "times": 9, "never": true})).await;
        let (first, second) = (Placed::new(SHOP, &[sku], 2), Placed::new(SHOP, &[sku], 2));
        for order in [&first, &second] {
            world.place(order).await;
            world.until_order(order, "status", &["PROCESSING"]).await;
        }
        let body = found(world, sku, 3, "first").await;
        let told = ["onHandBefore", "onHand", "missing", "backordered"].map(|name| body[name].clone());
        assert_eq!(json!(told), json!([5, 4, 1, 0]), "{body}");
        assert_eq!(figures(world, sku).await, (4, 4, 0, 1));

        let shown = world.until_shown(&second, "COUNT_BELOW_HANDED_OVER").await;
        assert!(shown.contains("3 were found and 1"), "{shown}");
        assert!(world.open_attention(&first).await.is_empty(), "the newest alone is offered");
        let number = world.order(&second).await["orderNumber"].as_str().unwrap().to_owned();
        let rows =
            world.http.get(world.api(&format!("/api/attention?orderId={number}"))).send().await.unwrap();
        let rows: Value = rows.json().await.unwrap();
        assert_eq!(rows[0]["answers"], json!(["recall", "done"]), "{rows}");

        // What comes free pays for what is missing before it serves anybody.
        world.receive(sku, 1).await;
        assert_eq!(figures(world, sku).await, (4, 4, 0, 0));
        let body = found(world, sku, 3, "second").await;
        assert_eq!(body["missing"], 1, "{body}");

        let path = world.api(&format!("/api/orders/{number}/resolve"));
        let answer = world.http.post(path).json(&json!({"action": "recall"})).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await.unwrap());
        backordered(world, &second).await;
        assert_eq!(figures(world, sku).await, (3, 3, 1, 0));
        assert!(world.open_attention(&second).await.is_empty());
        assert_eq!(world.references(sku).await.len(), 2, "it is not handed over in part");
        world.receive(sku, 1).await;
        world.until_handed_over(sku, 3).await;
        assert_eq!(figures(world, sku).await, (4, 4, 0, 0));
        assert_eq!(moved(world, sku).await, (4, 4));
    });
}

#[test]
fn what_is_found_after_all_takes_the_offer_back() {
    let world = &*WORLD;
    world::run(async {
        let sku = "COUNT-FOUND";
        world.stock(sku, 2).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "times": 9, "never": true})).await;
        let order = Placed::new(SHOP, &[sku], 2);
        world.place(&order).await;
        world.until_order(&order, "status", &["PROCESSING"]).await;
        assert_eq!(found(world, sku, 0, "first").await["missing"], 2);
        world.until_shown(&order, "COUNT_BELOW_HANDED_OVER").await;
        assert_eq!(found(world, sku, 2, "second").await["missing"], 0);
        assert!(world.open_attention(&order).await.is_empty());
        assert_eq!(figures(world, sku).await, (2, 2, 0, 0));
        let number = world.order(&order).await["orderNumber"].as_str().unwrap().to_owned();
        let path = world.api(&format!("/api/orders/{number}/resolve"));
        let answer = world.http.post(path).json(&json!({"action": "recall"})).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CONFLICT);
    });
}

#[test]
fn what_is_found_of_one_item_leaves_the_offer_for_another() {
    let world = &*WORLD;
    world::run(async {
        let skus = ["COUNT-TWO-A", "COUNT-TWO-B"];
        for sku in skus {
            world.stock(sku, 1).await;
            world.wms_rule(json!({"operation": "shipment", "sku": sku, "times": 9, "never": true})).await;
        }
        let order = Placed::new(SHOP, &skus, 1);
        world.place(&order).await;
        world.until_order(&order, "status", &["PROCESSING"]).await;
        for sku in skus {
            assert_eq!(found(world, sku, 0, "first").await["missing"], 1);
        }
        world.until_shown(&order, "COUNT_BELOW_HANDED_OVER").await;
        assert_eq!(found(world, skus[0], 1, "second").await["missing"], 0);
        assert_eq!(world.open_attention(&order).await.len(), 1, "the other is still missing");
        assert_eq!(found(world, skus[1], 1, "second").await["missing"], 0);
        assert!(world.open_attention(&order).await.is_empty());
    });
}

#[test]
fn a_count_that_is_repeated_answers_the_same_and_books_nothing() {
    let world = &*WORLD;
    world::run(async {
        let sku = "COUNT-REPEATED";
        world.stock(sku, 9).await;
        let answers = join_all((0..10).map(|_| found(world, sku, 7, "ticket"))).await;
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!(counts(world, sku).await, 1);
        world.receive(sku, 5).await;
        assert_eq!(found(world, sku, 7, "ticket").await, answers[0]);
        assert_eq!(figures(world, sku).await, (12, 0, 0, 0));
        let other = json!({"requestId": "ticket", "onHand": 6, "reason": "yearly count"});
        let (status, body) = count(world, sku, other).await;
        assert_eq!((status, &body["field"]), (StatusCode::BAD_REQUEST, &json!("requestId")), "{body}");
        // The same number again moves nothing and is a count all the same.
        assert_eq!(found(world, sku, 12, "another").await["onHandBefore"], 12);
        assert_eq!(counts(world, sku).await, 1);
    });
}

#[test]
fn ten_counts_and_reservations_at_once_leave_the_sums_right() {
    let world = &*WORLD;
    world::run(async {
        let sku = "COUNT-CROWD";
        world.stock(sku, 20).await;
        let counting = join_all((0..10).map(async |turn| {
            let form = json!({"onHand": 12 + turn, "reason": format!("turn {turn}")});
            let (status, body) = count(world, sku, form).await;
            assert_eq!(status, StatusCode::OK, "{body}");
        }));
        let reserving = join_all((0..10).map(async |_| {
            let form = json!({"customer_name": "Ada", "customer_email": "ada@example.com", "currency": "EUR",
                "hold": "10m",
                "items": [{"product_id": sku, "product_name": "Shirt", "quantity": 2, "price": "29.90"}]});
            let answer = world.http.post(world.api("/api/orders")).json(&form).send().await.unwrap();
            assert!([201, 400].contains(&answer.status().as_u16()), "{}", answer.text().await.unwrap());
        }));
        join(counting, reserving).await;
        let (on_hand, reserved, queued, missing) = figures(world, sku).await;
        assert_eq!(moved(world, sku).await, (on_hand, reserved));
        assert!(reserved <= on_hand && missing == 0, "{on_hand} {reserved} {missing}");
        assert!(queued == 0 || reserved == on_hand, "somebody waits while {on_hand} > {reserved}");
        let last = found(world, sku, 5, "last").await;
        assert_eq!(last["onHand"], 5, "{last}");
        let (on_hand, now_reserved, now_queued, _) = figures(world, sku).await;
        assert_eq!(
            (on_hand, now_reserved + now_queued),
            (5, reserved + queued),
            "every piece is held or waited for"
        );
        assert_eq!(moved(world, sku).await, (on_hand, now_reserved));
    });
}

#[test]
fn what_cannot_be_a_count_is_refused_and_books_nothing() {
    let world = &*WORLD;
    world::run(async {
        let sku = "COUNT-REFUSED";
        world.stock(sku, 4).await;
        for (form, field) in [
            (json!({"onHand": -1, "reason": "count"}), "onHand"),
            (json!({"onHand": 1_000_000_001_i64, "reason": "count"}), "onHand"),
            (json!({"onHand": 1.5, "reason": "count"}), "onHand"),
            (json!({"reason": "count"}), "onHand"),
            (json!({"onHand": 1}), "reason"),
            (json!({"onHand": 1, "reason": " "}), "reason"),
            (json!({"onHand": 1, "reason": "count", "requestId": ""}), "requestId"),
            (json!({"onHand": 1, "reason": "count", "warehouseId": "no such/place"}), "warehouseId"),
            (json!({"onHand": 1, "reason": "count", "warehouseId": "nowhere"}), "warehouseId"),
        ] {
            let (status, body) = count(world, sku, form.clone()).await;
            assert_eq!((status, &body["field"]), (StatusCode::BAD_REQUEST, &json!(field)), "{form}: {body}");
        }
        let (status, body) = count(world, "COUNT-UNKNOWN", json!({"onHand": 1, "reason": "count"})).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
        assert_eq!((figures(world, sku).await, counts(world, sku).await), ((4, 0, 0, 0), 0));
    });
}

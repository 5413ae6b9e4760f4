//! Stock over HTTP: items, their figures, and booking pieces in and out.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    answers::assert_answer,
    line::WORLD,
    order_api::{Answer, get, read},
    world::{self, World},
};

async fn send(world: &World, method: Method, path: &str, body: &Value) -> Answer {
    read(world.http.request(method, world.api(path)).json(body)).await
}

async fn reduce(world: &World, id: &str, body: Value) -> Answer {
    send(world, Method::PATCH, &format!("/api/inventory/{id}/reduce"), &body).await
}

async fn receive(world: &World, id: &str, body: Value) -> Answer {
    send(world, Method::POST, &format!("/api/inventory/{id}/receive"), &body).await
}

/// What the ledger says of an item: change of on hand, reason, reference; oldest first.
async fn movements(world: &World, sku: &str) -> Vec<(i64, String, Option<String>)> {
    sqlx::query_as(
        "SELECT on_hand_change, reason, reference FROM inventory.movements WHERE sku = $1 ORDER BY movement_id",
    )
    .bind(sku)
    .fetch_all(&world.pool)
    .await
    .unwrap()
}

#[test]
fn an_item_is_shown_with_its_figures_in_all_and_per_warehouse() {
    let world = &*WORLD;
    world::run(async {
        sqlx::query("INSERT INTO inventory.warehouses VALUES ('far', 900) ON CONFLICT DO NOTHING")
            .execute(&world.pool)
            .await
            .unwrap();
        world.stock("SHOWN", 5).await;
        let received = receive(world, "SHOWN", json!({"quantity": 2, "warehouse_id": "far"})).await;
        assert_eq!(received.status, StatusCode::OK);
        let shown = get(world, "/api/inventory/SHOWN").await;
        assert_eq!(shown.status, StatusCode::OK);
        let body = shown.json();
        assert_answer("item", &body);
    });
}

#[test]
fn the_pages_of_the_items_have_each_item_once_in_their_order() {
    let world = &*WORLD;
    world::run(async {
        let mine: BTreeSet<String> = ["PAGE-1", "PAGE-2", "PAGE ä/3"].map(str::to_owned).into();
        for id in &mine {
            world.stock(id, 1).await;
        }
        let mut path = Some("/api/inventory?limit=3".to_owned());
        let mut seen = Vec::new();
        while let Some(page) = path {
            let answer = get(world, &page).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            let items = answer.json();
            let items = items.as_array().unwrap();
            assert!(items.len() <= 3 && (answer.next().is_none() || items.len() == 3));
            seen.extend(items.iter().map(|item| item["itemId"].as_str().unwrap().to_owned()));
            path = answer.next();
        }
        let once: BTreeSet<String> = seen.iter().cloned().collect();
        assert_eq!(once.len(), seen.len(), "an item is there twice");
        assert!(mine.is_subset(&once), "{once:?}");
    });
}

#[test]
fn a_page_that_cannot_be_given_is_refused() {
    let world = &*WORLD;
    world::run(async {
        for query in ["limit=0", "limit=201", "limit=many", "cursor=made-up", "page=2", "limit=1&limit=2"] {
            let answer = get(world, &format!("/api/inventory?{query}")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {}", answer.text);
        }
        let answer = get(world, "/api/inventory/SHOWN/check?quantity=1&warehouse=main").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text);
    });
}

#[test]
fn an_item_id_may_hold_any_printable_character() {
    let world = &*WORLD;
    world::run(async {
        for (id, encoded) in
            [("a/b", "a%2Fb"), ("50 % off?", "50%20%25%20off%3F"), ("é#ü+&=;", "%C3%A9%23%C3%BC%2B%26%3D%3B")]
        {
            world.stock(id, 3).await;
            for path in ["", "/check?quantity=1"] {
                let answer = get(world, &format!("/api/inventory/{encoded}{path}")).await;
                assert_eq!((answer.status, &answer.json()["itemId"]), (StatusCode::OK, &json!(id)));
            }
            let reduced = reduce(world, encoded, json!({"quantity": 1})).await;
            assert_eq!(reduced.json()["availableQty"], 2, "{id}");
        }
        for bad in ["%20", "%0A", "a%00b", "%FF"] {
            let answer = get(world, &format!("/api/inventory/{bad}")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}: {}", answer.text);
        }
    });
}

#[test]
fn an_item_may_be_sent_in_snake_case_and_by_its_sku() {
    let world = &*WORLD;
    world::run(async {
        let item = json!({"sku": "SNAKE", "item_name": "Snake", "available_qty": 4, "unit_price": 2.75});
        let added = send(world, Method::POST, "/api/inventory", &item).await;
        assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
        assert_eq!(added.json(), json!({"message": "Inventory item added", "itemId": "SNAKE"}));
        let shown = get(world, "/api/inventory/SNAKE").await.json();
        assert_eq!([&shown["itemName"], &shown["unitPrice"]], ["Snake", "2.75"]);
    });
}

#[test]
fn a_refused_item_names_the_member_and_leaves_nothing() {
    let world = &*WORLD;
    world::run(async {
        for (member, value) in [
            ("itemName", json!("")),
            ("availableQty", json!(-1)),
            ("availableQty", json!("many")),
            ("unitPrice", json!("-1")),
            ("warehouseId", json!("nowhere")),
            ("sku", json!("ANOTHER")),
        ] {
            let mut item = json!({"itemId": "REFUSED", "itemName": "Refused", "availableQty": 1});
            item[member] = value;
            let answer = send(world, Method::POST, "/api/inventory", &item).await;
            assert_eq!((answer.status, &answer.json()["field"]), (StatusCode::BAD_REQUEST, &json!(member)));
        }
        let answer = send(world, Method::POST, "/api/inventory", &json!({"itemId": "REFUSED"})).await;
        assert_eq!(answer.json()["field"], "itemName", "{}", answer.text);
        assert_eq!(get(world, "/api/inventory/REFUSED").await.status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn stock_is_reduced_by_no_more_than_nobody_holds() {
    let world = &*WORLD;
    world::run(async {
        world.stock("REDUCED", 10).await;
        world.place_at_api("REDUCED", 4, Some("10m")).await;
        let answer = reduce(world, "REDUCED", json!({"quantity": 7})).await;
        assert_eq!((answer.status, &answer.json()["field"]), (StatusCode::CONFLICT, &json!("quantity")));
        let answer = reduce(world, "REDUCED", json!({"quantity": 5, "reason": "broken in the rack"})).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let said = ["itemId", "availableQty", "onHand"].map(|member| answer.json()[member].clone());
        assert_eq!(json!(said), json!(["REDUCED", 1, 5]));
        let (change, _, reference) = movements(world, "REDUCED").await.pop().unwrap();
        assert_eq!((change, reference.as_deref()), (-5, Some("broken in the rack")));
    });
}

#[test]
fn what_cannot_be_booked_is_refused_by_name() {
    let world = &*WORLD;
    world::run(async {
        world.stock("BOOKED", 10).await;
        for (body, field) in [
            (json!({"quantity": 0}), "quantity"),
            (json!({"quantity": 1_000_001}), "quantity"),
            (json!({}), "quantity"),
            (json!({"quantity": 1.5}), "quantity"),
            (json!({"quantity": 1, "warehouseId": "nowhere"}), "warehouseId"),
        ] {
            for answer in [reduce(world, "BOOKED", body.clone()).await, receive(world, "BOOKED", body).await]
            {
                assert_eq!(
                    (answer.status, &answer.json()["field"]),
                    (StatusCode::BAD_REQUEST, &json!(field))
                );
            }
        }
        let one = json!({"quantity": 1});
        for answer in [reduce(world, "UNSTOCKED", one.clone()).await, receive(world, "UNSTOCKED", one).await]
        {
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}", answer.text);
        }
        assert_eq!(world.available("BOOKED").await, 10);
    });
}

#[test]
fn a_booking_sent_again_under_its_key_is_answered_and_not_booked() {
    let world = &*WORLD;
    world::run(async {
        world.stock("KEYED", 10).await;
        let book = async |method: Method, what: &str, body: Value| {
            let path = world.api(&format!("/api/inventory/KEYED/{what}"));
            let request = world.http.request(method, path).header("Idempotency-Key", "keyed-delivery-1");
            let answer = request.json(&body).send().await.expect("the API answers");
            (answer.status(), answer.text().await.expect("text"))
        };
        let delivery = json!({"quantity": 5, "reference": "note 4711"});
        let (first, second) = tokio::join!(
            book(Method::POST, "receive", delivery.clone()),
            book(Method::POST, "receive", delivery.clone())
        );
        assert_eq!(first, second);
        assert_eq!(first.0, StatusCode::OK, "{}", first.1);
        assert_eq!(book(Method::POST, "receive", delivery.clone()).await, first);
        assert_eq!(world.available("KEYED").await, 15);
        for other in [
            book(Method::POST, "receive", json!({"quantity": 6, "reference": "note 4711"})).await,
            book(Method::PATCH, "reduce", delivery).await,
        ] {
            assert_eq!(other.0, StatusCode::CONFLICT, "{}", other.1);
        }
        assert_eq!(world.available("KEYED").await, 15);
        let booked = movements(world, "KEYED").await.pop().unwrap();
        assert_eq!(booked, (5, "RECEIPT".to_owned(), Some("note 4711".to_owned())));
    });
}

#[test]
fn bookings_at_the_same_time_all_count_and_the_ledger_adds_up() {
    let world = &*WORLD;
    world::run(async {
        world.stock("BUSY", 20).await;
        let mut bookings = tokio::task::JoinSet::new();
        for turn in 0..40 {
            bookings.spawn(async move {
                let body = json!({"quantity": 1, "reason": format!("turn {turn}")});
                let (is_in, answer) = if turn % 2 == 0 {
                    (true, receive(world, "BUSY", body).await)
                } else {
                    (false, reduce(world, "BUSY", body).await)
                };
                assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
                is_in
            });
        }
        assert_eq!(bookings.join_all().await.len(), 40);
        assert_eq!(world.available("BUSY").await, 20);
        let movements = movements(world, "BUSY").await;
        assert_eq!(movements.len(), 41);
        assert_eq!(movements.iter().map(|(change, ..)| change).sum::<i64>(), 20);
    });
}

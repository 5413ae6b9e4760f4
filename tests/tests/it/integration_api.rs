//! What other services and operators ask about orders: the order without its customer, which warehouse
//! would serve it, and whether the link is well.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    allocations_api::answer,
    answers::assert_answer,
    line::WORLD,
    world::{self, Placed, Plan, Program, SHOP, World, until},
};

/// How long other processes may take to do their part.
const SOON: Duration = Duration::from_secs(60);

async fn read(world: &World, path: &str) -> (StatusCode, Value) {
    answer(world.http.get(world.api(path)).bearer_auth(world.token("inventory-service"))).await
}

async fn explain(world: &World, question: Value) -> (StatusCode, Value) {
    answer(world.http.post(world.api("/api/allocations/explain")).json(&question)).await
}

#[test]
fn other_services_read_an_order_without_its_customer() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ALLOC-READ", 5).await;
        let placed = world.place_at_api("ALLOC-READ", 2, Some("10m")).await;
        let held: String =
            sqlx::query_scalar("SELECT allocation_id FROM inventory.allocations WHERE order_id = $1")
                .bind(placed["orderId"].as_str())
                .fetch_one(&world.pool)
                .await
                .unwrap();
        let items = json!([{
            "allocationId": held, "allocationStatus": "CONFIRMED", "id": "1", "sku": "ALLOC-READ", "inventoryItemId": "ALLOC-READ", "quantity": 2, "unitPrice": "29.90",
            "productName": "Shirt, embroidered Secretname",
        }]);
        for name in ["orderId", "orderNumber"] {
            let path = format!("/orders/{}", placed[name].as_str().unwrap());
            let (status, mut body) = read(world, &path).await;
            assert_eq!(status, StatusCode::OK, "{body}");
            let order = body["data"].as_object_mut().unwrap();
            assert!(order.remove("createdAt").is_some_and(|at| at.as_str().unwrap().ends_with('Z')));
            let expected = json!({"success": true, "data": {
                "id": placed["orderId"], "orderNumber": placed["orderNumber"], "status": "PENDING",
                "condition": placed["condition"], "currency": "EUR", "totalAmount": "59.80", "items": items,
            }});
            assert_eq!(body, expected);
            let (_, body) = read(world, &format!("{path}/items")).await;
            assert_eq!(body, json!({"success": true, "data": items}));
        }
    });
}

#[test]
fn an_order_that_is_not_there_is_not_found_and_no_id_of_an_order_is_refused() {
    let world = &*WORLD;
    world::run(async {
        for (path, status, code) in [
            ("/orders/ord_none", StatusCode::NOT_FOUND, "ORDER_NOT_FOUND"),
            ("/orders/ord_none/items", StatusCode::NOT_FOUND, "ORDER_NOT_FOUND"),
            ("/orders/ORD-20200101-00000000", StatusCode::NOT_FOUND, "ORDER_NOT_FOUND"),
            ("/orders/a%40b", StatusCode::BAD_REQUEST, "VALIDATION_ERROR"),
            ("/orders/ord_none/lines", StatusCode::NOT_FOUND, "PATH_NOT_FOUND"),
        ] {
            let (got, body) = read(world, path).await;
            assert_eq!((got, &body["error"]["code"]), (status, &json!(code)), "{path}: {body}");
            assert_eq!(body["success"], false, "{path}: {body}");
        }
    });
}

#[test]
fn an_imagined_order_is_explained_line_by_line_and_changes_nothing() {
    let world = &*WORLD;
    world::run(async {
        world.stock("EXPLAIN-A", 5).await;
        world.stock("EXPLAIN-B", 1).await;
        let question = json!({"items": [
            {"itemId": "EXPLAIN-A", "quantity": 2},
            {"itemId": "EXPLAIN-B", "quantity": 3},
            {"itemId": "EXPLAIN-NONE", "quantity": 1},
        ]});
        let (status, mut body) = explain(world, question).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        // Other tests add warehouses to this world.
        for line in body["lines"].as_array_mut().unwrap() {
            line["warehouses"].as_array_mut().unwrap().retain(|warehouse| warehouse["warehouseId"] == "main");
        }
        assert_answer("explanation_of_an_imagined_order", &body);
        assert_eq!((world.available("EXPLAIN-A").await, world.available("EXPLAIN-B").await), (5, 1));
    });
}

#[test]
fn of_an_order_that_is_there_what_is_open_is_explained_and_what_it_holds_is_told() {
    let world = &*WORLD;
    world::run(async {
        world.stock("EXPLAIN-HELD", 3).await;
        let order = Placed::new(SHOP, &["EXPLAIN-HELD"], 5);
        world.place(&order).await;
        let order = world.until_order(&order, "condition", &["BACKORDERED"]).await;
        let (status, mut body) = explain(world, json!({"orderId": order["orderNumber"]})).await;
        assert_eq!((status, &body["orderId"]), (StatusCode::OK, &order["orderId"]), "{body}");
        // Other tests may have made another warehouse by now.
        let places = body["lines"][0]["warehouses"].as_array_mut().unwrap();
        places.retain(|place| place["warehouseId"] == "main");
        assert_answer("explanation_of_an_order_that_waits", &body);
        let number = order["orderNumber"].as_str().unwrap();
        let item = async || read(world, &format!("/orders/{number}/items")).await.1["data"][0].clone();
        let waits = item().await;
        // What is there is held, and the rest waits.
        let held: String =
            sqlx::query_scalar("SELECT allocation_id FROM inventory.allocations WHERE order_id = $1")
                .bind(order["orderId"].as_str())
                .fetch_one(&world.pool)
                .await
                .unwrap();
        assert_eq!(
            (&waits["allocationStatus"], &waits["allocationId"]),
            (&json!("BACKORDERED"), &json!(held))
        );

        let unknown = explain(world, json!({"orderId": "ord_none"})).await;
        assert_eq!(unknown.0, StatusCode::NOT_FOUND, "{}", unknown.1);
        let both = explain(world, json!({"orderId": "ord_none", "items": []})).await;
        assert_eq!((both.0, &both.1["field"]), (StatusCode::BAD_REQUEST, &json!("items")));
        world.receive("EXPLAIN-HELD", 2).await;
        until("all of it has left", SOON, async || {
            (item().await["allocationStatus"] == "FULFILLED").then_some(())
        })
        .await;
    });
}

#[test]
fn the_health_of_the_link_tells_what_is_away() {
    world::run(async {
        let world = World::start(Plan::default()).await;
        let ask = async || {
            let answer = world.http.get(world.api("/health/integration/order-service")).send().await.ok()?;
            Some((answer.status(), answer.json::<Value>().await.ok()?))
        };
        let (status, body) = ask().await.expect("an answer");
        assert_eq!((status, &body["status"]), (StatusCode::OK, &json!("up")), "{body}");
        for dependency in ["database", "temporal"] {
            assert!(body["dependencies"][dependency]["latencyMs"].is_u64(), "{body}");
        }
        for (variable, nowhere, status, state) in [
            ("TEMPORAL_ADDRESS", "127.0.0.1:1", StatusCode::OK, "degraded"),
            ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none", StatusCode::SERVICE_UNAVAILABLE, "down"),
        ] {
            world.kill(Program::Api);
            world.set_environment(variable, nowhere);
            world.start_program(Program::Api);
            let told = until("the API answers", SOON, ask).await;
            assert_eq!((told.0, &told.1["status"]), (status, &json!(state)), "{}", told.1);
        }
    });
}

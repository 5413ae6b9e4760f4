//! Allocations over HTTP, as other services see them.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::{
    answers::assert_answer,
    line::WORLD,
    world::{self, Placed, Plan, SHOP, World, until},
};

/// How long other processes may take to do their part.
const SOON: Duration = Duration::from_secs(60);

fn request(world: &World, role: &str, method: Method, path: &str) -> RequestBuilder {
    world.http.request(method, world.api(path)).bearer_auth(world.token(role))
}

pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.expect("the API answers");
    (answer.status(), answer.json().await.expect("JSON"))
}

pub(crate) async fn post(world: &World, path: &str, body: &Value) -> (StatusCode, Value) {
    answer(request(world, "order-service", Method::POST, path).json(body)).await
}

async fn put(world: &World, id: &Value, what: &str) -> (StatusCode, Value) {
    let path = format!("/allocations/{}/{what}", id.as_str().expect("an id"));
    answer(request(world, "order-service", Method::PUT, &path)).await
}

async fn by_order(world: &World, order: &str) -> Vec<Value> {
    let path = format!("/allocations/by-order/{order}");
    let (status, body) = answer(request(world, "order-service", Method::GET, &path)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body["data"].as_array().expect("a list").clone()
}

pub(crate) fn wanted(order: &str, item: &str, sku: &str, quantity: i64) -> Value {
    json!({"orderId": order, "orderItemId": item, "inventoryItemId": sku, "quantity": quantity})
}

/// Holds stock and returns the allocation.
async fn hold(world: &World, wanted: Value) -> Value {
    let (status, body) = post(world, "/allocations", &wanted).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    body["data"].clone()
}

/// Holds stock for good and returns the id.
async fn hold_confirmed(world: &World, wanted: Value) -> Value {
    let held = hold(world, wanted).await;
    assert_eq!(put(world, &held["id"], "confirm").await.0, StatusCode::OK);
    held["id"].clone()
}

#[track_caller]
fn assert_refused(answer: &(StatusCode, Value), status: StatusCode, code: &str) {
    let (got, body) = answer;
    assert_eq!((*got, &body["error"]["code"]), (status, &json!(code)), "{body}");
    assert_eq!(body["success"], false, "{body}");
    for member in ["message", "correlationId"] {
        assert!(body["error"][member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {body}");
    }
}

/// The events of an allocation, oldest first: type and payload.
async fn events(world: &World, id: &Value) -> Vec<(String, Value)> {
    sqlx::query_as(
        "SELECT event_type, payload FROM integration.outbox WHERE aggregate_id = $1 ORDER BY outbox_id",
    )
    .bind(id.as_str().unwrap())
    .fetch_all(&world.pool)
    .await
    .unwrap()
}

#[test]
fn an_allocation_is_held_confirmed_and_fulfilled_and_says_so_in_events() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ALLOC-LIFE", 5).await;
        let held = hold(world, wanted("life", "i1", "ALLOC-LIFE", 2)).await;
        assert_answer("allocation_held", &held);
        assert_eq!(world.available("ALLOC-LIFE").await, 3);
        for (what, becomes) in [("confirm", "CONFIRMED"), ("fulfill", "FULFILLED")] {
            // The second time it is so already.
            for _ in 0..2 {
                let (status, body) = put(world, &held["id"], what).await;
                assert_eq!((status, &body["data"]["status"]), (StatusCode::OK, &json!(becomes)), "{body}");
            }
        }
        let events = events(world, &held["id"]).await;
        let types: Vec<&str> = events.iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(types, ["AllocationCreated", "AllocationConfirmed", "AllocationFulfilled"]);
        let figures = &events[0].1["inventoryItemDetails"];
        assert_eq!([&figures["previousAvailableQuantity"], &figures["newAvailableQuantity"]], [5, 3]);
        let late = put(world, &held["id"], "cancel").await;
        assert_refused(&late, StatusCode::CONFLICT, "INVALID_STATE_TRANSITION");
    });
}

#[test]
fn asked_for_again_it_is_the_same_allocation_and_with_other_content_a_conflict() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ALLOC-AGAIN", 5).await;
        let held = hold(world, wanted("again", "i1", "ALLOC-AGAIN", 2)).await;
        let (status, again) = post(world, "/allocations", &wanted("again", "i1", "ALLOC-AGAIN", 2)).await;
        assert_eq!((status, &again["data"]["id"]), (StatusCode::OK, &held["id"]));
        let other = post(world, "/allocations", &wanted("again", "i1", "ALLOC-AGAIN", 1)).await;
        assert_refused(&other, StatusCode::CONFLICT, "ALLOCATION_EXISTS");
        assert_eq!(world.available("ALLOC-AGAIN").await, 3);
    });
}

#[test]
fn what_is_not_there_is_refused_with_the_figures_and_a_bulk_request_takes_nothing() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ALLOC-SHORT", 3).await;
        let short = post(world, "/allocations", &wanted("short", "i1", "ALLOC-SHORT", 4)).await;
        assert_refused(&short, StatusCode::CONFLICT, "INSUFFICIENT_STOCK");
        let details = json!({
            "inventoryItemId": "ALLOC-SHORT", "warehouseId": "main", "requested": 4, "available": 3
        });
        assert_eq!(short.1["error"]["details"], details);
        let item = |item: &str, quantity: i64| json!({"orderItemId": item, "inventoryItemId": "ALLOC-SHORT", "quantity": quantity});
        let together = json!({"orderId": "short", "items": [item("a", 2), item("b", 2)]});
        let refused = post(world, "/allocations/bulk", &together).await;
        assert_refused(&refused, StatusCode::CONFLICT, "INSUFFICIENT_STOCK");
        assert_eq!(world.available("ALLOC-SHORT").await, 3);
        assert!(by_order(world, "short").await.is_empty());
        let together = json!({"orderId": "short", "items": [item("b", 1), item("a", 2)]});
        let (status, body) = post(world, "/allocations/bulk", &together).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        let items: Vec<&Value> =
            body["data"].as_array().unwrap().iter().map(|held| &held["orderItemId"]).collect();
        assert_eq!(items, ["b", "a"]);
        assert_eq!(post(world, "/allocations/bulk", &together).await.0, StatusCode::OK);
        assert_eq!(by_order(world, "short").await.len(), 2);
    });
}

#[test]
fn a_request_that_is_not_what_it_may_be_names_the_member() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ALLOC-FORM", 3).await;
        for (member, value) in [
            ("orderId", json!("a@b")),
            ("orderItemId", json!("")),
            ("inventoryItemId", json!("")),
            ("quantity", json!(0)),
            ("quantity", json!("two")),
            ("warehouseId", json!("nowhere")),
            ("expiresAt", json!("2020-01-01T00:00:00Z")),
            ("expiresAt", json!("tomorrow")),
        ] {
            let mut body = wanted("form", "i1", "ALLOC-FORM", 1);
            body[member] = value;
            let refused = post(world, "/allocations", &body).await;
            assert_refused(&refused, StatusCode::BAD_REQUEST, "VALIDATION_ERROR");
            assert_eq!(refused.1["error"]["details"]["field"], member, "{}", refused.1);
        }
        let item = json!({"orderItemId": "a", "inventoryItemId": "ALLOC-FORM", "quantity": 1});
        for (body, field) in [
            (json!({"orderId": "form", "items": [item, item]}), "items[1].orderItemId"),
            (json!({"orderId": "form", "items": []}), "items"),
            (json!({"orderId": "form"}), "items"),
            (json!({"orderId": "form", "items": [{"orderItemId": "a"}]}), "items[0].inventoryItemId"),
            (json!({"orderId": "form", "items": vec![item; 501]}), "items"),
        ] {
            let refused = post(world, "/allocations/bulk", &body).await;
            assert_refused(&refused, StatusCode::BAD_REQUEST, "VALIDATION_ERROR");
            assert_eq!(refused.1["error"]["details"]["field"], field, "{}", refused.1);
        }
        assert_eq!(world.available("ALLOC-FORM").await, 3);
    });
}

#[test]
fn whatever_is_unknown_is_not_found() {
    let world = &*WORLD;
    world::run(async {
        let unstocked = post(world, "/allocations", &wanted("unknown", "i1", "ALLOC-NOWHERE", 1)).await;
        assert_refused(&unstocked, StatusCode::NOT_FOUND, "INVENTORY_ITEM_NOT_FOUND");
        for id in ["alloc_none", "alloc_0190a0b0000070008000000000000000", "17", "%00"] {
            for what in ["confirm", "cancel", "fulfill"] {
                let refused = put(world, &json!(id), what).await;
                assert_refused(&refused, StatusCode::NOT_FOUND, "ALLOCATION_NOT_FOUND");
            }
        }
    });
}

#[test]
fn every_refusal_is_a_whole_envelope_whoever_refuses() {
    let world = &*WORLD;
    world::run(async {
        let of = |method: Method, path: &str| request(world, "order-service", method, path);
        let allocate = |body: String| {
            of(Method::POST, "/allocations").header("Content-Type", "application/json").body(body)
        };
        let large = format!("{{\"orderId\": \"{}\"}}", "x".repeat(1024 * 1024));
        let unannounced = of(Method::POST, "/allocations").body("{}");
        for (request, status, code) in [
            (of(Method::GET, "/allocations/none/none"), StatusCode::NOT_FOUND, "PATH_NOT_FOUND"),
            (of(Method::DELETE, "/allocations"), StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
            (of(Method::GET, "/allocations/bulk"), StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
            (allocate(large), StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE"),
            (allocate("{\"orderId\":".to_owned()), StatusCode::BAD_REQUEST, "VALIDATION_ERROR"),
            (unannounced, StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE"),
            (of(Method::GET, "/allocations/by-order/a%40b"), StatusCode::BAD_REQUEST, "VALIDATION_ERROR"),
        ] {
            assert_refused(&answer(request).await, status, code);
        }
    });
}

#[test]
fn an_allocation_that_nobody_confirms_gives_its_stock_back_and_cannot_be_confirmed_later() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ALLOC-EXPIRES", 2).await;
        let mut body = wanted("expires", "i1", "ALLOC-EXPIRES", 2);
        body["expiresAt"] = json!(Utc::now() + TimeDelta::seconds(2));
        let held = hold(world, body).await;
        assert_eq!(world.available("ALLOC-EXPIRES").await, 0);
        let expired = until("the allocation expires", SOON, async || {
            by_order(world, "expires").await.into_iter().find(|held| held["status"] == "CANCELLED")
        })
        .await;
        assert_eq!((&expired["id"], &expired["cause"]), (&held["id"], &json!("EXPIRED")));
        assert_eq!(world.available("ALLOC-EXPIRES").await, 2);
        let late = put(world, &held["id"], "confirm").await;
        assert_refused(&late, StatusCode::CONFLICT, "ALLOCATION_EXPIRED");
    });
}

#[test]
fn of_a_cancel_and_a_fulfilment_at_the_same_time_one_wins() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ALLOC-RACE", 10).await;
        let mut left = 10;
        for turn in 0..10 {
            let id = hold_confirmed(world, wanted("race", &turn.to_string(), "ALLOC-RACE", 1)).await;
            let (cancelled, fulfilled) = tokio::join!(put(world, &id, "cancel"), put(world, &id, "fulfill"));
            let (won, lost) = if cancelled.0 == StatusCode::OK {
                (&cancelled, &fulfilled)
            } else {
                (&fulfilled, &cancelled)
            };
            assert_eq!(won.0, StatusCode::OK, "{}", won.1);
            assert_refused(lost, StatusCode::CONFLICT, "INVALID_STATE_TRANSITION");
            left -= i64::from(fulfilled.0 == StatusCode::OK);
        }
        assert_eq!(world.available("ALLOC-RACE").await, left);
    });
}

#[test]
fn an_order_that_waits_ships_when_an_allocation_is_cancelled() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ALLOC-SERVES", 1).await;
        let id = hold_confirmed(world, wanted("serves", "i1", "ALLOC-SERVES", 1)).await;
        let order = Placed::new(SHOP, &["ALLOC-SERVES"], 1);
        world.place(&order).await;
        world.until_order(&order, "condition", &["BACKORDERED"]).await;
        assert_eq!(put(world, &id, "cancel").await.0, StatusCode::OK);
        world.until_shipped(&order).await;
        assert_eq!(world.pieces_shipped("ALLOC-SERVES").await, 1);
    });
}

#[test]
fn what_an_order_of_ours_holds_is_seen_and_touched_by_nobody_else() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ALLOC-OURS", 5).await;
        let placed = world.place_at_api("ALLOC-OURS", 2, Some("10m")).await;
        let order = placed["orderId"].as_str().unwrap();
        let held = by_order(world, order).await;
        assert_eq!((held.len(), &held[0]["quantity"], &held[0]["expiresAt"]), (1, &json!(2), &Value::Null));
        for what in ["confirm", "cancel", "fulfill"] {
            assert_refused(&put(world, &held[0]["id"], what).await, StatusCode::CONFLICT, "OWNED_BY_ORDER");
        }
        let more = post(world, "/allocations", &wanted(order, "i9", "ALLOC-OURS", 1)).await;
        assert_refused(&more, StatusCode::CONFLICT, "OWNED_BY_ORDER");
        assert_eq!(world.available("ALLOC-OURS").await, 3);
    });
}

/// As somebody else's order system, or as an administrator.
async fn as_another(
    world: &World,
    (role, subject): (&str, &str),
    method: Method,
    path: &str,
    body: &Value,
) -> (StatusCode, Value) {
    let request = world.http.request(method, world.api(path)).bearer_auth(world.token_of(role, subject));
    answer(if body.is_null() { request } else { request.json(body) }).await
}

#[test]
fn what_one_system_holds_is_no_other_systems() {
    let world = &*WORLD;
    world::run(async {
        world.stock("DOORS-OWN", 10).await;
        let mine = hold(world, wanted("doors-1", "1", "DOORS-OWN", 2)).await;
        let stranger = ("order-service", "a-stranger");
        let id = mine["id"].as_str().unwrap();
        for what in ["confirm", "cancel", "fulfill"] {
            let path = format!("/allocations/{id}/{what}");
            let refused = as_another(world, stranger, Method::PUT, &path, &Value::Null).await;
            assert_refused(&refused, StatusCode::NOT_FOUND, "ALLOCATION_NOT_FOUND");
        }
        let path = "/allocations/by-order/doors-1";
        let (status, body) = as_another(world, stranger, Method::GET, path, &Value::Null).await;
        assert_eq!((status, &body["data"]), (StatusCode::OK, &json!([])));

        // The same order item of the stranger's own, with another quantity: no conflict tells of ours.
        let theirs = wanted("doors-1", "1", "DOORS-OWN", 5);
        let (status, body) = as_another(world, stranger, Method::POST, "/allocations", &theirs).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        assert_eq!(by_order(world, "doors-1").await.len(), 1);
        assert_eq!(world.available("DOORS-OWN").await, 3);
        let path = format!("/allocations/{}/cancel", body["data"]["id"].as_str().unwrap());
        assert_eq!(as_another(world, stranger, Method::PUT, &path, &Value::Null).await.0, StatusCode::OK);
        assert_eq!(world.available("DOORS-OWN").await, 8);

        let admin = ("admin", "somebody");
        let (_, body) =
            as_another(world, admin, Method::GET, "/allocations/by-order/doors-1", &Value::Null).await;
        assert_eq!(body["data"].as_array().unwrap().len(), 2, "{body}");
        let path = format!("/allocations/{id}/cancel");
        assert_eq!(as_another(world, admin, Method::PUT, &path, &Value::Null).await.0, StatusCode::OK);
        assert_eq!(world.available("DOORS-OWN").await, 10);
    });
}

#[test]
fn where_allocations_are_shared_all_order_systems_are_one() {
    world::run(async {
        let world = World::start(Plan { shared_allocations: true, ..Plan::default() }).await;
        world.stock("DOORS-SHARED", 10).await;
        let mine = hold(&world, wanted("shared-1", "1", "DOORS-SHARED", 2)).await;
        let other = ("order-service", "another-system");
        let path = format!("/allocations/{}/confirm", mine["id"].as_str().unwrap());
        assert_eq!(as_another(&world, other, Method::PUT, &path, &Value::Null).await.0, StatusCode::OK);
        let again = wanted("shared-1", "1", "DOORS-SHARED", 3);
        let refused = as_another(&world, other, Method::POST, "/allocations", &again).await;
        assert_refused(&refused, StatusCode::CONFLICT, "ALLOCATION_EXISTS");
    });
}

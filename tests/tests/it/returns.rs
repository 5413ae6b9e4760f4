//! Pieces that come back as a return: announced by everybody who may, received once per piece.

mod shop;
mod warehouse;

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    line::WORLD,
    world::{self, World, until},
};

/// Sends a body, under an idempotency key if there is one; the status and the answer.
async fn post(world: &World, path: &str, body: &Value, key: Option<&str>) -> (u16, Value) {
    let mut request = world.http.post(world.api(path)).json(body);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    let answer = request.send().await.expect("the API answers");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

async fn get(world: &World, path: &str) -> Value {
    world.http.get(world.api(path)).send().await.expect("the API answers").json().await.expect("JSON")
}

/// The id of an order of our API of which three of five pieces have left.
async fn shipped(world: &World, sku: &str) -> String {
    world.stock(sku, 5).await;
    let placed = world.place_at_api(sku, 3, None).await;
    world.until_api_order(&placed, &["SHIPPED", "DELIVERED"]).await;
    assert_eq!(world.on_hand(sku).await, 2);
    placed["orderId"].as_str().expect("an id").to_owned()
}

async fn announce(world: &World, order: &str, sku: &str, quantity: u32) -> (u16, Value) {
    let items = json!({"items": [{"sku": sku, "quantity": quantity}], "reason": "too small"});
    post(world, &format!("/api/orders/{order}/returns"), &items, None).await
}

/// The id of a return that is announced over the API.
async fn announced(world: &World, order: &str, sku: &str, quantity: u32) -> String {
    let (status, body) = announce(world, order, sku, quantity).await;
    assert_eq!(
        (status, &body["state"], &body["source"]),
        (201, &json!("ANNOUNCED"), &json!("API")),
        "{body}"
    );
    body["returnId"].as_str().expect("an id").to_owned()
}

fn came(sku: &str, quantity: u32, sellable: bool) -> Value {
    json!({"sku": sku, "quantity": quantity, "sellable": sellable})
}

async fn receive(world: &World, return_id: &str, lines: &[Value], key: Option<&str>) -> (u16, Value) {
    post(world, &format!("/api/returns/{return_id}/receive"), &json!({"lines": lines}), key).await
}

async fn returns_of(world: &World, order: &str) -> Vec<Value> {
    get(world, &format!("/api/returns?orderId={order}")).await.as_array().expect("a list").clone()
}

/// How far a return is: its state, and pieces that can and cannot be sold of its first line.
async fn how_far(world: &World, return_id: &str) -> (String, u64, u64) {
    let found = get(world, &format!("/api/returns/{return_id}")).await;
    let line = |member: &str| found["lines"][0][member].as_u64().unwrap_or_else(|| panic!("{found}"));
    (
        found["state"].as_str().expect("a state").to_owned(),
        line("receivedSellable"),
        line("receivedUnsellable"),
    )
}

/// What is told of an order's returns, in order.
async fn told(world: &World, order: &str) -> Vec<(String, Value)> {
    sqlx::query_as(
        "SELECT event_type, payload FROM integration.outbox
         WHERE aggregate_id = $1 AND event_type LIKE 'ORDER_RETURN%' ORDER BY outbox_id",
    )
    .bind(order)
    .fetch_all(&world.pool)
    .await
    .expect("the events are read")
}

/// How often stock of a SKU changed by pieces that came back: events and movements, with their pieces.
async fn came_back(world: &World, sku: &str) -> (i64, i64, i64) {
    sqlx::query_as(
        "SELECT (SELECT count(*) FROM integration.outbox WHERE aggregate_id = $1 AND event_type = 'StockChanged'
                 AND payload ->> 'cause' = 'RETURNED'),
                count(*), COALESCE(sum(on_hand_change), 0)::bigint
         FROM inventory.movements WHERE sku = $1 AND reason = 'RETURN'",
    )
    .bind(sku)
    .fetch_one(&world.pool)
    .await
    .expect("the books are read")
}

/// Waits until this is shown of an order; what is said of it.
async fn shown(world: &World, order: &str, reason: &str) -> String {
    until(&format!("{reason} is shown of {order}"), Duration::from_secs(60), async || {
        sqlx::query_scalar(
            "SELECT detail FROM orders.attention WHERE order_id = $1 AND reason = $2 AND resolved_at IS NULL",
        )
        .bind(order)
        .bind(reason)
        .fetch_optional(&world.pool)
        .await
        .expect("the rows are read")
    })
    .await
}

#[test]
fn a_return_that_was_announced_over_the_api_is_received_by_hand_in_two_parts() {
    let world = &*WORLD;
    world::run(async {
        let sku = "BACK-BY-HAND";
        let order = shipped(world, sku).await;
        let id = announced(world, &order, sku, 2).await;
        assert_eq!(world.on_hand(sku).await, 2, "what is announced is not there");

        let (status, body) = receive(world, &id, &[came(sku, 1, true)], None).await;
        assert_eq!((status, &body["state"]), (200, &json!("PARTLY_RECEIVED")), "{body}");
        assert_eq!((world.on_hand(sku).await, world.available(sku).await), (3, 3));
        let (status, body) = receive(world, &id, &[came(sku, 1, false)], None).await;
        assert_eq!((status, &body["state"]), (200, &json!("RECEIVED")), "{body}");
        assert_eq!(world.on_hand(sku).await, 3, "what cannot be sold is no stock");
        assert_eq!(how_far(world, &id).await, ("RECEIVED".to_owned(), 1, 1));

        let (status, refused) = receive(world, &id, &[came(sku, 1, true)], None).await;
        assert_eq!((status, &refused["field"]), (409, &json!("lines[0].quantity")), "{refused}");
        assert_eq!(world.on_hand(sku).await, 3);

        let told = told(world, &order).await;
        let kinds: Vec<&str> = told.iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(kinds, ["ORDER_RETURN_INITIATED", "ORDER_RETURN_RECEIVED", "ORDER_RETURN_RECEIVED"]);
        let item = &told[0].1["items"][0];
        assert_eq!(
            (&item["sku"], &item["quantity"], &told[0].1["returnId"]),
            (&json!(sku), &json!(2), &json!(id))
        );
        let received = json!({"returnId": id, "orderId": order, "lines": [came(sku, 1, true)]});
        assert_eq!(told[1].1, received);
        assert_eq!(came_back(world, sku).await, (1, 1, 1));
        let timeline = get(world, &format!("/api/orders/{order}/timeline")).await.to_string();
        assert!(timeline.contains("RETURN_ANNOUNCED") && timeline.contains("RETURN_RECEIVED"), "{timeline}");
    });
}

#[test]
fn what_was_sent_again_under_its_key_is_one_return_and_one_receipt() {
    let world = &*WORLD;
    world::run(async {
        let sku = "BACK-KEYED";
        let order = shipped(world, sku).await;
        let path = format!("/api/orders/{order}/returns");
        let body = json!({"items": [{"orderItemId": "1", "quantity": 2}]});
        let first = post(world, &path, &body, Some("back-keyed-1")).await;
        assert_eq!(first.0, 201, "{}", first.1);
        assert_eq!(post(world, &path, &body, Some("back-keyed-1")).await, first);
        let other = json!({"items": [{"orderItemId": "1", "quantity": 1}]});
        assert_eq!(post(world, &path, &other, Some("back-keyed-1")).await.0, 409);
        assert_eq!(returns_of(world, &order).await.len(), 1);

        let id = first.1["returnId"].as_str().unwrap();
        let lines = [came(sku, 1, true)];
        let once = receive(world, id, &lines, Some("back-keyed-2")).await;
        assert_eq!(once.0, 200, "{}", once.1);
        assert_eq!(receive(world, id, &lines, Some("back-keyed-2")).await, once);
        assert_eq!((how_far(world, id).await.1, world.on_hand(sku).await), (1, 3));
    });
}

#[test]
fn more_than_left_is_not_announced_and_what_is_refused_leaves_nothing() {
    let world = &*WORLD;
    world::run(async {
        let [sku, other] = ["BACK-REFUSED", "BACK-REFUSED-HELD"];
        let order = shipped(world, sku).await;
        let path = format!("/api/orders/{order}/returns");
        for (items, status, field) in [
            (json!([{"sku": sku, "quantity": 4}]), 409, "items[0].quantity"),
            (json!([{"sku": sku, "quantity": 2}, {"sku": sku, "quantity": 2}]), 409, "items[1].quantity"),
            (json!([{"sku": "BACK-NONE", "quantity": 1}]), 400, "items[0]"),
            (json!([{"sku": sku, "quantity": 1}, {"orderItemId": "9", "quantity": 1}]), 400, "items[1]"),
            (json!([{"sku": sku, "quantity": 0}]), 400, "items[0].quantity"),
        ] {
            let (found, refused) = post(world, &path, &json!({"items": items}), None).await;
            assert_eq!((found, &refused["field"]), (status, &json!(field)), "{refused}");
        }
        assert!(returns_of(world, &order).await.is_empty() && told(world, &order).await.is_empty());

        let id = announced(world, &order, sku, 3).await;
        let (status, refused) = announce(world, &order, sku, 1).await;
        assert_eq!((status, &refused["field"]), (409, &json!("items[0].quantity")), "{refused}");

        // The second line does not fit, so the first is not booked either; nor is what has no warehouse.
        let lines = [came(sku, 1, true), came("BACK-NONE", 1, true)];
        let (status, refused) = receive(world, &id, &lines, None).await;
        assert_eq!((status, &refused["field"]), (400, &json!("lines[1].sku")), "{refused}");
        let nowhere = json!({"lines": [came(sku, 1, true)], "warehouseId": "nowhere"});
        let (status, refused) = post(world, &format!("/api/returns/{id}/receive"), &nowhere, None).await;
        assert_eq!((status, &refused["field"]), (400, &json!("warehouseId")), "{refused}");
        assert_eq!(how_far(world, &id).await, ("ANNOUNCED".to_owned(), 0, 0));
        assert_eq!((world.on_hand(sku).await, told(world, &order).await.len()), (2, 1));

        world.stock(other, 2).await;
        let held = world.place_at_api(other, 1, Some("10m")).await;
        let (status, refused) = announce(world, held["orderId"].as_str().unwrap(), other, 1).await;
        assert_eq!((status, &refused["field"]), (409, &json!("items[0].quantity")), "{refused}");
        assert_eq!(receive(world, "ret_1", &[came(sku, 1, true)], None).await.0, 404);
    });
}

#[test]
fn of_ten_who_receive_the_same_three_pieces_at_once_three_do() {
    let world = &*WORLD;
    world::run(async {
        let sku = "BACK-CROWD";
        let order = shipped(world, sku).await;
        let id = announced(world, &order, sku, 3).await;
        let lines = [came(sku, 1, true)];
        let hands = (0..10).map(|_| receive(world, &id, &lines, None));
        let answers = futures::future::join_all(hands).await;
        let statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 3, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 7, "{statuses:?}");
        assert_eq!((world.on_hand(sku).await, came_back(world, sku).await), (5, (3, 3, 3)));
        assert_eq!(how_far(world, &id).await, ("RECEIVED".to_owned(), 3, 0));
    });
}

#[test]
fn whoever_waits_is_served_by_what_comes_back() {
    let world = &*WORLD;
    world::run(async {
        let sku = "BACK-SERVES";
        let order = shipped(world, sku).await;
        let id = announced(world, &order, sku, 3).await;
        let late = world::Placed::new(world::SHOP, &[sku], 4);
        world.place(&late).await;
        world.until_order(&late, "condition", &["BACKORDERED"]).await;
        assert_eq!(receive(world, &id, &[came(sku, 2, true), came(sku, 1, false)], None).await.0, 200);
        world.until_shipped(&late).await;
        assert_eq!((world.on_hand(sku).await, world.pieces_shipped(sku).await), (0, 7));
    });
}

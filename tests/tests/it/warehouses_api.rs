//! Warehouses over HTTP: added, named, and made to take nothing new.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    line::WORLD,
    world::{self, MAPPED_SHOP, World},
};

async fn send(world: &World, method: Method, path: &str, form: Value) -> (StatusCode, Value) {
    let answer = world.http.request(method, world.api(path)).json(&form).send().await.expect("an answer");
    (answer.status(), answer.json().await.expect("JSON"))
}

async fn add(world: &World, id: &str) -> (StatusCode, Value) {
    let form =
        json!({"warehouseId": id, "name": format!("House {id}"), "priority": 950, "reason": "it opens"});
    send(world, Method::POST, "/api/warehouses", form).await
}

async fn change(world: &World, id: &str, mut form: Value) -> (StatusCode, Value) {
    form["reason"] = json!("as a test says");
    send(world, Method::PATCH, &format!("/api/warehouses/{id}"), form).await
}

async fn listed(world: &World) -> Vec<Value> {
    let answer = world.http.get(world.api("/api/warehouses")).send().await.unwrap();
    answer.json::<Vec<Value>>().await.unwrap()
}

/// An item that lies in this warehouse alone.
async fn stock_there(world: &World, sku: &str, warehouse: &str, quantity: u32) {
    let item = json!({"itemId": sku, "itemName": sku, "availableQty": quantity, "unitPrice": "29.90", "warehouseId": warehouse});
    let (status, body) = send(world, Method::POST, "/api/inventory", item).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
}

async fn figures(world: &World, sku: &str) -> Value {
    let shown: Value = world
        .http
        .get(world.api(&format!("/api/inventory/{sku}")))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    json!([shown["onHand"], shown["reserved"], shown["queued"]])
}

#[test]
fn a_warehouse_is_added_once_and_shown_with_what_the_settings_say() {
    let world = &*WORLD;
    world::run(async {
        let (status, body) = add(world, "wh-added").await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        assert_eq!(
            (&body["name"], &body["active"], &body["system"]),
            (&json!("House wh-added"), &json!(true), &json!("wms"))
        );
        let (status, body) = add(world, "wh-added").await;
        assert_eq!((status, &body["field"]), (StatusCode::CONFLICT, &json!("warehouseId")), "{body}");
        let all = listed(world).await;
        let of =
            |id: &str| all.iter().find(|known| known["warehouseId"] == id).expect("it is listed").clone();
        let main = of("main");
        assert_eq!(all[0], main, "it is taken from first");
        let mapped = main["locations"].as_array().unwrap();
        assert!(
            mapped.iter().any(|at| at["shop"] == MAPPED_SHOP && at["locationId"] == 655_441_491),
            "{main}"
        );
        assert!(of("wh-added")["createdAt"].is_string());
        let (status, body) = change(world, "wh-added", json!({"name": "Harbour", "priority": 960})).await;
        assert_eq!(
            (status, &body["name"], &body["priority"]),
            (StatusCode::OK, &json!("Harbour"), &json!(960))
        );
    });
}

#[test]
fn an_inactive_warehouse_keeps_what_it_holds_and_takes_nothing_new() {
    let world = &*WORLD;
    world::run(async {
        add(world, "wh-closing").await;
        stock_there(world, "WH-CLOSING", "wh-closing", 5).await;
        world.place_at_api("WH-CLOSING", 2, Some("10m")).await;
        let (status, body) = change(world, "wh-closing", json!({"active": false})).await;
        assert_eq!((status, &body["active"]), (StatusCode::OK, &json!(false)), "{body}");
        assert_eq!(figures(world, "WH-CLOSING").await, json!([5, 2, 0]));
        let question = json!({"items": [{"itemId": "WH-CLOSING", "quantity": 1}]});
        let (_, explained) = send(world, Method::POST, "/api/allocations/explain", question).await;
        let verdicts = explained["lines"][0]["warehouses"].as_array().unwrap();
        let verdict = verdicts.iter().find(|verdict| verdict["warehouseId"] == "wh-closing").unwrap();
        assert_eq!(verdict["whyNot"], "INACTIVE", "{explained}");
        // A newcomer waits for it, as the item lies nowhere else.
        let order = crate::world::Placed::new(crate::world::SHOP, &["WH-CLOSING"], 1);
        world.place(&order).await;
        world.until_order(&order, "condition", &["BACKORDERED"]).await;
        assert_eq!(figures(world, "WH-CLOSING").await, json!([5, 2, 1]));
        // What comes in serves nobody there.
        let delivery = json!({"quantity": 1, "warehouseId": "wh-closing"});
        send(world, Method::POST, "/api/inventory/WH-CLOSING/receive", delivery).await;
        assert_eq!(figures(world, "WH-CLOSING").await, json!([6, 2, 1]));
        let edit = json!({"warehouseId": "wh-closing", "reason": "from there"});
        let number = world.order(&order).await["orderNumber"].as_str().unwrap().to_owned();
        let (status, body) = send(world, Method::POST, &format!("/api/orders/{number}/edit"), edit).await;
        assert_eq!((status, &body["field"]), (StatusCode::BAD_REQUEST, &json!("warehouseId")), "{body}");

        let (status, _) = change(world, "wh-closing", json!({"active": true})).await;
        assert_eq!(status, StatusCode::OK);
        world.until_shipped(&order).await;
        assert_eq!(figures(world, "WH-CLOSING").await, json!([5, 2, 0]));
    });
}

#[test]
fn what_an_inactive_warehouse_has_is_taken_from_another_one() {
    let world = &*WORLD;
    world::run(async {
        add(world, "wh-shut").await;
        stock_there(world, "WH-SHUT", "wh-shut", 5).await;
        let delivery = json!({"quantity": 2, "warehouseId": "main"});
        send(world, Method::POST, "/api/inventory/WH-SHUT/receive", delivery).await;
        change(world, "wh-shut", json!({"active": false})).await;
        let order = crate::world::Placed::new(crate::world::SHOP, &["WH-SHUT"], 2);
        world.place(&order).await;
        world.until_shipped(&order).await;
        let references = world.references("WH-SHUT").await;
        assert!(references[0].contains("-main-"), "{references:?}");
        // Another system gets nothing from there either.
        let form = json!({"orderId": "wh-shut-other", "items": [{"orderItemId": "1", "inventoryItemId": "WH-SHUT", "quantity": 1}]});
        let answer = world
            .http
            .post(world.api("/allocations/bulk"))
            .bearer_auth(world.token("order-service"))
            .json(&form);
        let answer = answer.send().await.unwrap();
        let status = answer.status();
        assert_eq!(status, StatusCode::CONFLICT, "{}", answer.text().await.unwrap());
    });
}

#[test]
fn what_cannot_be_a_warehouse_is_refused() {
    let world = &*WORLD;
    world::run(async {
        for (form, field) in [
            (json!({"name": "x", "reason": "y"}), "warehouseId"),
            (json!({"warehouseId": "no such/place", "name": "x", "reason": "y"}), "warehouseId"),
            (json!({"warehouseId": "wh-bad", "name": " ", "reason": "y"}), "name"),
            (json!({"warehouseId": "wh-bad", "name": "x"}), "reason"),
            (json!({"warehouseId": "wh-bad", "name": "x", "reason": "y", "priority": 1_000_001}), "priority"),
        ] {
            let (status, body) = send(world, Method::POST, "/api/warehouses", form.clone()).await;
            assert_eq!((status, &body["field"]), (StatusCode::BAD_REQUEST, &json!(field)), "{form}: {body}");
        }
        let (status, body) = change(world, "main", json!({})).await;
        assert_eq!((status, &body["field"]), (StatusCode::BAD_REQUEST, &json!("name")), "{body}");
        let (status, body) = change(world, "wh-nowhere", json!({"active": true})).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
        assert!(listed(world).await.iter().all(|known| known["warehouseId"] != "wh-bad"));
    });
}

//! What people change of an order by hand, and how long it stands.

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    line::WORLD,
    world::{self, FREE_SHOP, MAPPED_SHOP, Placed, SHOP, Webhook, World, minutes_later},
};

async fn edit(world: &World, order: &Placed, mut form: Value) -> (StatusCode, Value) {
    let number = world.order(order).await["orderNumber"].as_str().unwrap().to_owned();
    form["reason"] = json!("the customer called");
    let path = world.api(&format!("/api/orders/{number}/edit"));
    let answer = world.http.post(path).json(&form).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

pub async fn edits(world: &World, order: &Placed) -> Vec<Value> {
    let number = world.order(order).await["orderNumber"].as_str().unwrap().to_owned();
    let answer = world.http.get(world.api(&format!("/api/orders/{number}"))).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["edits"].as_array().expect("a list").clone()
}

/// The shop says something of an order, `minutes` after it was placed.
async fn says(world: &World, order: &Placed, minutes: i64, member: &str, value: Value) {
    let mut body = order.body.clone();
    body["updated_at"] = minutes_later(minutes);
    body[member] = value;
    world.deliver_webhook(&Webhook::new(&order.shop, "orders/updated", body)).await;
}

async fn goes_to(world: &World, order: &Placed) -> Value {
    sqlx::query_scalar(
        "SELECT customer #> '{shipping_address,address1}' FROM orders.customers JOIN orders.orders USING (order_id)
         WHERE shopify_order_id = $1",
    )
    .bind(order.id)
    .fetch_one(&world.pool)
    .await
    .unwrap()
}

async fn stock_in_far(world: &World, sku: &str) {
    sqlx::query("INSERT INTO inventory.warehouses VALUES ('far', 900) ON CONFLICT DO NOTHING")
        .execute(&world.pool)
        .await
        .unwrap();
    let path = world.api(&format!("/api/inventory/{sku}/receive"));
    let delivery = json!({"quantity": 5, "warehouseId": "far"});
    let answer = world.http.post(path).json(&delivery).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

fn address(street: &str) -> Value {
    json!({"name": "Ada Byron", "address1": street, "city": "London", "zip": "SW1Y 4JH", "countryCode": "gb"})
}

#[test]
fn an_address_that_a_person_corrects_mends_the_hand_over_and_outlives_a_tag() {
    let world = &*WORLD;
    world::run(async {
        let sku = "EDIT-ADDRESS";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "createShipment", "sku": sku, "code": "bad_address"})).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "never": true})).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_parked(&order).await;
        let form = json!({"requestId": "ticket-1", "address": address("1 Right Street")});
        // Ten say so at once; it is changed once.
        let answers = join_all((0..10).map(|_| edit(world, &order, form.clone()))).await;
        assert!(answers.iter().all(|(status, _)| *status == StatusCode::OK), "{answers:?}");
        let reference = world.until_handed_over(sku, 1).await;
        let created = world.wms_effects(sku, "shipmentCreated").await;
        assert_eq!(created[0]["shipTo"]["address1"], "1 Right Street", "{created:?}");
        assert_eq!(created[0]["shipTo"]["countryCode"], "GB", "{created:?}");
        let made = edits(world, &order).await;
        assert_eq!(made.len(), 1, "{made:?}");
        assert_eq!((&made[0]["member"], &made[0]["value"]), (&json!("ADDRESS"), &Value::Null));
        assert_eq!(made[0]["reason"], "the customer called");

        // The shop still has the old address, and says so with whatever else it says.
        says(world, &order, 1, "tags", json!("fragile")).await;
        world.until_message(&order, "orders/updated", "DONE").await;
        assert_eq!(goes_to(world, &order).await, "1 Right Street");
        assert_eq!(world.references(sku).await, [reference], "nothing changed for the warehouse");

        // Until it says another one.
        let mut other = order.body["shipping_address"].clone();
        other["address1"] = json!("2 Newer Street");
        says(world, &order, 2, "shipping_address", other).await;
        world::until("it is handed over anew", std::time::Duration::from_secs(60), async || {
            let created = world.wms_effects(sku, "shipmentCreated").await;
            (created.last()?["shipTo"]["address1"] == "2 Newer Street").then_some(())
        })
        .await;
        assert!(edits(world, &order).await[0]["supersededAt"].is_string());
        let id = order.workflow();
        assert!(world.history_says(&id, "WMS_BAD_ADDRESS").await, "what may stand there is found");
        assert!(!world.history_says(&id, "Right Street").await, "no address is in the history");
    });
}

#[test]
fn a_line_that_nobody_stocks_is_mapped_by_hand_and_stays_so() {
    let world = &*WORLD;
    world::run(async {
        world.stock("EDIT-RIGHT", 5).await;
        let order = Placed::new(SHOP, &["EDIT-WRONG"], 2);
        world.place(&order).await;
        assert_eq!(world.until_parked(&order).await, "UNKNOWN_SKU");
        let line = order.body["line_items"][0]["id"].to_string();
        let (status, body) =
            edit(world, &order, json!({"lines": [{"lineId": line, "sku": "EDIT-NOWHERE"}]})).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
        let (status, body) =
            edit(world, &order, json!({"lines": [{"lineId": "999", "sku": "EDIT-RIGHT"}]})).await;
        assert_eq!((status, &body["field"]), (StatusCode::BAD_REQUEST, &json!("lines")), "{body}");
        let (status, body) =
            edit(world, &order, json!({"lines": [{"lineId": line, "sku": "EDIT-RIGHT"}]})).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        // Said again with the old SKU, before and after it has left.
        says(world, &order, 1, "tags", json!("again")).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped("EDIT-RIGHT").await, 2);
        says(world, &order, 2, "tags", json!("once more")).await;
        assert_eq!(world.available("EDIT-RIGHT").await, 3);
        let (status, body) = edit(world, &order, json!({"warehouseId": "main"})).await;
        assert_eq!((status, &body["title"]), (StatusCode::CONFLICT, &json!("Cannot be edited")), "{body}");
    });
}

#[test]
fn a_warehouse_that_a_person_chose_ships_whatever_the_shop_had_in_mind() {
    let world = &*WORLD;
    world::run(async {
        for (shop, sku) in [(SHOP, "EDIT-AT"), (MAPPED_SHOP, "EDIT-AT-MAPPED"), (FREE_SHOP, "EDIT-AT-FREE")] {
            world.stock(sku, 5).await;
            world.wms_rule(json!({"operation": "createShipment", "sku": sku, "code": "unknown_sku"})).await;
            let order = Placed::new(shop, &[sku], 1);
            world.place(&order).await;
            world.until_parked(&order).await;
            stock_in_far(world, sku).await;
            let (status, body) = edit(world, &order, json!({"warehouseId": "nowhere"})).await;
            assert_eq!((status, &body["field"]), (StatusCode::BAD_REQUEST, &json!("warehouseId")), "{body}");
            let (status, body) = edit(world, &order, json!({"warehouseId": "far"})).await;
            assert_eq!(status, StatusCode::OK, "{body}");
            let shipped = world.until_shipped(&order).await;
            world.until_shop_notified(&order, 1).await;
            let from: Vec<String> = world.references(sku).await;
            assert!(from.len() == 1 && from[0].contains("-far-"), "{shop}: {from:?} {shipped}");
            assert!(edits(world, &order).await[0]["supersededAt"].is_null(), "{shop}");
        }
    });
}

#[test]
fn a_warehouse_that_a_person_chose_counts_until_the_shop_moves_the_fulfilment_order() {
    let world = &*WORLD;
    world::run(async {
        let sku = "EDIT-MOVED";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "times": 9, "never": true})).await;
        let order = Placed::new(MAPPED_SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_handed_over(sku, 1).await;
        stock_in_far(world, sku).await;
        assert_eq!(edit(world, &order, json!({"warehouseId": "far"})).await.0, StatusCode::OK);
        assert!(world.until_handed_over(sku, 2).await.contains("-far-"));
        let moves = async |location: i64| {
            let path = world.shopify(&format!("/_orders/{}/move", order.id));
            world.stage_with(path, json!({"location": location})).await;
        };
        moves(655_441_492).await;
        world::until("the shop's word counts", std::time::Duration::from_secs(60), async || {
            edits(world, &order).await[0]["supersededAt"].is_string().then_some(())
        })
        .await;
        moves(655_441_491).await;
        world::until("it is back", std::time::Duration::from_secs(60), async || {
            let references = world.references(sku).await;
            references
                .last()
                .is_some_and(|last| last.contains("-main-") && references.len() > 2)
                .then_some(())
        })
        .await;
    });
}

#[test]
fn a_line_is_mapped_by_hand_though_a_warehouse_was_asked_for_something_else() {
    let world = &*WORLD;
    world::run(async {
        // Refused, so that nobody has it; and taken, so that it has to be recalled.
        for (wrong, right, is_refused) in
            [("EDIT-REFUSED-SKU", "EDIT-GOOD-SKU", true), ("EDIT-TAKEN-SKU", "EDIT-BETTER-SKU", false)]
        {
            world.stock(wrong, 5).await;
            world.stock(right, 5).await;
            world.wms_rule(json!({"operation": "shipment", "sku": wrong, "times": 9, "never": true})).await;
            if is_refused {
                let refused =
                    json!({"operation": "createShipment", "sku": wrong, "code": "unknown_sku", "times": 9});
                world.wms_rule(refused).await;
            }
            let order = Placed::new(SHOP, &[wrong], 2);
            world.place(&order).await;
            match is_refused {
                true => assert_eq!(world.until_parked(&order).await, "WMS_UNKNOWN_SKU"),
                false => {
                    world.until_handed_over(wrong, 1).await;
                    world.until_order(&order, "status", &["PROCESSING"]).await;
                }
            }
            let line = order.body["line_items"][0]["id"].to_string();
            let form = json!({"requestId": "swap", "lines": [{"lineId": line, "sku": right}]});
            assert_eq!(edit(world, &order, form.clone()).await.0, StatusCode::OK);
            world.until_shipped(&order).await;
            world.until_shop_notified(&order, 1).await;
            assert_eq!((world.pieces_shipped(right).await, world.pieces_shipped(wrong).await), (2, 0));
            assert_eq!((world.available(right).await, world.available(wrong).await), (3, 5));
            // What was done is said to be done, though the order has shipped; another change under its name is not.
            assert_eq!(edit(world, &order, form).await.0, StatusCode::OK);
            let (status, body) =
                edit(world, &order, json!({"requestId": "swap", "warehouseId": "main"})).await;
            assert_eq!((status, &body["field"]), (StatusCode::BAD_REQUEST, &json!("requestId")), "{body}");
        }
    });
}

#[test]
fn what_cannot_be_an_edit_is_refused_and_changes_nothing() {
    let world = &*WORLD;
    world::run(async {
        world.stock("EDIT-REFUSED", 5).await;
        world.wms_rule(json!({"operation": "shipment", "sku": "EDIT-REFUSED", "never": true})).await;
        let order = Placed::new(SHOP, &["EDIT-REFUSED"], 1);
        world.place(&order).await;
        world.until_handed_over("EDIT-REFUSED", 1).await;
        let line = order.body["line_items"][0]["id"].to_string();
        for (form, field) in [
            (json!({}), "address"),
            (
                json!({"address": {"address1": "1 Street", "city": "Rome", "countryCode": "Italy"}}),
                "address.countryCode",
            ),
            (json!({"address": {"address1": " ", "city": "Rome", "countryCode": "IT"}}), "address.address1"),
            (json!({"lines": [{"lineId": line, "sku": "A"}, {"lineId": line, "sku": "B"}]}), "lines"),
            (json!({"warehouseId": "no such/place"}), "warehouseId"),
            (json!({"requestId": "", "warehouseId": "main"}), "requestId"),
        ] {
            let (status, body) = edit(world, &order, form.clone()).await;
            assert_eq!((status, &body["field"]), (StatusCode::BAD_REQUEST, &json!(field)), "{form}: {body}");
        }
        assert!(edits(world, &order).await.is_empty());
        assert_eq!(world.references("EDIT-REFUSED").await.len(), 1);
    });
}

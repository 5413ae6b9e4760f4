//! What an order waits for, where its pieces are, and who may see its customer.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    line::WORLD,
    order_api::{get, read},
    world::{self, Placed, SHOP, World},
};

/// An order as somebody with this role sees it.
async fn seen_by(world: &World, role: &str, id: &str) -> Value {
    let path = world.api(&format!("/api/orders/{id}"));
    let answer = read(world.http.get(path).bearer_auth(world.token_of(role, "somebody"))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()
}

async fn id_of(world: &World, order: &Placed) -> String {
    world.order(order).await["orderId"].as_str().expect("an id").to_owned()
}

#[test]
fn an_order_that_waits_for_stock_says_its_place_and_what_comes_by_itself() {
    let world = &*WORLD;
    world::run(async {
        let sku = "WAITS-STOCK";
        world.stock(sku, 0).await;
        let (first, second) = (Placed::new(SHOP, &[sku], 2), Placed::new(SHOP, &[sku], 1));
        for order in [&first, &second] {
            world.place(order).await;
            world.until_order(order, "condition", &["BACKORDERED"]).await;
        }
        let shown = seen_by(world, "viewer", &id_of(world, &second).await).await;
        let awaits = &shown["awaits"];
        assert_eq!(awaits["what"], "STOCK", "{shown:#}");
        let place = json!({"sku": sku, "warehouseId": "main", "quantity": 1, "place": 2});
        let told = &awaits["queue"][0];
        for (name, value) in place.as_object().unwrap() {
            assert_eq!(&told[name], value, "{shown:#}");
        }
        let moment =
            |value: &Value| value.as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        assert!(moment(&awaits["until"]) > moment(&awaits["since"]), "{awaits}");
        assert_eq!(awaits["then"], "PERSON_IS_ASKED");
        let pieces = json!([{"status": "BACKORDERED", "warehouseId": "main", "quantity": 1}]);
        assert_eq!(shown["items"][0]["allocations"], pieces, "{shown:#}");
        assert_eq!(shown["ifCancelled"]["refunds"], true);
    });
}

#[test]
fn who_holds_an_item_and_for_whom_it_was_booked_is_said_by_number() {
    let world = &*WORLD;
    world::run(async {
        let sku = "WAITS-HELD";
        world.stock(sku, 5).await;
        let held = world.place_at_api(sku, 2, Some("1h")).await;
        let (id, number) = (held["orderId"].as_str().unwrap(), &held["orderNumber"]);
        let holders = get(world, &format!("/api/inventory/{sku}/holders")).await.json();
        assert_eq!(
            (&holders[0]["orderNumber"], &holders[0]["quantity"], holders.as_array().unwrap().len()),
            (number, &json!(2), 1),
            "{holders}"
        );
        let movements = get(world, &format!("/api/inventory/{sku}/movements")).await.json();
        assert_eq!(&movements[0]["orderNumber"], number, "{movements}");
        let shown = seen_by(world, "operator", id).await;
        assert_eq!(shown["awaits"]["what"], "HOLD_WINDOW", "{shown:#}");
        assert_eq!(shown["awaits"]["then"], "GOES_ON");
        assert!(shown["awaits"]["until"].is_string(), "{shown:#}");
        assert_eq!(
            shown["items"][0]["allocations"],
            json!([{"status": "CONFIRMED", "warehouseId": "main", "quantity": 2}]),
            "{shown:#}"
        );
        let none = get(world, "/api/inventory/WAITS-NO-SUCH-ITEM/holders").await;
        assert_eq!(none.status, StatusCode::NOT_FOUND, "{}", none.text);
    });
}

#[test]
fn who_ordered_is_shown_to_those_who_act_and_to_nobody_who_looks_on() {
    let world = &*WORLD;
    world::run(async {
        let sku = "WAITS-CUSTOMER";
        world.stock(sku, 0).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_order(&order, "condition", &["BACKORDERED"]).await;
        let id = id_of(world, &order).await;
        for role in ["admin", "operator"] {
            let shown = seen_by(world, role, &id).await;
            assert!(shown["customer"]["shipTo"]["address1"].is_string(), "{role}: {shown:#}");
        }
        let shown = seen_by(world, "viewer", &id).await;
        assert_eq!(shown["customer"], Value::Null, "{shown:#}");
        assert_eq!(shown["awaits"]["what"], "STOCK", "the rest is for all staff");
    });
}

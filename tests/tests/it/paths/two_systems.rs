//! One order over two warehouse systems, each in its own dialect.

use std::time::Duration;

use serde_json::{Value, json};

use super::places::stock_at;
use crate::world::{self, Placed, Plan, SHOP, World, until};

/// The second system, which ships what stands in `north`.
pub(crate) const DEPOT: &str = r#"
[[warehouse_systems]]
name = "depot"
dialect = "fulfilments"
url = "WMS_URL/fulfilment/v2"
token = "SIM_SECOND_WMS_TOKEN"
webhook_secrets = ["SIM_SECOND_WMS_WEBHOOK_SECRET"]
warehouses = ["north"]

"#;

/// A world with both, and five pieces of an item in each.
async fn world_with_depot(at_the_first: &str, at_the_depot: &str) -> World {
    let world = World::start(Plan { file: DEPOT, ..Plan::default() }).await;
    world.stock(at_the_first, 5).await;
    stock_at(&world, "north", at_the_depot, 5).await;
    world
}

/// Everything that any warehouse took: of which system, for which warehouse, and what.
async fn taken(world: &World) -> Vec<[Value; 3]> {
    let mut entries = world.ledger(world.wms("/_ledger")).await;
    entries.retain(|entry| entry["effect"] == "shipmentCreated");
    let parts = |entry: Value| ["system", "warehouseId", "lines"].map(|member| entry[member].clone());
    // Both are called at once.
    entries.sort_by_key(|entry| entry["warehouseId"].to_string());
    entries.into_iter().map(parts).collect()
}

/// What the depot alone did, was asked and said.
async fn ledger_of_depot(world: &World) -> Vec<Value> {
    world.ledger(world.wms("/_ledger?system=depot")).await
}

#[test]
fn an_order_that_two_systems_share_leaves_both_and_the_shop_is_told_of_each_parcel() {
    world::run(async {
        let [near, far] = ["TWO-NEAR", "TWO-FAR"];
        let world = world_with_depot(near, far).await;
        let order = Placed::new(SHOP, &[near, far], 2);
        world.place(&order).await;
        world.until_shipped(&order).await;
        let told = world.until_shop_notified(&order, 2).await;

        let lines = |sku: &str| json!([{"sku": sku, "quantity": 2}]);
        let of_the_first = [Value::Null, json!("main"), lines(near)];
        let of_the_depot = [json!("depot"), json!("north"), lines(far)];
        assert_eq!(taken(&world).await, [of_the_first, of_the_depot]);
        for (sku, warehouse) in [(near, "-main-1"), (far, "-north-1")] {
            let references = world.references(sku).await;
            assert!(references.len() == 1 && references[0].ends_with(warehouse), "{references:?}");
            assert_eq!(world.wms_effects(sku, "shipmentShipped").await.len(), 1);
            assert_eq!(world.pieces_shipped(sku).await, 2);
            assert_eq!((world.on_hand(sku).await, world.available(sku).await), (3, 3));
        }
        let mut in_shop: Vec<(&str, u64)> = told
            .iter()
            .flat_map(|entry| entry["lines"].as_array().expect("lines"))
            .map(|line| (line["sku"].as_str().unwrap(), line["quantity"].as_u64().unwrap()))
            .collect();
        in_shop.sort_unstable();
        assert_eq!(in_shop, [(far, 2), (near, 2)]);

        world.until_order(&order, "status", &["DELIVERED"]).await;
        let said = ledger_of_depot(&world).await;
        let left = |entry: &Value| entry["type"] == "package.left" && entry["status"] == 200;
        assert!(said.iter().any(left), "{said:?}");
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn what_one_system_refuses_is_parked_while_the_other_ships_and_a_retry_ships_it_once() {
    world::run(async {
        let [near, far] = ["TWO-TAKEN", "TWO-REFUSED"];
        let world = world_with_depot(near, far).await;
        let refused = json!({"operation": "createShipment", "system": "depot", "sku": far, "times": 0,
                             "code": "undeliverable", "message": "no courier goes there"});
        world.wms_rule(refused).await;
        let order = Placed::new(SHOP, &[near, far], 1);
        world.place(&order).await;
        assert_eq!(world.until_parked(&order).await, "WMS_BAD_ADDRESS");
        let rows = world.open_attention(&order).await;
        assert_eq!((rows.len(), rows[0].step.as_str(), rows[0].has_run), (1, "hand_over", true));
        assert_eq!(rows[0].vendor_text.as_deref(), Some("no courier goes there"));
        let answers = ledger_of_depot(&world).await;
        let refusal = answers.iter().find(|entry| entry["kind"] == "answer").expect("the depot was asked");
        assert_eq!(
            (&refusal["status"], &refusal["results"][0]["outcome"]),
            (&json!(200), &json!("rejected"))
        );

        world.until_shop_notified(&order, 1).await;
        assert_eq!((world.pieces_shipped(near).await, world.on_hand(near).await), (1, 4));
        let parked = world.order(&order).await;
        assert_eq!(
            (&parked["status"], &parked["condition"]),
            (&json!("PROCESSING"), &json!("NEEDS_ATTENTION"))
        );
        assert!(world.references(far).await.is_empty());

        let lifted = world.http.put(world.wms("/_faults")).json(&json!({"rules": []})).send().await.unwrap();
        assert!(lifted.status().is_success());
        world.retry(&order).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 2).await;
        world.until_closed(&order.workflow()).await;
        for sku in [near, far] {
            assert_eq!(world.references(sku).await.len(), 1);
            assert_eq!(world.pieces_shipped(sku).await, 1);
            assert_eq!(world.on_hand(sku).await, 4);
        }
        let rows = world.attention(&order).await;
        assert_eq!((rows.len(), rows[0].resolution.as_deref()), (1, Some("retry")));
    });
}

#[test]
fn a_return_is_received_by_the_system_that_ships_for_its_warehouse_in_its_own_words_and_by_no_other() {
    world::run(async {
        let [near, far] = ["TWO-BACK-NEAR", "TWO-BACK-FAR"];
        let world = world_with_depot(near, far).await;
        let order = Placed::new(SHOP, &[far], 2);
        world.place(&order).await;
        world.until_shop_notified(&order, 1).await;
        let id = world.order(&order).await["orderId"].as_str().unwrap().to_owned();
        let path = world.api(&format!("/api/orders/{id}/returns"));
        let body = json!({"items": [{"sku": far, "quantity": 2}]});
        let found: Value = world.http.post(path).json(&body).send().await.unwrap().json().await.unwrap();
        assert_eq!(found["lines"][0]["warehouseId"], "north", "{found}");
        let path = world.wms(&format!("/_returns/{}/receive", found["returnId"].as_str().unwrap()));
        let lines = json!([{"sku": far, "quantity": 1, "sellable": true}, {"sku": far, "quantity": 1, "sellable": false}]);
        world.stage_with(path.clone(), json!({"lines": lines})).await;
        let words = world.until_shown(&order, "RETURN_NOT_RECEIVED").await;
        assert!(words.contains("north is no warehouse of the system"), "{words}");
        assert_eq!(world.on_hand(far).await, 3);

        world.stage_with(path, json!({"lines": lines, "system": "depot", "warehouseId": "north"})).await;
        until("the depot's return is on hand", Duration::from_secs(60), async || {
            (world.on_hand(far).await == 4).then_some(())
        })
        .await;
        let said = ledger_of_depot(&world).await;
        assert!(said.iter().any(|entry| entry["type"] == "return.graded"), "{said:?}");
    });
}

#[test]
fn what_one_system_ships_leaves_is_booked_and_told_while_the_other_is_away() {
    world::run(async {
        let [near, far] = ["TWO-AWAY-NEAR", "TWO-AWAY-FAR"];
        let world = world_with_depot(near, far).await;
        world.pause_lane("warehouse").await;
        let order = Placed::new(SHOP, &[near, far], 2);
        world.place(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!((world.on_hand(near).await, world.on_hand(far).await), (5, 3));
        assert!(world.references(near).await.is_empty() && world.attention(&order).await.is_empty());

        world.change_lane("warehouse", "resume").await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 2).await;
        assert_eq!((world.pieces_shipped(near).await, world.pieces_shipped(far).await), (2, 2));
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn an_order_waiting_for_a_system_that_is_away_is_given_to_the_other_by_hand_or_cancelled() {
    world::run(async {
        let [near, far] = ["TWO-GIVEN-NEAR", "TWO-GIVEN-FAR"];
        let world = world_with_depot(near, far).await;
        world.pause_lane("warehouse").await;
        let waits = async |order: &Placed| {
            until("it waits for the first", Duration::from_secs(30), async || {
                (world.status(&order.workflow()).await["pendingCall"]["lane"] == "warehouse").then_some(())
            })
            .await;
        };
        // Of both systems, and cancelled: what the depot has is recalled, the other was never called.
        world.wms_rule(json!({"operation": "shipment", "sku": far, "times": 9, "never": true})).await;
        let both = Placed::new(SHOP, &[near, far], 1);
        world.place(&both).await;
        world.until_handed_over(far, 1).await;
        waits(&both).await;
        world.signal(&both.workflow(), "cancel", &[json!("changed my mind")]).await;
        world.until_order(&both, "status", &["CANCELLED"]).await;
        assert_eq!((world.available(near).await, world.available(far).await), (5, 5));

        // Of the first alone, and given to the depot.
        let path = world.api(&format!("/api/inventory/{near}/receive"));
        let more = json!({"quantity": 5, "warehouseId": "north"});
        assert_eq!(world.http.post(path).json(&more).send().await.unwrap().status(), 200);
        let given = Placed::new(SHOP, &[near], 1);
        world.place(&given).await;
        waits(&given).await;
        let number = world.order(&given).await["orderNumber"].as_str().unwrap().to_owned();
        let form = json!({"warehouseId": "north", "reason": "the first is away"});
        let path = world.api(&format!("/api/orders/{number}/edit"));
        assert_eq!(world.http.post(path).json(&form).send().await.unwrap().status(), 200);
        world.until_shipped(&given).await;
        world.until_shop_notified(&given, 1).await;
        assert!(world.references(near).await[0].contains("-north-"));
        assert!(world.attention(&given).await.is_empty());
    });
}

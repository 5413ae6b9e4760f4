//! What a warehouse makes of a hand-over, and what becomes of its callbacks.

mod parcels;

use std::time::Duration;

use serde_json::{Value, json};
use temporalio_client::WorkflowExecutionStatus;

use crate::{
    line::WORLD,
    world::{self, Placed, SHOP, SPLITTING_SHOP, World, until},
};

/// An order the warehouse deals with by this rule.
async fn handed_over(world: &World, shop: &str, sku: &str, quantity: u32, behaviour: Value) -> Placed {
    world.stock(sku, 10).await;
    let mut rule = json!({"operation": "shipment", "sku": sku});
    rule.as_object_mut().unwrap().extend(behaviour.as_object().unwrap().clone());
    world.wms_rule(rule).await;
    let order = Placed::new(shop, &[sku], quantity);
    world.place(&order).await;
    order
}

/// How a callback was settled, once it is.
async fn until_settled(world: &World, id: &str) -> String {
    until(&format!("{id} is settled"), Duration::from_secs(30), async || {
        sqlx::query_scalar(
            "SELECT state FROM integration.inbox WHERE message_id = $1 AND settled_at IS NOT NULL",
        )
        .bind(id)
        .fetch_optional(&world.pool)
        .await
        .expect("the inbox is read")
    })
    .await
}

#[test]
fn every_fulfilment_order_of_the_shop_is_told() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PARCEL-A", 5).await;
        world.stock("PARCEL-B", 5).await;
        let order = Placed::new(SHOP, &["PARCEL-A", "PARCEL-B"], 2);
        world.announce(&order, "fulfilmentOrders=2").await;
        world.until_shipped(&order).await;
        world.until_closed(&order.workflow()).await;
        let told = world.shop_effects(&order, "fulfillmentCreated").await;
        let mut lines: Vec<(String, u64)> = told
            .iter()
            .flat_map(|entry| entry["lines"].as_array().unwrap())
            .map(|line| (line["sku"].as_str().unwrap().to_owned(), line["quantity"].as_u64().unwrap()))
            .collect();
        lines.sort();
        assert_eq!(lines, [("PARCEL-A".to_owned(), 2), ("PARCEL-B".to_owned(), 2)]);
        let numbers: std::collections::BTreeSet<String> =
            told.iter().map(|entry| entry["tracking"][0]["number"].to_string()).collect();
        assert_eq!(numbers.len(), 1, "one parcel has one number: {numbers:?}");
    });
}

#[test]
fn a_shipment_in_parts_is_told_parcel_by_parcel() {
    let world = &*WORLD;
    world::run(async {
        let order =
            handed_over(world, SHOP, "PARCEL-PARTS", 4, json!({"parts": [2, 1], "shipAfterMs": 600})).await;
        world.until_order(&order, "condition", &["PARTIALLY_SHIPPED"]).await;
        world.until_shipped(&order).await;
        let told = world.until_shop_notified(&order, 3).await;
        let pieces: Vec<_> =
            told.iter().map(|entry| entry["lines"][0]["quantity"].as_u64().unwrap()).collect();
        assert_eq!(pieces, [2, 1, 1]);
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        assert_eq!(world.references("PARCEL-PARTS").await.len(), 1);
        assert_eq!(world.pieces_shipped("PARCEL-PARTS").await, 4);
        assert_eq!(world.available("PARCEL-PARTS").await, 6);
        world.until_order(&order, "status", &["DELIVERED"]).await;
    });
}

#[test]
fn a_later_parcel_is_told_on_the_lines_that_earlier_ones_left_open() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARCEL-LINES";
        world.stock(sku, 10).await;
        world
            .wms_rule(json!({"operation": "shipment", "sku": sku, "parts": [2, 1], "shipAfterMs": 600}))
            .await;
        let mut order = Placed::new(SHOP, &[sku, sku], 2);
        for (line, pieces) in [(0, 1), (1, 3)] {
            order.body["line_items"][line]["quantity"] = json!(pieces);
            order.body["line_items"][line]["fulfillable_quantity"] = json!(pieces);
        }
        world.place(&order).await;
        world.until_shipped(&order).await;
        let told = world.until_shop_notified(&order, 3).await;
        let line = |at: usize| format!("gid://shopify/LineItem/{}", order.body["line_items"][at]["id"]);
        let lines = |entry: &Value| -> Vec<(String, u64)> {
            let lines = entry["lines"].as_array().unwrap().iter();
            lines
                .map(|line| {
                    (line["lineItemId"].as_str().unwrap().to_owned(), line["quantity"].as_u64().unwrap())
                })
                .collect()
        };
        assert_eq!(lines(&told[0]), [(line(0), 1), (line(1), 1)], "the first lines first");
        assert_eq!(lines(&told[1]), [(line(1), 1)]);
        assert_eq!(lines(&told[2]), [(line(1), 1)]);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn an_order_in_two_parcels_is_delivered_with_the_second_of_them() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARCEL-DELIVERED";
        let order = handed_over(world, SHOP, sku, 3, json!({"never": true})).await;
        let reference = world.until_handed_over(sku, 1).await;
        let said = |kind: &str, shipment: &str, sequence: u32, pieces: u32| {
            json!({"type": format!("shipment.{kind}"), "reference": reference, "shipmentId": shipment,
                "sequence": sequence, "lines": [{"sku": sku, "quantity": pieces}]})
        };
        for (shipment, pieces) in [("DELIVERED-1", 1), ("DELIVERED-2", 2)] {
            assert_eq!(world.send_callback(shipment, &said("shipped", shipment, 3, pieces)).await, 200);
        }
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 2).await;
        // Said twice, the first of them is still one of two.
        for id in ["delivered-1", "delivered-1-again"] {
            assert_eq!(world.send_callback(id, &said("delivered", "DELIVERED-1", 4, 1)).await, 200);
            assert_eq!(until_settled(world, id).await, "DONE");
            assert_eq!(world.order(&order).await["status"], "SHIPPED");
        }
        assert_eq!(world.send_callback("delivered-2", &said("delivered", "DELIVERED-2", 4, 2)).await, 200);
        world.until_order(&order, "status", &["DELIVERED"]).await;
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn an_order_on_hold_at_the_warehouse_shows_it_and_then_ships() {
    let world = &*WORLD;
    world::run(async {
        let order = handed_over(world, SHOP, "PARCEL-HELD", 1, json!({"onHold": true})).await;
        let held = world.until_order(&order, "condition", &["ON_HOLD"]).await;
        assert_eq!((&held["status"], &held["heldBy"]), (&json!("PROCESSING"), &json!("WAREHOUSE")));
        let reference = world.until_handed_over("PARCEL-HELD", 1).await;
        world.warehouse_does(&reference, "release").await;
        let shipped = world.until_shipped(&order).await;
        assert_eq!((&shipped["condition"], &shipped["heldBy"]), (&json!(null), &json!(null)));
        assert!(world.attention(&order).await.is_empty(), "a hold is a state, not an error");
    });
}

#[test]
fn an_exception_at_the_warehouse_parks_until_it_is_answered_or_mended_there() {
    let world = &*WORLD;
    world::run(async {
        for (sku, answered) in [("PARCEL-WET", false), ("PARCEL-DRY", true)] {
            let order = handed_over(world, SHOP, sku, 1, json!({"exception": "the crate is wet"})).await;
            assert_eq!(world.until_parked(&order).await, "WAREHOUSE_EXCEPTION");
            if answered {
                world.resolve(&order, json!("retry")).await.expect("it is parked");
                world.until_order(&order, "condition", &["none"]).await;
            }
            let reference = world.until_handed_over(sku, 1).await;
            world.warehouse_does(&reference, "release").await;
            world.until_shipped(&order).await;
            world.until_shop_notified(&order, 1).await;
            assert_eq!(world.references(sku).await.len(), 1);
            assert!(world.open_attention(&order).await.is_empty());
        }
    });
}

#[test]
fn a_second_exception_of_one_parcel_parks_again_and_the_first_said_once_more_does_not() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARCEL-WET-AGAIN";
        let order = handed_over(world, SPLITTING_SHOP, sku, 1, json!({"never": true})).await;
        let reference = world.until_handed_over(sku, 1).await;
        let said = |sequence: u32| {
            json!({"type": "shipment.exception", "reference": reference, "shipmentId": "WET-1",
                "sequence": sequence, "lines": [{"sku": sku, "quantity": 1}]})
        };
        for (id, sequence, rows) in [("wet-1", 2, 1), ("wet-1-again", 2, 1), ("wet-2", 3, 2)] {
            assert_eq!(world.send_callback(id, &said(sequence)).await, 200);
            assert_eq!(until_settled(world, id).await, "DONE");
            if world.attention(&order).await.len() < rows {
                assert_eq!(world.until_parked(&order).await, "WAREHOUSE_EXCEPTION");
                world.resolve(&order, json!("retry")).await.expect("it is parked");
                world.until_order(&order, "condition", &["none"]).await;
            }
        }
        world.warehouse_does(&reference, "ship").await;
        world.until_shipped(&order).await;
        assert_eq!(world.attention(&order).await.len(), 2);
    });
}

#[test]
fn what_is_older_than_what_is_known_of_a_parcel_is_passed_over() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARCEL-OLDER";
        let order = handed_over(world, SPLITTING_SHOP, sku, 2, json!({"never": true})).await;
        let reference = world.until_handed_over(sku, 1).await;
        let said = |kind: &str, sequence: u32| {
            json!({"type": format!("shipment.{kind}"), "reference": reference, "shipmentId": "OLDER-1",
                "sequence": sequence, "lines": [{"sku": sku, "quantity": 1}]})
        };
        assert_eq!(world.send_callback("older-shipped", &said("shipped", 5)).await, 200);
        world.until_order(&order, "condition", &["PARTIALLY_SHIPPED"]).await;
        world.until_shop_notified(&order, 1).await;
        for kind in ["accepted", "on_hold", "exception", "cancelled"] {
            let id = format!("older-{kind}");
            assert_eq!(world.send_callback(&id, &said(kind, 4)).await, 200);
            assert_eq!(until_settled(world, &id).await, "SKIPPED", "{kind}");
        }
        let rest = json!({"type": "shipment.shipped", "reference": reference, "shipmentId": "OLDER-2",
            "sequence": 1, "lines": [{"sku": sku, "quantity": 1}]});
        assert_eq!(world.send_callback("older-rest", &rest).await, 200);
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 2).await;
        assert!(world.attention(&order).await.is_empty());
        let noted: Vec<String> = sqlx::query_scalar(
            "SELECT event FROM orders.timeline JOIN orders.orders USING (order_id) WHERE shopify_order_id = $1",
        )
        .bind(order.id)
        .fetch_all(&world.pool)
        .await
        .unwrap();
        assert!(!noted.iter().any(|event| event == "ON_HOLD"), "{noted:?}");
    });
}

#[test]
fn a_shipment_the_warehouse_cancelled_parks_and_is_handed_over_anew_on_retry() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARCEL-OFF";
        let order = handed_over(world, SHOP, sku, 2, json!({"never": true})).await;
        let first = world.until_handed_over(sku, 1).await;
        world.warehouse_does(&first, "cancel").await;
        assert_eq!(world.until_parked(&order).await, "CANCELLED_BY_WAREHOUSE");
        let skip = json!({"action": "skip", "reason": "whatever"});
        world.resolve(&order, skip).await.expect_err("pieces nobody ships");

        world.resolve(&order, json!("retry")).await.expect("it is parked");
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        let references = world.references(sku).await;
        assert_eq!(references, [first.clone(), first.replace("-main-1", "-main-2")]);
        assert_eq!(world.pieces_shipped(sku).await, 2);
        assert_eq!(world.available(sku).await, 8);
    });
}

#[test]
fn delivered_before_shipped_ends_as_delivered_and_is_told_once() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARCEL-ORDER";
        let late = json!({"operation": "callback", "sku": sku, "type": "shipment.shipped", "delayMs": 2500});
        world.wms_rule(late).await;
        let order = handed_over(world, SPLITTING_SHOP, sku, 1, json!({"deliverAfterMs": 50})).await;
        world.until_order(&order, "status", &["DELIVERED"]).await;
        until("the late callback is settled", Duration::from_secs(30), async || {
            let mut kept = world.messages(&order).await;
            kept.retain(|kept| matches!(kept.topic.as_str(), "orders/create" | "callback"));
            (kept.len() == 5 && kept.iter().all(|kept| kept.state != "WAITING")).then_some(())
        })
        .await;
        assert_eq!(world.order(&order).await["status"], "DELIVERED");
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.available(sku).await, 9);
    });
}

#[test]
fn a_repeated_callback_has_its_effect_once() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARCEL-REPEATED";
        world.wms_rule(json!({"operation": "callback", "sku": sku, "repeat": 3, "times": 0})).await;
        let order = handed_over(world, SHOP, sku, 1, json!({})).await;
        world.until_order(&order, "status", &["DELIVERED"]).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.available(sku).await, 9);
    });
}

#[test]
fn a_lost_callback_is_made_good_by_asking_about_what_is_overdue() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARCEL-LOST";
        world.wms_rule(json!({"operation": "callback", "sku": sku, "lost": true, "times": 0})).await;
        let order = handed_over(world, SHOP, sku, 1, json!({})).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        let kept = world.messages(&order).await;
        assert!(kept.iter().any(|kept| kept.topic == "inquiry"), "{kept:?}");
        assert!(kept.iter().all(|kept| kept.topic != "callback"), "{kept:?}");
        assert_eq!(world.pieces_shipped(sku).await, 1);
    });
}

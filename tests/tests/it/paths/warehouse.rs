//! What a warehouse makes of a hand-over, and what becomes of its callbacks.

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

#[test]
fn a_parcel_without_lines_holds_what_has_not_left_whatever_else_was_announced() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARCEL-BARE";
        let order = handed_over(world, SHOP, sku, 2, json!({"never": true})).await;
        let reference = world.until_handed_over(sku, 1).await;
        let left = |shipment: &str| json!({"type": "shipment.shipped", "reference": reference, "shipmentId": shipment, "sequence": 3});
        assert_eq!(world.send_callback("bare-1", &left("BARE-1")).await, 200);
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.available(sku).await, 8);
        assert!(world.attention(&order).await.is_empty());

        assert_eq!(world.send_callback("bare-2", &left("BARE-2")).await, 200);
        let shown = until("the second one is shown", Duration::from_secs(30), async || {
            world.attention(&order).await.into_iter().next()
        })
        .await;
        assert_eq!(shown.reason, "UNEXPECTED_PARCEL", "{shown:?}");
        assert_eq!(world.available(sku).await, 8);
        world.until_shop_notified(&order, 1).await;
    });
}

#[test]
fn what_the_warehouse_says_of_an_order_that_has_ended_is_shown_and_booked_as_it_is() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARCEL-AFTER";
        let order = handed_over(world, SHOP, sku, 2, json!({"never": true})).await;
        let reference = world.until_handed_over(sku, 1).await;
        let said = |kind: &str, shipment: &str, sequence: u32, pieces: u32| {
            json!({"type": format!("shipment.{kind}"), "reference": reference, "shipmentId": shipment,
                "sequence": sequence, "lines": [{"sku": sku, "quantity": pieces}]})
        };
        assert_eq!(world.send_callback("after-1", &said("shipped", "AFTER-1", 3, 2)).await, 200);
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        world.until_closed(&order.workflow()).await;
        assert_eq!(world.available(sku).await, 8);

        // Taken back at the warehouse, after it had left.
        assert_eq!(world.send_callback("after-2", &said("cancelled", "AFTER-1", 4, 2)).await, 200);
        world.until_shown_with(&order, "TROUBLE_AFTER_SHIPPING", "AFTER-1: cancelled").await;
        // Something else was in it.
        assert_eq!(world.send_callback("after-3", &said("shipped", "AFTER-1", 5, 3)).await, 200);
        world.until_shown_with(&order, "UNEXPECTED_PARCEL", "the warehouse now says 3").await;
        // And one that nobody asked for.
        assert_eq!(world.send_callback("after-4", &said("shipped", "AFTER-2", 3, 1)).await, 200);
        until("its stock is booked", Duration::from_secs(30), async || {
            (world.available(sku).await == 7).then_some(())
        })
        .await;
        let shown = world.until_shown_with(&order, "UNEXPECTED_PARCEL", "AFTER-2").await;
        assert!(shown.contains("the warehouse now says 3"), "what was shown before stays: {shown}");
    });
}

#[test]
fn two_parcels_under_one_tracking_number_are_two_in_the_shop() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARCEL-TWINS";
        let order = handed_over(world, SHOP, sku, 3, json!({"never": true})).await;
        let reference = world.until_handed_over(sku, 1).await;
        for (shipment, pieces) in [("TWIN-1", 1), ("TWIN-2", 2)] {
            let left = json!({"type": "shipment.shipped", "reference": reference, "shipmentId": shipment,
                "sequence": 3, "lines": [{"sku": sku, "quantity": pieces}], "carrier": "Parcel Post",
                "trackingNumber": "TWINS-1"});
            assert_eq!(world.send_callback(shipment, &left).await, 200);
        }
        world.until_shipped(&order).await;
        let told = world.until_shop_notified(&order, 2).await;
        let mut pieces: Vec<u64> =
            told.iter().filter_map(|entry| entry["lines"][0]["quantity"].as_u64()).collect();
        pieces.sort_unstable();
        assert_eq!(pieces, [1, 2], "{told:?}");
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn a_parcel_reported_without_lines_has_those_it_was_accepted_with() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARCEL-ACCEPTED";
        let order = handed_over(world, SHOP, sku, 5, json!({"never": true})).await;
        let reference = world.until_handed_over(sku, 1).await;
        let said = |kind: &str, shipment: &str, sequence: u32, lines: Value| {
            json!({"type": format!("shipment.{kind}"), "reference": reference, "shipmentId": shipment,
                "sequence": sequence, "lines": lines})
        };
        let two = json!([{"sku": sku, "quantity": 2}]);
        assert_eq!(world.send_callback("accepted-1", &said("accepted", "ACC-1", 1, two)).await, 200);
        world.until_message(&order, "callback", "DONE").await;
        for (id, lines) in [("accepted-2", Value::Null), ("accepted-3", json!([]))] {
            let left = said("shipped", "ACC-1", if id == "accepted-2" { 3 } else { 4 }, lines);
            assert_eq!(world.send_callback(id, &left).await, 200);
        }
        world.until_order(&order, "condition", &["PARTIALLY_SHIPPED"]).await;
        let told = world.until_shop_notified(&order, 1).await;
        assert_eq!(told[0]["lines"][0]["quantity"], 2, "{told:?}");
        assert_eq!(world.send_callback("accepted-4", &said("shipped", "ACC-2", 3, Value::Null)).await, 200);
        world.until_shipped(&order).await;
        let told = world.until_shop_notified(&order, 2).await;
        assert_eq!(told[1]["lines"][0]["quantity"], 3, "{told:?}");
        assert_eq!(world.available(sku).await, 5);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn one_shipment_id_under_two_hand_overs_is_two_parcels() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARCEL-NUMBERED";
        world.stock(sku, 1).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "times": 2, "never": true})).await;
        let order = Placed::new(SPLITTING_SHOP, &[sku], 3);
        world.place(&order).await;
        for (number, pieces) in [(1, 1), (2, 2)] {
            let reference = world.until_handed_over(sku, number).await;
            let left = json!({"type": "shipment.shipped", "reference": reference, "shipmentId": "1",
                "sequence": 1, "lines": [{"sku": sku, "quantity": pieces}], "trackingNumber": reference});
            assert_eq!(world.send_callback(&format!("numbered-{number}"), &left).await, 200);
            world.until_shop_notified(&order, number).await;
            if number == 1 {
                world.receive(sku, 2).await;
            }
        }
        world.until_shipped(&order).await;
        assert_eq!(world.available(sku).await, 0);
        assert!(world.attention(&order).await.is_empty());
    });
}

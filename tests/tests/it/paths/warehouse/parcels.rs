//! What a parcel holds, and how many there are.

use super::*;

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
fn a_further_parcel_of_nothing_is_shown_while_the_rest_waits_and_the_shop_is_not_told_of_it() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARCEL-NOTHING";
        world.stock(sku, 1).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "times": 2, "never": true})).await;
        let order = Placed::new(SPLITTING_SHOP, &[sku], 2);
        world.place(&order).await;
        let reference = world.until_handed_over(sku, 1).await;
        let left = |shipment: &str| json!({"type": "shipment.shipped", "reference": reference, "shipmentId": shipment, "sequence": 3});
        assert_eq!(world.send_callback("nothing-1", &left("NOTHING-1")).await, 200);
        world.until_order(&order, "condition", &["PARTIALLY_SHIPPED"]).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.send_callback("nothing-2", &left("NOTHING-2")).await, 200);
        assert_eq!(until_settled(world, "nothing-2").await, "DONE");
        let shown = world.until_shown(&order, "UNEXPECTED_PARCEL").await;
        assert_eq!(shown, format!("{reference}/NOTHING-2 left, and it is not said with what"));

        world.receive(sku, 1).await;
        let rest = world.until_handed_over(sku, 2).await;
        world.warehouse_does(&rest, "ship").await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 2).await;
        until("one for each parcel that held something", Duration::from_secs(30), async || {
            let events: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM orders.timeline JOIN orders.orders USING (order_id)
                 WHERE shopify_order_id = $1 AND event LIKE 'SHOP_%NOTIFIED'",
            )
            .bind(order.id)
            .fetch_one(&world.pool)
            .await
            .unwrap();
            assert!(events <= 2, "{events}");
            (events == 2).then_some(())
        })
        .await;
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
        // Once it is booked, silence about it is no other word.
        assert_eq!(world.send_callback("accepted-again", &said("shipped", "ACC-1", 5, json!([]))).await, 200);
        until_settled(world, "accepted-again").await;
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

//! Where an order goes, and where it ships from.

use serde_json::{Value, json};

use super::news::{line_of, staff};
use crate::{
    line::WORLD,
    world::{self, FREE_SHOP, MAPPED_SHOP, OUR_SERVICE, Placed, SERVED_SHOP, SHOP, Webhook, World},
};

/// Pieces in the second warehouse, none in the first.
pub(super) async fn stock_far_away(world: &World, sku: &str, quantity: u32) {
    stock_at(world, "far", sku, quantity).await;
}

/// Pieces in a warehouse that comes after the first, none in the first.
pub(crate) async fn stock_at(world: &World, warehouse: &str, sku: &str, quantity: u32) {
    sqlx::query("INSERT INTO inventory.warehouses VALUES ($1, 900) ON CONFLICT DO NOTHING")
        .bind(warehouse)
        .execute(&world.pool)
        .await
        .unwrap();
    world.stock(sku, 0).await;
    let path = world.api(&format!("/api/inventory/{sku}/receive"));
    let delivery = json!({"quantity": quantity, "warehouseId": warehouse});
    let answer = world.http.post(path).json(&delivery).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

#[test]
fn an_address_that_no_message_named_is_asked_for_once_though_the_shop_shows_an_older_order() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PLACE-ABSENT", 5).await;
        for known_address in [true, false] {
            let mut order = Placed::new(SHOP, &["PLACE-ABSENT"], 1);
            if !known_address {
                order.body.as_object_mut().unwrap().remove("shipping_address");
            }
            world.place_silently(&order).await;
            order.body.as_object_mut().unwrap().remove("shipping_address");
            order.body["updated_at"] = json!(chrono::Utc::now());
            world.deliver_webhook(&Webhook::new(SHOP, "orders/updated", order.body.clone())).await;
            world.until_shipped(&order).await;
            world.until_shop_notified(&order, 1).await;
            assert_eq!(world.shop_answers(&order, "order").await, 1);
            assert!(world.attention(&order).await.is_empty());
        }
    });
}

#[test]
fn an_order_without_an_address_is_parked_until_the_shop_names_one_unless_it_is_picked_up() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PLACE-NULL", 5).await;
        let order = Placed::new(SHOP, &["PLACE-NULL"], 1).with("shipping_address", Value::Null);
        world.place(&order).await;
        assert_eq!(world.until_parked(&order).await, "NO_ADDRESS");
        assert_eq!(world.available("PLACE-NULL").await, 4);
        let address = json!({"name": "Grace Secretname", "address1": "2 Secret Street", "city": "Secretville",
                             "zip": "10115", "country_code": "DE"});
        let edit = world.shopify(&format!("/_orders/{}/edit", order.id));
        world.stage_with(edit, json!({"shippingAddress": address})).await;
        world.until_shipped(&order).await;
        assert!(world.open_attention(&order).await.is_empty());

        let collected = Placed::new(SHOP, &["PLACE-NULL"], 1).with("shipping_address", Value::Null);
        world.announce(&collected, "announce=true&topics=orders/create&deliveryMethod=PICK_UP").await;
        world.until_shipped(&collected).await;
        assert!(world.attention(&collected).await.is_empty());
    });
}

#[test]
fn an_order_ships_from_the_warehouse_that_its_location_is_mapped_to() {
    let world = &*WORLD;
    world::run(async {
        stock_far_away(world, "PLACE-FAR", 5).await;
        world.receive("PLACE-FAR", 5).await;
        let order = Placed::new(MAPPED_SHOP, &["PLACE-FAR"], 2);
        world.announce(&order, "announce=true&topics=orders/create&location=655441492").await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        let references = world.references("PLACE-FAR").await;
        assert!(references.len() == 1 && references[0].ends_with("-far-1"), "{references:?}");
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn an_order_that_is_moved_while_a_warehouse_has_it_ships_from_the_other_one() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PLACE-MOVED";
        stock_far_away(world, sku, 5).await;
        world.receive(sku, 5).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "times": 10, "never": true})).await;
        let order = Placed::new(MAPPED_SHOP, &[sku], 2);
        world.announce(&order, "announce=true&topics=orders/create&location=655441491").await;
        let first = world.until_handed_over(sku, 1).await;
        assert!(first.ends_with("-main-1"), "{first}");
        world.until_order(&order, "status", &["PROCESSING"]).await;
        staff(world, &order, "move", json!({"location": 655_441_492})).await;
        let second = world.until_handed_over(sku, 2).await;
        assert!(second.contains("-far-"), "{second}");
        assert_eq!(world.wms_effects(sku, "shipmentCancelled").await.len(), 1);
        world.warehouse_does(&second, "ship").await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped(sku).await, 2);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn a_line_of_another_service_is_left_alone_until_it_is_moved_to_us_whenever_that_is() {
    let world = &*WORLD;
    world::run(async {
        for sku in ["PLACE-OURS", "PLACE-THEIRS"] {
            world.stock(sku, 5).await;
        }
        let mut order = Placed::new(MAPPED_SHOP, &["PLACE-OURS", "PLACE-THEIRS"], 1);
        order.body["line_items"][1]["fulfillment_service"] = json!("printful");
        world.announce(&order, "announce=true&topics=orders/create&location=655441491").await;
        world.until_order(&order, "status", &["DELIVERED"]).await;
        world.until_shop_notified(&order, 1).await;
        world.until_closed(&order.workflow()).await;
        assert_eq!(world.pieces_shipped("PLACE-THEIRS").await, 0);
        assert_eq!(world.available("PLACE-THEIRS").await, 5);

        let theirs = json!([{"lineItemId": line_of(&order, 1), "quantity": 1}]);
        staff(world, &order, "move", json!({"location": 655_441_491, "lines": theirs})).await;
        world.until_shop_notified(&order, 2).await;
        assert_eq!(world.pieces_shipped("PLACE-THEIRS").await, 1);
        assert_eq!(world.pieces_shipped("PLACE-OURS").await, 1);
        assert_eq!(world.available("PLACE-THEIRS").await, 4);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn fulfilment_orders_that_are_split_merged_and_replaced_at_the_warehouse_recall_nothing() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PLACE-SPLIT";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "times": 10, "never": true})).await;
        let order = Placed::new(SHOP, &[sku], 3);
        world.place(&order).await;
        let reference = world.until_handed_over(sku, 1).await;
        world.until_order(&order, "status", &["PROCESSING"]).await;
        let one = json!({"lines": [{"lineItemId": line_of(&order, 0), "quantity": 1}]});
        for (deed, words) in [("split", one), ("merge", json!({})), ("reopen", json!({}))] {
            staff(world, &order, deed, words).await;
            world.until_message(&order, &topic_of(deed), "DONE").await;
        }
        world.warehouse_does(&reference, "ship").await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped(sku).await, 3);
        assert!(world.wms_effects(sku, "shipmentCancelled").await.is_empty());
        assert!(world.attention(&order).await.is_empty());
    });
}

fn topic_of(deed: &str) -> String {
    let done = match deed {
        "merge" => "merged",
        "reopen" => "cancelled",
        split => split,
    };
    format!("fulfillment_orders/{done}")
}

#[test]
fn a_location_outside_the_map_parks_with_its_name_until_the_shop_moves_the_order() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PLACE-UNMAPPED", 5).await;
        let order = Placed::new(MAPPED_SHOP, &["PLACE-UNMAPPED"], 2);
        world.announce(&order, "announce=true&topics=orders/create&location=655441499").await;
        assert_eq!(world.until_parked(&order).await, "LOCATION_NOT_MAPPED");
        let shown = world.open_attention(&order).await;
        assert!(shown[0].vendor_text.as_deref().unwrap_or_default().contains("655441499"), "{shown:?}");
        let mend = world.shopify(&format!("/_orders/{}/move", order.id));
        world.stage_with(mend, json!({"location": 655_441_491})).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert!(world.open_attention(&order).await.is_empty());
    });
}

#[test]
fn a_shop_that_is_planned_freely_is_told_where_its_order_ships_from() {
    let world = &*WORLD;
    world::run(async {
        stock_far_away(world, "PLACE-FREE", 5).await;
        let order = Placed::new(FREE_SHOP, &["PLACE-FREE"], 2);
        world.place(&order).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        let references = world.references("PLACE-FREE").await;
        assert!(references.len() == 1 && references[0].ends_with("-far-1"), "{references:?}");
        assert_eq!(world.shop_answers(&order, "fulfillmentOrderMove").await, 1);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn an_order_that_needs_no_delivery_needs_no_address() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PLACE-NO-WAY", 5).await;
        for method in ["RETAIL", "NONE"] {
            let order = Placed::new(SHOP, &["PLACE-NO-WAY"], 1).with("shipping_address", Value::Null);
            let switches = format!("announce=true&topics=orders/create&deliveryMethod={method}");
            world.announce(&order, &switches).await;
            world.until_shipped(&order).await;
            world.until_shop_notified(&order, 1).await;
            assert!(world.attention(&order).await.is_empty(), "{method}");
        }
        let order = Placed::new(SHOP, &["PLACE-NO-WAY"], 1).with("shipping_address", Value::Null);
        world.announce(&order, "announce=true&topics=orders/create&deliveryMethod=LOCAL").await;
        assert_eq!(world.until_parked(&order).await, "NO_ADDRESS");
    });
}

#[test]
fn lines_of_a_service_that_is_listed_are_ours_and_those_of_another_are_left_alone() {
    let world = &*WORLD;
    world::run(async {
        for sku in ["PLACE-LISTED", "PLACE-UNLISTED"] {
            world.stock(sku, 5).await;
        }
        for (shop, left) in [(SERVED_SHOP, 2), (SHOP, 0)] {
            let mut order = Placed::new(shop, &["PLACE-LISTED", "PLACE-UNLISTED"], 2);
            order.body["line_items"][0]["fulfillment_service"] = json!(OUR_SERVICE.to_uppercase());
            order.body["line_items"][1]["fulfillment_service"] = json!("printful");
            world.place(&order).await;
            if left == 0 {
                let ignored = world.until_order(&order, "condition", &["IGNORED"]).await;
                assert_eq!(ignored["conditionReason"], "NOTHING_TO_SHIP");
            } else {
                world.until_shipped(&order).await;
                let told = world.until_shop_notified(&order, 1).await;
                assert_eq!(told[0]["lines"].as_array().map(Vec::len), Some(1), "{told:?}");
            }
            assert!(world.attention(&order).await.is_empty());
        }
        assert_eq!(world.pieces_shipped("PLACE-LISTED").await, 2);
        assert_eq!(world.available("PLACE-LISTED").await, 3);
        assert_eq!(world.pieces_shipped("PLACE-UNLISTED").await, 0);
        assert_eq!(world.available("PLACE-UNLISTED").await, 5);
    });
}

#[test]
fn an_order_waits_for_the_warehouse_that_its_location_is_mapped_to_though_another_has_enough() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PLACE-SHORT";
        stock_far_away(world, sku, 5).await;
        let order = Placed::new(MAPPED_SHOP, &[sku], 2);
        world.announce(&order, "announce=true&topics=orders/create&location=655441491").await;
        world.until_order(&order, "condition", &["BACKORDERED"]).await;
        assert_eq!(world.available(sku).await, 5, "what is far away stays free");
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert!(world.references(sku).await.is_empty());
        world.receive(sku, 2).await;
        world.until_shop_notified(&order, 1).await;
        let references = world.references(sku).await;
        assert!(references.len() == 1 && references[0].ends_with("-main-1"), "{references:?}");
        assert_eq!(world.available(sku).await, 5);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn by_update_an_order_that_is_not_parked_is_changed_too() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PLACES-BY-UPDATE";
        stock_far_away(world, sku, 5).await;
        let path = world.api(&format!("/api/inventory/{sku}/receive"));
        let here = json!({"quantity": 5, "reason": "to choose from"});
        assert!(world.http.post(path).json(&here).send().await.unwrap().status().is_success());
        let order = Placed::new(SHOP, &[sku], 1).with("financial_status", json!("pending"));
        world.place(&order).await;
        world.until_order(&order, "condition", &["AWAITING_PAYMENT"]).await;
        for (edit, named) in [
            (json!({"warehouseId": "far"}), "reason"),
            (json!({"reason": "closer"}), "edit"),
            (json!({"warehouseId": "nowhere", "reason": "closer"}), "warehouse"),
            (json!({"address": {}, "reason": "closer"}), "edit.address"),
        ] {
            let refused = world.update(&order.workflow(), "edit", edit.clone()).await.unwrap_err();
            assert!(refused.contains(named), "{edit}: {refused}");
        }
        let edit = json!({"warehouseId": "far", "reason": "closer to the customer", "requestId": "ticket-5"});
        for _ in 0..2 {
            let answer = world.update(&order.workflow(), "edit", edit.clone()).await.unwrap();
            assert_eq!(answer["status"], "PENDING", "{answer}");
        }
        world.shop_does(&order, "pay").await;
        world.until_shipped(&order).await;
        let references = world.references(sku).await;
        assert!(references.len() == 1 && references[0].contains("-far-"), "{references:?}");
        let made = crate::order_edits::edits(world, &order).await;
        assert_eq!((made.len(), &made[0]["reason"]), (1, &json!("closer to the customer")), "{made:?}");
        let late = world.update(&order.workflow(), "edit", edit).await;
        assert!(late.is_err(), "{late:?}");
    });
}

//! Edits and refunds, and what is shown of them.

use super::*;

#[test]
fn a_refund_at_the_warehouse_takes_back_and_hands_over_what_stays() {
    let world = &*WORLD;
    world::run(async {
        let (order, _) = at_the_warehouse(world, &["NEWS-REFUND"], 3).await;
        let words = json!({"amount": "9.90", "lines": [
            {"lineItemId": line_of(&order, 0), "quantity": 1, "restockType": "cancel"}
        ]});
        staff(world, &order, "refund", words).await;
        let second = world.until_handed_over("NEWS-REFUND", 2).await;
        assert_eq!(world.wms_effects("NEWS-REFUND", "shipmentCancelled").await.len(), 1);
        world.warehouse_does(&second, "ship").await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped("NEWS-REFUND").await, 2);
        until_available(world, "NEWS-REFUND", 18).await;
        assert!(world.attention(&order).await.is_empty());
    });
}

/// A line that was edited away is in none of the shop's fulfilment orders, and they are waited for: a hint that
/// there was an edit is followed at once, and not when that wait is over.
#[test]
fn an_edit_that_is_only_hinted_at_is_read_while_fulfilment_orders_are_waited_for() {
    let world = &*WORLD;
    world::run(async {
        for sku in ["NEWS-HINT-A", "NEWS-HINT-B"] {
            world.stock(sku, 5).await;
        }
        let order = Placed::new(SHOP, &["NEWS-HINT-A", "NEWS-HINT-B"], 1);
        world.place_silently(&order).await;
        let gone = json!({"lines": [{"lineItemId": line_of(&order, 1), "quantity": 0}]});
        staff_quietly(world, &order, "edit", gone).await;
        // What was said before the edit arrives after it.
        world.deliver_webhook(&Webhook::new(SHOP, "orders/create", order.body.clone())).await;
        until("its fulfilment orders were looked at", Duration::from_secs(60), async || {
            (world.shop_answers(&order, "fulfillmentOrders").await > 0).then_some(())
        })
        .await;
        let edited = json!({"order_edit": {"id": order.id, "order_id": order.id}});
        world.deliver_webhook(&Webhook::new(SHOP, "orders/edited", edited)).await;

        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped("NEWS-HINT-A").await, 1);
        assert_eq!(world.pieces_shipped("NEWS-HINT-B").await, 0);
        until_available(world, "NEWS-HINT-B", 5).await;
        assert!(world.shop_answers(&order, "fulfillmentOrders").await < 6, "it was waited for to the end");
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn a_refund_of_what_left_puts_nothing_on_hand_and_a_return_is_kept_once() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-RETURN", 5).await;
        let order = Placed::new(SHOP, &["NEWS-RETURN"], 2);
        world.place(&order).await;
        world.until_shop_notified(&order, 1).await;
        world.until_closed(&order.workflow()).await;
        let words = json!({"lines": [
            {"lineItemId": line_of(&order, 0), "quantity": 1, "restockType": "return"}
        ]});
        staff(world, &order, "refund", words).await;
        let kept = until("the return is kept", Duration::from_secs(30), async || {
            let kept: Vec<(String, i32)> = sqlx::query_as(
                "SELECT source, quantity FROM orders.announced_pieces r JOIN orders.orders o USING (order_id)
                 WHERE o.shopify_order_id = $1",
            )
            .bind(order.id)
            .fetch_all(&world.pool)
            .await
            .unwrap();
            (!kept.is_empty()).then_some(kept)
        })
        .await;
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_eq!(world.available("NEWS-RETURN").await, 3);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn another_address_is_followed_at_the_warehouse_and_shown_of_what_has_left_alone() {
    let world = &*WORLD;
    world::run(async {
        let sku = "NEWS-ADDRESS";
        let (order, first) = at_the_warehouse(world, &[sku], 3).await;
        let moved = |house: u32| json!({"shippingAddress": {"address1": format!("{house} Secret Street")}});
        staff(world, &order, "edit", moved(2)).await;
        let second = world.until_handed_over(sku, 2).await;
        world.until_message(&order, "orders/updated", "DONE").await;
        assert_eq!(world.wms_effects(sku, "shipmentCancelled").await.len(), 1, "{first}");
        assert!(world.attention(&order).await.is_empty(), "nothing has left");

        let left = json!({"type": "shipment.shipped", "reference": second, "shipmentId": "ADDRESS-1",
            "sequence": 3, "lines": [{"sku": sku, "quantity": 3}]});
        assert_eq!(world.send_callback("address-1", &left).await, 200);
        world.until_shop_notified(&order, 1).await;
        world.until_closed(&order.workflow()).await;
        staff(world, &order, "edit", moved(3)).await;
        let shown = world.until_shown(&order, "EDITED_TOO_LATE").await;
        assert_eq!(shown, format!("{second} left to the address before the newest"));
        assert_eq!(world.references(sku).await.len(), 2);
    });
}

#[test]
fn an_edit_the_warehouse_could_not_stop_is_shown_and_the_order_goes_on() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-LATE", 20).await;
        world
            .wms_rule(json!({"operation": "shipment", "sku": "NEWS-LATE", "never": true, "tooLate": true}))
            .await;
        let order = Placed::new(SHOP, &["NEWS-LATE"], 3);
        world.place(&order).await;
        let reference = world.until_handed_over("NEWS-LATE", 1).await;
        let words = json!({"lines": [{"lineItemId": line_of(&order, 0), "quantity": 1}]});
        staff(world, &order, "edit", words).await;
        until("it is shown", Duration::from_secs(60), async || {
            let rows = world.open_attention(&order).await;
            rows.iter().any(|row| row.reason == "EDITED_TOO_LATE").then_some(())
        })
        .await;
        world.warehouse_does(&reference, "ship").await;
        world.until_shipped(&order).await;
        assert_eq!(world.pieces_shipped("NEWS-LATE").await, 3);
        assert_eq!(world.references("NEWS-LATE").await.len(), 1);
    });
}

#[test]
fn a_line_added_after_shipping_leaves_in_a_parcel_of_its_own() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-FIRST", 5).await;
        world.stock("NEWS-ADDED", 5).await;
        let order = Placed::new(SHOP, &["NEWS-FIRST"], 1);
        world.place(&order).await;
        world.until_shop_notified(&order, 1).await;
        world.until_closed(&order.workflow()).await;
        let words = json!({"lines": [{"sku": "NEWS-ADDED", "quantity": 2, "price": "5.00"}]});
        staff(world, &order, "edit", words).await;
        world.until_shop_notified(&order, 2).await;
        assert_eq!(world.pieces_shipped("NEWS-ADDED").await, 2);
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn a_line_raised_as_the_last_parcel_leaves_is_followed_by_its_rest_whatever_is_said_when() {
    let world = &*WORLD;
    world::run(async {
        let one = async |number: usize| {
            let skus = ["A", "B"].map(|sku| format!("NEWS-RAISED-{number}-{sku}"));
            for sku in &skus {
                world.stock(sku, 20).await;
                let parts = json!({"operation": "shipment", "sku": sku, "times": 0, "parts": [1, 1, 1, 1, 1],
                                   "shipAfterMs": 300});
                world.wms_rule(parts).await;
            }
            let mut order = Placed::new(SHOP, &[&skus[0], &skus[1]], 1);
            for member in ["quantity", "fulfillable_quantity"] {
                order.body["line_items"][0][member] = json!(3);
            }
            world.place(&order).await;
            world.until_shop_notified(&order, 4).await;
            tokio::time::sleep(Duration::from_millis(number as u64 * 37)).await;
            let words = json!({"lines": [{"lineItemId": line_of(&order, 1), "quantity": 4}]});
            staff_quietly(world, &order, "edit", words).await;
            let body = world.shown_in_shop(&order).await;
            world.deliver_webhook(&Webhook::new(SHOP, "orders/updated", body)).await;
            until("the rest has left", Duration::from_secs(90), async || {
                let left = world.pieces_shipped(&skus[1]).await;
                (left == 4).then_some(())
            })
            .await;
            world.until_shop_notified(&order, 7).await;
            assert!(
                world.attention(&order).await.is_empty(),
                "{number}: {:?}",
                world.attention(&order).await
            );
        };
        join_all((0..16).map(one)).await;
    });
}

#[test]
fn what_is_shown_of_an_order_after_an_edit_is_what_the_newest_body_says() {
    let world = &*WORLD;
    world::run(async {
        for sku in ["NEWS-SHOWN-A", "NEWS-SHOWN-B"] {
            world.stock(sku, 5).await;
        }
        let order = Placed::new(SHOP, &["NEWS-SHOWN-A"], 2).with("financial_status", json!("pending"));
        world.place(&order).await;
        world.until_order(&order, "condition", &["AWAITING_PAYMENT"]).await;
        let words = json!({"totalPrice": "71.30", "lines": [
            {"lineItemId": line_of(&order, 0), "quantity": 4},
            {"sku": "NEWS-SHOWN-B", "quantity": 3, "price": "5.50", "name": "Socks"},
        ]});
        staff(world, &order, "edit", words).await;
        let shown = world.until_order(&order, "totalAmount", &["71.30"]).await;
        let items: Vec<_> = shown["items"].as_array().unwrap().iter().collect();
        let of = |item: &Value| {
            ["sku", "productName", "quantity", "unitPrice", "totalPrice"].map(|name| item[name].clone())
        };
        assert_eq!(
            items.into_iter().map(of).collect::<Vec<_>>(),
            [
                [json!("NEWS-SHOWN-A"), json!("Shirt"), json!(4), json!("29.90"), json!("119.60")],
                [json!("NEWS-SHOWN-B"), json!("Socks"), json!(3), json!("5.50"), json!("16.50")],
            ]
        );

        // A line that was edited away before it left is shown no more, as one that the body does not have.
        let fewer = json!({"totalPrice": "16.50", "lines": [
            {"lineItemId": line_of(&order, 0), "quantity": 0},
        ]});
        staff(world, &order, "edit", fewer).await;
        let shown = until("one line is left", Duration::from_secs(60), async || {
            let shown = world.order(&order).await;
            (shown["items"].as_array().map(Vec::len) == Some(1)).then_some(shown)
        })
        .await;
        assert_eq!(
            (&shown["items"][0]["sku"], &shown["items"][0]["quantity"]),
            (&json!("NEWS-SHOWN-B"), &json!(3))
        );
        let mut body = world.shown_in_shop(&order).await;
        body["line_items"].as_array_mut().unwrap().remove(0);
        body["total_price"] = json!("17.70");
        body["name"] = json!("#edited");
        body["updated_at"] = minutes_later(1);
        world.deliver_webhook(&Webhook::new(SHOP, "orders/updated", body)).await;
        let shown = world.until_order(&order, "totalAmount", &["17.70"]).await;
        assert_eq!(shown["items"].as_array().map(Vec::len), Some(1), "{shown}");
        assert_eq!((&shown["items"][0]["sku"], &shown["name"]), (&json!("NEWS-SHOWN-B"), &json!("#edited")));
    });
}

#[test]
fn a_body_that_is_silent_about_the_address_and_what_left_takes_nothing_away() {
    let world = &*WORLD;
    world::run(async {
        let sku = "NEWS-SILENT";
        world.stock(sku, 5).await;
        let order = Placed::new(SHOP, &[sku], 2).with("financial_status", json!("pending"));
        world.place(&order).await;
        world.until_order(&order, "condition", &["AWAITING_PAYMENT"]).await;
        let mut silent = order.body.clone();
        silent.as_object_mut().unwrap().remove("shipping_address");
        silent["financial_status"] = json!("paid");
        silent["updated_at"] = minutes_later(1);
        world.deliver_webhook(&Webhook::new(SHOP, "orders/paid", silent.clone())).await;
        world.until_shop_notified(&order, 1).await;
        world.until_closed(&order.workflow()).await;
        assert_eq!(world.shop_answers(&order, "order").await, 0, "the address was known");
        let sent_there: Option<bool> = sqlx::query_scalar(
            "SELECT h.ship_to_digest = c.ship_to_digest AND customer #>> '{shipping_address,zip}' = '10115'
             FROM orders.fulfilment_requests h JOIN orders.customers c USING (order_id)
             JOIN orders.orders o USING (order_id) WHERE o.shopify_order_id = $1",
        )
        .bind(order.id)
        .fetch_one(&world.pool)
        .await
        .unwrap();
        assert_eq!(sent_there, Some(true));

        // Silent about fulfilments as well: what we notified the shop of is still ours.
        silent["updated_at"] = minutes_later(2);
        silent["line_items"][0].as_object_mut().unwrap().remove("fulfillable_quantity");
        world.deliver_webhook(&Webhook::new(SHOP, "orders/updated", silent)).await;
        world.until_message(&order, "orders/updated", "DONE").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(world.references(sku).await.len(), 1);
        assert!(world.attention(&order).await.is_empty());
    });
}

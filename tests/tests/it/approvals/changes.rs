//! What the shop changes of an order that waits for an approval, or has one.

use super::*;

#[test]
fn what_changes_while_it_waits_is_what_is_asked() {
    let world = &*WORLD;
    world::run(async {
        world.stock("APPR-CHANGE", 9).await;
        let order = tagged("APPR-CHANGE");
        world.place(&order).await;
        let first = until_asked(world, &order).await;
        says(world, &order, 1, &[("total_price", json!("250.00"))]).await;
        let rules = "total above 100 EUR, tag check; its total is 250.00 EUR";
        let row = until("the newest is asked", Duration::from_secs(30), async || {
            Some(until_asked(world, &order).await).filter(|row| row["detail"] == rules)
        })
        .await;
        // Who read the row before decides nothing of this one.
        let (status, body) =
            resolve(world, &order, json!({"action": "approve", "attentionId": first["attentionId"]})).await;
        assert_eq!(status, StatusCode::CONFLICT, "{body}");
        let (status, body) =
            resolve(world, &order, json!({"action": "approve", "attentionId": row["attentionId"]})).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        world.until_shipped(&order).await;
        let asked = asked(world, &order).await;
        assert_eq!((asked.len(), &asked[0]["totalAmount"]), (1, &json!("250.00")), "{asked:?}");
    });
}

#[test]
fn a_body_that_is_silent_about_tags_takes_none_away() {
    let world = &*WORLD;
    world::run(async {
        world.stock("APPR-SILENT", 9).await;
        let order = tagged("APPR-SILENT");
        world.place(&order).await;
        let row = until_asked(world, &order).await;
        let mut body = order.body.clone();
        body["updated_at"] = minutes_later(1);
        body["note"] = json!("please ring twice");
        body.as_object_mut().expect("an object").remove("tags");
        let said = Webhook::new(&order.shop, "orders/updated", body);
        world.deliver_webhook(&said).await;
        world.until_message(&order, "orders/updated", "DONE").await;
        assert_eq!(until_asked(world, &order).await["attentionId"], row["attentionId"]);
        assert!(world.references("APPR-SILENT").await.is_empty(), "it is not handed over unseen");
        approve(world, &order).await;
        world.until_shipped(&order).await;
    });
}

#[test]
fn an_order_that_no_rule_holds_any_more_goes_on_by_itself() {
    let world = &*WORLD;
    world::run(async {
        world.stock("APPR-LESS", 9).await;
        let order = tagged("APPR-LESS");
        world.place(&order).await;
        until_asked(world, &order).await;
        says(world, &order, 1, &[("tags", json!("gift"))]).await;
        world.until_shipped(&order).await;
        assert!(asked(world, &order).await.is_empty());
        assert!(world.open_attention(&order).await.is_empty());
    });
}

#[test]
fn an_approval_stands_until_another_rule_holds_or_the_total_grows() {
    let world = &*WORLD;
    world::run(async {
        // Parked at the hand-over, where it is approved and not handed over yet.
        let sku = "APPR-AFTER";
        world.stock(sku, 9).await;
        let refused = json!({"operation": "createShipment", "sku": sku, "code": "bad_address", "times": 9});
        world.wms_rule(refused).await;
        let order = tagged(sku);
        world.place(&order).await;
        until_asked(world, &order).await;
        approve(world, &order).await;
        let is_at_hand_over = async || {
            world.until_order(&order, "conditionReason", &["WMS_BAD_ADDRESS"]).await;
        };
        is_at_hand_over().await;
        // Nothing that matters, and less: it is tried again, and nobody is asked.
        let tried = world.attention(&order).await.len();
        says(world, &order, 1, &[("tags", json!("check, fragile")), ("total_price", json!("20.00"))]).await;
        until("it was tried again", Duration::from_secs(60), async || {
            (world.attention(&order).await.len() > tried).then_some(())
        })
        .await;
        is_at_hand_over().await;
        assert_eq!(asked(world, &order).await.len(), 1);
        let of_approval = world.attention(&order).await.iter().filter(|row| row.reason == "APPROVAL").count();
        assert_eq!(of_approval, 1);

        says(world, &order, 2, &[("tags", json!("check")), ("total_price", json!("30.00"))]).await;
        let row = until_asked(world, &order).await;
        assert_eq!(row["detail"], "tag check; its total is 30.00 EUR", "it costs more than what was seen");
        approve(world, &order).await;
        is_at_hand_over().await;
        let mut swiss = order.body["shipping_address"].clone();
        swiss["country_code"] = json!("CH");
        let members =
            [("tags", json!("check")), ("total_price", json!("30.00")), ("shipping_address", swiss)];
        says(world, &order, 3, &members).await;
        let row = until_asked(world, &order).await;
        assert_eq!(row["detail"], "country CH, tag check; its total is 30.00 EUR");
        approve(world, &order).await;
        is_at_hand_over().await;
        assert_eq!(asked(world, &order).await.len(), 3);
    });
}

//! What is said in one second, or without its moment.

use super::*;

#[test]
fn what_is_said_while_the_shops_order_is_read_is_not_lost() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-READING", 5).await;
        // The shop's own clock has whole seconds.
        let second =
            (chrono::Utc::now() - chrono::Duration::hours(1)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let order = Placed::new(SHOP, &["NEWS-READING"], 1).with("financial_status", json!("pending"));
        let mut order = order.with("updated_at", json!(second));
        world.place(&order).await;
        world.until_order(&order, "condition", &["AWAITING_PAYMENT"]).await;
        // The shop shows the order as it is, and its answer takes a while.
        let slow = json!({"operation": "order", "sku": "NEWS-READING", "effectThenHangMs": 1500});
        world.shopify_rule(slow).await;
        let edited = json!({"order_edit": {"id": order.id, "order_id": order.id}});
        world.deliver_webhook(&Webhook::new(SHOP, "orders/edited", edited)).await;
        world.until_message(&order, "orders/edited", "DONE").await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        // Paid in the very second of which the shop has told, and nobody says when that was sent.
        order.body["financial_status"] = json!("paid");
        world.place_silently(&order).await;
        world.deliver_webhook(&Webhook::new(SHOP, "orders/paid", order.body.clone())).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert!(world.attention(&order).await.is_empty());
    });
}

/// The inbox takes what is said in one second of the shop's clock in this order.
async fn said_in_one_second(world: &World, order: &Placed, words: &[(&Placed, Option<i64>)]) {
    let sent = chrono::Utc::now() - chrono::Duration::hours(1);
    let second = sent.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    world.place_silently(&order.clone().with("updated_at", json!(second))).await;
    for (before, (said, milliseconds)) in words.iter().enumerate() {
        let body = (*said).clone().with("updated_at", json!(second)).body;
        let triggered_at = milliseconds.map(|each| sent + chrono::Duration::milliseconds(each));
        let webhook = Webhook { triggered_at, ..Webhook::new(HOLDING_SHOP, "orders/updated", body) };
        world.deliver_webhook(&webhook).await;
        until("it is dealt with", Duration::from_secs(30), async || {
            let rows = world.messages(order).await;
            (rows.len() > before && !rows.iter().any(|kept| kept.waits())).then_some(())
        })
        .await;
    }
}

#[test]
fn a_doubt_is_settled_by_the_shops_order_alone_and_not_by_the_next_message() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-DOUBT", 5).await;
        // In the shop it was voided in the second in which it was placed and edited.
        let order = Placed::new(HOLDING_SHOP, &["NEWS-DOUBT"], 1);
        let voided = order.clone().with("financial_status", json!("voided"));
        let edited = order.clone().with("name", json!("#edited"));
        let words = [(&order, Some(1)), (&voided, None), (&edited, Some(2))];
        said_in_one_second(world, &voided, &words).await;
        let waits = world.until_order(&order, "condition", &["AWAITING_PAYMENT"]).await;
        assert_eq!(waits["status"], "PENDING");
    });
}

#[test]
fn what_is_said_again_without_its_moment_may_be_newer_than_what_is_said_next() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-AGAIN", 5).await;
        let paid = Placed::new(HOLDING_SHOP, &["NEWS-AGAIN"], 1);
        let voided = paid.clone().with("financial_status", json!("voided"));
        said_in_one_second(world, &paid, &[(&paid, Some(1)), (&paid, None), (&voided, Some(2))]).await;
        until("the shop's own order is read", Duration::from_secs(30), async || {
            let (status, in_doubt) = world.content(&paid).await;
            (status == "paid" && !in_doubt).then_some(())
        })
        .await;
    });
}

#[test]
fn what_is_said_again_later_counts_from_that_moment() {
    let world = &*WORLD;
    world::run(async {
        world.stock("NEWS-LATER", 5).await;
        let paid = Placed::new(HOLDING_SHOP, &["NEWS-LATER"], 1);
        let voided = paid.clone().with("financial_status", json!("voided"));
        said_in_one_second(world, &paid, &[(&paid, Some(1)), (&paid, Some(3)), (&voided, Some(2))]).await;
        assert_eq!(world.content(&paid).await, ("paid".to_owned(), false));
    });
}

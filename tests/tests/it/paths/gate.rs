//! Before anything is reserved: payment, holds, what is ignored, what came in which order.

use serde_json::json;
use temporalio_client::WorkflowExecutionStatus;

use crate::{
    line::WORLD,
    world::{self, HASTY_SHOP, HOLDING_SHOP, Placed, SHOP, STRICT_SHOP, World, minutes_later},
};

fn unpaid(shop: &str, sku: &str) -> Placed {
    Placed::new(shop, &[sku], 1).with("financial_status", json!("pending"))
}

/// Shipped once, told once, closed.
async fn ships_once(world: &World, order: &Placed, sku: &str) {
    world.until_shipped(order).await;
    world.until_shop_notified(order, 1).await;
    assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
    assert_eq!(world.pieces_shipped(sku).await, 1);
}

#[test]
fn an_unpaid_order_waits_until_it_is_paid() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PAY-WAIT", 5).await;
        let order = unpaid(SHOP, "PAY-WAIT");
        world.place(&order).await;
        let waiting = world.until_order(&order, "condition", &["AWAITING_PAYMENT"]).await;
        assert_eq!(waiting["status"], "PENDING");
        assert_eq!(world.available("PAY-WAIT").await, 5, "nothing is promised yet");
        world.shop_does(&order, "pay").await;
        ships_once(world, &order, "PAY-WAIT").await;
    });
}

#[test]
fn an_order_that_stays_unpaid_is_parked_until_it_is_answered() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PAY-PARK", 5).await;
        let order = unpaid(HASTY_SHOP, "PAY-PARK");
        world.place(&order).await;
        assert_eq!(world.until_parked(&order).await, "PAYMENT_OVERDUE");

        world.resolve(&order, json!({"action": "retry", "actor": "olga"})).await.expect("it is parked");
        world::until(
            "it is parked again, as it is still unpaid",
            std::time::Duration::from_secs(30),
            async || (world.attention(&order).await.len() == 2).then_some(()),
        )
        .await;
        assert_eq!(world.until_parked(&order).await, "PAYMENT_OVERDUE");

        world.resolve(&order, json!("skip")).await.expect_err("a skip needs a reason");
        let skip = json!({"action": "skip", "reason": "paid in cash", "actor": "olga"});
        world.resolve(&order, skip).await.expect("it is parked");
        ships_once(world, &order, "PAY-PARK").await;

        let rows = world.attention(&order).await;
        let answers: Vec<_> = rows.iter().map(|row| row.resolution.as_deref().unwrap()).collect();
        assert_eq!(answers, ["retry", "skip"]);
        assert!(rows.iter().all(|row| row.step == "gate" && row.resolved_by.as_deref() == Some("olga")));
        assert_eq!(rows[1].resolve_reason.as_deref(), Some("paid in cash"));
    });
}

#[test]
fn an_order_parked_as_unpaid_goes_on_by_itself_when_it_is_paid() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PAY-LATE", 5).await;
        let order = unpaid(HASTY_SHOP, "PAY-LATE");
        world.place(&order).await;
        world.until_parked(&order).await;
        world.shop_does(&order, "pay").await;
        ships_once(world, &order, "PAY-LATE").await;
        let rows = world.attention(&order).await;
        assert_eq!((rows.len(), rows[0].resolved_by.as_deref()), (1, Some("waybill")));
    });
}

#[test]
fn a_strict_shop_cancels_what_stays_unpaid_and_is_told() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PAY-STRICT", 5).await;
        let order = unpaid(STRICT_SHOP, "PAY-STRICT");
        world.place(&order).await;
        world.until_order(&order, "status", &["CANCELLED"]).await;
        world.until_closed(&order.workflow()).await;
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 1);
        let by: String =
            sqlx::query_scalar("SELECT cancelled_by FROM orders.orders WHERE shopify_order_id = $1")
                .bind(order.id)
                .fetch_one(&world.pool)
                .await
                .unwrap();
        assert_eq!(by, "policy");
    });
}

#[test]
fn an_update_that_arrives_before_the_creation_starts_the_order_once() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ORDER-REVERSED", 5).await;
        let order = Placed::new(SHOP, &["ORDER-REVERSED"], 1);
        world.announce(&order, "topics=orders/create,orders/updated&reorder=true").await;
        ships_once(world, &order, "ORDER-REVERSED").await;
        world.until_message(&order, "orders/create", "DONE").await;
        world.until_message(&order, "orders/updated", "DONE").await;
    });
}

#[test]
fn stale_content_is_recorded_as_skipped_and_changes_nothing() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ORDER-STALE", 5).await;
        let paid = Placed::new(SHOP, &["ORDER-STALE"], 1).with("updated_at", minutes_later(5));
        let stale =
            paid.clone().with("updated_at", minutes_later(0)).with("financial_status", json!("voided"));
        world.announce(&paid, "topics=orders/updated").await;
        world
            .until_order(&paid, "status", &["PENDING", "CONFIRMED", "PROCESSING", "SHIPPED", "DELIVERED"])
            .await;
        world.announce(&stale, "topics=orders/create").await;
        let reason = world.until_message(&paid, "orders/create", "SKIPPED").await;
        assert_eq!(reason.as_deref(), Some("older than what is known of the order"));
        ships_once(world, &paid, "ORDER-STALE").await;
        assert_eq!(world.order(&paid).await["financialStatus"], "paid");
    });
}

#[test]
fn content_a_day_old_starts_an_order_nobody_knows() {
    let world = &*WORLD;
    world::run(async {
        world.stock("ORDER-OLD", 5).await;
        let order = Placed::new(SHOP, &["ORDER-OLD"], 1).with("updated_at", minutes_later(-24 * 60));
        world.place(&order).await;
        ships_once(world, &order, "ORDER-OLD").await;
    });
}

#[test]
fn an_order_is_held_for_the_hold_window_and_then_ships() {
    let world = &*WORLD;
    world::run(async {
        world.stock("HOLD-SHIPS", 5).await;
        let order = Placed::new(HOLDING_SHOP, &["HOLD-SHIPS"], 1);
        world.place(&order).await;
        let held = world.until_order(&order, "condition", &["ON_HOLD"]).await;
        assert_eq!((&held["status"], &held["heldBy"]), (&json!("PENDING"), &json!("WINDOW")));
        ships_once(world, &order, "HOLD-SHIPS").await;
        assert_eq!(world.order(&order).await["heldBy"], json!(null));
    });
}

#[test]
fn an_order_may_be_withdrawn_while_it_is_held() {
    let world = &*WORLD;
    world::run(async {
        world.stock("HOLD-CANCELLED", 5).await;
        let order = Placed::new(HOLDING_SHOP, &["HOLD-CANCELLED"], 1);
        world.place(&order).await;
        world.until_order(&order, "condition", &["ON_HOLD"]).await;
        let answer = world.update(&order.workflow(), "cancel-order", World::cancel_request("customer")).await;
        assert_eq!(answer.expect("it may be withdrawn"), json!({"status": "CANCELLED"}));
        let cancelled = world.until_order(&order, "status", &["CANCELLED"]).await;
        assert_eq!(cancelled["condition"], json!(null));
        world.until_closed(&order.workflow()).await;
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 1);
        assert!(world.references("HOLD-CANCELLED").await.is_empty());
        assert_eq!(world.available("HOLD-CANCELLED").await, 5);
    });
}

#[test]
fn an_order_changed_while_it_is_held_ships_as_it_is_then() {
    let world = &*WORLD;
    world::run(async {
        world.stock("HOLD-CHANGED", 5).await;
        let order = Placed::new(HOLDING_SHOP, &["HOLD-CHANGED"], 3);
        world.place(&order).await;
        world.until_order(&order, "condition", &["ON_HOLD"]).await;
        let mut fewer = order.clone().with("updated_at", minutes_later(1));
        fewer.body["line_items"][0]["fulfillable_quantity"] = json!(1);
        world.announce(&fewer, "topics=orders/updated").await;
        ships_once(world, &order, "HOLD-CHANGED").await;
    });
}

#[test]
fn a_test_order_is_ignored_until_a_webhook_says_it_is_real() {
    let world = &*WORLD;
    world::run(async {
        world.stock("IGNORE-TEST", 5).await;
        let order = Placed::new(SHOP, &["IGNORE-TEST"], 1).with("test", json!(true));
        world.place(&order).await;
        let ignored = world.until_order(&order, "condition", &["IGNORED"]).await;
        assert_eq!(
            (&ignored["status"], &ignored["conditionReason"]),
            (&json!("PENDING"), &json!("TEST_ORDER"))
        );
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        assert_eq!(world.available("IGNORE-TEST").await, 5);

        let still = order.clone().with("updated_at", minutes_later(1));
        world.announce(&still, "topics=orders/updated").await;
        world.until_message(&order, "orders/updated", "DONE").await;
        assert_eq!(world.order(&order).await["condition"], "IGNORED");

        let real = order.clone().with("test", json!(false)).with("updated_at", minutes_later(2));
        world.announce(&real, "topics=orders/updated").await;
        ships_once(world, &order, "IGNORE-TEST").await;
    });
}

#[test]
fn what_is_voided_or_cancelled_or_does_not_ship_is_ignored_with_the_reason() {
    let world = &*WORLD;
    world::run(async {
        world.stock("IGNORE-OTHERS", 5).await;
        let order = |member: &str, value| Placed::new(SHOP, &["IGNORE-OTHERS"], 1).with(member, value);
        let mut digital = Placed::new(SHOP, &["IGNORE-OTHERS"], 1);
        digital.body["line_items"][0]["requires_shipping"] = json!(false);
        let ignored = [
            (order("financial_status", json!("voided")), "VOIDED"),
            (order("financial_status", json!("refunded")), "VOIDED"),
            (order("cancelled_at", minutes_later(0)), "CANCELLED_IN_SHOP"),
            (order("line_items", json!([])), "NOTHING_TO_SHIP"),
            (digital, "NOTHING_TO_SHIP"),
        ];
        for (order, reason) in ignored {
            world.place(&order).await;
            let ignored = world.until_order(&order, "condition", &["IGNORED"]).await;
            assert_eq!(ignored["conditionReason"], reason);
            assert_eq!(ignored["status"], "PENDING");
            world.until_closed(&order.workflow()).await;
        }
        assert_eq!(world.available("IGNORE-OTHERS").await, 5);
        assert!(world.references("IGNORE-OTHERS").await.is_empty());
    });
}

#[test]
fn a_currency_or_a_status_nobody_can_read_parks_and_is_mended_by_the_shop() {
    let world = &*WORLD;
    world::run(async {
        world.stock("PARK-UNREADABLE", 5).await;
        let unreadable = [
            ("currency", json!("Taler"), json!("EUR"), "UNREADABLE_CURRENCY"),
            ("financial_status", json!("half_paid"), json!("paid"), "UNREADABLE_STATUS"),
        ];
        for (shipped, (member, odd, mended, reason)) in unreadable.into_iter().enumerate() {
            let order = Placed::new(SHOP, &["PARK-UNREADABLE"], 1).with(member, odd);
            world.place(&order).await;
            assert_eq!(world.until_parked(&order).await, reason);
            let mended = order.clone().with(member, mended).with("updated_at", minutes_later(1));
            world.announce(&mended, "topics=orders/updated").await;
            world.until_shipped(&order).await;
            world.until_shop_notified(&order, 1).await;
            assert_eq!(world.pieces_shipped("PARK-UNREADABLE").await, shipped as u64 + 1);
        }
    });
}

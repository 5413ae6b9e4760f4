//! Cancelling, by whom and when.

use std::time::Duration;

use chrono::{SubsecRound, TimeDelta, Utc};
use serde_json::{Value, json};
use temporalio_client::WorkflowExecutionStatus;

use crate::{
    line::WORLD,
    world::{self, ADMIN_TOKEN, CAUTIOUS_SHOP, Placed, SHOP, STRICT_SHOP, World, minutes_later, until},
};

/// An order the warehouse has taken and does nothing about; `too_late` if it lets nothing go any more.
async fn processing(world: &World, shop: &str, sku: &str, too_late: bool) -> (Placed, String) {
    world.stock(sku, 5).await;
    world.wms_rule(json!({"operation": "shipment", "sku": sku, "never": true, "tooLate": too_late})).await;
    let order = Placed::new(shop, &[sku], 2);
    world.place(&order).await;
    world.until_order(&order, "status", &["PROCESSING"]).await;
    let reference = world.until_handed_over(sku, 1).await;
    until("the run knows it too", Duration::from_secs(30), async || {
        (world.status(&order.workflow()).await["status"] == "PROCESSING").then_some(())
    })
    .await;
    (order, reference)
}

async fn cancel(world: &World, order: &Placed, actor: &str) -> Result<serde_json::Value, String> {
    world.update(&order.workflow(), "cancel-order", World::cancel_request(actor)).await
}

#[test]
fn a_cancel_while_processing_recalls_and_gives_the_stock_back() {
    let world = &*WORLD;
    world::run(async {
        let (order, reference) = processing(world, SHOP, "CANCEL-RECALL", false).await;
        assert_eq!(world.available("CANCEL-RECALL").await, 3);
        assert_eq!(cancel(world, &order, "customer").await, Ok(json!({"status": "CANCELLED"})));
        world.until_order(&order, "status", &["CANCELLED"]).await;
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        assert_eq!(world.available("CANCEL-RECALL").await, 5);
        assert_eq!(world.wms_effects("CANCEL-RECALL", "shipmentCancelled").await.len(), 1);
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 1);
        let events: Vec<String> = sqlx::query_scalar(
            "SELECT event_type FROM integration.outbox JOIN orders.orders ON order_id = aggregate_id
             WHERE shopify_order_id = $1 AND event_type = 'ORDER_CANCELLED'",
        )
        .bind(order.id)
        .fetch_all(&world.pool)
        .await
        .unwrap();
        assert_eq!(events.len(), 1);
        // That it was cancelled there is no news.
        let said = json!({"type": "shipment.cancelled", "reference": reference, "shipmentId": "RECALLED-1",
            "sequence": 9, "lines": [{"sku": "CANCEL-RECALL", "quantity": 2}]});
        assert_eq!(world.send_callback("cancel-recall", &said).await, 200);
        until("what the warehouse said is settled", Duration::from_secs(30), async || {
            let state: String =
                sqlx::query_scalar("SELECT state FROM integration.inbox WHERE message_id = 'cancel-recall'")
                    .fetch_one(&world.pool)
                    .await
                    .unwrap();
            (state == "DONE").then_some(())
        })
        .await;
        assert!(world.attention(&order).await.is_empty());
    });
}

/// This shop's people give money back themselves, and what was cancelled goes on the shelf again.
#[test]
fn what_a_cancel_does_with_money_and_stock_in_the_shop_is_what_the_policy_says_of_each() {
    let world = &*WORLD;
    world::run(async {
        for (shop, sku, refund) in [(SHOP, "CANCEL-BOTH", true), (CAUTIOUS_SHOP, "CANCEL-NO-REFUND", false)] {
            let (order, _) = processing(world, shop, sku, false).await;
            assert_eq!(cancel(world, &order, "operator").await, Ok(json!({"status": "CANCELLED"})));
            let told = world.shop_effects(&order, "orderCancelled").await;
            assert_eq!(told.len(), 1, "{told:?}");
            assert_eq!((&told[0]["restock"], &told[0]["refund"]), (&json!(true), &json!(refund)), "{shop}");
        }
    });
}

#[test]
fn a_cancel_that_comes_too_late_is_refused_and_the_order_ships() {
    let world = &*WORLD;
    world::run(async {
        let (order, reference) = processing(world, SHOP, "CANCEL-LATE", true).await;
        let refusal = cancel(world, &order, "operator").await.expect_err("the warehouse was faster");
        assert!(refusal.contains("Order cannot be cancelled. Current status: PROCESSING"), "{refusal}");
        world.warehouse_does(&reference, "ship").await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        world.until_closed(&order.workflow()).await;
        assert_eq!(world.pieces_shipped("CANCEL-LATE").await, 2);
        assert_eq!(world.available("CANCEL-LATE").await, 3);
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 0);
    });
}

#[test]
fn a_cancel_and_the_parcels_departure_at_the_same_moment_end_as_shipped() {
    let world = &*WORLD;
    world::run(async {
        let (order, reference) = processing(world, SHOP, "CANCEL-RACE", false).await;
        let ship = world.warehouse_does(&reference, "ship");
        let (cancelled, ()) = tokio::join!(cancel(world, &order, "operator"), ship);
        let left = world.pieces_shipped("CANCEL-RACE").await;
        let expected = if left == 2 { "SHIPPED" } else { "CANCELLED" };
        assert_eq!(cancelled.is_ok(), left == 0, "{cancelled:?}");
        world.until_order(&order, "status", &[expected, "DELIVERED"]).await;
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        assert_eq!(world.available("CANCEL-RACE").await, 5 - i64::try_from(left).unwrap());
    });
}

#[test]
fn an_order_the_shop_cancels_before_it_is_handed_over_is_undone_without_telling_the_shop() {
    let world = &*WORLD;
    world::run(async {
        world.stock("SHOP-BEFORE", 1).await;
        let order = Placed::new(SHOP, &["SHOP-BEFORE"], 2);
        world.place(&order).await;
        world.until_order(&order, "condition", &["BACKORDERED"]).await;
        world.shop_does(&order, "cancel").await;
        world.until_order(&order, "status", &["CANCELLED"]).await;
        world.until_closed(&order.workflow()).await;
        assert_eq!(world.available("SHOP-BEFORE").await, 1);
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 0, "the shop knows");
    });
}

#[test]
fn an_order_the_shop_cancels_while_processing_is_recalled() {
    let world = &*WORLD;
    world::run(async {
        let (order, _) = processing(world, SHOP, "SHOP-DURING", false).await;
        world.shop_does(&order, "cancel").await;
        world.until_order(&order, "status", &["CANCELLED"]).await;
        world.until_closed(&order.workflow()).await;
        assert_eq!(world.available("SHOP-DURING").await, 5);
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 0, "the shop knows");
    });
}

#[test]
fn an_order_the_shop_cancels_when_nobody_can_stop_it_ships_and_is_an_operators() {
    let world = &*WORLD;
    world::run(async {
        let (order, reference) = processing(world, SHOP, "SHOP-LATE", true).await;
        world.shop_does(&order, "cancel").await;
        until("an operator is told", Duration::from_secs(60), async || {
            let rows = world.attention(&order).await;
            rows.into_iter().find(|row| row.reason == "CANCELLED_AFTER_SHIPPING" && !row.has_run)
        })
        .await;
        world.warehouse_does(&reference, "ship").await;
        world.until_shipped(&order).await;
        assert_eq!(world.pieces_shipped("SHOP-LATE").await, 2);
    });
}

#[test]
fn an_order_the_shop_cancels_after_it_shipped_is_an_operators_once_without_a_workflow() {
    let world = &*WORLD;
    world::run(async {
        world.stock("SHOP-AFTER", 5).await;
        let order = Placed::new(SHOP, &["SHOP-AFTER"], 1);
        world.place(&order).await;
        world.until_order(&order, "status", &["DELIVERED"]).await;
        world.until_closed(&order.workflow()).await;
        let events = world.history(&order.workflow()).await.len();

        world.shop_does(&order, "cancel").await;
        world.until_message(&order, "orders/cancelled", "DONE").await;
        let cancelled =
            order.clone().with("cancelled_at", minutes_later(1)).with("updated_at", minutes_later(1));
        world.announce(&cancelled, "topics=orders/updated").await;
        world.until_message(&order, "orders/updated", "DONE").await;

        let rows = world.attention(&order).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!((rows[0].reason.as_str(), rows[0].has_run), ("CANCELLED_AFTER_SHIPPING", false));
        assert_eq!(world.order(&order).await["status"], "DELIVERED");
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        assert_eq!(world.history(&order.workflow()).await.len(), events, "no workflow is touched");
        assert_eq!(world.available("SHOP-AFTER").await, 4);
    });
}

#[test]
fn a_customer_of_a_shop_that_allows_it_while_pending_alone_is_refused_later() {
    let world = &*WORLD;
    world::run(async {
        let (order, _) = processing(world, STRICT_SHOP, "CANCEL-STRICT", false).await;
        let refusal = cancel(world, &order, "customer").await.expect_err("the shop narrows it");
        assert!(refusal.contains("Order cannot be cancelled. Current status: PROCESSING"), "{refusal}");
        assert!(world.wms_effects("CANCEL-STRICT", "shipmentCancelled").await.is_empty());
        assert_eq!(cancel(world, &order, "operator").await, Ok(json!({"status": "CANCELLED"})));
        world.until_order(&order, "status", &["CANCELLED"]).await;
        assert_eq!(world.available("CANCEL-STRICT").await, 5);
    });
}

/// Another app has the shop cancel an order, which takes so long.
async fn another_app_cancels(world: &World, order: &Placed, sku: &str, after_ms: u64) {
    world.shopify_rule(json!({"operation": "orderCancel", "sku": sku, "cancelAfterMs": after_ms})).await;
    let query = "mutation($order: ID!) { orderCancel(orderId: $order, reason: OTHER, restock: false, \
                 refundMethod: {originalPaymentMethodsRefund: false}, notifyCustomer: false) \
                 { job { id } orderCancelUserErrors { message } } }";
    let body = json!({"query": query, "variables": {"order": order.body["admin_graphql_api_id"]}});
    let call = world.http.post(world.shopify("/admin/api/2026-07/graphql.json")).json(&body);
    let answer = call.header("X-Shopify-Access-Token", ADMIN_TOKEN).send().await.expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    assert!(answer["data"]["orderCancel"]["job"]["id"].is_string(), "{answer}");
}

/// An unpaid order that an operator cancels, with what the shop answers to it.
async fn parked_in_shop(world: &World, order: &Placed, reason: &str) {
    world.until_order(order, "condition", &["AWAITING_PAYMENT"]).await;
    world.signal(&order.workflow(), "cancel", &[World::cancel_request("operator")]).await;
    assert_eq!(world.until_parked(order).await, reason);
    let open = world.open_attention(order).await;
    assert_eq!((open.len(), open[0].step.as_str()), (1, "cancel_in_shop"), "{open:?}");
    until("the run knows it too", Duration::from_secs(30), async || {
        (!world.status(&order.workflow()).await["parked"].is_null()).then_some(())
    })
    .await;
}

/// Cancelled and over, with nothing left for a person.
async fn is_over(world: &World, order: &Placed) {
    world.until_order(order, "status", &["CANCELLED"]).await;
    assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
    assert!(world.open_attention(order).await.is_empty());
}

#[test]
fn a_cancellation_that_another_app_began_in_the_shop_is_freed_by_the_shops_word_or_by_a_second_cancel() {
    let world = &*WORLD;
    world::run(async {
        for (sku, second_cancel) in [("CANCEL-BEGUN-A", false), ("CANCEL-BEGUN-B", true)] {
            world.stock(sku, 5).await;
            let order = Placed::new(SHOP, &[sku], 1).with("financial_status", json!("pending"));
            world.place(&order).await;
            world.until_order(&order, "condition", &["AWAITING_PAYMENT"]).await;
            let lost = json!({"operation": "webhook", "type": "orders/cancelled", "sku": sku, "lost": true});
            if second_cancel {
                world.shopify_rule(lost).await;
            }
            another_app_cancels(world, &order, sku, if second_cancel { 6_000 } else { 60_000 }).await;
            parked_in_shop(world, &order, "SHOPIFY_CANCELLATION_IN_PROGRESS").await;
            if second_cancel {
                until("the shop has done it", Duration::from_secs(30), async || {
                    (!world.shop_effects(&order, "orderCancelled").await.is_empty()).then_some(())
                })
                .await;
                assert_eq!(cancel(world, &order, "operator").await, Ok(json!({"status": "CANCELLED"})));
            } else {
                world.shop_does(&order, "cancel").await;
            }
            is_over(world, &order).await;
            assert_eq!(world.shop_effects(&order, "orderCancelled").await.len(), 1);
        }
    });
}

#[test]
fn a_cancellation_the_shop_refuses_for_fulfilments_it_does_not_show_is_freed_by_either() {
    let world = &*WORLD;
    world::run(async {
        for (sku, second_cancel) in [("CANCEL-BLOCKED-A", false), ("CANCEL-BLOCKED-B", true)] {
            world.stock(sku, 5).await;
            let message = "Cannot cancel an order that has outstanding fulfillments";
            let errors = json!([{"field": ["orderId"], "message": message, "code": "INVALID"}]);
            let refused = json!({"operation": "orderCancel", "sku": sku, "times": 3, "userErrors": errors});
            world.shopify_rule(refused).await;
            // In whole seconds, as the shop shows it when it is read.
            let placed_at = (Utc::now() - TimeDelta::hours(1)).trunc_subsecs(0);
            let order = Placed::new(SHOP, &[sku], 1).with("updated_at", json!(placed_at));
            let order = order.with("financial_status", json!("pending"));
            world.place(&order).await;
            parked_in_shop(world, &order, "SHOPIFY_HAS_FULFILMENTS").await;
            if second_cancel {
                assert_eq!(cancel(world, &order, "customer").await, Ok(json!({"status": "CANCELLED"})));
            } else {
                world.shop_does(&order, "cancel").await;
            }
            is_over(world, &order).await;
            assert_eq!(world.cancelled_in_shop_by_us(&order).await, usize::from(second_cancel));
        }
    });
}

//! Parked, shown to operators, answered.

use std::time::Duration;

use serde_json::{Value, json};
use temporalio_client::WorkflowExecutionStatus;

use super::places::stock_far_away;
use crate::{
    line::WORLD,
    world::{self, Placed, SHOP, SPLITTING_SHOP, Webhook, World, until},
};

/// What the worker counted of parked orders, by step and reason.
async fn parked_total(world: &World, step: &str, reason: &str) -> f64 {
    let metrics = world.worker_metrics().await;
    let line = metrics.lines().find(|line| {
        line.starts_with("waybill_parked_total{")
            && line.contains(&format!("step=\"{step}\""))
            && line.contains(&format!("reason=\"{reason}\""))
    });
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
}

#[test]
fn a_warehouse_that_is_down_for_three_attempts_parks_the_order_and_a_retry_ships_it() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARKED-DOWN";
        world.stock(sku, 5).await;
        let down = json!({"operation": "createShipment", "sku": sku, "times": 3, "status": 503,
                          "body": {"code": "maintenance", "message": "conveyor belt 7 is being mended"}});
        world.wms_rule(down).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        let reason = world.until_parked(&order).await;
        let rows = world.open_attention(&order).await;
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].step.as_str(), rows[0].reason.as_str()), ("hand_over", reason.as_str()));
        assert!(rows[0].has_run);
        let words = rows[0].vendor_text.as_deref().expect("the vendor's own words");
        assert!(words.contains("conveyor belt 7"), "{words}");
        assert!(parked_total(world, "hand_over", &reason).await >= 1.0);
        let parked = format!(
            "OrderStage = 'NEEDS_ATTENTION' AND ParkedStep = 'hand_over' AND ParkedReason = '{reason}' AND Shop = '{SHOP}'"
        );
        world.until_found(&order, &parked).await;
        let status = world.status(&order.workflow()).await;
        assert_eq!(status["parked"], json!({"step": "hand_over", "reason": reason}));

        world.retry(&order).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        world.until_closed(&order.workflow()).await;
        world.until_found(&order, "OrderStage = 'FULFILLING' AND ParkedStep != 'hand_over'").await;
        let rows = world.attention(&order).await;
        assert_eq!((rows.len(), rows[0].resolution.as_deref()), (1, Some("retry")));
        assert_eq!(world.references(sku).await.len(), 1);
        assert_eq!(world.pieces_shipped(sku).await, 1);
    });
}

#[test]
fn what_leaves_while_another_warehouse_is_parked_is_booked_and_the_shop_is_told() {
    let world = &*WORLD;
    world::run(async {
        let [far, main] = ["PARKED-BESIDE-FAR", "PARKED-BESIDE-MAIN"];
        stock_far_away(world, far, 5).await;
        world.stock(main, 5).await;
        // It is handed over first, and leaves when the other has been refused.
        world.wms_rule(json!({"operation": "shipment", "sku": far, "never": true})).await;
        world.wms_rule(json!({"operation": "createShipment", "sku": main, "code": "bad_address"})).await;
        let order = Placed::new(SHOP, &[far, main], 1);
        world.place(&order).await;
        world.until_parked(&order).await;
        let reference = world.until_handed_over(far, 1).await;
        world.warehouse_does(&reference, "ship").await;

        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped(far).await, 1);
        assert_eq!(world.on_hand(far).await, 4);
        let told = world.order(&order).await;
        assert_eq!(told["status"], "PROCESSING", "{told}");
        assert_eq!(told["condition"], "NEEDS_ATTENTION", "{told} {:?}", world.attention(&order).await);

        world.retry(&order).await;
        world.until_shop_notified(&order, 2).await;
        world.until_shipped(&order).await;
        assert_eq!(world.pieces_shipped(main).await, 1);
    });
}

#[test]
fn what_leaves_while_the_shop_cannot_be_told_is_booked_and_told_later() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARKED-DEAF-SHOP";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "parts": [1], "shipAfterMs": 1500})).await;
        let refused = json!({"operation": "fulfillmentCreate", "sku": sku, "times": 2,
                             "userErrors": [{"field": ["fulfillment"], "message": "Not today."}]});
        world.shopify_rule(refused).await;
        let order = Placed::new(SHOP, &[sku], 2);
        world.place(&order).await;
        world.until_parked(&order).await;
        until("the second parcel is booked too", Duration::from_secs(30), async || {
            (world.on_hand(sku).await == 3).then_some(())
        })
        .await;
        let shipped = world.until_order(&order, "condition", &["NEEDS_ATTENTION"]).await;
        assert_eq!(shipped["status"], "SHIPPED", "{shipped}");
        world.retry(&order).await;
        world.until_shop_notified(&order, 2).await;
        world.until_closed(&order.workflow()).await;
    });
}

#[test]
fn an_answer_to_a_parked_step_leaves_open_what_else_waits_for_a_person() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARKED-BESIDE";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "never": true, "tooLate": true})).await;
        let order = Placed::new(SPLITTING_SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_order(&order, "status", &["PROCESSING"]).await;
        let reference = world.until_handed_over(sku, 1).await;
        let reasons = async || -> Vec<String> {
            world.open_attention(&order).await.into_iter().map(|row| row.reason).collect()
        };
        let shows = async |reason: &str| {
            until(&format!("{reason} is why"), Duration::from_secs(30), async || {
                let seen = world.order(&order).await;
                (seen["condition"] == "NEEDS_ATTENTION" && seen["conditionReason"] == reason).then_some(())
            })
            .await;
        };
        // What no run waits for, what is only shown, and what the run is parked by.
        world.shop_does(&order, "cancel").await;
        shows("CANCELLED_AFTER_SHIPPING").await;
        let unreadable = json!({"id": order.id, "line_items": "none"});
        world.deliver_webhook(&Webhook::new(&order.shop, "orders/updated", unreadable)).await;
        shows("UNREADABLE_ORDER").await;
        let exception = json!({"type": "shipment.exception", "reference": reference, "shipmentId": "BESIDE-1",
            "sequence": 2, "lines": [{"sku": sku, "quantity": 1}]});
        assert_eq!(world.send_callback("beside-1", &exception).await, 200);
        shows("WAREHOUSE_EXCEPTION").await;

        world.resolve(&order, json!("retry")).await.expect("it is parked");
        shows("UNREADABLE_ORDER").await;
        assert_eq!(reasons().await, ["CANCELLED_AFTER_SHIPPING", "UNREADABLE_ORDER"]);
        world.warehouse_does(&reference, "ship").await;
        world.until_shipped(&order).await;
        assert_eq!(reasons().await[0], "CANCELLED_AFTER_SHIPPING");
    });
}

#[test]
fn what_the_vendor_said_stands_in_no_history() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARKED-SILENT";
        world.stock(sku, 5).await;
        let refused = json!({"operation": "createShipment", "sku": sku, "code": "bad_address",
                             "message": "1 Secret Street is not known to the carrier"});
        world.wms_rule(refused).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        assert_eq!(world.until_parked(&order).await, "WMS_BAD_ADDRESS");
        let words =
            world.open_attention(&order).await[0].vendor_text.clone().expect("the vendor's own words");
        assert!(words.contains("1 Secret Street"), "{words}");
        world.retry(&order).await;
        world.until_shipped(&order).await;
        world.until_closed(&order.workflow()).await;
        let id = order.workflow();
        assert!(world.history_says(&id, "WMS_BAD_ADDRESS").await, "what may stand there is found");
        for private in ["Secret Street", "Secretname", "grace.secret"] {
            assert!(!world.history_says(&id, private).await, "{private}");
        }
    });
}

#[test]
fn a_hand_over_may_be_skipped_with_a_reason_and_counts_as_shipped_by_hand() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARKED-BY-HAND";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "createShipment", "sku": sku, "code": "bad_address"})).await;
        let order = Placed::new(SHOP, &[sku], 2);
        world.place(&order).await;
        world.until_parked(&order).await;
        let skip = json!({"action": "skip", "reason": "carried it over myself", "actor": "olga"});
        world.resolve(&order, skip).await.expect("it is parked");
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        assert_eq!(world.pieces_shipped(sku).await, 0);
        assert_eq!(world.available(sku).await, 3, "its stock has left all the same");
    });
}

#[test]
fn telling_the_shop_may_be_skipped_with_a_reason() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARKED-MEANWHILE";
        world.stock(sku, 5).await;
        // Refused again after the shop's fulfilment orders were read anew.
        let refused = json!({"operation": "fulfillmentCreate", "sku": sku, "times": 2,
                             "userErrors": [{"field": ["fulfillment"], "message": "Not today."}]});
        world.shopify_rule(refused).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_parked(&order).await;
        let row = world.open_attention(&order).await.remove(0);
        assert_eq!(row.step, "tell_shop");
        assert!(row.vendor_text.is_some_and(|words| words.contains("Not today.")));
        let skip = json!({"action": "skip", "reason": "told them on the phone"});
        world.resolve(&order, skip).await.expect("it is parked");
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        assert!(world.shop_effects(&order, "fulfillmentCreated").await.is_empty());
        let shipped = world.until_shipped(&order).await;
        assert_eq!(shipped["condition"], Value::Null);
        until("the order counts as finished", Duration::from_secs(30), async || {
            let ended: bool = sqlx::query_scalar(
                "SELECT story_ended_at IS NOT NULL FROM orders.orders WHERE shopify_order_id = $1",
            )
            .bind(order.id)
            .fetch_one(&world.pool)
            .await
            .unwrap();
            ended.then_some(())
        })
        .await;
    });
}

#[test]
fn compensating_a_parked_order_undoes_it() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARKED-UNDONE";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "createShipment", "sku": sku, "code": "bad_address"})).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_parked(&order).await;
        let compensate = json!({"action": "compensate", "reason": "no such street", "actor": "olga"});
        world.resolve(&order, compensate).await.expect("it is parked");
        world.until_order(&order, "status", &["CANCELLED"]).await;
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        assert_eq!(world.available(sku).await, 5);
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 1);
        let row = world.attention(&order).await.remove(0);
        assert_eq!(row.resolution.as_deref(), Some("compensate"));
    });
}

#[test]
fn an_undo_that_cannot_be_done_parks_and_goes_on_from_there() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARKED-UNDO";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "never": true})).await;
        world.wms_rule(json!({"operation": "cancelShipment", "sku": sku, "status": 500, "times": 3})).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_order(&order, "status", &["PROCESSING"]).await;
        world.signal(&order.workflow(), "cancel", &[json!("changed my mind")]).await;
        world.until_parked(&order).await;
        assert_eq!(world.open_attention(&order).await[0].step, "recall");
        assert_eq!(world.available(sku).await, 4, "nothing is given back before the warehouse let go");
        let again = world.resolve(&order, json!("compensate")).await.expect_err("it is under way");
        assert!(again.contains("being cancelled already"), "{again}");
        world.resolve(&order, json!("retry")).await.expect("it is parked");
        world.until_order(&order, "status", &["CANCELLED"]).await;
        world.until_closed(&order.workflow()).await;
        assert_eq!(world.available(sku).await, 5);
    });
}

#[test]
fn an_answer_that_comes_again_after_its_effect_is_said_to_be_done() {
    let world = &*WORLD;
    world::run(async {
        let sku = "PARKED-ANSWERED-TWICE";
        world.stock(sku, 5).await;
        world.wms_rule(json!({"operation": "createShipment", "sku": sku, "code": "bad_address"})).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_parked(&order).await;
        let id = world.order(&order).await["orderId"].as_str().expect("an id").to_owned();
        let path = world.api(&format!("/api/orders/{id}/resolve"));
        let answer = json!({"action": "retry", "reason": "the street is right"});
        let answered = world.http.post(path).json(&answer).send().await.unwrap();
        assert!(answered.status().is_success(), "{answered:?}");
        world.until_shipped(&order).await;
        world.until_closed(&order.workflow()).await;

        // Whoever brought it went away before it was noted that it was done.
        let again =
            "UPDATE integration.inbox SET state = 'RECEIVED', settled_at = NULL, next_attempt_at = now()
                     WHERE subject = $1 AND topic = 'resolve' RETURNING inbox_id";
        let message: i64 = sqlx::query_scalar(again).bind(&id).fetch_one(&world.pool).await.unwrap();
        let settled = until("it is settled again", Duration::from_secs(30), async || {
            let settled = "SELECT state, reason FROM integration.inbox
                           WHERE inbox_id = $1 AND settled_at IS NOT NULL";
            sqlx::query_as::<_, (String, Option<String>)>(settled)
                .bind(message)
                .fetch_optional(&world.pool)
                .await
                .unwrap()
        })
        .await;
        assert_eq!(settled, ("DONE".to_owned(), None));
        assert_eq!(world.pieces_shipped(sku).await, 1);
    });
}

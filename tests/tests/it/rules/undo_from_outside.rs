//! A cancel from the Temporal Web UI means the same as the signal `cancel`.

use serde_json::json;
use temporalio_client::{WorkflowCancelOptions, WorkflowExecutionStatus};

use crate::{
    line::WORLD,
    world::{self, Placed, SHOP, World},
};

async fn cancel_in_the_web_ui(world: &World, order: &Placed) {
    let options = WorkflowCancelOptions::builder().reason("clicked in the Web UI").build();
    world.workflow(&order.workflow()).cancel(options).await.expect("the request is taken");
}

async fn is_undone(world: &World, order: &Placed, sku: &str, stock: i64) {
    world.until_order(order, "status", &["CANCELLED"]).await;
    let closed = world.until_closed(&order.workflow()).await;
    assert_eq!(closed, WorkflowExecutionStatus::Completed, "the story ended; it was not cut off");
    assert_eq!(world.cancelled_in_shop_by_us(order).await, 1);
    assert_eq!(world.available(sku).await, stock);
    assert_eq!(world.pieces_shipped(sku).await, 0);
    assert!(world.open_attention(order).await.is_empty());
}

#[test]
fn a_cancel_in_the_web_ui_before_the_hand_over_undoes_the_order() {
    let world = &*WORLD;
    world::run(async {
        world.stock("UI-BEFORE", 1).await;
        let order = Placed::new(SHOP, &["UI-BEFORE"], 2);
        world.place(&order).await;
        world.until_order(&order, "condition", &["BACKORDERED"]).await;
        cancel_in_the_web_ui(world, &order).await;
        is_undone(world, &order, "UI-BEFORE", 1).await;
    });
}

#[test]
fn a_cancel_in_the_web_ui_while_it_waits_for_payment_undoes_the_order() {
    let world = &*WORLD;
    world::run(async {
        world.stock("UI-UNPAID", 1).await;
        let order = Placed::new(SHOP, &["UI-UNPAID"], 1).with("financial_status", json!("pending"));
        world.place(&order).await;
        world.until_order(&order, "condition", &["AWAITING_PAYMENT"]).await;
        cancel_in_the_web_ui(world, &order).await;
        is_undone(world, &order, "UI-UNPAID", 1).await;
    });
}

#[test]
fn a_cancel_in_the_web_ui_while_processing_recalls_and_undoes_the_order() {
    let world = &*WORLD;
    world::run(async {
        let sku = "UI-DURING";
        world.stock(sku, 3).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "never": true})).await;
        let order = Placed::new(SHOP, &[sku], 2);
        world.place(&order).await;
        world.until_order(&order, "status", &["PROCESSING"]).await;
        cancel_in_the_web_ui(world, &order).await;
        is_undone(world, &order, sku, 3).await;
        assert_eq!(world.wms_effects(sku, "shipmentCancelled").await.len(), 1);
    });
}

#[test]
fn a_cancel_in_the_web_ui_of_a_parked_order_undoes_it() {
    let world = &*WORLD;
    world::run(async {
        let sku = "UI-PARKED";
        world.stock(sku, 3).await;
        world.wms_rule(json!({"operation": "createShipment", "sku": sku, "code": "bad_address"})).await;
        let order = Placed::new(SHOP, &[sku], 2);
        world.place(&order).await;
        world.until_parked(&order).await;
        cancel_in_the_web_ui(world, &order).await;
        is_undone(world, &order, sku, 3).await;
    });
}

#[test]
fn a_cancel_in_the_web_ui_that_comes_too_late_lets_the_order_ship() {
    let world = &*WORLD;
    world::run(async {
        let sku = "UI-LATE";
        world.stock(sku, 3).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "never": true, "tooLate": true})).await;
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        world.until_order(&order, "status", &["PROCESSING"]).await;
        let reference = world.until_handed_over(sku, 1).await;
        cancel_in_the_web_ui(world, &order).await;
        world.until_call(sku, "cancelShipment").await;
        world.warehouse_does(&reference, "ship").await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 0);
    });
}

//! The line: from a signed webhook to SHIPPED and told.

use std::sync::LazyLock;

use serde_json::json;
use temporalio_client::WorkflowExecutionStatus;

use crate::world::{self, Placed, Plan, SHOP, World};

/// The world of the tests that harm nobody.
pub static WORLD: LazyLock<World> = LazyLock::new(|| world::run(World::start(Plan::default())));

#[test]
fn a_paid_order_ships_is_told_to_the_shop_and_takes_its_stock_once() {
    let world = &*WORLD;
    world::run(async {
        world.stock("LINE-1", 10).await;
        let order = Placed::new(SHOP, &["LINE-1"], 2);
        world.place(&order).await;
        world.until_order(&order, "status", &["DELIVERED"]).await;
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        assert_eq!(world.available("LINE-1").await, 8);
        let told = world.ledger(world.shopify(&format!("/_ledger?order={}", order.id))).await;
        let fulfilments = told.iter().filter(|entry| entry["effect"] == json!("fulfillmentCreated")).count();
        assert_eq!(fulfilments, 1);
    });
}

#[test]
fn the_happy_path_takes_at_most_29_events_and_one_workflow() {
    let world = &*WORLD;
    world::run(async {
        world.stock("LINE-2", 10).await;
        let order = Placed::new(SHOP, &["LINE-2"], 1);
        world.place(&order).await;
        world.until_shipped(&order).await;
        world.until_closed(&order.workflow()).await;
        let events = world.history(&order.workflow()).await;
        assert!(events.len() <= 29, "{} events", events.len());
    });
}

#[test]
fn a_rate_limit_is_waited_out_and_never_parks_an_order() {
    let world = &*WORLD;
    world::run(async {
        world.stock("LINE-3", 10).await;
        // More refusals than an order has attempts before it is parked.
        let refused = json!({"sku": "LINE-3", "times": 4, "rateLimit": {"retryAfterS": 1}});
        let of = |operation: &str| {
            let mut rule = refused.clone();
            rule["operation"] = json!(operation);
            rule
        };
        world.wms_rule(of("createShipment")).await;
        world.shopify_rule(of("fulfillmentCreate")).await;
        let order = Placed::new(SHOP, &["LINE-3"], 1);
        world.place(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert!(world.attention(&order).await.is_empty());
    });
}

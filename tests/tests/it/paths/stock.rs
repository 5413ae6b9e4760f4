//! What happens when there is not enough, or nobody knows what it is.

use serde_json::{Value, json};
use temporalio_client::WorkflowExecutionStatus;

use crate::{
    line::WORLD,
    world::{self, HASTY_SHOP, Placed, SHOP, SPLITTING_SHOP, STRICT_SHOP, World, minutes_later},
};

async fn backordered(world: &World, shop: &str, sku: &str, quantity: u32) -> Placed {
    let order = Placed::new(shop, &[sku], quantity);
    world.place(&order).await;
    world.until_order(&order, "condition", &["BACKORDERED"]).await;
    order
}

#[test]
fn a_backorder_waits_whole_and_newcomers_get_nothing_before_it() {
    let world = &*WORLD;
    world::run(async {
        let sku = "BACK-QUEUE";
        world.stock(sku, 1).await;
        let first = backordered(world, SHOP, sku, 2).await;
        assert_eq!(world.order(&first).await["status"], "PENDING");
        assert_eq!(world.available(sku).await, 0, "what there is belongs to the first");
        let second = backordered(world, SHOP, sku, 1).await;
        assert!(world.references(sku).await.is_empty());

        world.receive(sku, 1).await;
        world.until_shipped(&first).await;
        assert_eq!(world.order(&second).await["condition"], "BACKORDERED");
        assert_eq!(world.pieces_shipped(sku).await, 2);

        world.receive(sku, 1).await;
        world.until_shipped(&second).await;
        assert_eq!(world.pieces_shipped(sku).await, 3);
        assert_eq!(world.available(sku).await, 0);
    });
}

#[test]
fn an_order_of_two_lines_waits_for_the_one_that_is_missing() {
    let world = &*WORLD;
    world::run(async {
        world.stock("BACK-HERE", 5).await;
        world.stock("BACK-MISSING", 0).await;
        let order = Placed::new(SHOP, &["BACK-HERE", "BACK-MISSING"], 1);
        world.place(&order).await;
        world.until_order(&order, "condition", &["BACKORDERED"]).await;
        assert!(world.references("BACK-HERE").await.is_empty(), "nothing leaves before all can");
        world.receive("BACK-MISSING", 1).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.references("BACK-HERE").await, world.references("BACK-MISSING").await);
    });
}

#[test]
fn stock_that_a_cancelled_order_gives_back_serves_the_next_that_waits() {
    let world = &*WORLD;
    world::run(async {
        let sku = "BACK-GIVEN";
        world.stock(sku, 1).await;
        let first = backordered(world, SHOP, sku, 2).await;
        let second = backordered(world, SHOP, sku, 1).await;
        world.signal(&first.workflow(), "cancel", &[]).await;
        world.until_order(&first, "status", &["CANCELLED"]).await;
        world.until_shipped(&second).await;
        assert_eq!(world.pieces_shipped(sku).await, 1);
    });
}

#[test]
fn a_backorder_past_its_deadline_is_parked_and_ships_when_it_is_retried_with_stock() {
    let world = &*WORLD;
    world::run(async {
        let sku = "BACK-OVERDUE";
        world.stock(sku, 0).await;
        let order = Placed::new(HASTY_SHOP, &[sku], 1);
        world.place(&order).await;
        assert_eq!(world.until_parked(&order).await, "BACKORDER_OVERDUE");
        let skip = json!({"action": "skip", "reason": "no patience"});
        world.resolve(&order, skip).await.expect_err("there is nothing to ship");
        world.resolve(&order, json!("retry")).await.expect("it is parked");
        world::until("it waited again, in vain", std::time::Duration::from_secs(30), async || {
            (world.attention(&order).await.len() == 2).then_some(())
        })
        .await;
        // Stock that comes in is the answer.
        world.receive(sku, 1).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert!(world.open_attention(&order).await.is_empty());
    });
}

#[test]
fn a_strict_shop_cancels_a_backorder_past_its_deadline() {
    let world = &*WORLD;
    world::run(async {
        let sku = "BACK-STRICT";
        world.stock(sku, 1).await;
        let order = Placed::new(STRICT_SHOP, &[sku], 2);
        world.place(&order).await;
        world.until_order(&order, "status", &["CANCELLED"]).await;
        assert_eq!(world.until_closed(&order.workflow()).await, WorkflowExecutionStatus::Completed);
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 1);
        assert_eq!(world.available(sku).await, 1, "what it held is given back");
    });
}

#[test]
fn a_splitting_shop_ships_what_is_there_and_the_rest_under_another_reference() {
    let world = &*WORLD;
    world::run(async {
        let sku = "SPLIT-REST";
        world.stock(sku, 1).await;
        let order = Placed::new(SPLITTING_SHOP, &[sku], 3);
        world.place(&order).await;
        let partly = world.until_order(&order, "condition", &["PARTIALLY_SHIPPED"]).await;
        assert_eq!(partly["status"], "PROCESSING");
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped(sku).await, 1);

        world.receive(sku, 2).await;
        let shipped = world.until_shipped(&order).await;
        assert_eq!(shipped["condition"], json!(null));
        let told = world.until_shop_notified(&order, 2).await;
        world.until_closed(&order.workflow()).await;
        assert_eq!(world.references(sku).await.len(), 2);
        assert_eq!(world.pieces_shipped(sku).await, 3);
        let pieces = |entry: &Value| entry["lines"][0]["quantity"].as_u64().unwrap();
        assert_eq!(told.iter().map(pieces).collect::<Vec<_>>(), [1, 2]);
    });
}

#[test]
fn a_cancel_after_some_has_left_releases_the_rest_and_the_order_is_shipped() {
    let world = &*WORLD;
    world::run(async {
        let sku = "SPLIT-CANCEL";
        world.stock(sku, 1).await;
        world.wms_rule(json!({"operation": "shipment", "sku": sku, "deliverAfterMs": 600_000})).await;
        let order = Placed::new(SPLITTING_SHOP, &[sku], 3);
        world.place(&order).await;
        world.until_order(&order, "condition", &["PARTIALLY_SHIPPED"]).await;
        world.until_shop_notified(&order, 1).await;
        let answer = world.update(&order.workflow(), "cancel-order", World::cancel_request("operator")).await;
        assert_eq!(answer.expect("the rest is cancelled"), json!({"status": "SHIPPED"}));
        world.until_closed(&order.workflow()).await;
        world.until_shipped(&order).await;
        world.receive(sku, 5).await;
        assert_eq!(world.available(sku).await, 5, "nobody waits for it any more");
        assert_eq!(world.pieces_shipped(sku).await, 1);
        assert_eq!(world.cancelled_in_shop_by_us(&order).await, 0);
    });
}

#[test]
fn a_sku_that_is_not_stocked_parks_and_ships_once_the_item_is_there() {
    let world = &*WORLD;
    world::run(async {
        let sku = "UNKNOWNS-ITEM";
        let order = Placed::new(SHOP, &[sku], 1);
        world.place(&order).await;
        assert_eq!(world.until_parked(&order).await, "UNKNOWN_SKU");
        world.stock(sku, 1).await;
        world.retry(&order).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        assert_eq!(world.pieces_shipped(sku).await, 1);
    });
}

#[test]
fn a_line_without_a_sku_or_with_a_wrong_one_parks_and_is_mended_by_the_shop() {
    let world = &*WORLD;
    world::run(async {
        let sku = "UNKNOWNS-RIGHT";
        world.stock(sku, 5).await;
        for (shipped, wrong) in [json!(null), json!(""), json!("UNKNOWNS-WRONG")].into_iter().enumerate() {
            let mut order = Placed::new(SHOP, &[sku], 1);
            let mut mended = order.clone().with("updated_at", minutes_later(1));
            mended.body["line_items"][0]["sku"] = json!(sku);
            order.body["line_items"][0]["sku"] = wrong;
            world.place(&order).await;
            assert_eq!(world.until_parked(&order).await, "UNKNOWN_SKU");
            world.announce(&mended, "topics=orders/updated").await;
            world.until_shipped(&order).await;
            world.until_shop_notified(&order, 1).await;
            assert_eq!(world.pieces_shipped(sku).await, shipped as u64 + 1);
        }
    });
}

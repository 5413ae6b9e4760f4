//! Orders of which a part is at a warehouse when a rule holds them.

use super::{risk::assess, *};
use crate::{
    paths::{places::stock_at, two_systems::DEPOT},
    world::RISK_SHOP,
};

/// Two items in two warehouses, the second of a system that is paused.
async fn half_handed_over(shop: &str, skus: [&str; 2]) -> (World, Placed) {
    let world = World::start(Plan { file: DEPOT, ..Plan::default() }).await;
    world.stock(skus[0], 5).await;
    stock_at(&world, "north", skus[1], 5).await;
    world.pause_lane("warehouse-depot").await;
    let order = Placed::new(shop, &skus, 1);
    world.place_silently(&order).await;
    assess(&world, &order, "LOW", false).await;
    world.deliver_webhook(&Webhook::new(shop, "orders/create", order.body.clone())).await;
    world.until_handed_over(skus[0], 1).await;
    (world, order)
}

#[test]
fn a_person_is_asked_at_once_and_what_is_at_no_warehouse_waits_for_the_answer() {
    world::run(async {
        let skus = ["APPR-THERE", "APPR-NOT-YET"];
        let (world, order) = half_handed_over(APPROVING_SHOP, skus).await;
        says(&world, &order, 1, &[("tags", json!("check"))]).await;
        let row = until_asked(&world, &order).await;
        assert_eq!(row["detail"], "tag check; its total is 29.90 EUR");
        world.change_lane("warehouse-depot", "resume").await;
        // What is there leaves, and the shop is told of it, while the answer is waited for.
        world.until_shop_notified(&order, 1).await;
        assert!(world.references(skus[1]).await.is_empty(), "nothing more is handed over unseen");
        assert_eq!(until_asked(&world, &order).await["attentionId"], row["attentionId"]);
        approve(&world, &order).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 2).await;
        assert_eq!((world.pieces_shipped(skus[0]).await, world.pieces_shipped(skus[1]).await), (1, 1));
    });
}

#[test]
fn a_risk_that_grows_while_a_part_is_at_a_warehouse_is_asked_about_too() {
    world::run(async {
        let skus = ["RISK-THERE", "RISK-NOT-YET"];
        let (world, order) = half_handed_over(RISK_SHOP, skus).await;
        assess(&world, &order, "HIGH", true).await;
        let row = until_asked(&world, &order).await;
        assert_eq!(row["detail"], "risk high; its total is 29.90 EUR");
        world.change_lane("warehouse-depot", "resume").await;
        world.until_shop_notified(&order, 1).await;
        assert!(world.references(skus[1]).await.is_empty());
        approve(&world, &order).await;
        world.until_shipped(&order).await;
        assert_eq!((world.pieces_shipped(skus[0]).await, world.pieces_shipped(skus[1]).await), (1, 1));
    });
}

//! A lane that a person pauses: every worker obeys.

use super::*;

/// How many calls the warehouse heard.
async fn calls(world: &World) -> usize {
    let ledger = world.ledger(world.wms("/_ledger")).await;
    ledger.iter().filter(|entry| entry["kind"] == "answer").count()
}

#[test]
fn a_pause_by_hand_is_obeyed_by_every_worker_within_five_seconds_and_nothing_is_lost() {
    world::run(async {
        let world = world().await;
        let _second = world.another_worker();
        world.stock("BY-HAND", 100).await;
        let before: Vec<Placed> = (0..10).map(|_| Placed::new(CALM_SHOP, &["BY-HAND"], 1)).collect();
        place_all(&world, &before).await;
        until("the warehouse is called", Duration::from_secs(30), async || {
            (calls(&world).await > 0).then_some(())
        })
        .await;
        world.change_lane("warehouse", "pause").await;
        tokio::time::sleep(Duration::from_secs(5)).await;

        let heard = calls(&world).await;
        let after: Vec<Placed> = (0..10).map(|_| Placed::new(CALM_SHOP, &["BY-HAND"], 1)).collect();
        place_all(&world, &after).await;
        until("all of them wait", Duration::from_secs(60), async || {
            (lane(&world, "warehouse").await["waiting"].as_u64()? >= 10).then_some(())
        })
        .await;
        join_all(after.iter().map(|order| async {
            until("its call waits", Duration::from_secs(60), async || {
                (world.status(&order.workflow()).await["pendingCall"]["lane"] == "warehouse").then_some(())
            })
            .await;
        }))
        .await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(calls(&world).await, heard, "nobody called after that");

        world.change_lane("warehouse", "resume").await;
        join_all(before.iter().chain(&after).map(|order| world.until_shipped(order))).await;
        assert_eq!(world.pieces_shipped("BY-HAND").await, 20);
    });
}

//! What somebody else changes in a shop, and echoes of what we set.

use super::*;
use crate::paths::places::stock_at;

async fn drifts(world: &World, sku: &str) -> Vec<Value> {
    api_answers(world, &format!("/api/channel-drifts?sku={sku}")).await.as_array().unwrap().clone()
}

/// Waits until so many drifts of a SKU are dealt with; the newest of them.
async fn until_dealt_with(world: &World, sku: &str, number: usize) -> Value {
    until("the drift is dealt with", Duration::from_secs(30), async || {
        let drifts = drifts(world, sku).await;
        (drifts.len() == number && drifts[0]["endedAt"].is_string()).then(|| drifts[0].clone())
    })
    .await
}

async fn hand(world: &World, shop: &str, sku: &str, location: i64, on_hand: i64) {
    stock_in_shop(world, shop, "levels", json!({"sku": sku, "location": location, "on_hand": on_hand})).await;
}

#[test]
fn what_somebody_else_changed_is_recorded_and_set_back_and_an_order_is_nobodys_hand() {
    let world = &*WORLD;
    world::run(async {
        let sku = "DRIFT-OURS";
        world.stock(sku, 10).await;
        item_in_shop(world, ONE, sku, MAIN, 10).await;
        learn(world).await;
        until_level(world, ONE, sku, MAIN, (10, 10)).await;
        until_settled(world, ONE, sku).await;
        let order = Placed::new(ONE, &[sku], 3);
        world.place(&order).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        until_level(world, ONE, sku, MAIN, (7, 7)).await;
        until("it is read again", Duration::from_secs(30), async || {
            let level = api_answers(world, &format!("/api/channel-levels?shop={ONE}&sku={sku}")).await;
            let main = level.as_array()?.iter().find(|level| level["locationId"] == MAIN)?;
            (main["onHand"] == 7 && main["dirty"] == false).then_some(())
        })
        .await;
        assert_eq!(drifts(world, sku).await, [] as [Value; 0]);

        for (number, found, pieces) in [(1, 9, 2), (2, 4, -3)] {
            hand(world, ONE, sku, MAIN, found).await;
            let drift = until_dealt_with(world, sku, number).await;
            let said = ["was", "found", "pieces", "policy", "locationId"].map(|member| drift[member].clone());
            assert_eq!(said, [json!(7), json!(found), json!(pieces), json!("ours"), json!(MAIN)]);
            until_level(world, ONE, sku, MAIN, (7, 7)).await;
        }
        assert_eq!(world.on_hand(sku).await, 7);
        let open = api_answers(world, &format!("/api/channel-drifts?sku={sku}&open=true")).await;
        assert_eq!(open, json!([]));
        let counted = world.counted("waybill_channel_drifts_total", &[&format!("shop=\"{ONE}\"")]).await;
        assert!(counted >= 2.0, "{counted}");
    });
}

#[test]
fn where_the_shop_is_right_what_its_people_changed_is_counted() {
    let world = &*WORLD;
    world::run(async {
        let sku = "DRIFT-THEIRS";
        stock_at(world, "far", sku, 10).await;
        item_in_shop(world, ONE, sku, FAR, 10).await;
        learn(world).await;
        until_level(world, ONE, sku, FAR, (10, 10)).await;
        until_settled(world, ONE, sku).await;
        for (number, found) in [(1, 6), (2, 8)] {
            hand(world, ONE, sku, FAR, found).await;
            let drift = until_dealt_with(world, sku, number).await;
            assert_eq!(drift["policy"], "theirs");
            assert_eq!(world.on_hand(sku).await, found);
            until_settled(world, ONE, sku).await;
            until_level(world, ONE, sku, FAR, (found, found)).await;
        }
        let movements = api_answers(world, &format!("/api/inventory/{sku}/movements")).await;
        let counts = movements.as_array().unwrap().iter().filter(|movement| movement["kind"] == "COUNT");
        let reasons: Vec<&Value> = counts.map(|count| &count["reason"]).collect();
        assert_eq!(reasons, ["changed in the shop"; 2]);
        assert_eq!(sets(world, ONE, sku).await, [], "theirs is not written over");
    });
}

#[test]
fn the_echo_of_what_we_set_is_dropped() {
    let world = &*WORLD;
    world::run(async {
        let sku = "DRIFT-ECHO";
        world.stock(sku, 10).await;
        item_in_shop(world, ONE, sku, MAIN, 3).await;
        learn(world).await;
        until_level(world, ONE, sku, MAIN, (10, 10)).await;
        let item = level(world, ONE, sku, MAIN).await.unwrap()["item"].as_i64().unwrap();
        until("its webhook is dropped", Duration::from_secs(30), async || {
            sqlx::query_scalar::<_, bool>(
                "SELECT true FROM integration.inbox
                 WHERE topic = 'inventory_levels/update' AND state = 'STORED' AND reason LIKE '%what it was set to%'
                   AND convert_from(body, 'UTF8')::jsonb ->> 'inventory_item_id' = $1
                   AND convert_from(body, 'UTF8')::jsonb ->> 'available' = '10'",
            )
            .bind(item.to_string())
            .fetch_optional(&world.pool)
            .await
            .unwrap()
        })
        .await;
        until_settled(world, ONE, sku).await;
        assert_eq!(sets(world, ONE, sku).await, [(3, 10)]);
    });
}

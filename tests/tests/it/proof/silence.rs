//! Temporal that takes connections and says nothing: what is said meanwhile is kept, and what is cancelled
//! does not leave.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;

use super::{
    PLACES, assert_clean,
    pairs::{assert_all_cancelled, place_and_cancel},
    rest::{Rest, until_rest},
};
use crate::world::{self, PATIENT_SHOP, Placed, Plan, Valve, Webhook, World};

/// Longer than anything here waits for Temporal by itself.
const SILENT_FOR: Duration = Duration::from_secs(15);
/// Shopify waits no longer.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(5);

async fn acknowledged(world: &World, order: &Placed, topic: &str) {
    let started = Instant::now();
    let sent = world.send_webhook(&Webhook::new(&order.shop, topic, order.body.clone())).await;
    assert!(sent == Some(200) && started.elapsed() < ACKNOWLEDGED_WITHIN, "{topic}: {sent:?}");
}

#[test]
fn what_is_placed_and_cancelled_while_temporal_says_nothing_ships_and_does_not() {
    world::run(async {
        let _place = PLACES.acquire().await;
        let server = std::env::var("TEST_TEMPORAL_ADDRESS").expect("`make test` starts Temporal");
        let valve = Valve::before(server).await;
        let env = vec![("TEMPORAL_ADDRESS", valve.address())];
        let world = World::start(Plan { env, ..Plan::default() }).await;
        world.stock("SILENT-API", 20).await;
        world.stock("SILENT-SHOP", 20).await;
        // Two are known before: one waits for its payment, one is at the warehouse.
        world.wms_rule(json!({"operation": "shipment", "sku": "SILENT-SHOP", "never": true})).await;
        let there = Placed::new(PATIENT_SHOP, &["SILENT-SHOP"], 1);
        let waits = Placed::new(PATIENT_SHOP, &["SILENT-SHOP"], 1).with("financial_status", json!("pending"));
        world.place(&there).await;
        world.until_order(&there, "status", &["PROCESSING"]).await;
        world.place(&waits).await;
        world.until_order(&waits, "condition", &["AWAITING_PAYMENT"]).await;

        valve.shut();
        let silent_since = Instant::now();
        let orders: Vec<Placed> = (0..6).map(|_| Placed::new(PATIENT_SHOP, &["SILENT-SHOP"], 1)).collect();
        let (kept, off) = orders.split_at(3);
        let placed = async {
            join_all(orders.iter().map(async |order| {
                world.place_silently(order).await;
                acknowledged(&world, order, "orders/create").await;
            }))
            .await;
            for order in off.iter().chain([&there, &waits]) {
                world.stage(world.shopify(&format!("/_orders/{}/cancel?announce=false", order.id))).await;
                let cancelled = Placed { body: world.shown_in_shop(order).await, ..order.clone() };
                acknowledged(&world, &cancelled, "orders/cancelled").await;
            }
        };
        let ((), placed_here) = tokio::join!(placed, place_and_cancel(&world, "SILENT-API", 6));
        assert!(placed_here.iter().all(|(_, status)| *status == 202), "{placed_here:?}");
        tokio::time::sleep(SILENT_FOR.saturating_sub(silent_since.elapsed())).await;
        assert!(world.wms_effects("SILENT-API", "shipmentCreated").await.is_empty());
        valve.open();

        let is_off = |rest: &Rest, order: &Placed| {
            rest.of(order.id).is_some_and(|order| {
                (order.status == "CANCELLED" || order.is("IGNORED")) && order.ended && order.held.is_empty()
            })
        };
        let all_off = |rest: &Rest| off.iter().chain([&there, &waits]).all(|order| is_off(rest, order));
        let all_shipped = |rest: &Rest| {
            kept.iter().all(|order| rest.of(order.id).is_some_and(|order| order.has_shipped() && order.ended))
        };
        let rest = until_rest(&world, |rest| all_off(rest) && all_shipped(rest)).await;
        assert!(all_off(&rest) && all_shipped(&rest), "{rest:?}");
        assert_all_cancelled(&world, &placed_here).await;
        assert!(world.wms_effects("SILENT-API", "shipmentCreated").await.is_empty(), "one was handed over");
        assert_eq!(world.pieces_shipped("SILENT-SHOP").await, 3);
        assert_eq!((world.available("SILENT-API").await, world.available("SILENT-SHOP").await), (20, 17));
        assert_clean(&world).await;
    });
}

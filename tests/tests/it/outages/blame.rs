//! When a failure is the order's own fault, and when waiting is not a failure at all.

use chrono::{DateTime, Utc};

use super::*;

/// A shop whose orders are at fault for what fails for them alone after seconds, and one that may not wait for an outage.
const SHOPS: &str = r#"
[[shops]]
domain = "blaming.myshopify.com"
admin_url = "SHOPIFY_URL"
admin_token = "SHOPIFY_ADMIN_TOKEN"
webhook_secrets = ["SHOPIFY_WEBHOOK_SECRET"]
policy = { call_retry = { first_wait = "200ms", longest_wait = "1s", attempts = 2 }, blame_after = "4s", look_before_hand_over = false }

[[shops]]
domain = "queueing.myshopify.com"
admin_url = "SHOPIFY_URL"
admin_token = "SHOPIFY_ADMIN_TOKEN"
webhook_secrets = ["SHOPIFY_WEBHOOK_SECRET"]
policy = { outage_budget = "1s", look_before_hand_over = false }

[lanes.warehouse]
calls_per_minute = 40.0
"#;
const BLAMING_SHOP: &str = "blaming.myshopify.com";
const QUEUEING_SHOP: &str = "queueing.myshopify.com";

/// The call of an order that fails: how often it counted, and when it failed first and last.
async fn failing_call(world: &World, order: &Placed) -> Option<(i32, DateTime<Utc>, DateTime<Utc>)> {
    sqlx::query_as(
        "SELECT counted, first_failed_at, last_failed_at FROM orders.call_attempts JOIN orders.orders USING (order_id)
         WHERE shopify_order_id = $1",
    )
    .bind(order.id)
    .fetch_optional(&world.pool)
    .await
    .unwrap()
}

#[test]
fn an_order_that_fails_alone_counts_once_it_failed_for_long_enough_and_a_cheap_read_is_answered() {
    world::run(async {
        let world = World::start(Plan { file: SHOPS, ..Plan::default() }).await;
        let sku = "BLAME";
        world.stock(sku, 5).await;
        let poison = json!({"operation": "createShipment", "sku": sku, "status": 500, "times": 0});
        world.wms_rule(poison.clone()).await;
        world.wms_rule(json!({"operation": "*", "status": 503, "times": 0})).await;
        let order = Placed::new(BLAMING_SHOP, &[sku], 1);
        world.place(&order).await;
        // Nobody answers a cheap read either: it is an outage, of one order alone.
        until_paused(&world, "warehouse", "DOWN").await;
        let (_, first_failed_at, _) = failing_call(&world, &order).await.expect("it has failed");
        until("it has failed for longer than that", Duration::from_secs(20), async || {
            (Utc::now() - first_failed_at > chrono::Duration::seconds(5)).then_some(())
        })
        .await;
        assert_eq!(failing_call(&world, &order).await.unwrap().0, 0, "the lane was paused all the while");
        assert!(world.open_attention(&order).await.is_empty());

        // From now on a cheap read is answered, and this order alone is not served.
        let rules = json!({"rules": [poison]});
        let answer = world.http.put(world.wms("/_faults")).json(&rules).send().await.unwrap();
        assert!(answer.status().is_success());
        let resumed_at: DateTime<Utc> = until("the lane goes on", Duration::from_secs(30), async || {
            let ended = "SELECT until FROM orders.lane_pauses WHERE lane = 'warehouse' AND until IS NOT NULL";
            sqlx::query_scalar(ended).fetch_optional(&world.pool).await.unwrap()
        })
        .await;
        let counted_at = until("it counts", Duration::from_secs(60), async || {
            let (counted, _, last_failed_at) = failing_call(&world, &order).await?;
            (counted > 0).then_some(last_failed_at)
        })
        .await;
        // What it failed before the pause took less than a second of it.
        let after = counted_at - resumed_at;
        assert!(after > chrono::Duration::milliseconds(2500), "time in which it was paused counts: {after}");
        assert_eq!(world.until_parked(&order).await, "WMS_UNKNOWN_OUTCOME");
        assert_eq!(lane(&world, "warehouse").await["pauses"], json!([]), "it is no outage");
        who_queues_for_longer_than_it_may_wait_for_an_outage_is_not_parked(&world).await;
    });
}

/// The lane runs, and lets a call through every one and a half seconds.
async fn who_queues_for_longer_than_it_may_wait_for_an_outage_is_not_parked(world: &World) {
    world.stock("QUEUE", 20).await;
    let orders: Vec<Placed> = (0..6).map(|_| Placed::new(QUEUEING_SHOP, &["QUEUE"], 1)).collect();
    place_all(world, &orders).await;
    join_all(orders.iter().map(|order| world.until_shipped(order))).await;
    let mut asked = 0;
    for order in &orders {
        assert!(world.attention(order).await.is_empty(), "it waited for its turn, and for no outage");
        asked += usize::from(world.history_says(&order.workflow(), "ask-about-lane").await);
    }
    assert!(asked >= 2, "{asked} of them waited for longer than their budget");
}

//! Whoever is called is away: nobody's order is at fault, what waits waits, and everything goes on by itself.

use std::time::Duration;

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    proof::assert_clean,
    world::{self, Placed, Plan, SHOP, World, until},
};

/// Shops of their own: orders of theirs fail alone for an hour before it is their fault.
const SHOPS: &str = r#"
[[shops]]
domain = "calm.myshopify.com"
admin_url = "SHOPIFY_URL"
admin_token = "SHOPIFY_ADMIN_TOKEN"
webhook_secrets = ["SHOPIFY_WEBHOOK_SECRET"]
policy = { call_retry = { first_wait = "200ms", longest_wait = "1s", attempts = 3 }, look_before_hand_over = false }

[[shops]]
domain = "hurried.myshopify.com"
admin_url = "SHOPIFY_URL"
admin_token = "SHOPIFY_ADMIN_TOKEN"
webhook_secrets = ["SHOPIFY_WEBHOOK_SECRET"]
policy = { call_retry = { first_wait = "200ms", longest_wait = "1s", attempts = 3 }, outage_budget = "2s", look_before_hand_over = false }

[[shops]]
domain = "looking.myshopify.com"
admin_url = "SHOPIFY_URL"
admin_token = "SHOPIFY_ADMIN_TOKEN"
webhook_secrets = ["SHOPIFY_WEBHOOK_SECRET"]
policy = { call_retry = { first_wait = "200ms", longest_wait = "1s", attempts = 3 } }

[[shops]]
domain = "stranger.myshopify.com"
lane = "shopify-shared"
admin_url = "SHOPIFY_URL"
admin_token = "a-token-that-nobody-knows"
webhook_secrets = ["SHOPIFY_WEBHOOK_SECRET"]
"#;
const LOOKING_SHOP: &str = "looking.myshopify.com";
const STRANGER_SHOP: &str = "stranger.myshopify.com";
const CALM_SHOP: &str = "calm.myshopify.com";
const HURRIED_SHOP: &str = "hurried.myshopify.com";

async fn world() -> World {
    World::start(Plan { file: SHOPS, ..Plan::default() }).await
}

/// Takes all rules of the simulated WMS away.
async fn mend_wms(world: &World) {
    let answer = world.http.put(world.wms("/_faults")).json(&json!({"rules": []})).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

async fn lane(world: &World, name: &str) -> Value {
    let answer = world.http.get(world.api("/api/lanes")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let lanes: Vec<Value> = answer.json().await.unwrap();
    lanes.into_iter().find(|lane| lane["lane"] == name).unwrap_or(Value::Null)
}

async fn until_paused(world: &World, name: &str, cause: &str) -> Value {
    until(&format!("{name} is paused: {cause}"), Duration::from_secs(30), async || {
        let lane = lane(world, name).await;
        (lane["pauses"][0]["cause"] == cause).then_some(lane)
    })
    .await
}

async fn place_all(world: &World, orders: &[Placed]) {
    join_all(orders.iter().map(|order| world.place(order))).await;
}

/// How large and how long the outage is; the soak has a larger and longer one.
fn from_the_environment<T: std::str::FromStr>(name: &str, usual: T) -> T {
    std::env::var(format!("WAYBILL_OUTAGE_{name}")).ok().and_then(|given| given.parse().ok()).unwrap_or(usual)
}

#[test]
fn in_an_outage_of_the_warehouse_nobody_is_parked_and_everything_ships_when_it_is_back() {
    world::run(async {
        let world = world().await;
        let (orders, seconds) = (from_the_environment("ORDERS", 40), from_the_environment("SECONDS", 6));
        world.stock("OUTAGE", orders).await;
        world.wms_rule(json!({"operation": "*", "status": 503, "times": 1_000_000})).await;
        let orders: Vec<Placed> = (0..orders).map(|_| Placed::new(CALM_SHOP, &["OUTAGE"], 1)).collect();
        place_all(&world, &orders).await;
        let paused = until_paused(&world, "warehouse", "DOWN").await;
        assert_eq!(paused["failures"].as_array().map(Vec::len), Some(3), "{paused}");
        // Another lane is not slowed.
        let shop = lane(&world, &format!("shopify-{CALM_SHOP}")).await;
        assert_eq!(shop["pauses"], json!([]), "{shop}");
        join_all(orders.iter().map(|order| world.until_order(order, "status", &["CONFIRMED"]))).await;
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        for order in &orders {
            assert!(world.open_attention(order).await.is_empty(), "nobody is parked");
        }

        mend_wms(&world).await;
        join_all(orders.iter().map(|order| world.until_shipped(order))).await;
        join_all(orders.iter().map(|order| world.until_shop_notified(order, 1))).await;
        assert_eq!(usize::try_from(world.pieces_shipped("OUTAGE").await), Ok(orders.len()));
        let runs = lane(&world, "warehouse").await;
        assert_eq!(
            (&runs["failures"], runs["lastDone"]["orderId"].is_string()),
            (&json!([]), true),
            "{runs}"
        );
        assert_clean(&world).await;
    });
}

#[test]
fn what_is_read_in_a_shop_that_is_down_waits_and_says_so() {
    world::run(async {
        let world = world().await;
        world.stock("OUTAGE-SHOP", 10).await;
        world.shopify_rule(json!({"operation": "*", "status": 502, "times": 100_000})).await;
        // It is looked at before anything is handed over.
        let order = Placed::new(LOOKING_SHOP, &["OUTAGE-SHOP"], 1);
        world.place(&order).await;
        let name = format!("shopify-{LOOKING_SHOP}");
        until_paused(&world, &name, "DOWN").await;
        let shown = until("it says what it waits for", Duration::from_secs(10), async || {
            let number = world.order(&order).await["orderNumber"].as_str()?.to_owned();
            let shown: Value = world
                .http
                .get(world.api(&format!("/api/orders/{number}")))
                .send()
                .await
                .ok()?
                .json()
                .await
                .ok()?;
            (shown["waitsFor"]["lane"] == name.as_str()).then_some(shown)
        })
        .await;
        assert_eq!(shown["waitsFor"]["cause"], "DOWN", "{shown}");
        assert_eq!(lane(&world, &name).await["waiting"], 1);
        let pending = world.status(&order.workflow()).await["pendingCall"].clone();
        assert_eq!((&pending["step"], &pending["lane"]), (&json!("look_in_shop"), &json!(name)), "{pending}");

        let answer =
            world.http.put(world.shopify("/_faults")).json(&json!({"rules": []})).send().await.unwrap();
        assert!(answer.status().is_success());
        world.until_shop_notified(&order, 1).await;
        assert!(world.attention(&order).await.is_empty());
    });
}

#[test]
fn a_poison_order_alone_at_night_waits_and_parks_once_others_are_served() {
    world::run(async {
        let world = world().await;
        let _second = world.another_worker();
        world.stock("POISON", 5).await;
        world.stock("OUTAGE-GOOD", 500).await;
        world
            .wms_rule(
                json!({"operation": "createShipment", "sku": "POISON", "status": 500, "times": 100_000}),
            )
            .await;
        let poison = Placed::new(CALM_SHOP, &["POISON"], 1);
        world.place(&poison).await;
        let failed = || async { world.counted("waybill_step_failures_total", &["hand_over"]).await };
        until("it failed more often than it may", Duration::from_secs(60), async || {
            let (counted, known): (i64, i64) =
                sqlx::query_as("SELECT coalesce(sum(counted), 0), count(*) FROM orders.call_attempts")
                    .fetch_one(&world.pool)
                    .await
                    .unwrap();
            assert_eq!(counted, 0, "nobody else was served");
            (known == 1 && failed().await >= 3.0).then_some(())
        })
        .await;
        assert_eq!(lane(&world, "warehouse").await["pauses"], json!([]), "a cheap read is answered");
        assert!(world.open_attention(&poison).await.is_empty(), "it may be an outage");

        let orders: Vec<Placed> = (0..50).map(|_| Placed::new(CALM_SHOP, &["OUTAGE-GOOD"], 1)).collect();
        place_all(&world, &orders).await;
        join_all(orders.iter().map(|order| world.until_shipped(order))).await;
        join_all(orders.iter().map(|order| world.until_shop_notified(order, 1))).await;
        // One by one, as they come by day.
        while world.open_attention(&poison).await.is_empty() {
            let order = Placed::new(CALM_SHOP, &["OUTAGE-GOOD"], 1);
            world.place(&order).await;
            world.until_shop_notified(&order, 1).await;
        }
        assert_eq!(world.until_parked(&poison).await, "WMS_UNKNOWN_OUTCOME");
        assert_clean(&world).await;
    });
}

#[test]
fn who_waited_for_as_long_as_it_may_is_parked_and_goes_on_when_a_person_says_so() {
    world::run(async {
        let world = world().await;
        world.stock("OUTAGE-BUDGET", 10).await;
        world.wms_rule(json!({"operation": "*", "status": 503, "times": 100_000})).await;
        let patient = Placed::new(CALM_SHOP, &["OUTAGE-BUDGET"], 1);
        let hurried: Vec<Placed> = (0..3).map(|_| Placed::new(HURRIED_SHOP, &["OUTAGE-BUDGET"], 1)).collect();
        world.place(&patient).await;
        place_all(&world, &hurried).await;
        let reasons = join_all(hurried.iter().map(|order| world.until_parked(order))).await;
        assert_eq!(reasons, ["WMS_UNKNOWN_OUTCOME"; 3]);
        // One that comes while the lane is paused is never tried, and parks for the same reason.
        let late = Placed::new(HURRIED_SHOP, &["OUTAGE-BUDGET"], 1);
        world.place(&late).await;
        assert_eq!(world.until_parked(&late).await, "WMS_UNKNOWN_OUTCOME");
        assert!(world.open_attention(&patient).await.is_empty());

        mend_wms(&world).await;
        world.until_shipped(&patient).await;
        for order in hurried.iter().chain([&late]) {
            world.retry(order).await;
            world.until_shipped(order).await;
        }
        assert_clean(&world).await;
    });
}

#[test]
fn what_the_shop_says_meanwhile_gives_an_order_no_more_time() {
    world::run(async {
        let world = world().await;
        world.stock("OUTAGE-CHATTY", 10).await;
        world.wms_rule(json!({"operation": "*", "status": 503, "times": 100_000})).await;
        let others: Vec<Placed> = (0..2).map(|_| Placed::new(CALM_SHOP, &["OUTAGE-CHATTY"], 1)).collect();
        place_all(&world, &others).await;
        until_paused(&world, "warehouse", "DOWN").await;
        let order = Placed::new(HURRIED_SHOP, &["OUTAGE-CHATTY"], 1);
        world.place(&order).await;
        // Each word calls the waiting hand-over off, and it is made again.
        let said = async |second: i64| {
            let mut body = order.body.clone();
            let at = chrono::Utc::now() + chrono::Duration::seconds(second);
            body["updated_at"] = json!(at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
            body["tags"] = json!(format!("word {second}"));
            world.deliver_webhook(&world::Webhook::new(HURRIED_SHOP, "orders/updated", body)).await;
        };
        let mut words = 0;
        while world.open_attention(&order).await.is_empty() {
            words += 1;
            assert!(words < 40, "it waits for as long as the shop has something to say");
            said(words * 2).await;
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        let row = &world.open_attention(&order).await[0];
        assert_eq!((row.step.as_str(), row.reason.as_str()), ("hand_over", "WMS_UNKNOWN_OUTCOME"));
        mend_wms(&world).await;
        world.retry(&order).await;
        world.until_shipped(&order).await;
        join_all(others.iter().map(|order| world.until_shipped(order))).await;
        assert_clean(&world).await;
    });
}

#[test]
fn a_refused_token_pauses_the_lane_of_its_shop_alone_until_one_is_taken() {
    world::run(async {
        let world = world().await;
        world.stock("OUTAGE-TOKEN", 10).await;
        world.wms_rule(json!({"operation": "*", "status": 401, "times": 1000})).await;
        let order = Placed::new(CALM_SHOP, &["OUTAGE-TOKEN"], 1);
        world.place(&order).await;
        let lane = until_paused(&world, "warehouse", "TOKEN_REFUSED").await;
        assert_eq!(lane["pauses"][0]["reason"], "WMS_UNAUTHORISED", "{lane}");
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(world.open_attention(&order).await.is_empty());
        mend_wms(&world).await;
        world.until_shipped(&order).await;
    });
}

#[test]
fn of_shops_that_share_a_lane_one_is_paused_and_the_others_are_served() {
    world::run(async {
        let world = world().await;
        world.stock("OUTAGE-SHARED", 10).await;
        let refused = Placed::new(STRANGER_SHOP, &["OUTAGE-SHARED"], 1);
        world.place(&refused).await;
        let name = format!("shopify-{STRANGER_SHOP}");
        let lane = until_paused(&world, &name, "TOKEN_REFUSED").await;
        assert_eq!(lane["pauses"][0]["reason"], "SHOPIFY_UNAUTHORISED", "{lane}");
        let served = Placed::new(world::UNSEEN_SHOP, &["OUTAGE-SHARED"], 1);
        world.place(&served).await;
        world.until_shipped(&served).await;
        world.until_shop_notified(&served, 1).await;
        assert!(world.open_attention(&refused).await.is_empty(), "it is not the order's fault");
    });
}

#[test]
fn an_order_that_waits_for_a_paused_lane_is_cancelled_at_once() {
    world::run(async {
        let world = world().await;
        world.stock("OUTAGE-CANCEL", 5).await;
        world.pause_lane("warehouse").await;
        let order = Placed::new(SHOP, &["OUTAGE-CANCEL"], 2);
        world.place(&order).await;
        world.until_order(&order, "status", &["CONFIRMED"]).await;
        until("it waits for the warehouse", Duration::from_secs(30), async || {
            let history = world.history(&order.workflow()).await;
            let asked = history.iter().any(|event| format!("{event:?}").contains("request-fulfilment"));
            asked.then_some(())
        })
        .await;
        world.signal(&order.workflow(), "cancel", &[json!("changed my mind")]).await;
        world.until_order(&order, "status", &["CANCELLED"]).await;
        assert_eq!(world.available("OUTAGE-CANCEL").await, 5);
        assert!(world.references("OUTAGE-CANCEL").await.is_empty(), "the warehouse never heard of it");
        world.until_closed(&order.workflow()).await;
        assert_clean(&world).await;
    });
}

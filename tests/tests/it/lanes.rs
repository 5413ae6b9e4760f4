//! Lanes and duties: what a worker was told to run, and what nobody runs.

use std::time::Duration;

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{self, Placed, Plan, Program, SHOP, WMS_TOKEN, World, until};

/// A shop that no other test has: of a lane that somebody polled the server says so for five minutes.
const LONELY_SHOP: &str = "lonely.myshopify.com";
const LONELY: &str = r#"
[[shops]]
domain = "lonely.myshopify.com"
admin_url = "SHOPIFY_URL"
admin_token = "SHOPIFY_ADMIN_TOKEN"
webhook_secrets = ["SHOPIFY_WEBHOOK_SECRET"]
"#;

async fn unserved(world: &World) -> Vec<Value> {
    let answer = world.http.get(world.api("/api/attention?reason=LANE_NOT_SERVED&limit=200")).send().await;
    answer.expect("the API answers").json::<Vec<Value>>().await.expect("a list")
}

async fn ops(world: &World, path: &str) -> (StatusCode, String) {
    let address = world.worker_metrics_address().replace("/metrics", path);
    let answer = world.http.get(address).send().await.expect("the worker answers");
    (answer.status(), answer.text().await.expect("a text"))
}

fn restart(world: &World) {
    world.kill(Program::Worker);
    world.start_program(Program::Worker);
}

#[test]
fn a_lane_that_nobody_runs_is_shown_and_what_waited_goes_on_when_somebody_does() {
    world::run(async {
        // Who calls no warehouse needs none of its secrets.
        let env = vec![("WORKER_RUNS", "orders,sweepers".to_owned()), ("WMS_TOKEN", String::new())];
        let world = World::start(Plan { env, file: LONELY, ..Plan::default() }).await;
        world.stock("LANE-NOBODYS", 5).await;
        let order = Placed::new(LONELY_SHOP, &["LANE-NOBODYS"], 1);
        world.place(&order).await;
        let rows = until("the lane is shown", Duration::from_secs(60), async || {
            Some(unserved(&world).await).filter(|rows| !rows.is_empty())
        })
        .await;
        assert_eq!(rows[0]["lane"], json!(format!("shopify-{LONELY_SHOP}")), "{rows:?}");
        assert_eq!((&rows[0]["orderId"], &rows[0]["answers"]), (&Value::Null, &json!(["done"])));
        assert!(rows[0]["detail"].as_str().is_some_and(|text| text.contains("1 open orders")), "{rows:?}");
        assert!(
            world.worker_metrics().await.lines().any(|line| line.starts_with("waybill_lanes_unserved 1"))
        );

        world.set_environment("WORKER_RUNS", "*");
        world.set_environment("WMS_TOKEN", WMS_TOKEN);
        restart(&world);
        world.until_shipped(&order).await;
        until("it is shown no more", Duration::from_secs(60), async || {
            unserved(&world).await.is_empty().then_some(())
        })
        .await;
    });
}

#[test]
fn a_worker_says_how_it_is_and_what_the_sdk_counts_stands_beside_what_we_count() {
    world::run(async {
        let world = World::start(Plan::default()).await;
        world.stock("LANE-OPS", 5).await;
        let order = Placed::new(SHOP, &["LANE-OPS"], 1);
        world.place(&order).await;
        world.until_shipped(&order).await;
        assert_eq!(ops(&world, "/health").await, (StatusCode::OK, json!({"status": "up"}).to_string()));
        assert_eq!(ops(&world, "/ready").await, (StatusCode::OK, json!({"status": "ready"}).to_string()));
        let page = world.worker_metrics().await;
        for counted in ["temporal_", "waybill_step_seconds", "waybill_breaker_open{of=\"warehouse-wms\"} 0"] {
            assert!(page.contains(counted), "{counted} in {page}");
        }
        let lanes = format!("task_queue=\"shopify-{SHOP}\"");
        assert!(page.lines().any(|line| line.starts_with("temporal_") && line.contains(&lanes)), "{page}");
    });
}

#[test]
fn a_schedule_that_is_there_is_changed_to_what_the_settings_say() {
    world::run(async {
        let world = World::start(Plan::default()).await;
        let every = async || {
            let schedule = world.temporal.get_schedule_handle("waybill-overdue-inquiry");
            let known = schedule.describe(Default::default()).await.ok()?;
            let intervals = known.raw().schedule.as_ref()?.spec.as_ref()?.interval.clone();
            intervals.first()?.interval.map(|interval| interval.seconds)
        };
        until("it is made", Duration::from_secs(30), async || every().await.filter(|every| *every == 2))
            .await;
        world.set_environment("WORKER_OVERDUE_INQUIRY_EVERY", "7s");
        restart(&world);
        until("it is changed", Duration::from_secs(30), async || every().await.filter(|every| *every == 7))
            .await;
    });
}

#[test]
fn a_lane_paused_by_hand_waits_for_every_worker_and_goes_on_where_it_stood() {
    world::run(async {
        let world = World::start(Plan::default()).await;
        world.stock("LANE-PAUSED", 5).await;
        let change = async |lane: &str, verb: &str, reason: &str| {
            let path = world.api(&format!("/api/lanes/{lane}/{verb}"));
            let asked = world.http.post(path).json(&json!({"reason": reason}));
            let answer = asked.send().await.unwrap();
            (answer.status(), answer.json::<Value>().await.unwrap())
        };
        let (status, body) = change("warehouse", "pause", "they move house").await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!((&body["lane"], &body["pauses"][0]["cause"]), (&json!("warehouse"), &json!("PERSON")));
        assert_eq!(
            change("warehouse", "pause", "once more").await.1["pauses"][0]["reason"],
            "they move house"
        );
        assert_eq!(change("nobodys", "pause", "x").await.0, StatusCode::NOT_FOUND);
        until("the worker has heard of it", Duration::from_secs(5), async || {
            world
                .worker_metrics()
                .await
                .contains("waybill_lane_paused{lane=\"warehouse\",cause=\"PERSON\"} 1")
                .then_some(())
        })
        .await;

        let order = Placed::new(SHOP, &["LANE-PAUSED"], 1);
        world.place(&order).await;
        world.until_order(&order, "status", &["CONFIRMED"]).await;
        // A worker that starts while it is paused heeds it from the first.
        restart(&world);
        tokio::time::sleep(Duration::from_secs(8)).await;
        world.until_order(&order, "status", &["CONFIRMED"]).await;
        assert!(world.open_attention(&order).await.is_empty(), "it is nobody's fault");

        assert_eq!(change("warehouse", "resume", "they have moved").await.1["pauses"], json!([]));
        world.until_shipped(&order).await;
        let kept: (String, String, String) = sqlx::query_as(
            "SELECT paused_by, reason, resume_reason FROM orders.lane_pauses WHERE lane = 'warehouse'",
        )
        .fetch_one(&world.pool)
        .await
        .unwrap();
        assert_eq!(kept, ("operator".to_owned(), "they move house".to_owned(), "they have moved".to_owned()));
    });
}

#[test]
fn a_lane_makes_no_more_calls_a_minute_than_it_may_however_many_workers_there_are() {
    world::run(async {
        let file = "[lanes.warehouse]\ncalls_per_minute = 60.0\n";
        let world = World::start(Plan { file, ..Plan::default() }).await;
        let _second = world.another_worker();
        world.stock("LANE-SLOW", 20).await;
        let orders: Vec<Placed> = (0..12).map(|_| Placed::new(SHOP, &["LANE-SLOW"], 1)).collect();
        let begun = std::time::Instant::now();
        join_all(orders.iter().map(|order| world.place(order))).await;
        join_all(orders.iter().map(|order| world.until_shipped(order))).await;
        assert!(begun.elapsed() > Duration::from_secs(8), "{:?}", begun.elapsed());
    });
}

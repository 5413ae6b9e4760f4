//! What needs a world of its own: a hold window by configuration, counted statements, Temporal away,
//! answers that have grown old.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use super::{flat, get, place, read};
use crate::world::{self, Plan, Program, World, until};

/// Nobody listens there.
const DEAD_ADDRESS: &str = "127.0.0.1:9";
/// Statements show in the log with the correlation id of the request that caused them.
const LOGGED: &str = "info,sqlx::query=debug";

const CONFIGURATION: &str = r#"
[[shops]]
domain = "apart.myshopify.com"
admin_url = "http://127.0.0.1:9"
admin_token = "never-used-for-anything"
webhook_secrets = ["never-used-for-anything"]

[policy]
hold_window = "1h"
"#;

#[test]
fn an_api_apart() {
    world::run(async {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("apart.toml");
        std::fs::write(&file, CONFIGURATION).unwrap();
        let env = vec![("WAYBILL_CONFIG", file.display().to_string()), ("RUST_LOG", LOGGED.to_owned())];
        let world = World::start(Plan { env, ..Plan::default() }).await;
        world.stock("APART", 500).await;
        an_order_is_held_for_the_configured_time_unless_it_says_otherwise(&world).await;
        two_hundred_orders_are_listed_in_two_statements(&world).await;
        an_order_is_taken_while_temporal_is_away_and_starts_later(&world).await;
        an_answer_is_forgotten_after_a_day(&world).await;
    });
}

async fn an_order_is_held_for_the_configured_time_unless_it_says_otherwise(world: &World) {
    let mut form = flat("APART", 1);
    let held = place(world, &form).await.json();
    assert_eq!((&held["status"], &held["condition"]), (&json!("PENDING"), &json!("ON_HOLD")));
    form["hold"] = json!("0s");
    assert_eq!(place(world, &form).await.json()["status"], "CONFIRMED");
}

async fn two_hundred_orders_are_listed_in_two_statements(world: &World) {
    for _ in 0..200 {
        assert_eq!(place(world, &flat("APART", 1)).await.status, StatusCode::CREATED);
    }
    let count = async |path: &str, id: &str| {
        let answer = read(world.http.get(world.api(path)).header("X-Correlation-Id", id)).await;
        assert_eq!(answer.json().as_array().unwrap().len(), 200);
        let line_of_it = |line: &&str| line.contains(id) && line.contains("sqlx::query");
        world.logged().iter().map(|(_, log)| log.lines().filter(line_of_it).count()).sum::<usize>()
    };
    assert_eq!(count("/api/orders?limit=200", "count-all").await, 2);
    assert_eq!(count("/api/orders?limit=200&status=PENDING", "count-pending").await, 2);
    let by_address = "/api/orders/user/grace.secret@example.com?limit=200";
    assert_eq!(count(by_address, "count-by-address").await, 2);
}

async fn an_order_is_taken_while_temporal_is_away_and_starts_later(world: &World) {
    world.kill(Program::Worker);
    world.kill(Program::Api);
    let temporal = std::env::var("TEST_TEMPORAL_ADDRESS").unwrap();
    world.set_environment("TEMPORAL_ADDRESS", DEAD_ADDRESS);
    world.start_program(Program::Api);
    world.until_ready().await;
    let mut form = flat("APART", 1);
    form["hold"] = json!("0s");
    let answer = place(world, &form).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let placed = answer.json();
    assert_eq!(placed["status"], "CONFIRMED");
    let path = format!("/api/orders/{}", placed["orderNumber"].as_str().unwrap());
    assert_eq!(get(world, &path).await.status, StatusCode::OK);
    world.set_environment("TEMPORAL_ADDRESS", &temporal);
    world.start_program(Program::Worker);
    world.until_api_order(&placed, &["SHIPPED", "DELIVERED"]).await;
}

async fn an_answer_is_forgotten_after_a_day(world: &World) {
    let keep = async |key: &str, age: &str| {
        let kept = "INSERT INTO orders.idempotency_keys (caller, key, fingerprint, status, body, created_at)
                    VALUES ('', $1, 'x', 201, '{}', now() - $2::interval)";
        sqlx::query(kept).bind(key).bind(age).execute(&world.pool).await.unwrap();
    };
    let keys = async || -> Vec<String> {
        sqlx::query_scalar("SELECT key FROM orders.idempotency_keys ORDER BY key")
            .fetch_all(&world.pool)
            .await
            .unwrap()
    };
    world.kill(Program::Worker);
    keep("old", "25 hours").await;
    keep("young", "23 hours").await;
    // One that is old is free before it is swept, too.
    let placed = super::place_with_key(world, &flat("APART", 1), "old").await;
    assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.text);
    keep("older", "25 hours").await;
    world.start_program(Program::Worker);
    until("the old key is swept", Duration::from_secs(30), async || {
        (keys().await == ["old", "young"]).then_some(())
    })
    .await;
}

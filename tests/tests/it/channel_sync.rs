//! Stock levels to the shops, against the simulated shop's own books.

use std::{sync::LazyLock, time::Duration};

use futures::future::join_all;
use serde_json::{Value, json};

use crate::world::{self, Placed, Plan, Program, World, until};

mod crowds;
mod drift;
mod elsewhere;
mod moving;
mod seen;

const ONE: &str = "channel-one.myshopify.com";
const TWO: &str = "channel-two.myshopify.com";
const FREE: &str = "channel-free.myshopify.com";
const MAIN: i64 = 655_441_491;
const FAR: i64 = 655_441_492;

/// The world of the tests that harm nobody.
static WORLD: LazyLock<World> = LazyLock::new(|| world::run(world()));

/// Shops with one pool, the first with two warehouses, as the last, whose orders are planned over both.
const SHOPS: &str = r#"
[[shops]]
domain = "channel-one.myshopify.com"
admin_url = "SHOPIFY_URL/shops/channel-one.myshopify.com"
admin_token = "SHOPIFY_ADMIN_TOKEN"
webhook_secrets = ["SHOPIFY_WEBHOOK_SECRET"]
lane = "shopify-shared"
locations = { 655441491 = "main", 655441492 = "far" }
policy = { call_retry = { first_wait = "200ms", longest_wait = "1s", attempts = 3 } }
channel_sync = { activate = true, buffers = { "SYNC-BUFFERED" = 3 }, drift = { "655441492" = "theirs" } }

[[shops]]
domain = "channel-two.myshopify.com"
admin_url = "SHOPIFY_URL/shops/channel-two.myshopify.com"
admin_token = "SHOPIFY_ADMIN_TOKEN"
webhook_secrets = ["SHOPIFY_WEBHOOK_SECRET"]
lane = "shopify-shared"
locations = { 655441491 = "main" }
channel_sync = {}

[[shops]]
domain = "channel-free.myshopify.com"
admin_url = "SHOPIFY_URL/shops/channel-free.myshopify.com"
admin_token = "SHOPIFY_ADMIN_TOKEN"
webhook_secrets = ["SHOPIFY_WEBHOOK_SECRET"]
lane = "shopify-shared"
locations = { 655441491 = "main", 655441492 = "far" }
policy = { follow_shop_locations = false, call_retry = { first_wait = "200ms", longest_wait = "1s", attempts = 3 } }
channel_sync = {}

"#;

async fn world() -> World {
    World::start(Plan { file: SHOPS, ..Plan::default() }).await
}

/// A person of the shop does something with its stock.
async fn stock_in_shop(world: &World, shop: &str, what: &str, body: Value) {
    world.stage_with(world.shopify(&format!("/_inventory/{what}?shop={shop}")), body).await;
}

/// The shop counts an item, of which a location has this many pieces.
async fn item_in_shop(world: &World, shop: &str, sku: &str, location: i64, on_hand: i64) {
    stock_in_shop(world, shop, "items", json!({"sku": sku, "tracked": true})).await;
    stock_in_shop(world, shop, "levels", json!({"sku": sku, "location": location, "on_hand": on_hand})).await;
}

async fn level(world: &World, shop: &str, sku: &str, location: i64) -> Option<Value> {
    let path = world.shopify(&format!("/_inventory?shop={shop}"));
    let stock: Value = world.http.get(path).send().await.unwrap().json().await.unwrap();
    let levels = stock["levels"].as_array().unwrap().clone();
    levels.into_iter().find(|level| level["sku"] == sku && level["location"] == location)
}

/// Waits until a location has this many pieces on hand, of which so many can be sold.
async fn until_level(world: &World, shop: &str, sku: &str, location: i64, figures: (i64, i64)) {
    let what = format!("{sku} of {shop} has {figures:?} at {location}");
    until(&what, Duration::from_secs(30), async || {
        let level = level(world, shop, sku, location).await?;
        ((level["on_hand"].as_i64()?, level["available"].as_i64()?) == figures).then_some(())
    })
    .await;
}

/// What was set by us of an item, before and after.
async fn sets(world: &World, shop: &str, sku: &str) -> Vec<(i64, i64)> {
    let entries = world.ledger(world.shopify("/_ledger")).await;
    let of_item = entries.iter().filter(|entry| entry["effect"] == "inventorySet" && entry["shop"] == shop);
    let changes = of_item.flat_map(|entry| entry["changes"].as_array().unwrap().clone());
    let of_sku = changes.filter(|change| change["sku"] == sku);
    of_sku
        .map(|change| {
            (change["before"]["on_hand"].as_i64().unwrap(), change["after"]["on_hand"].as_i64().unwrap())
        })
        .collect()
}

/// Waits until nothing is left to be done for a SKU of a shop.
async fn until_settled(world: &World, shop: &str, sku: &str) {
    until("its levels are settled", Duration::from_secs(60), async || {
        let is_settled: Option<bool> = sqlx::query_scalar(
            "SELECT bool_and(l.settled_version = COALESCE(s.version, 0) AND l.settled_marks = l.marks)
             FROM channel.levels l LEFT JOIN inventory.stock s USING (sku, warehouse)
             WHERE l.shop = $1 AND l.sku = $2 AND l.skipped IS NULL",
        )
        .bind(shop)
        .bind(sku)
        .fetch_one(&world.pool)
        .await
        .ok()?;
        is_settled?.then_some(())
    })
    .await;
}

/// What the API answers.
async fn api_answers(world: &World, path: &str) -> Value {
    world.http.get(world.api(path)).send().await.unwrap().json().await.unwrap()
}

/// The duty takes up items and levels of today at once.
async fn learn(world: &World) {
    sqlx::query("UPDATE channel.shops SET learn_wanted = true").execute(&world.pool).await.unwrap();
}

async fn order_by_api(world: &World, sku: &str, pieces: u32) {
    let form = json!({"customer_name": "Ada", "customer_email": "ada@example.com", "currency": "EUR", "hold": "1h",
        "items": [{"product_id": sku, "product_name": "Shirt", "quantity": pieces, "price": "29.90"}]});
    let answer = world.http.post(world.api("/api/orders")).json(&form).send().await.unwrap();
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
}

#[test]
fn levels_follow_our_stock_and_what_the_shop_sold_is_never_told_back_to_it() {
    let world = &*WORLD;
    world::run(async {
        let sku = "SYNC-FOLLOW";
        world.stock(sku, 10).await;
        item_in_shop(world, ONE, sku, MAIN, 0).await;
        item_in_shop(world, TWO, sku, MAIN, 99).await;
        learn(world).await;
        until_level(world, ONE, sku, MAIN, (10, 10)).await;
        until_level(world, TWO, sku, MAIN, (10, 10)).await;
        world.receive(sku, 5).await;
        until_level(world, ONE, sku, MAIN, (15, 15)).await;
        // Somebody else's order takes from all.
        order_by_api(world, sku, 2).await;
        until_level(world, ONE, sku, MAIN, (13, 13)).await;
        until_level(world, TWO, sku, MAIN, (13, 13)).await;

        // The shop's own order is committed there; the other shop is told of it.
        let written = sets(world, ONE, sku).await.len();
        let order = Placed::new(ONE, &[sku], 3);
        world.place(&order).await;
        until_level(world, TWO, sku, MAIN, (10, 10)).await;
        world.until_shipped(&order).await;
        world.until_shop_notified(&order, 1).await;
        until_level(world, ONE, sku, MAIN, (10, 10)).await;
        until_settled(world, ONE, sku).await;
        assert_eq!(sets(world, ONE, sku).await.len(), written, "its own order is no write");
    });
}

#[test]
fn what_cannot_be_set_is_left_with_its_reason_and_keeps_nothing_else_waiting() {
    let world = &*WORLD;
    world::run(async {
        let good = ["SYNC-GOOD-1", "SYNC-GOOD-2", "SYNC-BUFFERED"];
        for sku in good.into_iter().chain(["SYNC-TWICE", "SYNC-BUNDLE", "SYNC-UNTRACKED", "SYNC-ELSEWHERE"]) {
            world.stock(sku, 7).await;
        }
        for sku in good {
            item_in_shop(world, ONE, sku, MAIN, 0).await;
        }
        for another in [false, true] {
            let item = json!({"sku": "SYNC-TWICE", "tracked": true, "another": another});
            stock_in_shop(world, ONE, "items", item).await;
        }
        stock_in_shop(world, ONE, "items", json!({"sku": "SYNC-BUNDLE", "tracked": true, "bundle": true}))
            .await;
        stock_in_shop(world, ONE, "items", json!({"sku": "SYNC-UNTRACKED", "tracked": false})).await;
        // The location does not stock it; where we have some, it is made to.
        stock_in_shop(world, ONE, "items", json!({"sku": "SYNC-ELSEWHERE", "tracked": true})).await;
        learn(world).await;
        for (sku, pieces) in [(good[0], 7), (good[1], 7), (good[2], 4), ("SYNC-ELSEWHERE", 7)] {
            until_level(world, ONE, sku, MAIN, (pieces, pieces)).await;
        }
        let skipped: Vec<(String, String)> =
            until("all have their reason", Duration::from_secs(30), async || {
                let rows: Vec<(String, String)> = sqlx::query_as(
                    "SELECT DISTINCT sku, skipped FROM channel.levels
                 WHERE shop = $1 AND warehouse = 'main' AND sku LIKE 'SYNC-%' AND skipped IS NOT NULL ORDER BY sku",
                )
                .bind(ONE)
                .fetch_all(&world.pool)
                .await
                .ok()?;
                (rows.len() == 3).then_some(rows)
            })
            .await;
        let expected =
            [("SYNC-BUNDLE", "BUNDLE"), ("SYNC-TWICE", "SKU_TWICE"), ("SYNC-UNTRACKED", "UNTRACKED")];
        assert_eq!(skipped, expected.map(|(sku, why)| (sku.to_owned(), why.to_owned())));
        assert!(level(world, ONE, good[0], FAR).await.is_none(), "nothing of it is there");
    });
}

#[test]
fn answers_that_are_lost_and_workers_that_die_leave_the_shop_right_and_nobody_sells_twice() {
    world::run(async {
        let world = world().await;
        let skus: Vec<String> = (0..30).map(|n| format!("SYNC-LOST-{n}")).collect();
        for sku in &skus {
            world.stock(sku, 9).await;
            item_in_shop(&world, ONE, sku, MAIN, 1).await;
        }
        world
            .shopify_rule(json!({"operation": "inventorySetQuantities", "times": 2, "effectThenDrop": true}))
            .await;
        learn(&world).await;
        until_level(&world, ONE, &skus[0], MAIN, (9, 9)).await;
        world.kill(Program::Worker);
        join_all(skus.iter().map(|sku| world.receive(sku, 1))).await;
        // A merchant's hand, meanwhile.
        let level = json!({"sku": skus[1], "location": MAIN, "on_hand": 4});
        stock_in_shop(&world, ONE, "levels", level).await;
        world.start_program(Program::Worker);
        for sku in &skus {
            until_level(&world, ONE, sku, MAIN, (10, 10)).await;
        }
    });
}

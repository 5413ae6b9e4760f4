//! Tokens that end: renewed ahead, once for all who use them, and again where the shop refuses them.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    proof::assert_clean,
    world::{self, Placed, Plan, World, until},
};

mod checks;
mod installed;

/// A shop whose app asks for its tokens itself.
const ASKING_SHOP: &str = "asking.myshopify.com";
const ASKING: &str = r#"
[[shops]]
domain = "asking.myshopify.com"
admin_url = "SHOPIFY_URL/shops/asking.myshopify.com"
client_id = "waybill-demo-app"
client_secret = "SHOPIFY_WEBHOOK_SECRET"
webhook_secrets = ["SHOPIFY_WEBHOOK_SECRET"]
policy = { call_retry = { first_wait = "200ms", longest_wait = "1s", attempts = 3 } }
"#;

/// What the ledger of the shop says of its tokens: `issued`, or the code of a refusal, one after the other.
async fn grants(world: &World, shop: &str) -> Vec<String> {
    let entries = world.ledger(world.shopify("/_ledger")).await;
    let of_tokens =
        entries.iter().filter(|entry| entry["operation"] == "accessToken" && entry["shop"] == shop);
    let told = |entry: &Value| match (entry["effect"].as_str(), entry["code"].as_str()) {
        (Some(_), _) => Some("issued".to_owned()),
        (_, Some(code)) => Some(code.to_owned()),
        _ => None,
    };
    of_tokens.filter_map(told).collect()
}

/// How often the shop answered with 401.
async fn refused(world: &World) -> usize {
    let entries = world.ledger(world.shopify("/_ledger")).await;
    entries.iter().filter(|entry| entry["kind"] == "answer" && entry["status"] == 401).count()
}

async fn tell_shop(world: &World, path: &str) {
    let answer = world.http.post(world.shopify(path)).send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
}

/// What pauses the lane of a shop: cause and reason.
async fn pauses(world: &World, shop: &str) -> Vec<(String, String)> {
    let lanes: Vec<Value> =
        world.http.get(world.api("/api/lanes")).send().await.unwrap().json().await.unwrap();
    let lane = lanes.into_iter().find(|lane| lane["lane"] == format!("shopify-{shop}"));
    let pauses = lane.unwrap_or_default()["pauses"].as_array().cloned().unwrap_or_default();
    let text = |pause: &Value, name: &str| pause[name].as_str().unwrap_or_default().to_owned();
    pauses.iter().map(|pause| (text(pause, "cause"), text(pause, "reason"))).collect()
}

async fn until_paused(world: &World, shop: &str, reason: &str) {
    until(&format!("the lane of {shop} is paused: {reason}"), Duration::from_secs(20), async || {
        let expected = ("TOKEN_REFUSED".to_owned(), reason.to_owned());
        pauses(world, shop).await.contains(&expected).then_some(())
    })
    .await;
}

/// Places an order and waits until the shop knows of its parcel.
async fn ship_one(world: &World, shop: &str, sku: &str) {
    let order = Placed::new(shop, &[sku], 1);
    world.place(&order).await;
    world.until_shop_notified(&order, 1).await;
    assert!(world.attention(&order).await.is_empty(), "nobody was needed");
}

/// No token, of any kind, stands in a log.
fn assert_no_token_is_logged(world: &World) {
    for (file, text) in world.logged() {
        assert!(!text.contains("shpat_") && !text.contains("shprt_"), "{file}");
    }
}

#[test]
fn orders_ship_across_the_ends_of_tokens_which_are_renewed_ahead() {
    world::run(async {
        let lasting = ["--shopify-token-lifetime-ms".to_owned(), "2000".to_owned()];
        let plan = Plan { file: ASKING, simulators: lasting.to_vec(), ..Plan::default() };
        let world = World::start(plan).await;
        world.stock("TOKEN-ENDS", 1_000).await;
        while grants(&world, ASKING_SHOP).await.len() < 3 {
            ship_one(&world, ASKING_SHOP, "TOKEN-ENDS").await;
        }
        assert_eq!(refused(&world).await, 0, "each was renewed before it ended");
        assert!(world.counted("waybill_shop_token_renewals_total", &["renewed", ASKING_SHOP]).await >= 3.0);
        assert_no_token_is_logged(&world);
        assert_clean(&world).await;
    });
}

#[test]
fn a_refused_token_is_renewed_once_for_a_crowd_and_one_that_cannot_be_pauses_its_lane() {
    world::run(async {
        let world = World::start(Plan { file: ASKING, ..Plan::default() }).await;
        world.stock("TOKEN-CROWD", 100).await;
        ship_one(&world, ASKING_SHOP, "TOKEN-CROWD").await;
        assert_eq!(grants(&world, ASKING_SHOP).await, ["issued"], "one for all tasks of the worker");

        tell_shop(&world, &format!("/_tokens/end?shop={ASKING_SHOP}")).await;
        let orders: Vec<Placed> = (0..25).map(|_| Placed::new(ASKING_SHOP, &["TOKEN-CROWD"], 1)).collect();
        join_all(orders.iter().map(|order| world.place(order))).await;
        join_all(orders.iter().map(|order| world.until_shop_notified(order, 1))).await;
        assert_eq!(grants(&world, ASKING_SHOP).await, ["issued"; 2]);
        assert!(refused(&world).await > 0, "the old one was tried");
        assert_eq!(pauses(&world, ASKING_SHOP).await, [], "a renewal mended it");

        tell_shop(&world, &format!("/_tokens/uninstall?shop={ASKING_SHOP}")).await;
        let order = Placed::new(ASKING_SHOP, &["TOKEN-CROWD"], 1);
        world.place(&order).await;
        until_paused(&world, ASKING_SHOP, "SHOPIFY_UNAUTHORISED").await;
        assert!(world.open_attention(&order).await.is_empty(), "it is not the order's fault");
        let install = format!(
            "/shops/{ASKING_SHOP}/admin/oauth/authorize?client_id=waybill-demo-app&state=s&redirect_uri={}",
            world.api("/health")
        );
        world.http.get(world.shopify(&install)).send().await.unwrap();
        world.until_shop_notified(&order, 1).await;
        assert_no_token_is_logged(&world);
        assert_clean(&world).await;
    });
}

//! An app that somebody of the shop installs: nobody forges the way back, its tokens are sealed and rotate, and one
//! process at a time refreshes them.

use reqwest::{StatusCode, redirect};
use url::Url;

use super::*;
use crate::world::Program;

const SHOP: &str = "installed.myshopify.com";
const INSTALLED: &str = r#"
[[shops]]
domain = "installed.myshopify.com"
admin_url = "SHOPIFY_URL/shops/installed.myshopify.com"
client_id = "waybill-demo-app"
client_secret = "SHOPIFY_WEBHOOK_SECRET"
grant = "authorization_code"
webhook_secrets = ["SHOPIFY_WEBHOOK_SECRET"]
policy = { call_retry = { first_wait = "200ms", longest_wait = "1s", attempts = 3 } }
"#;
const FIRST_KEY: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEXT_KEY: &str = "k2:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
/// It leads nowhere: the test is the browser, and goes to the API itself.
const PUBLIC_URL: &str = "http://127.0.0.1:1/base";

async fn world(lifetime_ms: u32) -> World {
    let env = vec![("WAYBILL_KEYS", FIRST_KEY.to_owned()), ("PUBLIC_URL", PUBLIC_URL.to_owned())];
    let simulators = vec!["--shopify-token-lifetime-ms".to_owned(), lifetime_ms.to_string()];
    World::start(Plan { file: INSTALLED, env, simulators, ..Plan::default() }).await
}

/// A browser that says where it is led and goes nowhere by itself.
struct Browser {
    client: reqwest::Client,
    cookie: String,
}

impl Browser {
    fn new() -> Self {
        let client = reqwest::Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { client, cookie: String::new() }
    }

    /// Goes there, and is led on.
    async fn led_on(&mut self, address: String) -> Url {
        let answer = self.client.get(address).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{answer:?}");
        if let Some(cookie) = answer.headers().get("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            for part in ["Path=/base/shopify", "Max-Age=600", "HttpOnly", "SameSite=Lax"] {
                assert!(cookie.contains(part), "{part} in {cookie}");
            }
            self.cookie = cookie.split(';').next().unwrap().to_owned();
        }
        answer.headers()["location"].to_str().unwrap().parse().unwrap()
    }

    /// From the API to the shop, where somebody agrees, and to where the shop leads back: its query.
    async fn through_the_shop(&mut self, world: &World) -> String {
        let there = self.led_on(world.api(&format!("/shopify/install?shop={SHOP}"))).await;
        assert_eq!(there.path(), format!("/shops/{SHOP}/admin/oauth/authorize"));
        let scopes = there.query_pairs().find(|(name, _)| name == "scope").unwrap().1.into_owned();
        assert!(scopes.starts_with("read_orders,write_orders,"), "{scopes}");
        let back = self.led_on(there.to_string()).await;
        assert!(back.as_str().starts_with(&format!("{PUBLIC_URL}/shopify/callback?")), "{back}");
        back.query().unwrap().to_owned()
    }

    async fn come_back(&self, world: &World, query: &str) -> (StatusCode, Value) {
        let request = self.client.get(world.api(&format!("/shopify/callback?{query}")));
        let answer = request.header("Cookie", format!("other=1; {}", self.cookie)).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }
}

async fn install(world: &World) {
    let mut browser = Browser::new();
    let query = browser.through_the_shop(world).await;
    let (status, body) = browser.come_back(world, &query).await;
    assert_eq!((status, &body["shop"], &body["missingScopes"]), (StatusCode::OK, &json!(SHOP), &json!([])));
}

/// The row of the shop: which key it is sealed under, and its bytes.
async fn kept(world: &World) -> Option<(String, Vec<u8>)> {
    let row = sqlx::query_as("SELECT key_id, sealed FROM integration.shop_tokens WHERE shop = $1");
    row.bind(SHOP).fetch_optional(&world.pool).await.unwrap()
}

/// A query with one parameter in place of another, signed again as the app's secret would or left as it is.
fn with(query: &str, name: &str, value: &str, is_signed: bool) -> String {
    let mut pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    pairs.iter_mut().filter(|(known, _)| known == name).for_each(|pair| pair.1 = value.to_owned());
    let hmac = pairs.iter().position(|(name, _)| name == "hmac").unwrap();
    let (_, old) = pairs.remove(hmac);
    let plain = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    let hmac = if is_signed { hex_of(plain.as_bytes()) } else { old };
    format!("{plain}&hmac={hmac}")
}

fn hex_of(signed: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(world::SECRET.as_bytes()).unwrap();
    mac.update(signed);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_forged_way_back_is_refused_and_keeps_nothing() {
    world::run(async {
        let world = world(3_600_000).await;
        let mut browser = Browser::new();
        let good = browser.through_the_shop(&world).await;
        let mut another = Browser::new();
        let anothers = another.through_the_shop(&world).await;
        let state = |query: &str| {
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs.find(|(name, _)| name == "state").unwrap().1.into_owned()
        };
        for (query, field) in [
            (with(&good, "code", "another", false), "hmac"),
            (with(&good, "shop", "quick.myshopify.com", true), "shop"),
            (with(&good, "shop", "evil.example.com", true), "shop"),
            (with(&good, "shop", "not a shop", true), "shop"),
            (with(&good, "state", &state(&anothers), true), "state"),
            (with(&good, "state", "", true), "state"),
            (with(&good, "code", "", true), "code"),
            (with(&good, "code", "never-issued", true), "code"),
        ] {
            let (status, body) = browser.come_back(&world, &query).await;
            assert_eq!((status, &body["field"]), (StatusCode::BAD_REQUEST, &json!(field)), "{query}: {body}");
        }
        // Another's browser, which has another cookie, and one that has none.
        for browser in [&another, &Browser::new()] {
            let (status, body) = browser.come_back(&world, &good).await;
            assert_eq!((status, &body["field"]), (StatusCode::BAD_REQUEST, &json!("state")), "{body}");
        }
        let (status, _) = browser.come_back(&world, &format!("{good}&shop={SHOP}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "a parameter that comes twice");
        for shop in ["", "quick.myshopify.com", "evil.example.com"] {
            let answer =
                browser.client.get(world.api(&format!("/shopify/install?shop={shop}"))).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{shop}");
        }
        assert_eq!(kept(&world).await, None);
        let (status, _) = browser.come_back(&world, &good).await;
        assert_eq!(status, StatusCode::OK, "what is not forged is taken");
        let (status, body) = browser.come_back(&world, &good).await;
        assert_eq!(
            (status, &body["field"]),
            (StatusCode::BAD_REQUEST, &json!("code")),
            "a code is good once"
        );
        assert_no_token_is_logged(&world);
    });
}

#[test]
fn an_installed_apps_token_rotates_between_two_workers_and_none_is_lost() {
    world::run(async {
        let world = world(2_000).await;
        world.stock("TOKEN-ROTATES", 1_000).await;
        let first = Placed::new(SHOP, &["TOKEN-ROTATES"], 1);
        world.place(&first).await;
        until_paused(&world, SHOP, "SHOPIFY_NO_TOKEN").await;
        install(&world).await;
        world.until_shop_notified(&first, 1).await;

        let second = world.another_worker();
        while grants(&world, SHOP).await.len() < 4 {
            let orders: Vec<Placed> = (0..4).map(|_| Placed::new(SHOP, &["TOKEN-ROTATES"], 1)).collect();
            join_all(orders.iter().map(|order| world.place(order))).await;
            join_all(orders.iter().map(|order| world.until_shop_notified(order, 1))).await;
        }
        drop(second);
        // An answer that is lost, and a worker that ends before it has one: both are asked for again.
        let so_far = grants(&world, SHOP).await.len();
        world.shopify_rule(json!({"operation": "accessToken", "effectThenDrop": true, "times": 1})).await;
        while grants(&world, SHOP).await.len() < so_far + 2 {
            ship_one(&world, SHOP, "TOKEN-ROTATES").await;
        }
        let hangs = json!({"operation": "accessToken", "effectThenHangMs": 5_000, "times": 1});
        world.shopify_rule(hangs).await;
        let so_far = grants(&world, SHOP).await.len();
        let mut orders = Vec::new();
        until("a refresh is under way", Duration::from_secs(20), async || {
            let order = Placed::new(SHOP, &["TOKEN-ROTATES"], 1);
            world.place(&order).await;
            orders.push(order);
            tokio::time::sleep(Duration::from_millis(200)).await;
            (grants(&world, SHOP).await.len() > so_far).then_some(())
        })
        .await;
        world.kill(Program::Worker);
        world.start_program(Program::Worker);
        join_all(orders.iter().map(|order| world.until_shop_notified(order, 1))).await;
        assert!(grants(&world, SHOP).await.len() > so_far + 1, "it was refreshed again");
        let told = grants(&world, SHOP).await;
        assert!(told.iter().all(|told| told == "issued"), "no used refresh token was tried: {told:?}");
        assert_no_token_is_logged(&world);
        assert_clean(&world).await;
    });
}

#[test]
fn tokens_are_sealed_and_a_new_first_key_takes_them_over() {
    world::run(async {
        let world = world(3_600_000).await;
        world.stock("TOKEN-SEALED", 10).await;
        install(&world).await;
        let (key, sealed) = kept(&world).await.unwrap();
        assert_eq!(key, "k1");
        assert!(!String::from_utf8_lossy(&sealed).contains("shp"), "nothing of it can be read");
        ship_one(&world, SHOP, "TOKEN-SEALED").await;

        let start_with = async |keys: &str| {
            world.kill(Program::Worker);
            world.set_environment("WAYBILL_KEYS", keys);
            world.start_program(Program::Worker);
        };
        start_with(&format!("{NEXT_KEY},{FIRST_KEY}")).await;
        until("it is sealed under the new key", Duration::from_secs(20), async || {
            kept(&world).await.filter(|(key, _)| key == "k2")
        })
        .await;
        assert_eq!(grants(&world, SHOP).await, ["issued"], "no token had to be asked for");
        start_with(NEXT_KEY).await;
        ship_one(&world, SHOP, "TOKEN-SEALED").await;
        start_with(FIRST_KEY).await;
        let order = Placed::new(SHOP, &["TOKEN-SEALED"], 1);
        world.place(&order).await;
        until_paused(&world, SHOP, "SHOPIFY_NO_TOKEN").await;
        start_with(NEXT_KEY).await;
        world.until_shop_notified(&order, 1).await;
        assert_clean(&world).await;
    });
}

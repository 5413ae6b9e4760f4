//! `waybill shops check`, against a shop that is set up right and then wrong; and calls that will go.

use super::*;
use crate::{
    cli::waybill,
    world::{Program, SHOP},
};

const MORE: &str = r#"
[[shops]]
domain = "mapped-check.myshopify.com"
admin_url = "SHOPIFY_URL/shops/mapped-check.myshopify.com"
admin_token = "SHOPIFY_ADMIN_TOKEN"
webhook_secrets = ["SHOPIFY_WEBHOOK_SECRET"]
locations = { 77 = "main" }

[[shops]]
domain = "unknown-token.myshopify.com"
admin_url = "SHOPIFY_URL"
admin_token = "a-token-that-nobody-knows"
webhook_secrets = ["SHOPIFY_WEBHOOK_SECRET"]

[[shops]]
domain = "not-installed.myshopify.com"
admin_url = "SHOPIFY_URL/shops/not-installed.myshopify.com"
client_id = "waybill-demo-app"
client_secret = "SHOPIFY_WEBHOOK_SECRET"
grant = "authorization_code"
webhook_secrets = ["SHOPIFY_WEBHOOK_SECRET"]
"#;

async fn set_up_as(world: &World, app: Value) {
    let answer = world.http.put(world.shopify("/_app")).json(&app).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

#[test]
fn shops_that_are_set_up_right_and_wrong_are_told_apart_with_what_to_do() {
    world::run(async {
        let env = vec![
            ("WAYBILL_KEYS", "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned()),
            ("PUBLIC_URL", "http://127.0.0.1:1".to_owned()),
        ];
        let world = World::start(Plan { file: MORE, env, ..Plan::default() }).await;
        // The simulated shop subscribes to the API's own address.
        world.kill(Program::Api);
        world.set_environment("PUBLIC_URL", &world.api(""));
        world.start_program(Program::Api);
        world.until_ready().await;

        let listed = waybill(&world, &["shops", "list"]).await.ended_well();
        assert!(listed.line("not-installed").ends_with("the token of the installed app"), "{listed:?}");
        let right = waybill(&world, &["shops", "check", SHOP]).await.ended_well();
        for about in ["token", "API version", "scopes", "locations", "subscriptions"] {
            assert!(right.line(&format!(" {about} ")).starts_with("right"), "{right:?}");
        }

        let wrong = waybill(&world, &["shops", "check", "unknown-token.myshopify.com"]).await;
        assert_eq!(wrong.code(), 1, "{wrong:?}");
        assert!(wrong.line("WRONG").contains("Shopify refuses the token"), "{wrong:?}");
        assert_eq!(wrong.err(), "error: 1 of 1 shops are not set up right.\n");
        let shop = "not-installed.myshopify.com";
        let wrong = waybill(&world, &["--json", "shops", "check", shop]).await;
        assert_eq!(wrong.code(), 1, "{wrong:?}");
        let told: Value = serde_json::from_str(wrong.out()).unwrap();
        let sentence = told[0]["findings"][0]["sentence"].as_str().unwrap();
        assert!(sentence.contains(&world.api(&format!("/shopify/install?shop={shop}"))), "{sentence}");

        let elsewhere =
            json!([{"topic": "ORDERS_CREATE", "uri": "https://old.example.com/webhooks/shopify"}]);
        set_up_as(
            &world,
            json!({"scopes": ["write_orders", "read_locations"], "version": "2027-01", "subscriptions": elsewhere}),
        )
        .await;
        let shop = "mapped-check.myshopify.com";
        let wrong = waybill(&world, &["--json", "shops", "check", shop]).await;
        assert_eq!(wrong.code(), 1, "{wrong:?}");
        let told: Value = serde_json::from_str(wrong.out()).unwrap();
        let findings = told[0]["findings"].as_array().unwrap();
        let said = |about: &str, text: &str| {
            let found = findings.iter().any(|finding| {
                finding["about"] == about
                    && finding["state"] == "WRONG"
                    && finding["sentence"].as_str().unwrap().contains(text)
            });
            assert!(found, "{about}: {text} in {findings:?}");
        };
        said("apiVersion", "2027-01");
        said(
            "scopes",
            "read_merchant_managed_fulfillment_orders, write_merchant_managed_fulfillment_orders, read_returns",
        );
        said("locations", "Location 77, which is to be warehouse main, is none of the shop's");
        said("subscriptions", "orders/create is subscribed to at another address");
        said("subscriptions", "orders/cancelled is not subscribed to through the API");
        let unknown = waybill(&world, &["shops", "check", "nobody.myshopify.com"]).await;
        assert!(unknown.code() == 1 && unknown.err().contains("shop: one of the settings"), "{unknown:?}");
        assert_no_token_is_logged(&world);
    });
}

#[test]
fn a_deprecated_call_is_counted_each_time_and_logged_once() {
    world::run(async {
        let world = World::start(Plan { file: ASKING, ..Plan::default() }).await;
        world.stock("TOKEN-DEPRECATED", 10).await;
        let reason = "https://shopify.dev/changelog/something-goes";
        let app = json!({"deprecated": {"operation": "fulfillmentCreate", "reason": reason}});
        let answer = world.http.put(world.shopify("/_app")).json(&app).send().await.unwrap();
        assert!(answer.status().is_success());
        ship_one(&world, ASKING_SHOP, "TOKEN-DEPRECATED").await;
        ship_one(&world, ASKING_SHOP, "TOKEN-DEPRECATED").await;
        let counted = |call: &'static str| {
            let call = format!("call=\"{call}\"");
            let world = &world;
            async move { world.counted("waybill_shopify_deprecated_calls_total", &[&call, ASKING_SHOP]).await }
        };
        assert_eq!(counted("CreateFulfilment").await, 2.0);
        assert_eq!(counted("ReadOrder").await, 0.0);
        let logged: usize = world.logged().iter().map(|(_, text)| text.matches(reason).count()).sum();
        assert_eq!(logged, 1);
    });
}

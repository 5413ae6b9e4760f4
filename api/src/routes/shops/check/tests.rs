use clap::Parser;
use process::settings::Secrets;
use shopify::gid::LocationId;
use sqlx::postgres::PgPoolOptions;

use super::*;
use crate::{
    config::{Config, Settings},
    routes::shops::FindingState,
};

fn config(file: &str, more: &[&str]) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waybill.toml");
    std::fs::write(&path, format!("[[shops]]\ndomain = \"a.myshopify.com\"\n{file}")).unwrap();
    let path = format!("--waybill-config={}", path.display());
    let usual = ["waybill-api", "--wms-url=http://127.0.0.1:9091", &path];
    let secrets = Secrets::from([
        ("DATABASE_URL", "postgres://waybill@127.0.0.1:1/waybill"),
        ("WMS_WEBHOOK_SECRETS", "whsec_d2F5YmlsbC1kZW1vLXdhcmVob3VzZS1zZWNyZXQ="),
        ("WAYBILL_KEYS", "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
    ]);
    Settings::try_parse_from(usual.iter().chain(more)).unwrap().resolve(&secrets).unwrap()
}

const TOKEN: &str =
    "admin_token = \"sixteen-bytes-or-more\"\nwebhook_secrets = [\"sixteen-bytes-or-more\"]\n";
const APP: &str = "client_id = \"an-app\"\nclient_secret = \"sixteen-bytes-or-more\"\n\
                   webhook_secrets = [\"sixteen-bytes-or-more\"]\n";
const PUBLIC: &str = "--public-url=https://waybill.example.com";

/// What is found, as `state about: sentence`.
fn found(config: Config, asked: Option<Checked>, received: &[&str]) -> Vec<String> {
    let pool = PgPoolOptions::new().connect_lazy(&config.shared.database_url).unwrap();
    let apps = ShopApps::new(&config.shared, pool, config.public_url).unwrap();
    let shop = config.shared.shops.get("a.myshopify.com").unwrap();
    let received: Vec<String> = received.iter().map(|topic| (*topic).to_owned()).collect();
    let told = |found: FindingBody| {
        let state = match found.state {
            FindingState::Right => "right",
            FindingState::Look => "look",
            FindingState::Wrong => "WRONG",
        };
        format!("{state} {}: {}", found.about, found.sentence)
    };
    findings(&apps, shop, asked, &received).into_iter().map(told).collect()
}

fn subscribed(at: &str) -> Vec<Subscription> {
    let one = |topic: &&str| Subscription {
        topic: Topic::in_the_api(topic),
        uri: at.to_owned(),
        version: API_VERSION.to_owned(),
    };
    NEEDED_TOPICS.iter().map(one).collect()
}

fn location(id: i64, is_active: bool) -> ShopLocation {
    ShopLocation { id: LocationId(id), name: format!("Location {id}"), is_active }
}

/// A shop in which all is right.
fn right() -> Checked {
    let scopes = needed_scopes(true).into_iter().map(str::to_owned).collect();
    Checked {
        installation: Ok(Installation { scopes, version: Some(API_VERSION.to_owned()) }),
        locations: Ok(vec![location(1, true)]),
        subscriptions: Ok(subscribed("https://waybill.example.com/webhooks/shopify")),
    }
}

#[tokio::test]
async fn a_shop_in_which_all_is_right_has_nothing_to_be_done() {
    let found =
        found(config(&format!("{TOKEN}locations = {{ 1 = \"main\" }}\n"), &[PUBLIC]), Some(right()), &[]);
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found.iter().all(|found| found.starts_with("right ")), "{found:?}");
}

#[tokio::test]
async fn a_token_that_is_refused_is_mended_as_the_shop_is_called() {
    let refused = || ShopifyError::Unauthorised { text: calls::VendorText::new("invalid_client") };
    for (file, error, said) in [
        (TOKEN.to_owned(), refused(), "SHOPIFY_ADMIN_TOKEN"),
        (APP.to_owned(), refused(), "(invalid_client): install the app"),
        (
            format!("{APP}grant = \"authorization_code\"\n"),
            ShopifyError::NoToken { why: "nobody came" },
            "nobody came. Have somebody of the shop open \
             https://waybill.example.com/shopify/install?shop=a.myshopify.com and install",
        ),
        (TOKEN.to_owned(), ShopifyError::Unreachable, "SHOPIFY_UNREACHABLE"),
    ] {
        let checked = Checked { installation: Err(error), ..right() };
        let found = found(config(&file, &[PUBLIC]), Some(checked), &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("WRONG token: ") && found[0].contains(said), "{found:?}");
    }
    assert!(found(config(TOKEN, &[]), None, &[])[0].starts_with("WRONG token: Shopify did not answer"));
}

#[tokio::test]
async fn scopes_versions_and_locations_that_are_wrong_are_named() {
    let checked = Checked {
        installation: Ok(Installation {
            scopes: vec!["write_orders".into()],
            version: Some("2026-10".into()),
        }),
        locations: Ok(vec![location(2, false), location(3, true)]),
        ..right()
    };
    let file = format!("{TOKEN}locations = {{ 1 = \"main\", 2 = \"far\" }}\n");
    let found = found(config(&file, &[PUBLIC]), Some(checked), &[]).join("\n");
    for said in [
        "WRONG apiVersion: Shopify answers in version 2026-10",
        "WRONG scopes: These access scopes are missing: read_merchant_managed_fulfillment_orders, ",
        "WRONG locations: Location 1, which is to be warehouse main, is none of the shop's",
        "WRONG locations: Location 2 (Location 2), which is warehouse far, is closed",
        "look locations: Open locations that are no warehouse here: 3 (Location 3)",
    ] {
        assert!(found.contains(said), "{said} in {found}");
    }
}

#[tokio::test]
async fn a_topic_counts_where_it_leads_here_or_has_come() {
    let elsewhere =
        || Checked { subscriptions: Ok(subscribed("https://old.example.com/webhooks/shopify")), ..right() };
    let nothing = || Checked { subscriptions: Ok(vec![]), ..right() };
    let wrong = |checked, received: &[&str]| {
        let found = found(config(TOKEN, &[PUBLIC]), Some(checked), received);
        found.into_iter().filter(|found| found.starts_with("WRONG ")).collect::<Vec<_>>()
    };
    assert_eq!(wrong(nothing(), &NEEDED_TOPICS), Vec::<String>::new(), "shopify.app.toml has them");
    let missing = wrong(nothing(), &["orders/create"]);
    assert_eq!(missing.len(), 3);
    assert!(missing[0].contains("orders/updated is not subscribed to through the API"), "{missing:?}");
    assert!(
        wrong(elsewhere(), &[])[0].contains("change it to https://waybill.example.com/webhooks/shopify.")
    );
    let mut twice = right();
    twice.subscriptions.as_mut().unwrap().extend(subscribed("https://waybill.example.com/webhooks/shopify"));
    assert!(wrong(twice, &[])[0].contains("is subscribed to here 2 times"));
}

#[tokio::test]
async fn the_path_of_a_shop_is_asked_for_and_not_told() {
    let file = format!("{TOKEN}webhook_path = \"a-secret-path-of-it\"\n");
    let at = |part: &str| Checked {
        subscriptions: Ok(subscribed(&format!("https://waybill.example.com/webhooks/shopify{part}"))),
        ..right()
    };
    let found = |part| found(config(&file, &[PUBLIC]), Some(at(part)), &[]).join("\n");
    assert!(!found("/a-secret-path-of-it").contains("WRONG"));
    let wrong = found("");
    assert!(wrong.contains("WRONG subscriptions") && !wrong.contains("a-secret-path"), "{wrong}");
}

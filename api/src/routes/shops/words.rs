//! What is said to a merchant's engineer: what is wrong, and what to do.

use calls::CallFailure;
use domain::WarehouseId;
use process::settings::Shop;
use shop_tokens::ShopAccess;
use shopify::admin::{API_VERSION, ShopLocation, ShopifyError};
use url::Url;

use super::FindingBody;
use crate::shop_apps::ShopApps;

/// Locations that are listed in a sentence.
const MOST_LISTED: usize = 10;

pub(super) fn no_credentials() -> FindingBody {
    FindingBody::wrong(
        "token",
        "The API has no credentials of the shop, so nothing could be checked. Give it what the worker has: the token, or \
         the app's client id and secret.",
    )
}

pub(super) fn no_answer() -> FindingBody {
    FindingBody::wrong(
        "token",
        "Shopify did not answer in time. Check again; https://www.shopifystatus.com says how it is.",
    )
}

/// What is wrong with the token, by how the shop is called.
pub(super) fn no_token(apps: &ShopApps, shop: &Shop, error: &ShopifyError) -> FindingBody {
    let install = || install_address(apps, shop);
    let sentence = match (error, &shop.access) {
        (ShopifyError::NoToken { why }, _) => {
            format!(
                "There is no token: {why}. Have somebody of the shop open {} and install the app.",
                install()
            )
        }
        (ShopifyError::Unauthorised { .. }, Some(ShopAccess::Installed(_))) => format!(
            "Shopify refuses the token, as after the app was uninstalled: have somebody of the shop open {} and install \
             the app.",
            install()
        ),
        (ShopifyError::Unauthorised { text }, Some(ShopAccess::ClientCredentials(_))) => format!(
            "Shopify gives the app no token{}: install the app in the shop, see that both are of one organisation, and \
             that SHOPIFY_CLIENT_ID and SHOPIFY_CLIENT_SECRET (client_id and client_secret in the file) are those of the \
             app's page.",
            said(text.as_str())
        ),
        (ShopifyError::Unauthorised { .. }, _) => {
            "Shopify refuses the token: give the one that the app has in the shop's \
            admin now (SHOPIFY_ADMIN_TOKEN, or admin_token in the file) and restart API and worker."
                .to_owned()
        }
        (other, _) => format!("Shopify could not be asked ({}). Check again in a minute.", other.code()),
    };
    FindingBody::wrong("token", sentence)
}

fn said(code: &str) -> String {
    if code.is_empty() { String::new() } else { format!(" ({code})") }
}

fn install_address(apps: &ShopApps, shop: &Shop) -> String {
    let address = apps.address(&["shopify", "install"]).map(|mut address| {
        address.query_pairs_mut().append_pair("shop", shop.domain.as_str());
        address.to_string()
    });
    address.unwrap_or_else(|| format!("/shopify/install?shop={}", shop.domain))
}

/// Of something that the token may not see, mostly.
pub(super) fn not_read(about: &'static str, error: &ShopifyError) -> FindingBody {
    let sentence = match error {
        ShopifyError::Unauthorised { .. } => {
            format!("The app may not read the shop's {about}: grant it the access scopes that are missing.")
        }
        other => format!("The shop's {about} could not be read ({}). Check again.", other.code()),
    };
    FindingBody::wrong(about, sentence)
}

pub(super) fn other_version(answered: &str) -> String {
    format!(
        "Shopify answers in version {answered}, as {API_VERSION} is not served any more or not yet: upgrade Waybill to one \
         that speaks a version of today."
    )
}

pub(super) fn unsaid_version() -> String {
    format!("Shopify does not say in which version it answers; {API_VERSION} is asked for.")
}

pub(super) fn missing_scopes(missing: &[&str]) -> String {
    format!(
        "These access scopes are missing: {}. Add them to the app's version, release it, and have the shop accept them.",
        missing.join(", ")
    )
}

pub(super) fn no_map() -> String {
    "No location is mapped: orders are planned over all warehouses.".to_owned()
}

pub(super) fn closed_location(id: i64, name: &str, warehouse: &WarehouseId) -> String {
    format!(
        "Location {id} ({name}), which is warehouse {warehouse}, is closed in the shop: open it there, or take it out of \
         locations."
    )
}

pub(super) fn no_such_location(id: i64, warehouse: &WarehouseId, there: &[ShopLocation]) -> String {
    let there: Vec<&ShopLocation> = there.iter().collect();
    format!(
        "Location {id}, which is to be warehouse {warehouse}, is none of the shop's. Correct locations; the shop has {}.",
        listed(&there)
    )
}

pub(super) fn unmapped(others: &[&ShopLocation]) -> String {
    format!(
        "Open locations that are no warehouse here: {}. An order that is to be fulfilled from one is parked \
         (LOCATION_NOT_MAPPED).",
        listed(others)
    )
}

fn listed(locations: &[&ShopLocation]) -> String {
    let shown =
        locations.iter().take(MOST_LISTED).map(|location| format!("{} ({})", location.id.0, location.name));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match locations.len() {
        0 => "none".to_owned(),
        more if more > MOST_LISTED => format!("{shown} and {} more", more - MOST_LISTED),
        _ => shown,
    }
}

pub(super) fn subscribed() -> String {
    "Each webhook that is needed is subscribed to here, or has come.".to_owned()
}

pub(super) fn subscribed_twice(topic: &str, times: usize) -> String {
    format!(
        "{topic} is subscribed to here {times} times, so that each comes {times} times under another id: delete all but \
         one."
    )
}

pub(super) fn subscribed_elsewhere(topic: &str, shop: &Shop, address: Option<&Url>) -> String {
    format!(
        "{topic} is subscribed to at another address, and none has come: change it to {}.",
        to(shop, address)
    )
}

pub(super) fn not_subscribed(topic: &str, shop: &Shop, address: Option<&Url>) -> String {
    format!(
        "{topic} is not subscribed to through the API, and none has come: subscribe to it at {}. Where shopify.app.toml \
         does, which Shopify does not show here, let the shop send one (a test order does) and check again.",
        to(shop, address)
    )
}

/// The last part of the path may be a secret.
fn to(shop: &Shop, address: Option<&Url>) -> String {
    let address = address.map_or_else(|| "https://YOUR-HOST/webhooks/shopify".to_owned(), Url::to_string);
    if shop.webhook_path.is_some() { format!("{address}/ and the shop's webhook_path") } else { address }
}

pub(super) fn other_webhook_version(topic: &str, version: &str) -> String {
    format!(
        "Webhooks of {topic} are written in version {version} and not in {API_VERSION}: raise the app's webhook version."
    )
}

//! The shop's stock in a person's hands: items, locations, levels, and what drafts reserve.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Shop;
use super::super::inventory::{Hand, Inventory};
use super::super::placing::{bad_request, send};

/// Of which shop, and whether it is said by webhook.
#[derive(Deserialize)]
struct Stocking {
    shop: Option<String>,
    announce: Option<bool>,
}

/// The routes under `/_inventory`.
pub(super) fn router() -> Router<Arc<Shop>> {
    let hands: [(&str, Hand); 4] = [
        ("items", Inventory::set_item),
        ("locations", Inventory::set_location),
        ("levels", Inventory::set_level),
        ("reserve", Inventory::reserve),
    ];
    let shown = Router::new().route("/_inventory", get(show));
    hands.into_iter().fold(shown, |router, (name, hand)| {
        let handler = move |state, query, body| perform(state, query, body, hand);
        router.route(&format!("/_inventory/{name}"), post(handler))
    })
}

/// Does what a JSON object asks for, or all of several in a list.
async fn perform(
    State(shop): State<Arc<Shop>>,
    Query(stocking): Query<Stocking>,
    raw: Bytes,
    hand: Hand,
) -> Response {
    let body = match serde_json::from_slice::<Value>(&raw) {
        Ok(body) => body,
        Err(error) => return bad_request(&format!("the body is not JSON: {error}")),
    };
    let domain = stocking.shop.as_deref().unwrap_or(&shop.settings.shop_domain);
    let mut book = shop.book.lock();
    let mut deed = |one: &Value| hand(&mut book.inventory, domain, one);
    let done = match body.as_array() {
        Some(several) => several.iter().map(deed).collect::<Result<Value, _>>(),
        None => deed(&body),
    };
    let changed = shop.tell_levels(&mut book);
    drop(book);
    if stocking.announce.unwrap_or(true) {
        send(&shop, changed, Duration::ZERO);
    }
    match done {
        Ok(done) => Json(done).into_response(),
        Err(why) => (StatusCode::CONFLICT, Json(json!({ "error": why }))).into_response(),
    }
}

/// `GET /_inventory`: everything of a shop's stock.
async fn show(State(shop): State<Arc<Shop>>, Query(stocking): Query<Stocking>) -> Response {
    let domain = stocking.shop.as_deref().unwrap_or(&shop.settings.shop_domain);
    Json(shop.book.lock().inventory.shown(domain)).into_response()
}

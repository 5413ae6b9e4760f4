//! Where a test or a demo plays the customer: orders placed in the shop.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shop;
use super::invented::{Wish, invent};
use super::orders::ShopOrder;
use super::routing::Routing;
use super::webhooks::WEBHOOK_ID;
use crate::deliveries::{Delivery, deliver};

/// How an order is placed, from the query string.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Placing {
    announce: Option<bool>,
    times: Option<u32>,
    delay_ms: Option<u64>,
    topics: Option<String>,
    reorder: Option<bool>,
    shop: Option<String>,
    fulfilment_orders: Option<u32>,
    locations: Option<u32>,
    location: Option<i64>,
    delivery_method: Option<String>,
}

/// `POST /_orders`: keeps the order in the body, or an invented one, and announces it.
pub(super) async fn place(
    State(shop): State<Arc<Shop>>,
    Query(placing): Query<Placing>,
    Query(wish): Query<Wish>,
    raw: Bytes,
) -> Response {
    let number = || shop.last_order_number.fetch_add(1, Ordering::Relaxed) + 1;
    let (body, raw) = if raw.is_empty() {
        let body = invent(&wish, number());
        let raw = Bytes::from(body.to_string());
        (body, raw)
    } else {
        match serde_json::from_slice::<Value>(&raw) {
            Ok(body) => (body, raw),
            Err(error) => return bad_request(&format!("the order is not JSON: {error}")),
        }
    };
    let Some(id) = body["id"].as_i64() else {
        return bad_request("the order has no id that fits 64 bits");
    };
    let domain = placing.shop.clone().unwrap_or_else(|| shop.settings.shop_domain.clone());
    let fulfilment_orders = placing.fulfilment_orders.unwrap_or(1);
    let routing = Routing {
        fulfilment_orders: fulfilment_orders as usize,
        locations: placing.locations.unwrap_or(fulfilment_orders) as usize,
        location: placing.location,
        delivery_method: placing.delivery_method.as_deref().map(str::to_uppercase),
        after: Duration::from_millis(shop.settings.fulfilment_order_after_ms),
    };
    let mut book = shop.book.lock();
    let order = book.keep(id, domain, body, routing);
    shop.record_effect("placeOrder", order, "orderPlaced", json!({ "skus": order.skus() }));
    let topics = placing.topics.as_deref().unwrap_or("orders/create").split(',');
    let mut topics: Vec<&str> = topics.filter(|_| placing.announce.unwrap_or(true)).collect();
    if placing.reorder == Some(true) {
        topics.reverse();
    }
    let announce = |topic: &str| shop.announce(order, topic.trim(), raw.clone(), placing.times.unwrap_or(1));
    let announcements: Vec<Delivery> = topics.into_iter().map(announce).collect();
    let answer = placed(order, &announcements);
    let changed = shop.tell_levels(&mut book);
    drop(book);
    let delay = Duration::from_millis(placing.delay_ms.unwrap_or_default());
    send(&shop, announcements, delay);
    if placing.announce.unwrap_or(true) {
        send(&shop, changed, delay);
    }
    (StatusCode::CREATED, Json(answer)).into_response()
}

/// Sends announcements after `delay`, the next when the one before has been accepted.
pub(super) fn send(shop: &Arc<Shop>, announcements: Vec<Delivery>, delay: Duration) {
    if announcements.is_empty() {
        return;
    }
    let control = Arc::clone(&shop.control);
    shop.control.spawn(async move {
        tokio::time::sleep(delay).await;
        for announcement in announcements {
            deliver(Arc::clone(&control), announcement).await;
        }
    });
}

/// What is said of an order to whoever placed or changed it.
pub(super) fn placed(order: &ShopOrder, announcements: &[Delivery]) -> Value {
    let id = |announced: &Delivery| json!(announced.facts[WEBHOOK_ID]);
    let webhook =
        |announced: &Delivery| json!({ "topic": announced.message_type, "webhookId": id(announced) });
    json!({
        "id": order.id,
        "adminGraphqlApiId": order.gid(),
        "name": order.name(),
        "shop": order.shop,
        "webhookIds": announcements.iter().map(id).collect::<Value>(),
        "webhooks": announcements.iter().map(webhook).collect::<Value>(),
    })
}

pub(super) fn bad_request(message: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": message }))).into_response()
}

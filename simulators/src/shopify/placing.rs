//! Where a test or a demo plays the customer: orders placed, paid and cancelled in the shop.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shop;
use super::invented::{Wish, invent};
use super::orders::{Routing, ShopOrder};
use super::webhooks::Announcement;
use crate::deliveries::deliver;
use crate::ledger::now;

/// How an order is placed, from the query string.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Placing {
    #[serde(default = "yes")]
    announce: bool,
    #[serde(default = "one")]
    times: u32,
    #[serde(default)]
    delay_ms: u64,
    #[serde(default = "orders_create")]
    topics: String,
    #[serde(default)]
    reorder: bool,
    shop: Option<String>,
    #[serde(default = "one")]
    fulfilment_orders: u32,
    locations: Option<u32>,
    #[serde(flatten)]
    wish: Wish,
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}

fn orders_create() -> String {
    "orders/create".to_owned()
}

/// `POST /_orders`: keeps the order in the body, or an invented one, and announces it.
pub(super) async fn place(
    State(shop): State<Arc<Shop>>,
    Query(placing): Query<Placing>,
    raw: Bytes,
) -> Response {
    let number = || shop.last_order_number.fetch_add(1, Ordering::Relaxed) + 1;
    let (body, raw) = if raw.is_empty() {
        let body = invent(&placing.wish, number());
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
    let domain = placing.shop.clone().unwrap_or_else(|| shop.domain.clone());
    let routing = Routing {
        fulfilment_orders: placing.fulfilment_orders as usize,
        locations: placing.locations.unwrap_or(placing.fulfilment_orders) as usize,
        after: shop.route_after,
    };
    let mut book = shop.book();
    book.keep(id, domain, body, routing);
    let Some(order) = book.find(id) else {
        return bad_request("the order was forgotten at once");
    };
    shop.record_effect("placeOrder", order, "orderPlaced", json!({ "skus": order.skus() }));
    let announcements = if placing.announce {
        let mut topics: Vec<&str> = placing.topics.split(',').collect();
        if placing.reorder {
            topics.reverse();
        }
        topics
            .into_iter()
            .map(|topic| shop.webhooks.announce(order, topic.trim(), raw.clone(), placing.times))
            .collect()
    } else {
        Vec::new()
    };
    let answer = placed(order, &announcements);
    drop(book);
    send(&shop, announcements, Duration::from_millis(placing.delay_ms));
    (StatusCode::CREATED, Json(answer)).into_response()
}

/// `POST /_orders/{id}/cancel`: the shop cancels its order, whatever became of it.
pub(super) async fn cancel(State(shop): State<Arc<Shop>>, Path(id): Path<i64>) -> Response {
    change(&shop, id, "orders/cancelled", |shop, order| {
        order.cancel("customer");
        shop.record_effect(
            "cancelOrder",
            order,
            "orderCancelled",
            json!({ "by": "shop", "reason": "customer" }),
        );
    })
}

/// `POST /_orders/{id}/pay`: the customer pays.
pub(super) async fn pay(State(shop): State<Arc<Shop>>, Path(id): Path<i64>) -> Response {
    change(&shop, id, "orders/paid", |shop, order| {
        order.body["financial_status"] = json!("paid");
        order.body["total_outstanding"] = json!("0.00");
        order.body["processed_at"] = json!(now());
        order.touch();
        shop.record_effect("payOrder", order, "orderPaid", json!({}));
    })
}

fn change(shop: &Arc<Shop>, id: i64, topic: &str, apply: impl FnOnce(&Shop, &mut ShopOrder)) -> Response {
    let mut book = shop.book();
    let Some(order) = book.find_mut(id) else {
        return (StatusCode::NOT_FOUND, Json(json!({ "error": format!("order {id} is not known") })))
            .into_response();
    };
    apply(shop, order);
    let announcements = vec![shop.webhooks.announce(order, topic, Bytes::from(order.body.to_string()), 1)];
    let answer = placed(order, &announcements);
    drop(book);
    send(shop, announcements, Duration::ZERO);
    Json(answer).into_response()
}

/// Sends announcements after `delay`, the next when the one before has been accepted.
pub(super) fn send(shop: &Arc<Shop>, announcements: Vec<Announcement>, delay: Duration) {
    let control = Arc::clone(&shop.control);
    shop.control.spawn(async move {
        tokio::time::sleep(delay).await;
        for announcement in announcements {
            deliver(Arc::clone(&control), announcement.delivery).await;
        }
    });
}

fn placed(order: &ShopOrder, announcements: &[Announcement]) -> Value {
    let webhooks: Vec<Value> = announcements
        .iter()
        .map(|announcement| json!({ "topic": announcement.topic, "webhookId": announcement.webhook_id }))
        .collect();
    let ids: Vec<&str> = announcements.iter().map(|announcement| announcement.webhook_id.as_str()).collect();
    json!({
        "id": order.id,
        "adminGraphqlApiId": order.gid(),
        "name": order.name(),
        "shop": order.shop,
        "webhookIds": ids,
        "webhooks": webhooks,
    })
}

fn bad_request(message: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": message }))).into_response()
}

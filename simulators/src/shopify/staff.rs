//! The shop's own people, played by a test or a demo: what they do with an order in the admin.
//!
//! Every route takes a JSON object or nothing, records an effect, and announces what the real
//! shop announces unless `?announce=false`.

mod editing;
mod holding;
mod moving;
mod paying;
mod sending;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::orders::{ShopOrder, gid};
use super::placing::{bad_request, placed, send, yes};
use super::{Shop, moments};

/// What is announced: topics and bodies, in their order.
type Told = Vec<(&'static str, Value)>;

/// What somebody does with an order; the words say why it cannot be done.
type Deed = fn(&Arc<Shop>, &mut ShopOrder, &Value) -> Result<Told, String>;

#[derive(Deserialize)]
struct Announcing {
    #[serde(default = "yes")]
    announce: bool,
}

/// The routes under `/_orders/{id}`.
pub(super) fn router() -> Router<Arc<Shop>> {
    let deeds: [(&str, Deed); 16] = [
        ("pay", paying::pay),
        ("void", paying::void),
        ("refund", paying::refund),
        ("return", paying::take_back),
        ("dispose", paying::dispose),
        ("cancel", paying::cancel),
        ("hold", holding::hold),
        ("release", holding::release),
        ("schedule", holding::schedule),
        ("split", moving::split),
        ("move", moving::relocate),
        ("merge", moving::merge),
        ("reopen", moving::reopen),
        ("fulfil", sending::fulfil),
        ("cancel_fulfilment", sending::cancel_fulfilment),
        ("edit", editing::edit),
    ];
    let show = Router::new().route("/_orders/{id}", get(show));
    deeds.into_iter().fold(show, |router, (name, deed)| {
        let handler = move |state, path, query, body| perform(state, path, query, body, deed);
        router.route(&format!("/_orders/{{id}}/{name}"), post(handler))
    })
}

async fn perform(
    State(shop): State<Arc<Shop>>,
    Path(id): Path<i64>,
    Query(announcing): Query<Announcing>,
    raw: Bytes,
    deed: Deed,
) -> Response {
    let body = if raw.is_empty() { Ok(Value::Null) } else { serde_json::from_slice::<Value>(&raw) };
    let body = match body {
        Ok(body) => body,
        Err(error) => return bad_request(&format!("the body is not JSON: {error}")),
    };
    let done = shop.book().change(id, |order| {
        let told = deed(&shop, order, &body)?;
        let announcements = match announcing.announce {
            true => told.iter().map(|(topic, body)| shop.webhooks.tell(order, topic, body)).collect(),
            false => Vec::new(),
        };
        let mut answer = placed(order, &announcements);
        answer["fulfilmentOrders"] = fulfilment_orders(order);
        Ok::<_, String>((answer, announcements))
    });
    match done {
        None => unknown(id),
        Some(Err(why)) => (StatusCode::CONFLICT, Json(json!({ "error": why }))).into_response(),
        Some(Ok((answer, announcements))) => {
            send(&shop, announcements, Duration::ZERO);
            Json(answer).into_response()
        }
    }
}

/// `GET /_orders/{id}`: the order as the shop would send it now, and its fulfilment orders.
async fn show(State(shop): State<Arc<Shop>>, Path(id): Path<i64>) -> Response {
    let book = shop.book();
    book.find(id).map_or_else(
        || unknown(id),
        |order| {
            let shown = json!({ "order": order.body, "fulfilmentOrders": fulfilment_orders(order) });
            Json(shown).into_response()
        },
    )
}

fn unknown(id: i64) -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "error": format!("order {id} is not known") }))).into_response()
}

fn fulfilment_orders(order: &ShopOrder) -> Value {
    let shown = order.fulfilment_orders.iter().map(|found| {
        let lines: Vec<Value> = found
            .lines
            .iter()
            .map(|line| {
                json!({
                    "id": gid("FulfillmentOrderLineItem", line.id),
                    "lineItemId": line.line,
                    "sku": order.line(line.line).map(|line| line["sku"].clone()),
                    "totalQuantity": line.total,
                    "remainingQuantity": line.remaining,
                })
            })
            .collect();
        json!({
            "id": found.id,
            "adminGraphqlApiId": gid("FulfillmentOrder", found.id),
            "status": found.status().as_str(),
            "location": found.place.id,
            "locationName": found.place.name,
            "fulfillAt": found.fulfil_at.map(moments::written),
            "holds": found.holds.iter().map(|hold| hold.reason.clone()).collect::<Vec<_>>(),
            "lines": lines,
        })
    });
    shown.collect()
}

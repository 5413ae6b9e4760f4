//! The shop's own people, played by a test or a demo: what they do with an order in the admin.
//!
//! Every route takes a JSON object or nothing, records an effect, and announces what the real
//! shop announces unless `?announce=false`.

mod assessing;
mod editing;
mod holding;
mod moving;
mod paying;
mod sending;
mod stocking;

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

use super::dividing::Picked;
use super::fulfilment_orders::{FulfilmentOrder, FulfilmentOrderLine};
use super::orders::{ShopOrder, gid};
use super::placing::{bad_request, placed, send};
use super::{Shop, Told, moments};

/// What somebody does with an order; the words say why it cannot be done.
type Deed = fn(&mut Clerk<'_>) -> Result<(), String>;

/// Somebody of the shop, at work on one order.
struct Clerk<'a> {
    shop: &'a Arc<Shop>,
    order: &'a mut ShopOrder,
    /// What the ledger calls the deed.
    operation: &'static str,
    /// What is asked for.
    body: &'a Value,
    told: Told,
}

impl Clerk<'_> {
    /// The text that stands in the body under this name.
    fn text(&self, name: &str) -> Option<&str> {
        self.body[name].as_str()
    }

    /// What the body means of the fulfilment orders that are eligible.
    fn pick(&self, eligible: impl Fn(&FulfilmentOrder) -> bool) -> Result<Vec<Picked>, String> {
        self.order.pick(self.body, eligible)
    }

    fn record(&self, effect: &str, details: Value) {
        self.shop.record_effect(self.operation, self.order, effect, details);
    }

    fn tell(&mut self, topic: &'static str, body: Value) {
        self.told.push((topic, body));
    }

    /// Announces the order with all that is true now.
    fn tell_order(&mut self, topic: &'static str) {
        self.order.touch();
        self.tell(topic, self.order.body.clone());
    }
}

#[derive(Deserialize)]
struct Announcing {
    announce: Option<bool>,
}

/// The routes under `/_orders/{id}`.
pub(super) fn router() -> Router<Arc<Shop>> {
    let deeds: [(&str, &str, Deed); 17] = [
        ("pay", "payOrder", paying::pay),
        ("void", "voidOrder", paying::void),
        ("refund", "refundOrder", paying::refund),
        ("return", "returnOrder", paying::take_back),
        ("dispose", "disposeReturn", paying::dispose),
        ("cancel", "cancelOrder", paying::cancel),
        ("hold", "holdOrder", holding::hold),
        ("release", "releaseOrder", holding::release),
        ("schedule", "scheduleOrder", holding::schedule),
        ("split", "splitOrder", moving::split),
        ("move", "moveOrder", moving::relocate),
        ("merge", "mergeOrder", moving::merge),
        ("reopen", "reopenOrder", moving::reopen),
        ("fulfil", "fulfilOrder", sending::fulfil),
        ("cancel_fulfilment", "cancelFulfilment", sending::cancel_fulfilment),
        ("edit", "editOrder", editing::edit),
        ("assess", "assessOrder", assessing::assess),
    ];
    let show = Router::new().route("/_orders/{id}", get(show));
    let all = show.merge(stocking::router());
    deeds.into_iter().fold(all, |router, (name, operation, deed)| {
        let handler = move |state, path, query, body| perform(state, path, query, body, operation, deed);
        router.route(&format!("/_orders/{{id}}/{name}"), post(handler))
    })
}

async fn perform(
    State(shop): State<Arc<Shop>>,
    Path(id): Path<i64>,
    Query(announcing): Query<Announcing>,
    raw: Bytes,
    operation: &'static str,
    deed: Deed,
) -> Response {
    let body = if raw.is_empty() { Ok(Value::Null) } else { serde_json::from_slice::<Value>(&raw) };
    let body = match body {
        Ok(body) => body,
        Err(error) => return bad_request(&format!("the body is not JSON: {error}")),
    };
    let mut book = shop.book.lock();
    let is_told = announcing.announce.unwrap_or(true);
    let done = book.change(id, |order| {
        let mut clerk = Clerk { shop: &shop, order, operation, body: &body, told: Told::new() };
        deed(&mut clerk)?;
        let Clerk { order, told, .. } = clerk;
        let announcements = if is_told { shop.tell_all(order, told) } else { Vec::new() };
        let mut answer = placed(order, &announcements);
        answer["fulfilmentOrders"] = fulfilment_orders(order);
        Ok::<_, String>((answer, announcements))
    });
    let changed = shop.tell_levels(&mut book);
    drop(book);
    if is_told {
        send(&shop, changed, Duration::ZERO);
    }
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
    let shown =
        |order: &ShopOrder| json!({ "order": order.body, "fulfilmentOrders": fulfilment_orders(order) });
    let found = shop.book.lock().find(id).map(shown);
    found.map_or_else(|| unknown(id), |shown| Json(shown).into_response())
}

fn unknown(id: i64) -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "error": format!("order {id} is not known") }))).into_response()
}

fn fulfilment_orders(order: &ShopOrder) -> Value {
    let shown = order.fulfilment_orders.iter().map(|found| {
        let line = |line: &FulfilmentOrderLine| {
            json!({
                "id": gid("FulfillmentOrderLineItem", line.id),
                "lineItemId": line.line,
                "sku": order.sku(line.line),
                "totalQuantity": line.total,
                "remainingQuantity": line.remaining,
            })
        };
        json!({
            "id": found.id,
            "adminGraphqlApiId": gid("FulfillmentOrder", found.id),
            "status": found.status().as_str(),
            "location": found.place.id,
            "locationName": found.place.name,
            "fulfillAt": found.fulfil_at.map(moments::written),
            "holds": found.holds.iter().map(|hold| json!(hold.reason)).collect::<Value>(),
            "lines": found.lines.iter().map(line).collect::<Value>(),
        })
    });
    shown.collect()
}

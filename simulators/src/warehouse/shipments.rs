//! The first dialect: `POST /shipments`, with HTTP statuses and codes.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::book::{HandOver, Shipment, Status};
use super::desk::{NewHandOver, Recalled};
use super::{Warehouse, presents};
use crate::calls::{self, Call, Reply, turn_away};
use crate::faults::{Fault, Line};

pub(super) fn router(warehouse: Arc<Warehouse>) -> Router {
    Router::new()
        .route("/shipments", post(create_shipment))
        .route("/shipments/{reference}", get(get_shipment))
        .route("/shipments/{reference}/cancel", post(cancel_shipment))
        .with_state(warehouse)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewShipment {
    order_id: String,
    line_items: Vec<Line>,
    warehouse_id: Option<String>,
    ship_to: Option<Value>,
}

async fn create_shipment(
    State(warehouse): State<Arc<Warehouse>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = read(&body);
    let call = warehouse.call_to_take(asked.as_ref().map(std::slice::from_ref).unwrap_or_default());
    let perform = move |warehouse: &Arc<Warehouse>| match asked {
        Ok(asked) => match warehouse.take(&asked) {
            Ok(shipment_id) => {
                let answer = json!({
                    "reference": asked.reference,
                    "shipmentId": shipment_id,
                    "status": Status::Accepted,
                    "lineItems": asked.lines,
                    "warehouseId": asked.warehouse_id,
                });
                Reply::new(StatusCode::CREATED, answer)
            }
            Err(refusal) => {
                let mut reply = unprocessable(&refusal.code, &refusal.message);
                reply.body["reference"] = json!(asked.reference);
                reply
            }
        },
        Err(message) => problem(StatusCode::BAD_REQUEST, "malformed", &message),
    };
    answer(&warehouse, &headers, call, perform).await
}

async fn get_shipment(
    State(warehouse): State<Arc<Warehouse>>,
    Path(reference): Path<String>,
    headers: HeaderMap,
) -> Response {
    let call = warehouse.call_about("getShipment", &reference);
    let perform = move |warehouse: &Arc<Warehouse>| match warehouse.book.lock().find(&reference) {
        Some(hand_over) => Reply::new(StatusCode::OK, shown(hand_over)),
        None => not_found(&reference),
    };
    answer(&warehouse, &headers, call, perform).await
}

async fn cancel_shipment(
    State(warehouse): State<Arc<Warehouse>>,
    Path(reference): Path<String>,
    headers: HeaderMap,
) -> Response {
    let call = warehouse.call_about("cancelShipment", &reference);
    let perform = move |warehouse: &Arc<Warehouse>| {
        let result = |recalled: Recalled| {
            let result = if recalled.cancelled { "cancelled" } else { "too_late" };
            json!({ "shipmentId": recalled.shipment_id, "result": result })
        };
        let recalled = warehouse.recall(&reference);
        let is_known = recalled.is_some();
        let results: Value = recalled.into_iter().flatten().map(result).collect();
        let reply = Reply::new(StatusCode::OK, json!({ "reference": reference, "results": results }));
        if is_known { reply.note("results", results) } else { reply }
    };
    answer(&warehouse, &headers, call, perform).await
}

async fn answer(
    warehouse: &Arc<Warehouse>,
    headers: &HeaderMap,
    call: Call,
    perform: impl FnOnce(&Arc<Warehouse>) -> Reply + Send + 'static,
) -> Response {
    if !presents(headers, "authorization", &format!("Bearer {}", warehouse.token)) {
        let message = "the bearer token is missing or wrong";
        let reply = problem(StatusCode::UNAUTHORIZED, "unauthorized", message);
        return turn_away(&warehouse.control, &call, reply);
    }
    let warehouse = Arc::clone(warehouse);
    calls::answer(Arc::clone(&warehouse.control), call, move |fault| match fault {
        Some(fault) => refuse(fault),
        None => perform(&warehouse),
    })
    .await
}

/// Reads and checks a body; the error is for the caller.
fn read(body: &[u8]) -> Result<NewHandOver, String> {
    let asked: NewShipment = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if asked.order_id.is_empty() {
        return Err("orderId must not be empty".to_owned());
    }
    let member = |name: &str| Some(asked.ship_to.as_ref()?.get(name)?.as_str()?.to_owned());
    let hand_over = NewHandOver {
        zip: member("zip"),
        street: member("address1"),
        reference: asked.order_id,
        lines: asked.line_items,
        warehouse_id: asked.warehouse_id,
        ship_to: asked.ship_to,
    };
    hand_over.check()?;
    Ok(hand_over)
}

/// What is known under a reference.
fn shown(hand_over: &HandOver) -> Value {
    json!({
        "reference": hand_over.reference,
        "warehouseId": hand_over.warehouse_id,
        "status": hand_over.status(),
        "lineItems": hand_over.lines,
        "shipments": hand_over.shipments,
    })
}

/// The type and the body of the callback about the last event of a shipment.
pub(super) fn callback(reference: &str, shipment: &Shipment, reason: Option<&str>) -> (String, Value) {
    let message_type = shipment.status.callback_type();
    let mut body = json!({
        "type": message_type,
        "reference": reference,
        "shipmentId": shipment.id,
        "sequence": shipment.sequence,
        "lines": shipment.lines,
        "carrier": shipment.carrier,
        "trackingNumber": shipment.tracking_number,
        "trackingUrl": shipment.tracking_url,
        "occurredAt": shipment.occurred_at,
    });
    if let Some(reason) = reason {
        body["reason"] = json!(reason);
    }
    (message_type.to_owned(), body)
}

/// What is answered about a call that came to nothing.
fn problem(status: StatusCode, code: &str, message: &str) -> Reply {
    Reply::new(status, json!({ "code": code, "message": message }))
}

fn unprocessable(code: &str, message: &str) -> Reply {
    problem(StatusCode::UNPROCESSABLE_ENTITY, code, message).note("code", json!(code))
}

pub(super) fn not_found(reference: &str) -> Reply {
    problem(StatusCode::NOT_FOUND, "not_found", &format!("reference {reference} is not known"))
}

/// A fault that this dialect words itself.
fn refuse(fault: Fault) -> Reply {
    match fault {
        Fault::RateLimit { retry_after_s } => {
            problem(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "too many calls")
                .retry_after(retry_after_s)
        }
        Fault::Code(refusal) => unprocessable(&refusal.code, refusal.message()),
        other => {
            let message = format!("{} means nothing to a WMS", other.name());
            problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", &message)
        }
    }
}

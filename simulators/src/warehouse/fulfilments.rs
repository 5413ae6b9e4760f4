//! The second dialect: `POST /fulfilments` with a result for each hand-over inside 200, other names, and 403 for too
//! many calls.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;
use serde_json::{Value, json};

use super::book::{HandOver, Shipment, Status};
use super::desk::{NewHandOver, Recalled, Refusal};
use super::{Warehouse, presents};
use crate::calls::{self, Call, Reply, turn_away};
use crate::faults::{Fault, Line};

pub(super) fn router(warehouse: Arc<Warehouse>) -> Router {
    Router::new()
        .route("/fulfilments", post(hand_over).get(look_up))
        .route("/fulfilments/void", post(void))
        .with_state(warehouse)
}

#[derive(Deserialize)]
struct NewFulfilments {
    fulfilments: Vec<NewFulfilment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewFulfilment {
    external_reference: String,
    facility: Option<String>,
    items: Vec<Item>,
    recipient: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    article_number: String,
    amount: u64,
}

/// The one whom a look or a recall is about.
#[derive(Deserialize)]
struct About {
    reference: String,
}

async fn hand_over(State(warehouse): State<Arc<Warehouse>>, headers: HeaderMap, body: Bytes) -> Response {
    let asked = read(&body);
    let call = warehouse.call_to_take(asked.as_deref().unwrap_or_default());
    let perform = move |warehouse: &Arc<Warehouse>, fault: Option<Fault>| {
        let (asked, refused) = match (asked, fault) {
            (Ok(asked), None) => (asked, None),
            (Ok(asked), Some(Fault::Code(refused))) => (asked, Some(refused)),
            (_, Some(fault)) => return refuse(fault),
            (Err(text), None) => return problem(StatusCode::BAD_REQUEST, "malformed", &text),
        };
        let result = |new: &NewHandOver| {
            let refused = refused.as_ref().filter(|refused| refused.means(&new.reference, &new.skus()));
            let refused = refused.map(|refused| Refusal::new(&refused.code, refused.message()));
            result(&new.reference, refused.map_or_else(|| warehouse.take(new), Err))
        };
        let results: Vec<Value> = asked.iter().map(result).collect();
        Reply::new(StatusCode::OK, json!({ "results": results })).note("results", json!(results))
    };
    answer(&warehouse, &headers, call, perform).await
}

async fn look_up(
    State(warehouse): State<Arc<Warehouse>>,
    Query(About { reference }): Query<About>,
    headers: HeaderMap,
) -> Response {
    let call = warehouse.call_about("getShipment", &reference);
    let perform = move |warehouse: &Arc<Warehouse>, fault: Option<Fault>| {
        if let Some(fault) = fault {
            return refuse(fault);
        }
        let known: Vec<Value> = warehouse.book.lock().find(&reference).map(shown).into_iter().collect();
        Reply::new(StatusCode::OK, json!({ "fulfilments": known }))
    };
    answer(&warehouse, &headers, call, perform).await
}

async fn void(State(warehouse): State<Arc<Warehouse>>, headers: HeaderMap, body: Bytes) -> Response {
    let asked = serde_json::from_slice(&body);
    let call = match &asked {
        Ok(About { reference }) => warehouse.call_about("cancelShipment", reference),
        Err(_) => warehouse.call("cancelShipment"),
    };
    let perform = move |warehouse: &Arc<Warehouse>, fault: Option<Fault>| match (asked, fault) {
        (_, Some(fault)) => refuse(fault),
        (Err(error), None) => problem(StatusCode::BAD_REQUEST, "malformed", &error.to_string()),
        (Ok(About { reference }), None) => {
            let package = |recalled: Recalled| json!({ "packageId": recalled.shipment_id, "voided": recalled.cancelled });
            let recalled = warehouse.recall(&reference).unwrap_or_default();
            let packages: Vec<Value> = recalled.into_iter().map(package).collect();
            Reply::new(StatusCode::OK, json!({ "packages": packages })).note("results", json!(packages))
        }
    };
    answer(&warehouse, &headers, call, perform).await
}

async fn answer(
    warehouse: &Arc<Warehouse>,
    headers: &HeaderMap,
    call: Call,
    perform: impl FnOnce(&Arc<Warehouse>, Option<Fault>) -> Reply + Send + 'static,
) -> Response {
    if !presents(headers, "x-api-key", &warehouse.token) {
        let reply = problem(StatusCode::UNAUTHORIZED, "unknown_key", "the key is missing or wrong");
        return turn_away(&warehouse.control, &call, reply);
    }
    let warehouse = Arc::clone(warehouse);
    calls::answer(Arc::clone(&warehouse.control), call, move |fault| perform(&warehouse, fault)).await
}

/// Reads a body; the error is for the caller. What is wrong with one hand-over stands in its result.
fn read(body: &[u8]) -> Result<Vec<NewHandOver>, String> {
    let asked: NewFulfilments = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if asked.fulfilments.iter().any(|new| new.external_reference.is_empty()) || asked.fulfilments.is_empty() {
        return Err("at least one fulfilment, each with an externalReference".to_owned());
    }
    Ok(asked.fulfilments.into_iter().map(NewFulfilment::into_hand_over).collect())
}

impl NewFulfilment {
    fn into_hand_over(self) -> NewHandOver {
        let member = |name: &str| Some(self.recipient.as_ref()?.get(name)?.as_str()?.to_owned());
        let line = |item: Item| Line { sku: item.article_number, quantity: item.amount };
        NewHandOver {
            zip: member("postcode"),
            street: member("street"),
            reference: self.external_reference,
            lines: self.items.into_iter().map(line).collect(),
            warehouse_id: self.facility,
            ship_to: self.recipient,
        }
    }
}

/// What became of one hand-over.
fn result(reference: &str, taken: Result<String, Refusal>) -> Value {
    match taken {
        Ok(package_id) => {
            json!({ "externalReference": reference, "outcome": "created", "packageId": package_id })
        }
        Err(refusal) => json!({
            "externalReference": reference,
            "outcome": "rejected",
            "problem": { "kind": kind(&refusal.code), "text": refusal.message },
        }),
    }
}

/// This dialect's word for a refusal of the desk; another is taken as it was ordered.
fn kind(code: &str) -> &str {
    match code {
        "duplicate" => "already_exists",
        "refused" => "blocked",
        "unknown_sku" => "no_such_article",
        "bad_address" => "undeliverable",
        other => other,
    }
}

/// What is known under a reference.
fn shown(hand_over: &HandOver) -> Value {
    let package = |shipment: &Shipment| package(&hand_over.reference, shipment);
    json!({
        "externalReference": hand_over.reference,
        "facility": hand_over.warehouse_id,
        "blocked": hand_over.refused,
        "items": items(&hand_over.lines),
        "packages": hand_over.shipments.iter().map(package).collect::<Vec<_>>(),
    })
}

/// The type and the body of the callback about the last event of a package.
pub(super) fn callback(reference: &str, shipment: &Shipment, reason: Option<&str>) -> (String, Value) {
    let event = format!("package.{}", stage(shipment.status));
    let mut body = json!({
        "event": event,
        "at": shipment.occurred_at,
        "package": package(reference, shipment),
    });
    if let Some(reason) = reason {
        body["text"] = json!(reason);
    }
    (event, body)
}

fn package(reference: &str, shipment: &Shipment) -> Value {
    json!({
        "packageId": shipment.id,
        "externalReference": reference,
        "stage": stage(shipment.status).to_uppercase(),
        "revision": shipment.sequence,
        "items": items(&shipment.lines),
        "courier": shipment.carrier,
        "trackingCode": shipment.tracking_number,
        "trackingLink": shipment.tracking_url,
        "changedAt": shipment.occurred_at,
    })
}

fn items(lines: &[Line]) -> Vec<Value> {
    let item = |line: &Line| json!({ "articleNumber": line.sku, "amount": line.quantity });
    lines.iter().map(item).collect()
}

fn stage(status: Status) -> &'static str {
    match status {
        Status::Accepted => "new",
        Status::Picked => "picked",
        Status::OnHold => "held",
        Status::Exception => "problem",
        Status::Shipped => "left",
        Status::Delivered => "arrived",
        Status::Cancelled => "void",
    }
}

/// What is answered about a whole call.
fn problem(status: StatusCode, kind: &str, text: &str) -> Reply {
    Reply::new(status, json!({ "problem": { "kind": kind, "text": text } })).note("code", json!(kind))
}

/// A fault that this dialect words itself.
fn refuse(fault: Fault) -> Reply {
    match fault {
        Fault::RateLimit { retry_after_s } => {
            let mut reply = problem(StatusCode::FORBIDDEN, "too_many_requests", "too many calls");
            reply.body["problem"]["retryInSeconds"] = json!(retry_after_s);
            reply.retry_after(retry_after_s)
        }
        Fault::Code(refusal) => {
            problem(StatusCode::UNPROCESSABLE_ENTITY, kind(&refusal.code), refusal.message())
        }
        other => {
            let text = format!("{} means nothing to a WMS", other.name());
            problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", &text)
        }
    }
}

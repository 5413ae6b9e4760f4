//! The simulated WMS: takes hand-overs, ships them in its own time, calls back.
//!
//! **Invariant:** a reference is taken once, and a shipment that was cancelled never ships.

mod book;
mod callbacks;
mod desk;
mod floor;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Map, json};

use crate::calls::{Call, Reply, answer, turn_away};
use crate::control::{self, Control};
use crate::deliveries;
use crate::faults::Fault;
use crate::settings::{Settings, SettingsError};
use book::{Book, HandOver, Status};
use callbacks::Callbacks;
use desk::HandOverRequest;

/// The routes of the simulated WMS.
pub(crate) fn router(settings: &Settings) -> Result<Router, SettingsError> {
    let warehouse = Arc::new(Warehouse {
        control: Arc::new(Control::new(deliveries::client()?)),
        book: Mutex::default(),
        token: settings.wms_token.clone(),
        ship_after: Duration::from_millis(settings.wms_ship_after_ms),
        deliver_after: Duration::from_millis(settings.wms_deliver_after_ms),
        callbacks: Callbacks {
            url: settings.wms_webhook_url.clone(),
            signing_key: settings.wms_signing_key()?,
        },
    });
    let forgetful = Arc::clone(&warehouse);
    let control =
        control::router(Arc::clone(&warehouse.control), move || *forgetful.book() = Book::default());
    Ok(Router::new()
        .route("/shipments", post(create_shipment))
        .route("/shipments/{reference}", get(get_shipment))
        .route("/shipments/{reference}/cancel", post(cancel_shipment))
        .route("/_shipments/{reference}/release", post(release))
        .route("/_shipments/{reference}/ship", post(ship))
        .route("/_shipments/{reference}/cancel", post(call_off))
        .with_state(warehouse)
        .merge(control))
}

struct Warehouse {
    control: Arc<Control>,
    book: Mutex<Book>,
    token: String,
    ship_after: Duration,
    deliver_after: Duration,
    callbacks: Callbacks,
}

async fn create_shipment(
    State(warehouse): State<Arc<Warehouse>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = HandOverRequest::parse(&body);
    let mut call =
        call_about("createShipment", request.as_ref().ok().map(|request| request.order_id.as_str()));
    if let Ok(request) = &request {
        call.skus = request.line_items.iter().map(|line| line.sku.clone()).collect();
        call.details.insert("warehouseId".into(), json!(request.warehouse_id));
        call.details.insert("lines".into(), json!(request.line_items));
    }
    warehouse
        .answer(&headers, call, move |warehouse| match request {
            Ok(request) => warehouse.take(request),
            Err(message) => {
                Reply::new(StatusCode::BAD_REQUEST, json!({ "code": "malformed", "message": message }))
            }
        })
        .await
}

async fn get_shipment(
    State(warehouse): State<Arc<Warehouse>>,
    Path(reference): Path<String>,
    headers: HeaderMap,
) -> Response {
    let call = warehouse.call_for("getShipment", &reference);
    warehouse
        .answer(&headers, call, move |warehouse| match warehouse.book().find(&reference) {
            Some(hand_over) => Reply::new(StatusCode::OK, hand_over.to_json()),
            None => not_found(&reference),
        })
        .await
}

async fn cancel_shipment(
    State(warehouse): State<Arc<Warehouse>>,
    Path(reference): Path<String>,
    headers: HeaderMap,
) -> Response {
    let call = warehouse.call_for("cancelShipment", &reference);
    warehouse.answer(&headers, call, move |warehouse| warehouse.recall(&reference)).await
}

/// Lets a hand-over that is on hold, or in exception, go on.
async fn release(State(warehouse): State<Arc<Warehouse>>, Path(reference): Path<String>) -> Response {
    let call = warehouse.call_for("release", &reference);
    let reply = if warehouse.book().find(&reference).is_some() {
        warehouse.control.spawn(floor::walk_on(Arc::clone(&warehouse), reference));
        Reply::new(StatusCode::ACCEPTED, json!({ "released": true }))
    } else {
        not_found(&reference)
    };
    turn_away(&warehouse.control, &call, reply)
}

/// Ships at once whatever of a hand-over has not left yet.
async fn ship(State(warehouse): State<Arc<Warehouse>>, Path(reference): Path<String>) -> Response {
    let call = warehouse.call_for("ship", &reference);
    let parts = warehouse.book().find(&reference).map(|hand_over| hand_over.shipments.len());
    let reply = match parts {
        Some(parts) => {
            let shipped = (0..parts).filter(|part| floor::ship(&warehouse, &reference, *part)).count();
            Reply::new(StatusCode::OK, json!({ "shipped": shipped }))
        }
        None => not_found(&reference),
    };
    turn_away(&warehouse.control, &call, reply)
}

/// The warehouse itself cancels whatever of a hand-over has not left yet; nobody asked it to.
async fn call_off(State(warehouse): State<Arc<Warehouse>>, Path(reference): Path<String>) -> Response {
    let call = warehouse.call_for("callOff", &reference);
    let parts = warehouse.book().find(&reference).map(|hand_over| hand_over.shipments.len());
    let reply = match parts {
        Some(parts) => {
            let cancelled = (0..parts)
                .filter(|part| warehouse.advance(&reference, *part, Status::Cancelled, None))
                .count();
            Reply::new(StatusCode::OK, json!({ "cancelled": cancelled }))
        }
        None => not_found(&reference),
    };
    turn_away(&warehouse.control, &call, reply)
}

impl Warehouse {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call about a reference, with the SKUs that were handed over under it.
    fn call_for(&self, operation: &'static str, reference: &str) -> Call {
        let mut call = call_about(operation, Some(reference));
        call.skus = self.book().find(reference).map(HandOver::skus).unwrap_or_default();
        call
    }

    async fn answer(
        self: &Arc<Self>,
        headers: &HeaderMap,
        call: Call,
        perform: impl FnOnce(&Arc<Self>) -> Reply + Send + 'static,
    ) -> Response {
        let expected = format!("Bearer {}", self.token);
        if headers.get(AUTHORIZATION).is_none_or(|given| given.as_bytes() != expected.as_bytes()) {
            let reply = Reply::new(
                StatusCode::UNAUTHORIZED,
                json!({ "code": "unauthorized", "message": "the bearer token is missing or wrong" }),
            );
            return turn_away(&self.control, &call, reply);
        }
        let warehouse = Arc::clone(self);
        answer(Arc::clone(&self.control), call, move |fault| match fault {
            Some(fault) => refuse(fault),
            None => perform(&warehouse),
        })
        .await
    }
}

fn call_about(operation: &'static str, reference: Option<&str>) -> Call {
    let mut subject = Map::new();
    if let Some(reference) = reference {
        subject.insert("reference".into(), json!(reference));
    }
    Call { operations: vec![operation], subject, details: Map::new(), skus: Vec::new() }
}

fn unprocessable(code: &str, message: &str, reference: Option<&str>) -> Reply {
    let mut body = json!({ "code": code, "message": message });
    if let Some(reference) = reference {
        body["reference"] = json!(reference);
    }
    Reply::new(StatusCode::UNPROCESSABLE_ENTITY, body).note("code", json!(code))
}

fn not_found(reference: &str) -> Reply {
    Reply::new(
        StatusCode::NOT_FOUND,
        json!({ "code": "not_found", "message": format!("reference {reference} is not known") }),
    )
}

/// A fault that this WMS words itself.
fn refuse(fault: Fault) -> Reply {
    match fault {
        Fault::RateLimit { retry_after_s } => Reply::new(
            StatusCode::TOO_MANY_REQUESTS,
            json!({ "code": "rate_limited", "message": "too many calls" }),
        )
        .retry_after(retry_after_s),
        Fault::Code { code, message } => {
            unprocessable(&code, message.as_deref().unwrap_or("refused by a simulated fault"), None)
        }
        other => Reply::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            json!({ "code": "internal", "message": format!("{} means nothing to a WMS", other.name()) }),
        ),
    }
}

//! What the people in the houses do: they need no token. A house is found by the reference.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use serde_json::json;

use super::book::Status;
use super::{Warehouse, floor, returning, shipments};
use crate::calls::{Reply, turn_away};

/// Both systems, the first at the head.
pub(super) type Systems = [Arc<Warehouse>; 2];

pub(super) fn router(systems: Systems) -> Router {
    Router::new()
        .route("/_shipments/{reference}/release", post(release))
        .route("/_shipments/{reference}/ship", post(ship))
        .route("/_shipments/{reference}/cancel", post(call_off))
        .route("/_returns/{return_id}/receive", post(returning::receive))
        .with_state(systems)
}

/// Lets a hand-over that is on hold, or in exception, go on.
async fn release(State(systems): State<Systems>, Path(reference): Path<String>) -> Response {
    work(&systems, &reference, "release", |warehouse, _| {
        warehouse.control.spawn(floor::walk_on(Arc::clone(warehouse), reference.clone()));
        Reply::new(StatusCode::ACCEPTED, json!({ "released": true }))
    })
}

/// Ships at once whatever of a hand-over has not left yet.
async fn ship(State(systems): State<Systems>, Path(reference): Path<String>) -> Response {
    work(&systems, &reference, "ship", |warehouse, parts| {
        let shipped = (0..parts).filter(|part| floor::ship(warehouse, &reference, *part)).count();
        Reply::new(StatusCode::OK, json!({ "shipped": shipped }))
    })
}

/// The warehouse itself cancels whatever of a hand-over has not left yet; nobody asked it to.
async fn call_off(State(systems): State<Systems>, Path(reference): Path<String>) -> Response {
    work(&systems, &reference, "callOff", |warehouse, parts| {
        let cancel = |part: &usize| warehouse.advance(&reference, *part, Status::Cancelled, None);
        Reply::new(StatusCode::OK, json!({ "cancelled": (0..parts).filter(cancel).count() }))
    })
}

/// Has the house that knows the reference do this with its number of shipments.
fn work(
    systems: &Systems,
    reference: &str,
    operation: &'static str,
    deed: impl FnOnce(&Arc<Warehouse>, usize) -> Reply,
) -> Response {
    let warehouse = which_has(systems, reference);
    let call = warehouse.call_about(operation, reference);
    let parts = warehouse.book.lock().find(reference).map(|hand_over| hand_over.shipments.len());
    let reply = parts.map_or_else(|| shipments::not_found(reference), |parts| deed(warehouse, parts));
    turn_away(&warehouse.control, &call, reply)
}

/// The first where neither or both have it.
fn which_has<'a>(systems: &'a Systems, reference: &str) -> &'a Arc<Warehouse> {
    systems.iter().find(|system| system.book.lock().find(reference).is_some()).unwrap_or(&systems[0])
}

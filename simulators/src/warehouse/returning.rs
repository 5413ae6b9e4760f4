//! Returns as the people at the gate receive them: the house is told what came, and calls back.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Warehouse;
use super::hands::Systems;
use crate::deliveries;

/// What came of a return.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Came {
    lines: Vec<Line>,
    /// Which house; the first unless it is named.
    system: Option<String>,
    warehouse_id: Option<String>,
    /// The callback's id; one of its own unless it is said.
    webhook_id: Option<String>,
    /// How often it is sent, the same each time.
    copies: Option<u32>,
}

#[derive(Deserialize)]
struct Line {
    sku: String,
    quantity: u32,
    sellable: bool,
}

/// Receives pieces of a return, and calls back.
pub(super) async fn receive(
    State(systems): State<Systems>,
    Path(return_id): Path<String>,
    Json(came): Json<Came>,
) -> Response {
    let house = systems.iter().find(|system| system.name == came.system);
    let Some(house) = house else {
        return (StatusCode::NOT_FOUND, Json(json!({ "error": "no such system" }))).into_response();
    };
    let Some(callbacks) = &house.callbacks else {
        return (StatusCode::CONFLICT, Json(json!({ "error": "it calls nobody back" }))).into_response();
    };
    let id = came.webhook_id.clone().unwrap_or_else(|| {
        let drawn = Utc::now().timestamp_nanos_opt().unwrap_or_default();
        format!("msg_{return_id}_{drawn}")
    });
    let facts = json!({ "effect": "returnReceived", "returnId": return_id, "lines": came.first_lines() });
    house.record("return", facts);
    let skus = came.lines.iter().map(|line| line.sku.clone()).collect();
    let mut facts = Map::new();
    facts.insert("returnId".into(), json!(return_id));
    let mut delivery = callbacks.signed(id.clone(), came.worded(house, &return_id), facts, skus);
    delivery.copies = came.copies.unwrap_or(1);
    delivery.facts.extend(house.subject());
    house.control.spawn(deliveries::deliver(Arc::clone(&house.control), delivery));
    (StatusCode::ACCEPTED, Json(json!({ "webhookId": id }))).into_response()
}

impl Came {
    fn first_lines(&self) -> Vec<Value> {
        let line =
            |line: &Line| json!({ "sku": line.sku, "quantity": line.quantity, "sellable": line.sellable });
        self.lines.iter().map(line).collect()
    }

    /// In the words of the house: the first has no name.
    fn worded(&self, house: &Warehouse, return_id: &str) -> (String, Value) {
        if house.name.is_none() {
            let kind = "return.received";
            let mut body = json!({ "type": kind, "returnId": return_id, "lines": self.first_lines() });
            if let Some(warehouse) = &self.warehouse_id {
                body["warehouseId"] = json!(warehouse);
            }
            return (kind.to_owned(), body);
        }
        let item = |line: &Line| {
            let grade = if line.sellable { "A" } else { "B" };
            json!({ "articleNumber": line.sku, "amount": line.quantity, "grade": grade })
        };
        let event = "return.graded";
        let items: Vec<Value> = self.lines.iter().map(item).collect();
        let told = json!({ "externalReference": return_id, "site": self.warehouse_id, "items": items });
        (event.to_owned(), json!({ "event": event, "return": told }))
    }
}

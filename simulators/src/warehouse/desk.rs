//! Where hand-overs are taken and recalled, and where every step of a shipment is recorded and
//! called back.

use std::sync::Arc;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::book::{HandOver, Shipment, Status};
use super::{Warehouse, floor, unprocessable};
use crate::calls::Reply;
use crate::deliveries;
use crate::faults::{Line, Occasion};
use crate::ledger::Kind;

/// The body of a new hand-over.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HandOverRequest {
    pub(super) order_id: String,
    pub(super) line_items: Vec<Line>,
    pub(super) warehouse_id: Option<String>,
    ship_to: Option<Value>,
}

impl HandOverRequest {
    /// Reads and checks a body; the error is for the caller.
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        let request: Self = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        if request.order_id.is_empty() {
            return Err("orderId must not be empty".to_owned());
        }
        if request.line_items.is_empty() {
            return Err("lineItems must not be empty".to_owned());
        }
        if request.line_items.iter().any(|line| line.quantity == 0 || line.sku.is_empty()) {
            return Err("every line needs a sku and a quantity of at least 1".to_owned());
        }
        Ok(request)
    }

    /// Why the warehouse cannot ship this.
    fn refusal(&self) -> Option<(&'static str, String)> {
        let unknown = self.line_items.iter().find(|line| line.sku.starts_with("UNKNOWN-"));
        if let Some(line) = unknown {
            return Some(("unknown_sku", format!("the warehouse does not carry {}", line.sku)));
        }
        let address = |field: &str| self.ship_to.as_ref().and_then(|to| to[field].as_str());
        let nowhere = address("zip") == Some("00000") || address("address1") == Some("NOWHERE");
        nowhere.then(|| ("bad_address", "the carrier does not know this address".to_owned()))
    }
}

impl Warehouse {
    /// Takes a hand-over, once per reference.
    pub(super) fn take(self: &Arc<Self>, request: HandOverRequest) -> Reply {
        let mut book = self.book();
        if let Some(known) = book.find(&request.order_id) {
            let code = if known.refused { "refused" } else { "duplicate" };
            let message = format!("reference {} is {code}", request.order_id);
            return unprocessable(code, &message, Some(&request.order_id));
        }
        if let Some((code, message)) = request.refusal() {
            return unprocessable(code, &message, Some(&request.order_id));
        }
        let skus: Vec<String> = request.line_items.iter().map(|line| line.sku.clone()).collect();
        let behaviour = self.control.faults.for_shipment(&Occasion {
            operations: &["shipment"],
            orders: std::slice::from_ref(&request.order_id),
            skus: &skus,
            message_type: None,
        });
        let hand_over = HandOver::new(request.order_id, request.line_items, request.warehouse_id, behaviour);
        for (index, shipment) in hand_over.shipments.iter().enumerate() {
            self.control.ledger.record(
                "createShipment",
                Kind::Effect,
                json!({
                    "effect": "shipmentCreated",
                    "reference": hand_over.reference,
                    "shipmentId": shipment.id,
                    "part": index + 1,
                    "warehouseId": hand_over.warehouse_id,
                    "lines": shipment.lines,
                    "shipTo": request.ship_to,
                }),
            );
            self.call_back(&hand_over.reference, shipment, None);
        }
        let reply = json!({
            "reference": hand_over.reference,
            "shipmentId": hand_over.shipments[0].id,
            "status": Status::Accepted,
            "lineItems": hand_over.lines,
            "warehouseId": hand_over.warehouse_id,
        });
        let reference = hand_over.reference.clone();
        book.keep(hand_over);
        drop(book);
        self.control.spawn(floor::walk(Arc::clone(self), reference));
        Reply::new(StatusCode::CREATED, reply)
    }

    /// Cancels what has not left; a reference that is not known is refused from now on.
    pub(super) fn recall(self: &Arc<Self>, reference: &str) -> Reply {
        let Some((parts, skus)) = self.find_or_refuse(reference) else {
            return Reply::new(StatusCode::OK, json!({ "reference": reference, "results": [] }));
        };
        let too_late = self.control.faults.too_late(&Occasion {
            operations: &["shipment"],
            orders: &[reference.to_owned()],
            skus: &skus,
            message_type: None,
        });
        if self.book().is_too_late(reference, too_late) {
            return self.recalled(reference);
        }
        for part in 0..parts {
            self.advance(reference, part, Status::Cancelled, None);
        }
        self.recalled(reference)
    }

    /// The number of parts and the SKUs of a hand-over; one that is not known is refused from
    /// this very moment on.
    fn find_or_refuse(&self, reference: &str) -> Option<(usize, Vec<String>)> {
        let mut book = self.book();
        if let Some(known) = book.find(reference) {
            return Some((known.shipments.len(), known.skus()));
        }
        book.keep(HandOver::refused_in_advance(reference.to_owned()));
        self.control.ledger.record(
            "cancelShipment",
            Kind::Effect,
            json!({ "effect": "referenceRefused", "reference": reference }),
        );
        None
    }

    /// What a recall found, shipment by shipment.
    fn recalled(&self, reference: &str) -> Reply {
        let results = self.book().find(reference).map(HandOver::recall_results).unwrap_or_default();
        Reply::new(StatusCode::OK, json!({ "reference": reference, "results": results }))
            .note("results", json!(results))
    }

    /// Moves a shipment on, records it and calls back; `false` where that is not possible.
    pub(super) fn advance(
        self: &Arc<Self>,
        reference: &str,
        part: usize,
        to: Status,
        reason: Option<&str>,
    ) -> bool {
        let mut book = self.book();
        let Some(shipment) = book.advance(reference, part, to) else {
            return false;
        };
        let mut facts = json!({
            "effect": to.effect(),
            "reference": reference,
            "shipmentId": shipment.id,
            "part": part + 1,
            "lines": shipment.lines,
            "carrier": shipment.carrier,
            "trackingNumber": shipment.tracking_number,
        });
        if let Some(reason) = reason {
            facts["reason"] = json!(reason);
        }
        self.control.ledger.record("shipment", Kind::Effect, facts);
        self.call_back(reference, shipment, reason);
        true
    }

    fn call_back(self: &Arc<Self>, reference: &str, shipment: &Shipment, reason: Option<&str>) {
        let delivery = self.callbacks.announce(reference, shipment, reason);
        self.control.spawn(deliveries::deliver(Arc::clone(&self.control), delivery));
    }
}

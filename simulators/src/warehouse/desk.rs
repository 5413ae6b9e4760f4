//! Where hand-overs are taken and recalled, and where every step of a shipment is recorded and
//! called back.

use std::sync::Arc;

use serde_json::{Value, json};

use super::book::{HandOver, Shipment, Status};
use super::{Warehouse, floor};
use crate::deliveries;
use crate::faults::{Line, Occasion};

/// What is handed over, whichever dialect it came in.
pub(super) struct NewHandOver {
    pub(super) reference: String,
    pub(super) lines: Vec<Line>,
    pub(super) warehouse_id: Option<String>,
    /// The address as it was sent.
    pub(super) ship_to: Option<Value>,
    pub(super) zip: Option<String>,
    pub(super) street: Option<String>,
}

/// Why nothing was taken.
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
}

/// What a recall found of one shipment: cancelled, or too late.
pub(super) struct Recalled {
    pub(super) shipment_id: String,
    pub(super) cancelled: bool,
}

impl Refusal {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

impl NewHandOver {
    pub(super) fn skus(&self) -> Vec<String> {
        self.lines.iter().map(|line| line.sku.clone()).collect()
    }

    /// Whether it can be understood; the error is for the caller.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.lines.is_empty() {
            return Err("there must be something to ship".to_owned());
        }
        if self.lines.iter().any(|line| line.quantity == 0 || line.sku.is_empty()) {
            return Err("every line needs a sku and a quantity of at least 1".to_owned());
        }
        Ok(())
    }

    /// Why the warehouse cannot ship this.
    fn refusal(&self) -> Option<Refusal> {
        if let Err(message) = self.check() {
            return Some(Refusal::new("malformed", message));
        }
        if let Some(line) = self.lines.iter().find(|line| line.sku.starts_with("UNKNOWN-")) {
            return Some(Refusal::new("unknown_sku", format!("the warehouse does not carry {}", line.sku)));
        }
        let nowhere = self.zip.as_deref() == Some("00000") || self.street.as_deref() == Some("NOWHERE");
        nowhere.then(|| Refusal::new("bad_address", "the carrier does not know this address"))
    }
}

impl Warehouse {
    /// Takes a hand-over, once per reference; the id of its first shipment.
    pub(super) fn take(self: &Arc<Self>, new: &NewHandOver) -> Result<String, Refusal> {
        let mut book = self.book.lock();
        if let Some(known) = book.find(&new.reference) {
            let code = if known.refused { "refused" } else { "duplicate" };
            return Err(Refusal::new(code, format!("reference {} is {code}", new.reference)));
        }
        if let Some(refusal) = new.refusal() {
            return Err(refusal);
        }
        let skus = new.skus();
        let behaviour = self.control.faults.for_shipment(&self.occasion(&new.reference, &skus));
        let hand_over =
            HandOver::new(new.reference.clone(), new.lines.clone(), new.warehouse_id.clone(), behaviour);
        for (index, shipment) in hand_over.shipments.iter().enumerate() {
            let facts = json!({
                "effect": "shipmentCreated",
                "reference": hand_over.reference,
                "shipmentId": shipment.id,
                "part": index + 1,
                "warehouseId": hand_over.warehouse_id,
                "lines": shipment.lines,
                "shipTo": new.ship_to,
            });
            self.record("createShipment", facts);
            self.call_back(&hand_over.reference, shipment, None);
        }
        let first = hand_over.shipments[0].id.clone();
        book.keep(hand_over);
        drop(book);
        self.control.spawn(floor::walk(Arc::clone(self), new.reference.clone()));
        Ok(first)
    }

    /// Cancels what has not left; none for a reference that is not known, which is refused from now on.
    pub(super) fn recall(self: &Arc<Self>, reference: &str) -> Option<Vec<Recalled>> {
        let (parts, skus) = self.find_or_refuse(reference)?;
        let too_late = self.control.faults.too_late(&self.occasion(&reference.to_owned(), &skus));
        if !self.book.lock().is_too_late(reference, too_late) {
            for part in 0..parts {
                self.advance(reference, part, Status::Cancelled, None);
            }
        }
        let book = self.book.lock();
        let shipments = book.find(reference).into_iter().flat_map(|hand_over| &hand_over.shipments);
        let recalled = |shipment: &Shipment| Recalled {
            shipment_id: shipment.id.clone(),
            cancelled: shipment.status == Status::Cancelled,
        };
        Some(shipments.map(recalled).collect())
    }

    /// What the rules for shipments are asked about.
    fn occasion<'a>(&'a self, reference: &'a String, skus: &'a [String]) -> Occasion<'a> {
        Occasion {
            operations: &["shipment"],
            orders: std::slice::from_ref(reference),
            skus,
            system: self.name.as_deref(),
            message_type: None,
        }
    }

    /// The number of parts and the SKUs of a hand-over; one that is not known is refused from
    /// this very moment on.
    fn find_or_refuse(&self, reference: &str) -> Option<(usize, Vec<String>)> {
        let mut book = self.book.lock();
        if let Some(known) = book.find(reference) {
            return Some((known.shipments.len(), known.skus()));
        }
        book.keep(HandOver::refused_in_advance(reference.to_owned()));
        self.record("cancelShipment", json!({ "effect": "referenceRefused", "reference": reference }));
        None
    }

    /// Moves a shipment on, records it and calls back; `false` where that is not possible.
    pub(super) fn advance(
        self: &Arc<Self>,
        reference: &str,
        part: usize,
        to: Status,
        reason: Option<&str>,
    ) -> bool {
        let mut book = self.book.lock();
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
        self.record("shipment", facts);
        self.call_back(reference, shipment, reason);
        true
    }

    fn call_back(self: &Arc<Self>, reference: &str, shipment: &Shipment, reason: Option<&str>) {
        let Some(callbacks) = &self.callbacks else { return };
        let mut delivery = callbacks.announce(reference, shipment, reason);
        delivery.facts.extend(self.subject());
        self.control.spawn(deliveries::deliver(Arc::clone(&self.control), delivery));
    }
}

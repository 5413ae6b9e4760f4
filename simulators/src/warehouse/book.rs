//! What the warehouse knows: hand-overs by reference, and the shipments each became.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};
use strum::IntoStaticStr;
use uuid::Uuid;

use crate::faults::{Line, Parts, ShipmentBehaviour};
use crate::ledger::now;

/// Where a shipment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", prefix = "shipment.")]
pub(super) enum Status {
    Accepted,
    Picked,
    OnHold,
    Exception,
    Shipped,
    Delivered,
    Cancelled,
}

impl Status {
    /// The type of the callback that tells of it.
    pub(super) fn callback_type(self) -> &'static str {
        self.into()
    }

    /// The name of the effect in the ledger.
    pub(super) fn effect(self) -> &'static str {
        match self {
            Self::Accepted => "shipmentCreated",
            Self::Picked => "shipmentPicked",
            Self::OnHold => "shipmentOnHold",
            Self::Exception => "shipmentException",
            Self::Shipped => "shipmentShipped",
            Self::Delivered => "shipmentDelivered",
            Self::Cancelled => "shipmentCancelled",
        }
    }

    /// Whether the shipment is still in the house.
    pub(super) fn is_in_house(self) -> bool {
        matches!(self, Self::Accepted | Self::Picked | Self::OnHold | Self::Exception)
    }

    fn may_become(self, to: Self) -> bool {
        match to {
            Self::Accepted => false,
            Self::Picked => matches!(self, Self::Accepted | Self::OnHold | Self::Exception),
            Self::OnHold | Self::Exception => matches!(self, Self::Accepted | Self::Picked),
            Self::Shipped | Self::Cancelled => self.is_in_house(),
            Self::Delivered => self == Self::Shipped,
        }
    }
}

/// One parcel's way, written as the first dialect writes it.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shipment {
    #[serde(rename = "shipmentId")]
    pub(super) id: String,
    pub(super) status: Status,
    /// Rises with every event of this shipment.
    pub(super) sequence: u64,
    pub(super) lines: Vec<Line>,
    pub(super) carrier: Option<String>,
    pub(super) tracking_number: Option<String>,
    pub(super) tracking_url: Option<String>,
    pub(super) occurred_at: String,
}

impl Shipment {
    fn new(lines: Vec<Line>) -> Self {
        Self {
            // Not counted: an id must not come again after a restart, receivers remember it.
            id: format!("shp_{}", Uuid::now_v7().simple()),
            status: Status::Accepted,
            sequence: 1,
            lines,
            carrier: None,
            tracking_number: None,
            tracking_url: None,
            occurred_at: now(),
        }
    }

    fn label(&mut self) {
        let suffix = self.id.get(self.id.len() - 12..).unwrap_or(&self.id).to_uppercase();
        let number = format!("PP{suffix}");
        self.tracking_url = Some(format!("https://tracking.example.com/{number}"));
        self.tracking_number = Some(number);
        self.carrier = Some("Parcel Post".to_owned());
    }
}

/// What was handed over under one reference.
#[derive(Default)]
pub(super) struct HandOver {
    pub(super) reference: String,
    pub(super) warehouse_id: Option<String>,
    pub(super) lines: Vec<Line>,
    pub(super) shipments: Vec<Shipment>,
    /// Cancelled before it came: never taken.
    pub(super) refused: bool,
    pub(super) behaviour: ShipmentBehaviour,
}

impl HandOver {
    pub(super) fn new(
        reference: String,
        lines: Vec<Line>,
        warehouse_id: Option<String>,
        behaviour: ShipmentBehaviour,
    ) -> Self {
        let shipments = divide(&lines, behaviour.parts.as_ref()).into_iter().map(Shipment::new).collect();
        Self { reference, warehouse_id, lines, shipments, refused: false, behaviour }
    }

    pub(super) fn refused_in_advance(reference: String) -> Self {
        Self { reference, refused: true, ..Self::default() }
    }

    pub(super) fn skus(&self) -> Vec<String> {
        self.lines.iter().map(|line| line.sku.clone()).collect()
    }

    /// The status of the least advanced shipment that was not cancelled; trouble comes first.
    pub(super) fn status(&self) -> Value {
        if self.refused {
            return json!("refused");
        }
        let order = [
            Status::Exception,
            Status::OnHold,
            Status::Accepted,
            Status::Picked,
            Status::Shipped,
            Status::Delivered,
        ];
        let found =
            order.into_iter().find(|status| self.shipments.iter().any(|shipment| shipment.status == *status));
        json!(found.unwrap_or(Status::Cancelled))
    }
}

/// Everything the warehouse knows.
#[derive(Default)]
pub(super) struct Book {
    hand_overs: HashMap<String, HandOver>,
}

impl Book {
    pub(super) fn find(&self, reference: &str) -> Option<&HandOver> {
        self.hand_overs.get(reference)
    }

    pub(super) fn keep(&mut self, hand_over: HandOver) {
        self.hand_overs.insert(hand_over.reference.clone(), hand_over);
    }

    /// Whether a recall comes too late by rule; once it did, it always does.
    pub(super) fn is_too_late(&mut self, reference: &str, by_rule: bool) -> bool {
        self.hand_overs.get_mut(reference).is_some_and(|hand_over| {
            hand_over.behaviour.too_late |= by_rule;
            hand_over.behaviour.too_late
        })
    }

    /// Moves a shipment on, where it may go there.
    pub(super) fn advance(&mut self, reference: &str, part: usize, to: Status) -> Option<&Shipment> {
        let shipment = self.hand_overs.get_mut(reference)?.shipments.get_mut(part)?;
        if !shipment.status.may_become(to) {
            return None;
        }
        shipment.status = to;
        shipment.sequence += 1;
        shipment.occurred_at = now();
        if to == Status::Shipped {
            shipment.label();
        }
        Some(shipment)
    }
}

/// Divides the lines into parts; an empty part is left out, and no part at all is one.
fn divide(lines: &[Line], parts: Option<&Parts>) -> Vec<Vec<Line>> {
    let mut divided = match parts {
        None => Vec::new(),
        Some(Parts::Lines(parts)) => parts.clone(),
        Some(Parts::Pieces(pieces)) => deal_out(lines, pieces),
    };
    divided.retain(|part| !part.is_empty());
    if divided.is_empty() {
        divided.push(lines.to_vec());
    }
    divided
}

fn deal_out(lines: &[Line], pieces: &[u64]) -> Vec<Vec<Line>> {
    let mut left = lines.to_vec();
    let mut divided: Vec<Vec<Line>> = Vec::new();
    for wanted in pieces {
        let mut wanted = *wanted;
        let mut part = Vec::new();
        for line in &mut left {
            let quantity = wanted.min(line.quantity);
            if quantity > 0 {
                part.push(Line { sku: line.sku.clone(), quantity });
                line.quantity -= quantity;
                wanted -= quantity;
            }
        }
        divided.push(part);
    }
    left.retain(|line| line.quantity > 0);
    divided.push(left);
    divided
}

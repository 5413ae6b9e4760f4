//! Callbacks of a warehouse system, signed as Standard Webhooks 1.0.0 says: `v1,` and the base64 of the
//! HMAC-SHA256 over `id.timestamp.body`.

use bytes::Bytes;
use chrono::Utc;
use serde_json::{Map, Value, json};

use super::book::Shipment;
use crate::deliveries::{Delivery, signature};

/// The type and the body of the callback about the last event of a shipment, in the words of a dialect.
pub(super) type Wording = fn(reference: &str, shipment: &Shipment, reason: Option<&str>) -> (String, Value);

/// Where callbacks go, how they are worded, and what signs them.
pub(super) struct Callbacks {
    pub(super) url: String,
    pub(super) signing_key: Vec<u8>,
    pub(super) wording: Wording,
}

impl Callbacks {
    /// The callback about the last event of a shipment. Its id follows from the event, so that
    /// a receiver knows it again.
    pub(super) fn announce(&self, reference: &str, shipment: &Shipment, reason: Option<&str>) -> Delivery {
        let said = (self.wording)(reference, shipment, reason);
        let id = format!("msg_{}_{}", shipment.id, shipment.sequence);
        let mut facts = Map::new();
        facts.insert("reference".into(), json!(reference));
        facts.insert("shipmentId".into(), json!(shipment.id));
        facts.insert("shipmentSequence".into(), json!(shipment.sequence));
        let skus = shipment.lines.iter().map(|line| line.sku.clone()).collect();
        self.signed(id, said, facts, skus)
    }

    /// A callback under an id, with its type and body.
    pub(super) fn signed(
        &self,
        id: String,
        (message_type, body): (String, Value),
        mut facts: Map<String, Value>,
        skus: Vec<String>,
    ) -> Delivery {
        let body = Bytes::from(body.to_string());
        facts.insert("webhookId".into(), Value::String(id.clone()));
        let signing_key = self.signing_key.clone();
        let signed = body.clone();
        Delivery {
            operation: "callback",
            message_type,
            url: self.url.clone(),
            facts,
            skus,
            // Signed anew for each attempt: the timestamp is that of the attempt.
            headers: Box::new(move || {
                let timestamp = Utc::now().timestamp();
                let head = format!("{id}.{timestamp}.");
                let signature = signature(&signing_key, &[head.as_bytes(), &signed]);
                vec![
                    ("webhook-id", id.clone()),
                    ("webhook-timestamp", timestamp.to_string()),
                    ("webhook-signature", format!("v1,{signature}")),
                ]
            }),
            body,
            accepted: |status| status.is_success(),
            copies: 1,
        }
    }
}

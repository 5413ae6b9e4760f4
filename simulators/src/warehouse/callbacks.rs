//! Callbacks of a warehouse system, signed as Standard Webhooks 1.0.0 says: `v1,` and the base64 of the
//! HMAC-SHA256 over `id.timestamp.body`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::book::Shipment;
use crate::deliveries::Delivery;

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
        let (message_type, body) = (self.wording)(reference, shipment, reason);
        let id = format!("msg_{}_{}", shipment.id, shipment.sequence);
        let body = Bytes::from(body.to_string());
        let mut facts = Map::new();
        facts.insert("reference".into(), json!(reference));
        facts.insert("shipmentId".into(), json!(shipment.id));
        facts.insert("shipmentSequence".into(), json!(shipment.sequence));
        facts.insert("webhookId".into(), Value::String(id.clone()));
        let signing_key = self.signing_key.clone();
        let signed = body.clone();
        Delivery {
            operation: "callback",
            message_type,
            url: self.url.clone(),
            facts,
            skus: shipment.lines.iter().map(|line| line.sku.clone()).collect(),
            // Signed anew for each attempt: the timestamp is that of the attempt.
            headers: Box::new(move || {
                let timestamp = Utc::now().timestamp();
                vec![
                    ("webhook-id", id.clone()),
                    ("webhook-timestamp", timestamp.to_string()),
                    ("webhook-signature", sign(&signing_key, &id, timestamp, &signed)),
                ]
            }),
            body,
            accepted: |status| status.is_success(),
            copies: 1,
        }
    }
}

fn sign(key: &[u8], id: &str, timestamp: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

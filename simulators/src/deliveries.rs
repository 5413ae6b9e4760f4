//! Messages to the outside, webhooks and callbacks alike: sent until they are accepted, lost,
//! repeated or delayed by rule.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};
use sha2::Sha256;

use crate::control::Control;
use crate::faults::Occasion;
use crate::ledger::{Kind, subjects, system_of};

/// For how long a message that is not accepted is sent again.
const GIVE_UP_AFTER: Duration = Duration::from_secs(120);
/// How long one attempt may take; Shopify waits 5 seconds too.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// The headers of one attempt; a signature may depend on the time.
pub(crate) type Headers = Box<dyn Fn() -> Vec<(&'static str, String)> + Send + Sync>;

/// One message to be delivered.
pub(crate) struct Delivery {
    /// `webhook` or `callback`.
    pub(crate) operation: &'static str,
    /// The topic or the type.
    pub(crate) message_type: String,
    pub(crate) url: String,
    /// Who it is about, and the ids of the message, for the ledger.
    pub(crate) facts: Map<String, Value>,
    pub(crate) skus: Vec<String>,
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
    pub(crate) accepted: fn(StatusCode) -> bool,
    /// How often it is sent in all, the same each time.
    pub(crate) copies: u32,
}

/// The client for all deliveries of a server.
pub(crate) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder().no_proxy().timeout(ATTEMPT_TIMEOUT).build()
}

/// The base64 of the HMAC-SHA256 over these bytes, one after the other.
pub(crate) fn signature(key: &[u8], signed: &[&[u8]]) -> String {
    STANDARD.encode(mac(key, signed))
}

/// The same over one text, in hexadecimal digits.
pub(crate) fn signature_in_hex(key: &[u8], signed: &[u8]) -> String {
    mac(key, &[signed]).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(key: &[u8], signed: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
    signed.iter().for_each(|bytes| mac.update(bytes));
    mac.finalize().into_bytes().to_vec()
}

/// Delivers `delivery` as the rules want it; ends when it is accepted, lost or given up.
pub(crate) async fn deliver(control: Arc<Control>, delivery: Delivery) {
    let orders = subjects(&delivery.facts);
    let behaviour = control.faults.for_sending(&Occasion {
        operations: &[delivery.operation],
        orders: &orders,
        skus: &delivery.skus,
        system: system_of(&delivery.facts),
        message_type: Some(&delivery.message_type),
    });
    if behaviour.lost {
        record(&control, &delivery, json!({ "lost": true }));
        return;
    }
    tokio::time::sleep(Duration::from_millis(behaviour.delay_ms)).await;
    send_until_accepted(&control, &delivery).await;
    for copy in 1..behaviour.repeat.max(delivery.copies) {
        let outcome = send(&control, &delivery).await;
        let status = outcome.ok().map(|status| status.as_u16());
        record(&control, &delivery, json!({ "repeated": copy, "status": status }));
    }
}

async fn send_until_accepted(control: &Control, delivery: &Delivery) {
    let started = Instant::now();
    for attempt in 1_u32.. {
        let outcome = send(control, delivery).await;
        let facts = match &outcome {
            Ok(status) => json!({ "attempt": attempt, "status": status.as_u16() }),
            Err(error) => json!({ "attempt": attempt, "error": error.to_string() }),
        };
        record(control, delivery, facts);
        let accepted = outcome.is_ok_and(delivery.accepted);
        if accepted || started.elapsed() >= GIVE_UP_AFTER {
            return;
        }
        tokio::time::sleep(pause_after(attempt)).await;
    }
}

/// Half a second, one, two, then five each.
fn pause_after(attempt: u32) -> Duration {
    Duration::from_millis(match attempt {
        1 => 500,
        2 => 1_000,
        3 => 2_000,
        _ => 5_000,
    })
}

async fn send(control: &Control, delivery: &Delivery) -> Result<StatusCode, reqwest::Error> {
    let mut request = control
        .client
        .post(&delivery.url)
        .header("content-type", "application/json")
        .body(delivery.body.clone());
    for (name, value) in (delivery.headers)() {
        request = request.header(name, value);
    }
    let response = request.send().await?;
    let status = response.status();
    // The connection is only used again when the answer has been read.
    let _ = response.bytes().await;
    Ok(status)
}

fn record(control: &Control, delivery: &Delivery, mut outcome: Value) {
    outcome["type"] = json!(delivery.message_type);
    control.ledger.record(delivery.operation, Kind::Callback, delivery.facts.clone(), outcome);
}

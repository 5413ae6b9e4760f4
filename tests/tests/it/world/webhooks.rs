//! Webhooks and callbacks that a test signs and sends itself: late, twice, in any order.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::{SECRET, WMS_SECRET, World, until};

/// A webhook of a shop. Sent again, it is the same delivery.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// The shop.
    pub shop: String,
    /// What it is about.
    pub topic: String,
    /// Its own id.
    pub id: String,
    /// When the shop sent it, if it says so.
    pub triggered_at: Option<DateTime<Utc>>,
    /// What it says.
    pub body: Value,
}

impl Webhook {
    /// A new one, which does not say when it was sent.
    pub fn new(shop: &str, topic: &str, body: Value) -> Self {
        let id = format!("{:032x}", rand::random::<u128>());
        Self { shop: shop.to_owned(), topic: topic.to_owned(), id, triggered_at: None, body }
    }
}

/// The signature of a webhook's body.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

impl World {
    /// Sends a webhook once; none if nobody answers.
    pub async fn send_webhook(&self, webhook: &Webhook) -> Option<u16> {
        let body = webhook.body.to_string();
        let mut request = self
            .http
            .post(self.api("/webhooks/shopify"))
            .header("Content-Type", "application/json")
            .header("X-Shopify-Topic", &webhook.topic)
            .header("X-Shopify-Shop-Domain", &webhook.shop)
            .header("X-Shopify-Webhook-Id", &webhook.id)
            .header("X-Shopify-Hmac-Sha256", signature(SECRET, body.as_bytes()));
        if let Some(moment) = webhook.triggered_at {
            let moment = moment.to_rfc3339_opts(SecondsFormat::Nanos, true);
            request = request.header("X-Shopify-Triggered-At", moment);
        }
        request.body(body).send().await.ok().map(|answer| answer.status().as_u16())
    }

    /// Sends a webhook until it is acknowledged, as a shop does.
    pub async fn deliver_webhook(&self, webhook: &Webhook) {
        until(&format!("{} is acknowledged", webhook.topic), Duration::from_secs(60), async || {
            (self.send_webhook(webhook).await == Some(200)).then_some(())
        })
        .await;
    }

    /// Sends a callback of the warehouse under an id.
    pub async fn send_callback(&self, id: &str, body: &Value) -> u16 {
        let key = WMS_SECRET.strip_prefix("whsec_").expect("a prefix");
        let key = STANDARD.decode(key).expect("base64");
        let (timestamp, body) = (Utc::now().timestamp(), body.to_string());
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key of any length");
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        let signed = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let request = self
            .http
            .post(self.api("/webhooks/wms"))
            .header("Content-Type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signed);
        request.body(body).send().await.expect("the API answers").status().as_u16()
    }
}

//! Webhooks of the shop, signed with the base64 of the HMAC-SHA256 over the raw body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{SecondsFormat, Utc};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use super::orders::ShopOrder;
use crate::deliveries::Delivery;

/// The API version that webhooks are rendered in.
const API_VERSION: &str = "2026-07";

/// Where webhooks go, and what signs them.
pub(super) struct Webhooks {
    pub(super) url: String,
    pub(super) secret: String,
}

/// A webhook and the id it carries.
pub(super) struct Announcement {
    pub(super) topic: String,
    pub(super) webhook_id: String,
    pub(super) delivery: Delivery,
}

impl Webhooks {
    /// The webhook that tells of `order` in exactly these bytes.
    pub(super) fn announce(&self, order: &ShopOrder, topic: &str, body: Bytes, copies: u32) -> Announcement {
        let webhook_id = Uuid::now_v7().to_string();
        let headers = vec![
            ("X-Shopify-Topic", topic.to_owned()),
            ("X-Shopify-Hmac-Sha256", self.sign(&body)),
            ("X-Shopify-Shop-Domain", order.shop.clone()),
            ("X-Shopify-API-Version", API_VERSION.to_owned()),
            ("X-Shopify-Webhook-Id", webhook_id.clone()),
            ("X-Shopify-Event-Id", Uuid::now_v7().to_string()),
            ("X-Shopify-Triggered-At", Utc::now().to_rfc3339_opts(SecondsFormat::Nanos, true)),
        ];
        let mut facts = order.subject();
        facts.insert("webhookId".into(), json!(webhook_id));
        let delivery = Delivery {
            operation: "webhook",
            message_type: topic.to_owned(),
            url: self.url.clone(),
            facts,
            skus: order.skus(),
            headers: Box::new(move || headers.clone()),
            body,
            accepted: |status| status == StatusCode::OK,
            copies,
        };
        Announcement { topic: topic.to_owned(), webhook_id, delivery }
    }

    /// The webhook that tells this of `order`.
    pub(super) fn tell(&self, order: &ShopOrder, topic: &str, body: &Value) -> Announcement {
        self.announce(order, topic, Bytes::from(body.to_string()), 1)
    }

    /// What the shop says of a fulfilment that was made or changed: itself, then the order.
    pub(super) fn of_fulfilment(
        &self,
        order: &ShopOrder,
        topic: &str,
        fulfilment: &Value,
    ) -> Vec<Announcement> {
        let mut topics = vec!["orders/updated"];
        if topic == "fulfillments/create" {
            topics.push(order.fulfilment_topic());
        }
        let about_order = topics.into_iter().map(|topic| self.tell(order, topic, &order.body));
        std::iter::once(self.tell(order, topic, fulfilment)).chain(about_order).collect()
    }

    fn sign(&self, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())
            .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
        mac.update(body);
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

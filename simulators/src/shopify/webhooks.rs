//! Webhooks of the shop, signed with the base64 of the HMAC-SHA256 over the raw body.

use bytes::Bytes;
use chrono::{SecondsFormat, Utc};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::inventory::subject;
use super::orders::{OrderBook, ShopOrder};
use super::{Shop, Told};
use crate::deliveries::{Delivery, signature};

/// The API version that webhooks are rendered in.
const API_VERSION: &str = "2026-07";
/// Where the facts of a webhook have its id.
pub(super) const WEBHOOK_ID: &str = "webhookId";

impl Shop {
    /// The webhook that tells of `order` in exactly these bytes.
    pub(super) fn announce(&self, order: &ShopOrder, topic: &str, body: Bytes, copies: u32) -> Delivery {
        self.webhook(&order.shop, (order.subject(), order.skus()), topic, body, copies)
    }

    /// The webhooks that tell of the levels that changed and that were not told of yet.
    pub(super) fn tell_levels(&self, book: &mut OrderBook) -> Vec<Delivery> {
        let told = book.inventory.unsaid().into_iter().map(|changed| {
            let mut facts = subject(&changed.shop);
            for (name, member) in [("inventoryItem", "inventory_item_id"), ("location", "location_id")] {
                facts.insert(name.into(), changed.body[member].clone());
            }
            let body = Bytes::from(changed.body.to_string());
            self.webhook(&changed.shop, (facts, vec![changed.sku]), "inventory_levels/update", body, 1)
        });
        told.collect()
    }

    /// A webhook of a shop, with who it is about and which SKUs.
    fn webhook(
        &self,
        shop: &str,
        (mut facts, skus): (Map<String, Value>, Vec<String>),
        topic: &str,
        body: Bytes,
        copies: u32,
    ) -> Delivery {
        let webhook_id = Uuid::now_v7().to_string();
        facts.insert(WEBHOOK_ID.into(), json!(webhook_id));
        let headers = vec![
            ("X-Shopify-Topic", topic.to_owned()),
            ("X-Shopify-Hmac-Sha256", signature(self.settings.shopify_webhook_secret.as_bytes(), &[&body])),
            ("X-Shopify-Shop-Domain", shop.to_owned()),
            ("X-Shopify-API-Version", API_VERSION.to_owned()),
            ("X-Shopify-Webhook-Id", webhook_id),
            ("X-Shopify-Event-Id", Uuid::now_v7().to_string()),
            ("X-Shopify-Triggered-At", Utc::now().to_rfc3339_opts(SecondsFormat::Nanos, true)),
        ];
        Delivery {
            operation: "webhook",
            message_type: topic.to_owned(),
            url: self.settings.shopify_webhook_url.clone(),
            facts,
            skus,
            headers: Box::new(move || headers.clone()),
            body,
            accepted: |status| status == StatusCode::OK,
            copies,
        }
    }

    /// The webhook that tells this of `order`.
    pub(super) fn tell(&self, order: &ShopOrder, topic: &str, body: &Value) -> Delivery {
        self.announce(order, topic, Bytes::from(body.to_string()), 1)
    }

    /// The webhooks that tell all this of `order`.
    pub(super) fn tell_all(&self, order: &ShopOrder, told: Told) -> Vec<Delivery> {
        told.into_iter().map(|(topic, body)| self.tell(order, topic, &body)).collect()
    }
}

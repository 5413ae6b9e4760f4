//! The demo's orders: placed at the simulated Shopify, followed through Waybill's API.

use std::time::Duration;

use anyhow::{Context, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::settings::{SHOP, Settings};
use crate::token;

/// What the demo sells.
const ITEM: &str = "TEA-EARL-GREY";

/// An order as Shopify sends it; `scripts/send-order.sh` fills in the same blanks.
const ORDER: &str = include_str!("order.json");

/// Who answers most questions.
const API: &str = "the API";

/// An order as the API shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    pub order_id: String,
    /// The name people in the shop use, for example `#1001`.
    pub name: String,
    pub workflow_id: String,
    #[serde(default)]
    pub timeline: Vec<TimelineEntry>,
}

/// Something that happened to an order.
#[derive(Clone, Deserialize)]
pub struct TimelineEntry {
    pub at: DateTime<Utc>,
    pub event: String,
    pub detail: Option<String>,
}

/// An order that was just placed.
pub struct Placed {
    /// Shopify's id of it.
    pub shopify_order_id: String,
    /// Its number, as people say it.
    pub name: String,
    /// When we asked Shopify to take it and announce it.
    pub at: DateTime<Utc>,
}

/// The two doors the demo knocks at.
pub struct Doors {
    api_client: Client,
    shopify_client: Client,
    api: String,
    shopify: String,
}

impl Doors {
    /// Plain HTTP on this machine, whatever proxy the environment names.
    ///
    /// # Errors
    /// When the HTTP client cannot be built, or AUTH_HS256_SECRET signs no token.
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        let client = |headers| {
            let builder = Client::builder().no_proxy().default_headers(headers);
            builder.connect_timeout(Duration::from_secs(3)).timeout(Duration::from_secs(10)).build()
        };
        let mut headers = HeaderMap::new();
        if let Some(token) = token::for_the_demo()? {
            let mut bearer = HeaderValue::try_from(format!("Bearer {token}"))?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        Ok(Self {
            api_client: client(headers)?,
            shopify_client: client(HeaderMap::new())?,
            api: settings.api.clone(),
            shopify: format!("http://{}", settings.shopify),
        })
    }

    /// Sees to it that there is tea in stock.
    ///
    /// # Errors
    /// When the API refuses both the item and more of it.
    pub async fn stock_up(&self) -> anyhow::Result<()> {
        let item = json!({
            "itemId": ITEM, "itemName": "Earl Grey, 100 g", "availableQty": 500, "unitPrice": "12.50",
        });
        let answer =
            ask(self.api_client.post(format!("{}/api/inventory", self.api)).json(&item), API).await?;
        if answer.status() != StatusCode::CONFLICT {
            return accepted(answer, "the API did not take the item into stock").await.map(drop);
        }
        let url = format!("{}/api/inventory/{ITEM}/receive", self.api);
        let answer = ask(self.api_client.post(url).json(&json!({ "quantity": 100 })), API).await?;
        accepted(answer, "the API did not take more of the item into stock").await.map(drop)
    }

    /// Has Shopify take an order and announce it.
    ///
    /// # Errors
    /// When the simulated Shopify refuses it.
    pub async fn place_order(&self) -> anyhow::Result<Placed> {
        let at = Utc::now();
        let number = at.timestamp().to_string();
        let body = ORDER
            .replace("ORDER_ID", &number)
            .replace("PLACED_AT", &at.to_rfc3339_opts(SecondsFormat::Secs, true));
        let url = format!("{}/_orders?announce=true", self.shopify);
        let request = self.shopify_client.post(url).header("Content-Type", "application/json").body(body);
        let answer = ask(request, "the simulated Shopify").await?;
        accepted(answer, "the simulated Shopify did not take the order").await?;
        Ok(Placed { shopify_order_id: format!("82098{number}"), name: format!("#{number}"), at })
    }

    /// The order of this id at Shopify, once the API knows it.
    ///
    /// # Errors
    /// When the API cannot be asked.
    pub async fn find(&self, shopify_order_id: &str) -> anyhow::Result<Option<Order>> {
        Ok(self.list(&format!("?shop={SHOP}&shopifyOrderId={shopify_order_id}")).await?.into_iter().next())
    }

    /// The newest orders of the demo's shop, newest first.
    ///
    /// # Errors
    /// When the API cannot be asked.
    pub async fn orders(&self) -> anyhow::Result<Vec<Order>> {
        self.list(&format!("?shop={SHOP}")).await
    }

    /// One order with its timeline.
    ///
    /// # Errors
    /// When the API cannot be asked.
    pub async fn order(&self, order_id: &str) -> anyhow::Result<Order> {
        let answer = ask(self.api_client.get(format!("{}/api/orders/{order_id}", self.api)), API).await?;
        let shown = accepted(answer, "the API did not show the order").await?;
        shown.json().await.context("the order that the API shows cannot be read")
    }

    async fn list(&self, query: &str) -> anyhow::Result<Vec<Order>> {
        let answer = ask(self.api_client.get(format!("{}/api/orders{query}", self.api)), API).await?;
        let listed = accepted(answer, "the API did not list the orders").await?;
        listed.json().await.context("the API's list of orders cannot be read")
    }
}

async fn ask(request: RequestBuilder, whom: &str) -> anyhow::Result<Response> {
    request.send().await.with_context(|| format!("{whom} does not answer; `make demo` starts it"))
}

async fn accepted(answer: Response, otherwise: &str) -> anyhow::Result<Response> {
    let status = answer.status();
    if !status.is_success() {
        bail!("{otherwise}: {status} {}", answer.text().await.unwrap_or_default());
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_order_with_its_blanks_filled_in_is_json_with_whole_ids() {
        let filled = ORDER.replace("ORDER_ID", "1700000000").replace("PLACED_AT", "2026-01-01T00:00:00Z");
        let order: Value = serde_json::from_str(&filled).expect("valid JSON");
        assert_eq!(order["id"].as_i64(), Some(820_981_700_000_000));
        assert!(order["line_items"][0]["id"].is_i64());
    }
}

//! What tests do and see through the doors of API, shop and warehouse, and in our records.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::FromRow;

use super::{Placed, World, until};

/// A row of `orders.attention`.
#[derive(Debug, Clone, FromRow)]
pub struct Attention {
    /// The step.
    pub step: String,
    /// Why, as a code.
    pub reason: String,
    /// The vendor's own words.
    pub vendor_text: Option<String>,
    /// Whether a run waits for the answer.
    pub has_run: bool,
    /// When it was answered.
    pub resolved_at: Option<DateTime<Utc>>,
    /// The answer.
    pub resolution: Option<String>,
    /// Who answered.
    pub resolved_by: Option<String>,
    /// Their reason.
    pub resolve_reason: Option<String>,
}

/// A row of the inbox, as far as tests look at it.
#[derive(Debug, Clone, FromRow)]
pub struct Kept {
    /// What it is about.
    pub topic: String,
    /// `WAITING`, `DONE`, `SKIPPED`, `STORED` or `UNREADABLE`.
    pub state: String,
    /// Why.
    pub reason: Option<String>,
}

impl Kept {
    /// Whether it is still to be dealt with.
    pub fn waits(&self) -> bool {
        matches!(self.state.as_str(), "RECEIVED" | "WAITING")
    }
}

/// The newest content: `minutes` after the order was placed.
pub fn minutes_later(minutes: i64) -> Value {
    json!(Utc::now() + chrono::Duration::minutes(minutes))
}

impl World {
    /// Adds a rule to the simulated WMS; rules name a SKU, which each test has for itself.
    pub async fn wms_rule(&self, rule: Value) {
        self.rule(self.wms("/_faults"), rule).await;
    }

    /// Adds a rule to the simulated Shopify.
    pub async fn shopify_rule(&self, rule: Value) {
        self.rule(self.shopify("/_faults"), rule).await;
    }

    /// An operator pauses (`pause`) or resumes (`resume`) a lane.
    pub async fn change_lane(&self, lane: &str, verb: &str) {
        let path = self.api(&format!("/api/lanes/{lane}/{verb}"));
        let answer = self.http.post(path).json(&json!({"reason": "they move house"})).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await.unwrap());
    }

    /// Pauses a lane, and waits until the worker has heard of it.
    pub async fn pause_lane(&self, lane: &str) {
        self.change_lane(lane, "pause").await;
        let shown = format!("waybill_lane_paused{{lane=\"{lane}\",cause=\"PERSON\"}} 1");
        until("the worker has heard of it", Duration::from_secs(5), async || {
            self.worker_metrics().await.contains(&shown).then_some(())
        })
        .await;
    }

    /// The shop pays (`pay`) or cancels (`cancel`) an order and says so.
    pub async fn shop_does(&self, order: &Placed, what: &str) {
        self.act(self.shopify(&format!("/_orders/{}/{what}", order.id))).await;
    }

    /// The warehouse's people `release`, `ship` or `cancel` a hand-over.
    pub async fn warehouse_does(&self, reference: &str, what: &str) {
        self.act(self.wms(&format!("/_shipments/{reference}/{what}"))).await;
    }

    async fn act(&self, address: String) {
        let answer = self.http.post(address).send().await.expect("the simulator answers");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// How often the shop answered this operation for an order.
    pub async fn shop_answers(&self, order: &Placed, operation: &str) -> usize {
        let entries = self.ledger(self.shopify(&format!("/_ledger?order={}", order.id))).await;
        entries.iter().filter(|entry| entry["kind"] == "answer" && entry["operation"] == operation).count()
    }

    /// Points of the Admin API for an order in all: those wanted before each call, and those paid.
    pub async fn shop_points(&self, order: &Placed) -> (u64, u64) {
        let entries = self.ledger(self.shopify(&format!("/_ledger?order={}", order.id))).await;
        let sum = |name: &str| entries.iter().filter_map(|entry| entry["points"][name].as_u64()).sum();
        (sum("requested"), sum("actual"))
    }

    /// What really happened at the WMS with the pieces of a SKU, oldest first.
    pub async fn wms_effects(&self, sku: &str, effect: &str) -> Vec<Value> {
        let mut entries = self.ledger(self.wms("/_ledger")).await;
        entries.retain(|entry| entry["effect"] == effect && pieces_of(entry, sku) > 0);
        entries
    }

    /// Waits until the WMS was called about the hand-over of a SKU.
    pub async fn until_call(&self, sku: &str, operation: &str) {
        until(&format!("the WMS is asked to {operation} {sku}"), Duration::from_secs(60), async || {
            let references = self.references(sku).await;
            let entries = self.ledger(self.wms("/_ledger")).await;
            let called = entries.iter().any(|entry| {
                entry["kind"] == "answer"
                    && entry["operation"] == operation
                    && references.iter().any(|reference| entry["reference"] == reference.as_str())
            });
            called.then_some(())
        })
        .await;
    }

    /// The references under which a SKU was handed over, oldest first.
    pub async fn references(&self, sku: &str) -> Vec<String> {
        let mut references: Vec<String> = Vec::new();
        for entry in self.wms_effects(sku, "shipmentCreated").await {
            let reference = entry["reference"].as_str().expect("a reference").to_owned();
            if !references.contains(&reference) {
                references.push(reference);
            }
        }
        references
    }

    /// Waits until a SKU was handed over under `number` references, and returns the last.
    pub async fn until_handed_over(&self, sku: &str, number: usize) -> String {
        until(&format!("{sku} is handed over {number} times"), Duration::from_secs(90), async || {
            self.references(sku).await.get(number - 1).cloned()
        })
        .await
    }

    /// Pieces of a SKU that left the warehouse.
    pub async fn pieces_shipped(&self, sku: &str) -> u64 {
        self.wms_effects(sku, "shipmentShipped").await.iter().map(|entry| pieces_of(entry, sku)).sum()
    }

    /// What happened to an order at the shop.
    pub async fn shop_effects(&self, order: &Placed, effect: &str) -> Vec<Value> {
        let mut entries = self.ledger(self.shopify(&format!("/_ledger?order={}", order.id))).await;
        entries.retain(|entry| entry["effect"] == effect);
        entries
    }

    /// Waits until the shop was notified of `number` parcels.
    pub async fn until_shop_notified(&self, order: &Placed, number: usize) -> Vec<Value> {
        until(
            &format!("the shop hears of {number} parcels of {}", order.id),
            Duration::from_secs(90),
            async || {
                Some(self.shop_effects(order, "fulfillmentCreated").await).filter(|told| told.len() == number)
            },
        )
        .await
    }

    /// How often we cancelled the order in the shop.
    pub async fn cancelled_in_shop_by_us(&self, order: &Placed) -> usize {
        self.shop_effects(order, "orderCancelled").await.iter().filter(|entry| entry["by"] == "app").count()
    }

    /// Everything that waited or waits for a person, oldest first.
    pub async fn attention(&self, order: &Placed) -> Vec<Attention> {
        sqlx::query_as(
            "SELECT step, reason, vendor_text, has_run, resolved_at, resolution, resolved_by, resolve_reason
             FROM orders.attention JOIN orders.orders USING (order_id)
             WHERE shop = $1 AND shopify_order_id = $2 ORDER BY attention_id",
        )
        .bind(&order.shop)
        .bind(order.id)
        .fetch_all(&self.pool)
        .await
        .expect("the rows are read")
    }

    /// What waits for a person now.
    pub async fn open_attention(&self, order: &Placed) -> Vec<Attention> {
        let mut rows = self.attention(order).await;
        rows.retain(|row| row.resolved_at.is_none());
        rows
    }

    /// Waits until this is shown of an order; what is said of it.
    pub async fn until_shown(&self, order: &Placed, reason: &str) -> String {
        self.until_shown_with(order, reason, "").await
    }

    /// Waits until this is shown of an order with these words among others.
    pub async fn until_shown_with(&self, order: &Placed, reason: &str, words: &str) -> String {
        until(&format!("{reason} is shown of {}", order.id), Duration::from_secs(60), async || {
            let shown: Option<String> = sqlx::query_scalar(
                "SELECT COALESCE(detail, '') FROM orders.attention JOIN orders.orders USING (order_id)
                 WHERE shopify_order_id = $1 AND reason = $2 AND resolved_at IS NULL",
            )
            .bind(order.id)
            .bind(reason)
            .fetch_optional(&self.pool)
            .await
            .expect("the rows are read");
            shown.filter(|detail| detail.contains(words))
        })
        .await
    }

    /// The settled messages of an order, oldest first.
    pub async fn messages(&self, order: &Placed) -> Vec<Kept> {
        sqlx::query_as(
            "SELECT topic, inbox.state, inbox.reason FROM integration.inbox JOIN orders.orders USING (order_id)
             WHERE orders.shop = $1 AND shopify_order_id = $2 ORDER BY inbox_id",
        )
        .bind(&order.shop)
        .bind(order.id)
        .fetch_all(&self.pool)
        .await
        .expect("the inbox is read")
    }

    /// The payment that is committed of an order, and whether its shop is to be asked about it.
    pub async fn content(&self, order: &Placed) -> (String, bool) {
        sqlx::query_as(
            "SELECT lower(financial_status), content_in_doubt FROM orders.orders
             WHERE shop = $1 AND shopify_order_id = $2",
        )
        .bind(&order.shop)
        .bind(order.id)
        .fetch_one(&self.pool)
        .await
        .expect("the order is read")
    }

    /// Waits until a message of a topic has a state, and returns the reason.
    pub async fn until_message(&self, order: &Placed, topic: &str, state: &str) -> Option<String> {
        until(&format!("a message {topic} of {} is {state}", order.id), Duration::from_secs(60), async || {
            self.messages(order).await.into_iter().find(|kept| kept.topic == topic && kept.state == state)
        })
        .await
        .reason
    }

    /// Answers the parked step of an order; the error is what the operator would read.
    pub async fn resolve(&self, order: &Placed, answer: Value) -> Result<Value, String> {
        self.update(&order.workflow(), "resolve", answer).await
    }

    /// Asks for the stuck step to be done again, through the API.
    pub async fn retry(&self, order: &Placed) {
        let id = self.order(order).await["orderId"].as_str().expect("an id").to_owned();
        let answer =
            self.http.post(self.api(&format!("/api/orders/{id}/retry"))).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(body, json!({"message": "Retry requested", "orderId": id}));
    }

    /// Places an order through our own API; returns it as the answer shows it.
    pub async fn place_at_api(&self, sku: &str, quantity: u32, hold: Option<&str>) -> Value {
        let mut form = json!({
            "customer_name": "Grace Secretname", "customer_email": "grace.secret@example.com", "currency": "EUR",
            "items": [{"product_id": sku, "product_name": "Shirt, embroidered Secretname", "quantity": quantity, "price": "29.90"}],
        });
        if let Some(hold) = hold {
            form["hold"] = json!(hold);
        }
        let answer =
            self.http.post(self.api("/api/orders")).json(&form).send().await.expect("the API answers");
        assert_eq!(answer.status(), StatusCode::CREATED);
        answer.json().await.expect("JSON")
    }

    /// Waits until an order of our own API has a status.
    pub async fn until_api_order(&self, placed: &Value, statuses: &[&str]) -> Value {
        let path = self.api(&format!("/api/orders/{}", placed["orderId"].as_str().expect("an id")));
        until(&format!("the API's order is {statuses:?}"), Duration::from_secs(90), async || {
            let found: Value = self.http.get(&path).send().await.ok()?.json().await.ok()?;
            statuses.contains(&found["status"].as_str()?).then_some(found)
        })
        .await
    }
}

fn pieces_of(entry: &Value, sku: &str) -> u64 {
    let lines = entry["lines"].as_array().map_or(&[][..], Vec::as_slice);
    lines.iter().filter(|line| line["sku"] == sku).filter_map(|line| line["quantity"].as_u64()).sum()
}

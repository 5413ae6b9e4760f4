//! Orders and stock, through the doors that everybody uses.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime},
};

use chrono::Utc;
use serde_json::{Value, json};

use super::{World, until};

/// Ids beyond 2^53, as real ones are, and new in every run.
fn next_id() -> i64 {
    static NEXT: AtomicI64 = AtomicI64::new(0);
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").as_secs();
    820_000_000_000_000_000
        + i64::try_from(seconds).expect("a time") * 10_000_000 % 10_000_000_000_000_000
        + NEXT.fetch_add(1, Ordering::Relaxed)
}

/// An order of a shop.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The shop.
    pub shop: String,
    /// The shop's id of it.
    pub id: i64,
    /// The body of its webhooks.
    pub body: Value,
}

impl Placed {
    /// A paid order of `quantity` pieces of each SKU.
    pub fn new(shop: &str, skus: &[&str], quantity: u32) -> Self {
        let id = next_id();
        let lines: Vec<Value> = skus
            .iter()
            .map(|sku| {
                json!({"id": next_id(), "sku": sku, "variant_id": 39_072_856, "quantity": quantity, "price": "29.90",
                       "name": "Shirt", "requires_shipping": true, "fulfillable_quantity": quantity})
            })
            .collect();
        // Before whatever the simulated shop says of it later.
        let an_hour_ago = Utc::now() - chrono::Duration::hours(1);
        let body = json!({
            "id": id, "admin_graphql_api_id": format!("gid://shopify/Order/{id}"), "name": format!("#{id}"),
            "created_at": an_hour_ago, "updated_at": an_hour_ago, "currency": "EUR",
            "financial_status": "paid", "fulfillment_status": null, "total_price": "29.90", "location_id": null,
            "test": false, "cancelled_at": null, "email": "grace.secret@example.com",
            "customer": {"first_name": "Grace", "last_name": "Secretname", "email": "grace.secret@example.com"},
            "shipping_address": {"name": "Grace Secretname", "address1": "1 Secret Street", "city": "Secretville",
                                 "zip": "10115", "country_code": "DE"},
            "line_items": lines,
        });
        Self { shop: shop.to_owned(), id, body }
    }

    /// The id of its workflow.
    pub fn workflow(&self) -> String {
        format!("order/{}/{}", self.shop, self.id)
    }

    /// The same order with one member changed.
    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.body[member] = value;
        self
    }
}

impl World {
    /// Puts pieces of a new item into stock.
    pub async fn stock(&self, sku: &str, quantity: u32) {
        let item = json!({"itemId": sku, "itemName": sku, "availableQty": quantity, "unitPrice": "29.90"});
        let answer = self.http.post(self.api("/api/inventory")).json(&item).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    }

    /// Receives more pieces of an item.
    pub async fn receive(&self, sku: &str, quantity: u32) {
        let path = self.api(&format!("/api/inventory/{sku}/receive"));
        let answer = self.http.post(path).json(&json!({"quantity": quantity})).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    /// Pieces of an item that a newcomer could get.
    pub async fn available(&self, sku: &str) -> i64 {
        let path = self.api(&format!("/api/inventory/{sku}/check?quantity=1"));
        let answer: Value = self.http.get(path).send().await.unwrap().json().await.unwrap();
        answer["available"].as_i64().expect("a number")
    }

    /// Pieces of an item on all shelves.
    pub async fn on_hand(&self, sku: &str) -> i64 {
        sqlx::query_scalar("SELECT COALESCE(sum(on_hand), 0)::bigint FROM inventory.stock WHERE sku = $1")
            .bind(sku)
            .fetch_one(&self.pool)
            .await
            .expect("the stock is read")
    }

    /// The shop takes the order and announces it by a signed webhook of each topic.
    pub async fn place(&self, order: &Placed) {
        self.announce(order, "announce=true&topics=orders/create").await;
    }

    /// The shop knows the order and says nothing.
    pub async fn place_silently(&self, order: &Placed) {
        self.announce(order, "announce=false").await;
    }

    /// The shop takes the order, with the simulator's own switches.
    pub async fn announce(&self, order: &Placed, switches: &str) {
        let path = self.shopify(&format!("/_orders?shop={}&{switches}", order.shop));
        let answer = self
            .http
            .post(path)
            .header("Content-Type", "application/json")
            .body(order.body.to_string())
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// The order as the shop would send it now.
    pub async fn shown_in_shop(&self, order: &Placed) -> Value {
        let path = self.shopify(&format!("/_orders/{}", order.id));
        let shown: Value = self.http.get(path).send().await.unwrap().json().await.unwrap();
        shown["order"].clone()
    }

    /// The order as the API shows it, once it does.
    pub async fn order(&self, order: &Placed) -> Value {
        until(&format!("order {} is known", order.id), Duration::from_secs(30), async || {
            self.look(order).await
        })
        .await
    }

    async fn look(&self, order: &Placed) -> Option<Value> {
        let path = self.api(&format!("/api/orders?shop={}&shopifyOrderId={}", order.shop, order.id));
        let found: Vec<Value> = self.http.get(path).send().await.ok()?.json().await.ok()?;
        found.into_iter().next()
    }

    /// Waits until a member of the order has a value, and returns the order.
    pub async fn until_order(&self, order: &Placed, member: &str, values: &[&str]) -> Value {
        let what = format!("order {} has {member} {values:?}", order.id);
        until(&what, Duration::from_secs(90), async || {
            self.look(order).await.filter(|found| values.contains(&found[member].as_str().unwrap_or("none")))
        })
        .await
    }

    /// Waits until the order has shipped.
    pub async fn until_shipped(&self, order: &Placed) -> Value {
        self.until_order(order, "status", &["SHIPPED", "DELIVERED"]).await
    }

    /// Waits until the order is parked, and returns why.
    pub async fn until_parked(&self, order: &Placed) -> String {
        let parked = self.until_order(order, "condition", &["NEEDS_ATTENTION"]).await;
        parked["conditionReason"].as_str().expect("a reason").to_owned()
    }
}

//! What is asked of the API, over and over: one request each, on an item and by a user drawn from many.

use bytes::Bytes;
use clap::ValueEnum;
use http_body_util::Full;
use hyper::{
    Method, Request,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use rand::RngExt;
use serde_json::{Value, json};
use uuid::Uuid;

/// Items that are ordered, so that callers seldom wait for one another's.
pub const ITEMS: u32 = 2000;
/// Users that order.
pub const USERS: u32 = 1000;
/// Pieces of each item: more than are asked for in a day.
const OPENING_STOCK: u32 = 100_000_000;

/// A request that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// POST /api/orders: one line, for a registered user, with an idempotency key.
    Orders,
    /// POST /allocations: one item.
    Allocations,
}

/// What one request is about.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    item: u32,
    user: u32,
    id: Uuid,
}

impl Choice {
    /// A choice by chance.
    pub fn draw() -> Self {
        let mut chance = rand::rng();
        Self {
            item: chance.random_range(1..=ITEMS),
            user: chance.random_range(1..=USERS),
            id: Uuid::now_v7(),
        }
    }

    /// An item and a user that are never drawn: a row they share with a script is not taken for one of its own.
    pub fn apart() -> Self {
        Self { item: ITEMS + 1, user: USERS + 1, id: Uuid::now_v7() }
    }
}

/// Bearer tokens.
pub struct Tokens {
    /// Of the role admin.
    pub admin: String,
    /// Of the role order-service.
    pub service: String,
}

impl Scenario {
    /// The method and the path.
    pub const fn endpoint(self) -> &'static str {
        match self {
            Self::Orders => "POST /api/orders",
            Self::Allocations => "POST /allocations",
        }
    }

    /// The request.
    ///
    /// # Errors
    /// If a token is no header's value.
    pub fn request(self, choice: &Choice, tokens: &Tokens) -> anyhow::Result<Request<Full<Bytes>>> {
        let Choice { item, user, id } = *choice;
        match self {
            Self::Orders => {
                let items = json!([{"itemId": sku(item), "quantity": 1}]);
                let body = json!({"order": {"userId": user_id(user), "items": items}});
                let mut request = post("/api/orders", &tokens.admin, &body)?;
                request.headers_mut().insert("idempotency-key", id.to_string().parse()?);
                Ok(request)
            }
            Self::Allocations => {
                let body = json!({
                    "orderId": id, "orderItemId": "1", "inventoryItemId": sku(item), "quantity": 1,
                });
                post("/allocations", &tokens.service, &body)
            }
        }
    }
}

/// The request that makes an item.
///
/// # Errors
/// If the token is no header's value.
pub fn new_item(item: u32, tokens: &Tokens) -> anyhow::Result<Request<Full<Bytes>>> {
    let body = json!({
        "itemId": sku(item), "itemName": format!("Tea {}", sku(item)), "availableQty": OPENING_STOCK, "unitPrice": "12.50",
    });
    post("/api/inventory", &tokens.admin, &body)
}

/// The request that registers a user.
///
/// # Errors
/// If the token is no header's value.
pub fn new_user(user: u32, tokens: &Tokens) -> anyhow::Result<Request<Full<Bytes>>> {
    let id = user_id(user);
    let body = json!({"userId": id, "name": "Ada Lovelace", "email": format!("{id}@example.com")});
    post("/api/users", &tokens.admin, &body)
}

fn sku(item: u32) -> String {
    format!("BENCH-{item:06}")
}

fn user_id(user: u32) -> String {
    format!("bench-user-{user:06}")
}

fn post(path: &str, token: &str, body: &Value) -> anyhow::Result<Request<Full<Bytes>>> {
    Ok(Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(HOST, "127.0.0.1")
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(serde_json::to_vec(body)?))?)
}

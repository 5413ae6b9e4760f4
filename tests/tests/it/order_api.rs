//! The order API over HTTP, as front ends and other channels use it.

mod apart;
mod finding;
mod placing;
mod repeating;

use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use crate::world::World;

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("JSON is answered: {}", self.text))
    }

    /// What a refusal names, and its sentence.
    fn refusal(&self) -> (String, String) {
        let body = self.json();
        let text = |member: &str| body[member].as_str().unwrap_or_default().to_owned();
        (text("field"), text("error"))
    }

    /// The address of the next page, out of the `Link` header.
    pub(crate) fn next(&self) -> Option<String> {
        let link = self.headers.get("link")?.to_str().unwrap();
        Some(link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned())
    }
}

pub(crate) async fn read(request: RequestBuilder) -> Answer {
    let answer = request.send().await.expect("the API answers");
    let (status, headers) = (answer.status(), answer.headers().clone());
    Answer { status, headers, text: answer.text().await.expect("text") }
}

pub(crate) async fn get(world: &World, path: &str) -> Answer {
    read(world.http.get(world.api(path))).await
}

/// A text as it stands in a query.
pub(crate) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn place(world: &World, form: &Value) -> Answer {
    read(world.http.post(world.api("/api/orders")).json(form)).await
}

async fn place_with_key(world: &World, form: &Value, key: &str) -> Answer {
    let request = world.http.post(world.api("/api/orders")).header("Idempotency-Key", key);
    read(request.json(form)).await
}

/// A request of a customer with a token.
fn as_customer(world: &World, subject: &str, method: Method, path: &str) -> RequestBuilder {
    world.http.request(method, world.api(path)).bearer_auth(world.token_of("customer", subject))
}

async fn register(world: &World, user: &str) {
    let body = json!({"userId": user, "name": "Grace Secretname", "email": format!("{user}@example.com")});
    let answer = read(world.http.post(world.api("/api/users")).json(&body)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
}

/// An order in the flat form.
fn flat(sku: &str, quantity: u32) -> Value {
    json!({
        "customer_name": "Grace Secretname", "customer_email": "grace.secret@example.com",
        "items": [{"product_id": sku, "quantity": quantity}],
    })
}

/// An order in the wrapped form.
fn wrapped(order_id: &str, user: &str, sku: &str, quantity: u32) -> Value {
    json!({"order": {"orderId": order_id, "userId": user, "status": "PENDING",
                     "items": [{"itemId": sku, "quantity": quantity}]}})
}

/// How often pieces of a SKU were reserved.
async fn reservations(world: &World, sku: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM inventory.movements WHERE sku = $1 AND reason = 'RESERVATION'")
        .bind(sku)
        .fetch_one(&world.pool)
        .await
        .expect("the movements are counted")
}

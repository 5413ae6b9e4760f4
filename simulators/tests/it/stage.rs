//! Both simulators on free ports, and a receiver for what they send.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use clap::Parser;
use reqwest::Method;
use serde_json::{Value, json};
use simulators::{Settings, Simulators};

const DEADLINE: Duration = Duration::from_secs(15);

/// One message that arrived at the receiver.
#[derive(Clone)]
pub struct Message {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Message {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

#[derive(Clone, Default)]
struct Receiver {
    messages: Arc<Mutex<Vec<Message>>>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
}

/// Everything a test needs; ends with it.
pub struct Stage {
    pub http: reqwest::Client,
    simulators: Simulators,
    receiver: Receiver,
}

impl Stage {
    pub async fn set() -> Self {
        Self::set_with(&[]).await
    }

    /// Sets the stage with more flags; later ones win.
    pub async fn set_with(flags: &[&str]) -> Self {
        let receiver = Receiver::default();
        let router = Router::new().fallback(receive).with_state(receiver.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let shopify_url = format!("http://{address}/webhooks/shopify");
        let wms_url = format!("http://{address}/webhooks/wms");
        let second_wms_url = format!("--second-wms-webhook-url=http://{address}/webhooks/wms/depot");
        let mut arguments = vec![
            "waybill-simulators",
            "--shopify-listen=127.0.0.1:0",
            "--wms-listen=127.0.0.1:0",
            "--shopify-webhook-url",
            &shopify_url,
            "--wms-webhook-url",
            &wms_url,
        ];
        if !flags.iter().any(|flag| flag.starts_with("--wms-ship-after-ms")) {
            arguments.extend(["--wms-ship-after-ms=20", "--wms-deliver-after-ms=20"]);
        }
        if !flags.iter().any(|flag| flag.starts_with("--fulfilment-order-after-ms")) {
            arguments.push("--fulfilment-order-after-ms=0");
        }
        if !flags.iter().any(|flag| flag.starts_with("--second-wms-webhook-url")) {
            arguments.push(&second_wms_url);
        }
        arguments.extend(flags);
        let simulators = Simulators::start(Settings::parse_from(arguments)).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(DEADLINE).build().unwrap();
        Self { http, simulators, receiver }
    }

    /// What the receiver answers next; afterwards 200.
    pub fn answer_with(&self, statuses: &[u16]) {
        let mut answers = self.receiver.answers.lock().unwrap();
        answers.extend(statuses.iter().map(|status| StatusCode::from_u16(*status).unwrap()));
    }

    pub fn messages(&self) -> Vec<Message> {
        self.receiver.messages.lock().unwrap().clone()
    }

    /// The callbacks that arrived, by type.
    pub fn callback_types(&self) -> Vec<String> {
        let callbacks = self.messages().into_iter().filter(|message| message.path == "/webhooks/wms");
        callbacks.map(|message| message.json()["type"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until `ready` has something.
    pub async fn eventually<T>(&self, what: &str, ready: impl AsyncFn() -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = ready().await {
                return found;
            }
            assert!(started.elapsed() < DEADLINE, "{what} did not happen in time");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn message_that(&self, what: &str, wanted: impl Fn(&Message) -> bool) -> Message {
        self.eventually(what, async || self.messages().into_iter().find(&wanted)).await
    }

    pub fn wms_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.simulators.wms_address())
    }

    pub fn shopify_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.simulators.shopify_address())
    }

    pub async fn wms(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = self.http.request(method, self.wms_url(path)).bearer_auth("wms_demo_bearer_token");
        read(request.json(&body)).await
    }

    pub async fn hand_over(&self, reference: &str, lines: Value) -> (u16, Value) {
        self.wms(Method::POST, "/shipments", json!({ "orderId": reference, "lineItems": lines })).await
    }

    /// A call to the second warehouse system.
    pub async fn second_wms(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        read(self.second_wms_request(method, path, body)).await
    }

    pub fn second_wms_request(&self, method: Method, path: &str, body: Value) -> reqwest::RequestBuilder {
        let url = self.wms_url(&format!("/fulfilment/v2{path}"));
        self.http.request(method, url).header("x-api-key", "depot_demo_api_key").json(&body)
    }

    pub async fn shopify(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        read(self.http.request(method, self.shopify_url(path)).json(&body)).await
    }

    /// What the shop's people do with an order; the answer.
    pub async fn act(&self, order: &Value, deed: &str, body: Value) -> Value {
        let (status, answer) = self.try_to(order, deed, body).await;
        assert_eq!(status, 200, "{deed}: {answer}");
        answer
    }

    pub async fn try_to(&self, order: &Value, deed: &str, body: Value) -> (u16, Value) {
        self.shopify(Method::POST, &format!("/_orders/{}/{deed}", order["id"]), body).await
    }

    /// The order as the shop would send it now, and its fulfilment orders.
    pub async fn shown(&self, order: &Value) -> (Value, Vec<Value>) {
        let (status, shown) =
            self.shopify(Method::GET, &format!("/_orders/{}", order["id"]), Value::Null).await;
        assert_eq!(status, 200, "{shown}");
        (shown["order"].clone(), shown["fulfilmentOrders"].as_array().unwrap().clone())
    }

    /// Our side fulfils so many pieces of the first line of a fulfilment order; the payload.
    pub async fn fulfil(&self, fulfilment_order: &Value, quantity: i64, number: &str) -> Value {
        let mutation = "mutation($fulfillment: FulfillmentInput!) { fulfillmentCreate(fulfillment: $fulfillment) { fulfillment { id } userErrors { field message } } }";
        let group = json!({
            "fulfillmentOrderId": fulfilment_order["adminGraphqlApiId"],
            "fulfillmentOrderLineItems": [{ "id": fulfilment_order["lines"][0]["id"], "quantity": quantity }],
        });
        let fulfillment = json!({
            "lineItemsByFulfillmentOrder": [group],
            "trackingInfo": { "number": number, "company": "Parcel Post" },
        });
        self.graphql(mutation, json!({ "fulfillment": fulfillment })).await["data"]["fulfillmentCreate"]
            .clone()
    }

    /// The topics of the webhooks that arrived.
    pub fn topics(&self) -> Vec<String> {
        let webhooks = self.messages().into_iter().filter(|message| message.path == "/webhooks/shopify");
        webhooks.map(|message| message.header("x-shopify-topic").to_owned()).collect()
    }

    /// Waits for so many webhooks and returns their topics and bodies.
    pub async fn webhooks(&self, count: usize) -> Vec<(String, Value)> {
        self.eventually("the webhooks", async || (self.topics().len() >= count).then_some(())).await;
        let bodies = self.messages().into_iter().filter(|message| message.path == "/webhooks/shopify");
        bodies.map(|message| (message.header("x-shopify-topic").to_owned(), message.json())).collect()
    }

    /// An invented order, by query string.
    pub async fn place(&self, query: &str) -> Value {
        let response = self.http.post(self.shopify_url(&format!("/_orders?{query}"))).send().await.unwrap();
        assert_eq!(response.status(), 201);
        response.json().await.unwrap()
    }

    /// What the shop's people do with its stock; the answer.
    pub async fn stock(&self, what: &str, body: Value) -> Value {
        let (status, answer) = self.shopify(Method::POST, &format!("/_inventory/{what}"), body).await;
        assert_eq!(status, 200, "{what}: {answer}");
        answer
    }

    /// An item that the shop counts, with so many on hand at a location; its global id.
    pub async fn counted(&self, sku: &str, location: i64, on_hand: i64) -> String {
        let item = self.stock("items", json!({ "sku": sku, "tracked": true })).await;
        self.stock("levels?announce=false", json!({ "sku": sku, "location": location, "on_hand": on_hand }))
            .await;
        item["adminGraphqlApiId"].as_str().unwrap().to_owned()
    }

    /// Everything of the shop's stock.
    pub async fn inventory(&self) -> Value {
        self.shopify(Method::GET, "/_inventory", Value::Null).await.1
    }

    /// The level of a SKU at a location. What is on hand is the sum of the rest, whatever happened.
    pub async fn level(&self, sku: &str, location: i64) -> Value {
        let inventory = self.inventory().await;
        let levels = inventory["levels"].as_array().unwrap();
        let level = levels.iter().find(|level| level["sku"] == sku && level["location"] == location);
        let level = level.unwrap_or_else(|| panic!("{sku} has no level at {location}")).clone();
        let states = ["available", "committed", "reserved", "safety_stock", "damaged", "quality_control"];
        let sum: i64 = states.iter().map(|state| level[*state].as_i64().unwrap()).sum();
        assert_eq!(level["on_hand"], sum, "{level}");
        level
    }

    pub async fn graphql(&self, query: &str, variables: Value) -> Value {
        let (status, body) = read(self.graphql_request(query, variables)).await;
        assert_eq!(status, 200);
        body
    }

    pub fn graphql_request(&self, query: &str, variables: Value) -> reqwest::RequestBuilder {
        self.http
            .post(self.shopify_url("/admin/api/2026-07/graphql.json"))
            .header("X-Shopify-Access-Token", "shpat_demo_token")
            .json(&json!({ "query": query, "variables": variables }))
    }

    pub async fn wms_rule(&self, rule: Value) {
        let (status, body) = self.wms(Method::POST, "/_faults", rule).await;
        assert_eq!(status, 200, "{body}");
    }

    pub async fn shopify_rule(&self, rule: Value) {
        let (status, body) = self.shopify(Method::POST, "/_faults", rule).await;
        assert_eq!(status, 200, "{body}");
    }

    /// The effects of that name in the WMS's ledger.
    pub async fn wms_effects(&self, effect: &str) -> Vec<Value> {
        effects(self.wms(Method::GET, "/_ledger", Value::Null).await.1, effect)
    }

    /// The effects of that name in Shopify's ledger.
    pub async fn shopify_effects(&self, effect: &str) -> Vec<Value> {
        effects(self.shopify(Method::GET, "/_ledger", Value::Null).await.1, effect)
    }
}

pub async fn read(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn effects(ledger: Value, effect: &str) -> Vec<Value> {
    let entries = ledger.as_array().unwrap().clone();
    entries.into_iter().filter(|entry| entry["kind"] == "effect" && entry["effect"] == effect).collect()
}

async fn receive(State(receiver): State<Receiver>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    receiver.messages.lock().unwrap().push(Message { path: uri.path().to_owned(), headers, body });
    receiver.answers.lock().unwrap().pop_front().unwrap_or(StatusCode::OK)
}

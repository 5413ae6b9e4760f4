//! A shop that answers as a test prepared it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use domain::ShopDomain;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use crate::admin::{AdminClient, AdminSettings, LinePieces, StaticToken, Tracking};

/// A shop that gives prepared answers, one after another, and notes the operations it was asked for.
#[derive(Clone, Default)]
pub(super) struct Stand {
    answers: Arc<Mutex<VecDeque<(u16, Value)>>>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Stand {
    pub(super) fn operations(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(operation, _)| operation.clone()).collect()
    }

    pub(super) fn variables(&self, call: usize) -> Value {
        self.asked.lock().unwrap()[call].1.clone()
    }
}

pub(super) async fn serve(answers: &[(u16, Value)]) -> (Stand, AdminClient) {
    let answers = answers.iter().cloned().collect();
    let stand = Stand { answers: Arc::new(Mutex::new(answers)), asked: Arc::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(answer).with_state(stand.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (stand, client(address))
}

async fn answer(State(stand): State<Stand>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    assert_eq!(uri.path(), "/admin/api/2026-07/graphql.json");
    assert_eq!(headers["x-shopify-access-token"], "hush");
    let body: Value = serde_json::from_slice(&body).unwrap();
    let document = body["query"].as_str().unwrap();
    let operation = document.split(['(', ' ']).nth(1).unwrap().to_owned();
    stand.asked.lock().unwrap().push((operation, body["variables"].clone()));
    let (status, body) = stand.answers.lock().unwrap().pop_front().expect("a prepared answer");
    (
        StatusCode::from_u16(status).unwrap(),
        [("retry-after", "2.0"), ("x-request-id", "r-1")],
        body.to_string(),
    )
        .into_response()
}

pub(super) fn client(address: SocketAddr) -> AdminClient {
    let shop = ShopDomain::parse("anyx-demo.myshopify.com").unwrap();
    let url = Url::parse(&format!("http://{address}")).unwrap();
    let mut settings = AdminSettings::new(shop, url, Arc::new(StaticToken::new("hush")));
    (settings.limits.read, settings.limits.write) = (Duration::from_millis(300), Duration::from_millis(300));
    AdminClient::new(settings).unwrap()
}

/// A peer that takes the request and then writes `reply` and hangs up, or says nothing for ever.
pub(super) async fn peer(reply: Option<&'static [u8]>) -> AdminClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            match reply {
                Some(reply) => stream.write_all(reply).await.unwrap(),
                None => open.push(stream),
            }
        }
    });
    client(address)
}

pub(super) fn page(nodes: Value, cursor: Option<&str>) -> Value {
    json!({ "nodes": nodes, "pageInfo": { "hasNextPage": cursor.is_some(), "endCursor": cursor } })
}

pub(super) fn order_line(id: i64, line_item: i64, remaining: u32) -> Value {
    json!({"id": format!("gid://shopify/FulfillmentOrderLineItem/{id}"), "sku": null, "totalQuantity": 9,
        "remainingQuantity": remaining, "lineItem": {"id": format!("gid://shopify/LineItem/{line_item}")}})
}

pub(super) fn fulfilment_order(id: i64, status: &str, lines: Value) -> Value {
    json!({"id": format!("gid://shopify/FulfillmentOrder/{id}"), "status": status,
        "requestStatus": "UNSUBMITTED", "fulfillAt": null, "deliveryMethod": null, "fulfillmentHolds": [],
        "assignedLocation": {"name": "Berlin", "location": null}, "lineItems": lines})
}

/// An open fulfilment order with one line.
pub(super) fn open_order(id: i64, line_item: i64, remaining: u32) -> Value {
    fulfilment_order(id, "OPEN", page(json!([order_line(id * 10 + 1, line_item, remaining)]), None))
}

pub(super) fn at(location: i64, mut fulfilment_order: Value) -> Value {
    fulfilment_order["assignedLocation"]["location"] =
        json!({"id": format!("gid://shopify/Location/{location}")});
    fulfilment_order
}

pub(super) fn fulfilment_orders(nodes: Value, cursor: Option<&str>) -> (u16, Value) {
    (200, json!({"data": {"order": {"fulfillmentOrders": page(nodes, cursor)}}}))
}

pub(super) fn fulfilment(id: i64, number: Option<&str>, line_item: i64, quantity: u32) -> Value {
    let lines =
        json!([{"quantity": quantity, "lineItem": {"id": format!("gid://shopify/LineItem/{line_item}")}}]);
    json!({"id": format!("gid://shopify/Fulfillment/{id}"), "status": "SUCCESS",
        "trackingInfo": [{"number": number}], "fulfillmentLineItems": page(lines, None)})
}

pub(super) fn fulfilments(nodes: Value) -> (u16, Value) {
    (200, json!({"data": {"order": {"fulfillments": nodes}}}))
}

pub(super) fn created(id: i64) -> (u16, Value) {
    let created = json!({"id": format!("gid://shopify/Fulfillment/{id}"), "status": "SUCCESS"});
    (200, json!({"data": {"fulfillmentCreate": {"fulfillment": created, "userErrors": []}}}))
}

pub(super) fn refused(message: &str) -> (u16, Value) {
    let errors = json!([{"field": ["fulfillment"], "message": message}]);
    (200, json!({"data": {"fulfillmentCreate": {"fulfillment": null, "userErrors": errors}}}))
}

pub(super) fn tracking() -> Tracking {
    Tracking {
        number: Some("PP1".into()),
        company: Some("Parcel Post".into()),
        url: Some("not an address".into()),
    }
}

/// The variables' fulfilment orders, each with its lines' numbers and pieces.
pub(super) fn reported(variables: &Value) -> Vec<Vec<(String, i64)>> {
    let groups = variables["fulfilment"]["lineItemsByFulfillmentOrder"].as_array().unwrap();
    let line = |line: &Value| {
        let id = line["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        (id, line["quantity"].as_i64().unwrap())
    };
    let lines =
        |group: &Value| group["fulfillmentOrderLineItems"].as_array().unwrap().iter().map(line).collect();
    groups.iter().map(lines).collect()
}

pub(super) fn pieces(line_item_id: i64, quantity: u32) -> LinePieces {
    LinePieces { line_item_id, quantity }
}

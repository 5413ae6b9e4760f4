//! Webhooks of the shop: signed over the raw bytes, announced as the caller wants it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Message, Stage, read};

const RAW: &str = r##"{"id":820982911946154508,"name":"#7001","line_items":[{"id":866550311766439020,"sku":"TEA","quantity":2}],"note":"https:\/\/example.com"}"##;
/// Computed over RAW by Python's hmac module with the demo secret.
const RAW_HMAC: &str = "UCBHlpzQYjjAi17JyRPTHk8wYsB+AwhHnwh6r6XEdMw=";

fn topics(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.header("x-shopify-topic")).collect()
}

async fn post_raw(stage: &Stage, query: &str) -> Value {
    let request = stage.http.post(stage.shopify_url(&format!("/_orders?{query}"))).body(RAW);
    let (status, body) = read(request).await;
    assert_eq!(status, 201, "{body}");
    body
}

#[tokio::test]
async fn an_order_is_announced_in_its_own_bytes_with_their_signature() {
    let stage = Stage::set().await;
    let placed = post_raw(&stage, "shop=other.myshopify.com").await;
    assert_eq!(placed["id"], json!(820_982_911_946_154_508_i64));
    assert_eq!(placed["name"], "#7001");
    let webhook = stage.message_that("a webhook", |message| message.path == "/webhooks/shopify").await;
    assert_eq!(webhook.body, RAW.as_bytes());
    assert_eq!(webhook.header("x-shopify-hmac-sha256"), RAW_HMAC);
    assert_eq!(webhook.header("x-shopify-topic"), "orders/create");
    assert_eq!(webhook.header("x-shopify-shop-domain"), "other.myshopify.com");
    assert_eq!(webhook.header("x-shopify-api-version"), "2026-07");
    assert_eq!(webhook.header("x-shopify-webhook-id"), placed["webhookIds"][0].as_str().unwrap());
    assert!(!webhook.header("x-shopify-event-id").is_empty());
    assert!(!webhook.header("x-shopify-triggered-at").is_empty());
}

#[tokio::test]
async fn a_silent_order_is_kept_and_not_announced() {
    let stage = Stage::set().await;
    let placed = post_raw(&stage, "announce=false").await;
    assert_eq!(placed["webhookIds"], json!([]));
    let answer = stage
        .graphql("query($id: ID!) { order(id: $id) { name } }", json!({ "id": placed["adminGraphqlApiId"] }))
        .await;
    assert_eq!(answer["data"], json!({ "order": { "name": "#7001" } }));
    stage.place("topics=orders/updated").await;
    stage.message_that("the other order", |message| message.path == "/webhooks/shopify").await;
    assert_eq!(topics(&stage.messages()), ["orders/updated"]);
}

#[tokio::test]
async fn topics_can_be_turned_round_and_deliveries_repeated() {
    let stage = Stage::set().await;
    let placed = stage.place("topics=orders/create,orders/paid&reorder=true&times=2").await;
    let messages = stage
        .eventually("four deliveries", async || {
            let messages = stage.messages();
            (messages.len() == 4).then_some(messages)
        })
        .await;
    assert_eq!(topics(&messages), ["orders/paid", "orders/paid", "orders/create", "orders/create"]);
    let ids: Vec<&str> = messages.iter().map(|message| message.header("x-shopify-webhook-id")).collect();
    assert_eq!((ids[0], ids[2]), (ids[1], ids[3]));
    assert_eq!(placed["webhookIds"], json!([ids[0], ids[2]]));
}

#[tokio::test]
async fn a_webhook_is_sent_again_until_200_and_204_is_not_enough() {
    let stage = Stage::set().await;
    stage.answer_with(&[204, 500]);
    stage.place("").await;
    let messages = stage
        .eventually("three attempts", async || {
            let messages = stage.messages();
            (messages.len() == 3).then_some(messages)
        })
        .await;
    assert_eq!(messages[0].headers["x-shopify-webhook-id"], messages[2].headers["x-shopify-webhook-id"]);
}

#[tokio::test]
async fn a_webhook_can_be_lost_by_rule() {
    let stage = Stage::set().await;
    stage.shopify_rule(json!({ "operation": "webhook", "type": "orders/create", "lost": true })).await;
    stage.place("topics=orders/create,orders/paid").await;
    stage
        .message_that("the second topic", |message| message.header("x-shopify-topic") == "orders/paid")
        .await;
    assert_eq!(stage.messages().len(), 1);
}

#[tokio::test]
async fn paying_and_cancelling_in_the_shop_are_announced() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&financialStatus=pending").await;
    let id = &placed["id"];
    assert_eq!(stage.shopify(Method::POST, &format!("/_orders/{id}/pay"), json!({})).await.0, 200);
    let paid =
        stage.message_that("the payment", |message| message.header("x-shopify-topic") == "orders/paid").await;
    assert_eq!(paid.json()["financial_status"], "paid");
    stage.shopify(Method::POST, &format!("/_orders/{id}/cancel"), json!({})).await;
    let cancelled = stage
        .message_that("the cancellation", |message| message.header("x-shopify-topic") == "orders/cancelled")
        .await;
    assert_eq!(&cancelled.json()["id"], id);
    assert!(cancelled.json()["cancelled_at"].is_string());
    assert_eq!(stage.shopify(Method::POST, "/_orders/1/cancel", json!({})).await.0, 404);
}

#[tokio::test]
async fn an_invented_order_has_what_was_wished_for() {
    let stage = Stage::set().await;
    stage.place("sku=TEA,CUP&quantity=3&lines=4&zip=00000").await;
    let order = stage.message_that("the order", |message| message.path == "/webhooks/shopify").await.json();
    let lines: Vec<(&str, u64)> = order["line_items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["sku"].as_str().unwrap(), line["fulfillable_quantity"].as_u64().unwrap()))
        .collect();
    assert_eq!(lines, [("TEA", 3), ("CUP", 3), ("TEA", 3), ("CUP", 3)]);
    assert_eq!(order["shipping_address"]["zip"], "00000");
    assert!(order["id"].as_i64().unwrap() > 1 << 53);
    assert_eq!(order["financial_status"], "paid");
}

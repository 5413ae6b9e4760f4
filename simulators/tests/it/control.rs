//! What both servers have for whoever runs them: reset, ledger, start-up checks.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Stage, read};

fn lines() -> Value {
    json!([{ "sku": "TEA", "quantity": 1 }])
}

#[tokio::test]
async fn a_reset_forgets_everything_even_what_was_under_way() {
    let stage = Stage::set_with(&["--wms-ship-after-ms=200"]).await;
    stage.wms_rule(json!({ "operation": "getShipment", "times": 0, "status": 500 })).await;
    stage.hand_over("3011-main-1", lines()).await;
    assert_eq!(stage.wms(Method::POST, "/_reset", json!({})).await.0, 204);
    let (_, ledger) = stage.wms(Method::GET, "/_ledger", Value::Null).await;
    assert_eq!(ledger, json!([]));
    assert_eq!(stage.wms(Method::GET, "/shipments/3011-main-1", Value::Null).await.0, 404);
    stage.hand_over("3012-main-1", lines()).await;
    stage
        .message_that("a shipment", |message| {
            message.json()["type"] == "shipment.shipped" && message.json()["reference"] == "3012-main-1"
        })
        .await;
    let shipped = stage.wms_effects("shipmentShipped").await;
    assert_eq!(shipped.iter().map(|entry| &entry["reference"]).collect::<Vec<_>>(), ["3012-main-1"]);
}

#[tokio::test]
async fn the_ledger_counts_its_entries_and_can_be_read_by_order() {
    let stage = Stage::set().await;
    stage.hand_over("3013-main-1", lines()).await;
    stage.hand_over("3014-main-1", lines()).await;
    stage.message_that("a shipment", |message| message.json()["type"] == "shipment.shipped").await;
    let (_, all) = stage.wms(Method::GET, "/_ledger", Value::Null).await;
    let sequences: Vec<u64> =
        all.as_array().unwrap().iter().map(|entry| entry["sequence"].as_u64().unwrap()).collect();
    assert!(sequences.iter().copied().eq(1..=sequences.len() as u64));
    let (_, one) = stage.wms(Method::GET, "/_ledger?order=3013", Value::Null).await;
    let one = one.as_array().unwrap();
    assert!(one.iter().all(|entry| entry["reference"] == "3013-main-1"));
    let kinds: Vec<&Value> = one.iter().take(3).map(|entry| &entry["kind"]).collect();
    assert_eq!(kinds, ["call", "effect", "answer"]);
}

#[tokio::test]
async fn an_address_that_is_not_loopback_is_refused() {
    use clap::Parser;
    let settings = simulators::Settings::parse_from(["waybill-simulators", "--wms-listen=0.0.0.0:0"]);
    let error = simulators::Simulators::start(settings).await.err().unwrap();
    assert!(error.to_string().contains("SIM_WMS_LISTEN"));
}

#[tokio::test]
async fn an_order_that_is_not_json_or_has_no_id_is_refused() {
    let stage = Stage::set().await;
    for body in ["not json", "{\"id\": \"7\"}"] {
        assert_eq!(read(stage.http.post(stage.shopify_url("/_orders")).body(body)).await.0, 400);
    }
}

#[tokio::test]
async fn a_page_in_a_browser_gets_at_neither_by_another_name_nor_from_another_origin() {
    let stage = Stage::set().await;
    for ledger in [stage.shopify_url("/_ledger"), stage.wms_url("/_ledger")] {
        let ask = async |name: &str, value: &str| {
            let request = stage.http.get(&ledger).header(name, value);
            request.send().await.unwrap().status().as_u16()
        };
        for (name, value, expected) in [
            ("Host", "localhost:9090", 200),
            ("Host", "[::1]", 200),
            ("Origin", "http://127.0.0.1:8080", 200),
            ("Host", "rebound.example:9090", 403),
            ("Host", "127.0.0.1.rebound.example", 403),
            ("Origin", "https://evil.example", 403),
            ("Origin", "null", 403),
        ] {
            assert_eq!(ask(name, value).await, expected, "{name}: {value}");
        }
    }
}

//! Hand-overs: taken once, shipped once, recalled or refused.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Stage, read};

fn tea(quantity: u64) -> Value {
    json!([{ "sku": "TEA", "quantity": quantity }])
}

#[tokio::test]
async fn a_hand_over_is_accepted_picked_shipped_and_delivered() {
    let stage = Stage::set().await;
    let (status, body) = stage.hand_over("1001-main-1", tea(2)).await;
    assert_eq!(status, 201);
    assert_eq!(body["reference"], "1001-main-1");
    assert_eq!(body["status"], "accepted");
    let delivered = stage
        .message_that("a delivery", |message| message.json()["type"] == "shipment.delivered")
        .await
        .json();
    assert_eq!(delivered["shipmentId"], body["shipmentId"]);
    assert_eq!(delivered["sequence"], 4);
    assert!(delivered["trackingNumber"].is_string());
    let (_, shown) = stage.wms(Method::GET, "/shipments/1001-main-1", Value::Null).await;
    assert_eq!(shown["status"], "delivered");
    assert_eq!(shown["shipments"][0]["lines"], tea(2));
    assert_eq!(stage.wms_effects("shipmentShipped").await.len(), 1);
}

#[tokio::test]
async fn a_reference_is_taken_once() {
    let stage = Stage::set().await;
    stage.hand_over("1002-main-1", tea(1)).await;
    let (status, body) = stage.hand_over("1002-main-1", tea(1)).await;
    assert_eq!((status, &body["code"]), (422, &json!("duplicate")));
    assert_eq!(body["reference"], "1002-main-1");
    assert_eq!(stage.wms_effects("shipmentCreated").await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_shipped_is_refused_and_leaves_the_reference_free() {
    let stage = Stage::set().await;
    let (status, body) = stage.hand_over("1003-main-1", json!([{ "sku": "UNKNOWN-1", "quantity": 1 }])).await;
    assert_eq!((status, &body["code"]), (422, &json!("unknown_sku")));
    for ship_to in [json!({ "zip": "00000" }), json!({ "address1": "NOWHERE" })] {
        let request = json!({ "orderId": "1003-main-1", "lineItems": tea(1), "shipTo": ship_to });
        let (status, body) = stage.wms(Method::POST, "/shipments", request).await;
        assert_eq!((status, &body["code"]), (422, &json!("bad_address")));
    }
    assert_eq!(stage.hand_over("1003-main-1", json!([])).await.0, 400);
    assert_eq!(stage.hand_over("1003-main-1", tea(0)).await.0, 400);
    assert_eq!(stage.hand_over("1003-main-1", tea(1)).await.0, 201);
}

#[tokio::test]
async fn a_recall_cancels_what_has_not_left_and_says_the_same_again() {
    let stage = Stage::set_with(&["--wms-ship-after-ms=60000"]).await;
    let (_, body) = stage.hand_over("1004-main-1", tea(1)).await;
    let cancelled = json!({
        "reference": "1004-main-1",
        "results": [{ "shipmentId": body["shipmentId"], "result": "cancelled" }],
    });
    for _ in 0..2 {
        let (status, body) = stage.wms(Method::POST, "/shipments/1004-main-1/cancel", json!({})).await;
        assert_eq!((status, body), (200, cancelled.clone()));
    }
    stage.message_that("a cancellation", |message| message.json()["type"] == "shipment.cancelled").await;
    let (_, shipped) = stage.wms(Method::POST, "/_shipments/1004-main-1/ship", json!({})).await;
    assert_eq!(shipped["shipped"], 0);
    assert!(stage.wms_effects("shipmentShipped").await.is_empty());
    assert_eq!(stage.wms_effects("shipmentCancelled").await.len(), 1);
}

#[tokio::test]
async fn a_recall_of_an_unknown_reference_refuses_it_for_ever() {
    let stage = Stage::set().await;
    for _ in 0..2 {
        let (status, body) = stage.wms(Method::POST, "/shipments/1005-main-1/cancel", json!({})).await;
        assert_eq!((status, &body["results"]), (200, &json!([])));
    }
    let (status, body) = stage.hand_over("1005-main-1", tea(1)).await;
    assert_eq!((status, &body["code"]), (422, &json!("refused")));
    let (status, body) = stage.wms(Method::GET, "/shipments/1005-main-1", Value::Null).await;
    assert_eq!((status, &body["status"], &body["shipments"]), (200, &json!("refused"), &json!([])));
    assert!(stage.wms_effects("shipmentCreated").await.is_empty());
}

#[tokio::test]
async fn a_recall_after_shipping_is_too_late() {
    let stage = Stage::set().await;
    stage.hand_over("1006-main-1", tea(1)).await;
    stage.message_that("a shipment", |message| message.json()["type"] == "shipment.shipped").await;
    let (_, body) = stage.wms(Method::POST, "/shipments/1006-main-1/cancel", json!({})).await;
    assert_eq!(body["results"][0]["result"], "too_late");
}

#[tokio::test]
async fn a_recall_is_too_late_by_rule_made_before_or_after_the_hand_over() {
    let stage = Stage::set_with(&["--wms-ship-after-ms=60000"]).await;
    stage.wms_rule(json!({ "operation": "shipment", "order": "1007", "tooLate": true })).await;
    stage.hand_over("1007-main-1", tea(1)).await;
    stage.hand_over("1008-main-1", tea(1)).await;
    stage.wms_rule(json!({ "operation": "shipment", "order": "1008", "tooLate": true })).await;
    for reference in ["1007-main-1", "1008-main-1", "1008-main-1"] {
        let path = format!("/shipments/{reference}/cancel");
        let (_, body) = stage.wms(Method::POST, &path, json!({})).await;
        assert_eq!(body["results"][0]["result"], "too_late");
    }
    assert!(stage.wms_effects("shipmentCancelled").await.is_empty());
}

#[tokio::test]
async fn parts_are_shipments_of_their_own_and_ship_one_after_the_other() {
    let stage = Stage::set().await;
    stage.wms_rule(json!({ "operation": "shipment", "order": "1009", "parts": [2, 1] })).await;
    let lines = json!([{ "sku": "TEA", "quantity": 3 }, { "sku": "CUP", "quantity": 1 }]);
    stage.hand_over("1009-main-1", lines).await;
    let shipped = stage
        .eventually("three shipments", async || {
            let shipped = stage.wms_effects("shipmentShipped").await;
            (shipped.len() == 3).then_some(shipped)
        })
        .await;
    let parts: Vec<(&Value, &Value)> =
        shipped.iter().map(|entry| (&entry["part"], &entry["lines"])).collect();
    assert_eq!(
        parts,
        [
            (&json!(1), &json!([{ "sku": "TEA", "quantity": 2 }])),
            (&json!(2), &json!([{ "sku": "TEA", "quantity": 1 }])),
            (&json!(3), &json!([{ "sku": "CUP", "quantity": 1 }])),
        ]
    );
    let ids: std::collections::HashSet<&str> =
        shipped.iter().map(|entry| entry["shipmentId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn a_recall_between_parts_cancels_only_what_is_still_there() {
    let stage = Stage::set().await;
    let parts = json!([[{ "sku": "TEA", "quantity": 1 }], [{ "sku": "CUP", "quantity": 1 }]]);
    stage.wms_rule(json!({ "operation": "shipment", "parts": parts, "shipAfterMs": 2_000 })).await;
    stage
        .hand_over("1010-main-1", json!([{ "sku": "TEA", "quantity": 1 }, { "sku": "CUP", "quantity": 1 }]))
        .await;
    stage.message_that("the first part", |message| message.json()["type"] == "shipment.shipped").await;
    let (_, body) = stage.wms(Method::POST, "/shipments/1010-main-1/cancel", json!({})).await;
    let results: Vec<&Value> =
        body["results"].as_array().unwrap().iter().map(|result| &result["result"]).collect();
    assert_eq!(results, ["too_late", "cancelled"]);
}

#[tokio::test]
async fn a_hand_over_on_hold_waits_for_its_release() {
    let stage = Stage::set().await;
    stage.wms_rule(json!({ "operation": "shipment", "onHold": true })).await;
    stage.hand_over("1011-main-1", tea(1)).await;
    stage.message_that("a hold", |message| message.json()["type"] == "shipment.on_hold").await;
    let (_, shown) = stage.wms(Method::GET, "/shipments/1011-main-1", Value::Null).await;
    assert_eq!(shown["status"], "on_hold");
    stage.wms(Method::POST, "/_shipments/1011-main-1/release", json!({})).await;
    stage.message_that("a shipment", |message| message.json()["type"] == "shipment.shipped").await;
}

#[tokio::test]
async fn an_exception_carries_its_reason_and_can_be_recalled() {
    let stage = Stage::set().await;
    stage.wms_rule(json!({ "operation": "shipment", "sku": "TEA", "exception": "crate is wet" })).await;
    stage.hand_over("1012-main-1", tea(1)).await;
    let exception =
        stage.message_that("an exception", |message| message.json()["type"] == "shipment.exception").await;
    assert_eq!(exception.json()["reason"], "crate is wet");
    let (_, body) = stage.wms(Method::POST, "/shipments/1012-main-1/cancel", json!({})).await;
    assert_eq!(body["results"][0]["result"], "cancelled");
}

#[tokio::test]
async fn a_hand_over_that_never_ships_can_be_told_to() {
    let stage = Stage::set().await;
    stage.wms_rule(json!({ "operation": "shipment", "never": true })).await;
    stage.hand_over("1013-main-1", tea(1)).await;
    stage.hand_over("1014-main-1", tea(1)).await;
    stage
        .message_that("the other one", |message| {
            message.json()["type"] == "shipment.shipped" && message.json()["reference"] == "1014-main-1"
        })
        .await;
    let (_, shown) = stage.wms(Method::GET, "/shipments/1013-main-1", Value::Null).await;
    assert_eq!(shown["status"], "accepted");
    let (_, shipped) = stage.wms(Method::POST, "/_shipments/1013-main-1/ship", json!({})).await;
    assert_eq!(shipped["shipped"], 1);
    stage
        .message_that("the delivery", |message| {
            message.json()["type"] == "shipment.delivered" && message.json()["reference"] == "1013-main-1"
        })
        .await;
}

#[tokio::test]
async fn a_wrong_or_missing_bearer_token_is_401_and_an_unknown_reference_404() {
    let stage = Stage::set().await;
    let url = stage.wms_url("/shipments/1015-main-1");
    assert_eq!(read(stage.http.get(&url)).await.0, 401);
    assert_eq!(read(stage.http.get(&url).bearer_auth("wrong")).await.0, 401);
    let (status, body) = stage.wms(Method::GET, "/shipments/1015-main-1", Value::Null).await;
    assert_eq!((status, &body["code"]), (404, &json!("not_found")));
}

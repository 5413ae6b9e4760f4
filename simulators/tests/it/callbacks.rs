//! Callbacks of the WMS: signed, repeated until they are accepted, lost by rule.

use reqwest::Method;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::stage::{Message, Stage};

const SECRET: &str = "whsec_d2F5YmlsbC1kZW1vLXdhcmVob3VzZS1zZWNyZXQ=";

fn lines() -> Value {
    json!([{ "sku": "TEA", "quantity": 1 }])
}

fn is_of(message: &Message, message_type: &str) -> bool {
    message.path == "/webhooks/wms" && message.json()["type"] == message_type
}

#[tokio::test]
async fn a_callback_verifies_with_another_implementation_of_standard_webhooks() {
    let stage = Stage::set().await;
    stage.hand_over("2001-main-1", lines()).await;
    let accepted = stage.message_that("a callback", |message| is_of(message, "shipment.accepted")).await;
    let webhook = Webhook::new(SECRET).unwrap();
    webhook.verify(&accepted.body, &accepted.headers).unwrap();
    let mut forged = accepted.body.to_vec();
    forged[10] ^= 1;
    assert!(webhook.verify(&forged, &accepted.headers).is_err());

    let body = accepted.json();
    assert_eq!(accepted.header("webhook-id"), format!("msg_{}_1", body["shipmentId"].as_str().unwrap()));
    assert_eq!(body["reference"], "2001-main-1");
    assert_eq!(body["lines"], lines());
    assert!(body["carrier"].is_null() && body["trackingNumber"].is_null() && body["trackingUrl"].is_null());
}

#[tokio::test]
async fn a_callback_that_is_not_accepted_comes_again_under_the_same_id() {
    let stage = Stage::set().await;
    stage.wms_rule(json!({ "operation": "shipment", "never": true })).await;
    stage.answer_with(&[500, 503]);
    stage.hand_over("2002-main-1", lines()).await;
    let attempts = stage
        .eventually("three attempts", async || {
            let messages = stage.messages();
            (messages.len() == 3).then_some(messages)
        })
        .await;
    for attempt in &attempts {
        assert_eq!(attempt.header("webhook-id"), attempts[0].header("webhook-id"));
        assert_eq!(attempt.body, attempts[0].body);
        Webhook::new(SECRET).unwrap().verify(&attempt.body, &attempt.headers).unwrap();
    }
}

#[tokio::test]
async fn a_callback_can_be_lost_by_its_type_and_the_others_arrive() {
    let stage = Stage::set().await;
    stage
        .wms_rule(
            json!({ "operation": "callback", "order": "2003", "type": "shipment.shipped", "lost": true }),
        )
        .await;
    stage.hand_over("2003-main-1", lines()).await;
    stage.message_that("a delivery", |message| is_of(message, "shipment.delivered")).await;
    assert!(!stage.callback_types().contains(&"shipment.shipped".to_owned()));
    assert_eq!(stage.wms_effects("shipmentShipped").await.len(), 1);
}

#[tokio::test]
async fn a_callback_can_be_repeated_and_delayed() {
    let stage = Stage::set().await;
    stage.wms_rule(json!({ "operation": "callback", "type": "picked", "repeat": 3 })).await;
    stage.wms_rule(json!({ "operation": "callback", "type": "accepted", "delayMs": 2_000 })).await;
    stage.hand_over("2004-main-1", lines()).await;
    stage.message_that("the late callback", |message| is_of(message, "shipment.accepted")).await;
    let types = stage.callback_types();
    assert_eq!(types.iter().filter(|found| *found == "shipment.picked").count(), 3);
    assert_eq!(types.last().unwrap(), "shipment.accepted");
}

#[tokio::test]
async fn what_came_of_a_return_is_called_back_as_often_as_asked_for_under_one_id() {
    let stage = Stage::set().await;
    let lines = json!([{ "sku": "TEA", "quantity": 1, "sellable": false }]);
    let words = json!({ "lines": lines, "copies": 2, "webhookId": "msg_return_1" });
    let (status, answer) = stage.wms(Method::POST, "/_returns/ret_1/receive", words).await;
    assert_eq!((status, &answer["webhookId"]), (202, &json!("msg_return_1")));
    let told = stage
        .eventually("two callbacks", async || {
            let told: Vec<Message> =
                stage.messages().into_iter().filter(|message| is_of(message, "return.received")).collect();
            (told.len() == 2).then_some(told)
        })
        .await;
    for message in &told {
        Webhook::new(SECRET).unwrap().verify(&message.body, &message.headers).unwrap();
        assert_eq!(message.header("webhook-id"), "msg_return_1");
        assert_eq!((&message.json()["returnId"], &message.json()["lines"]), (&json!("ret_1"), &lines));
    }
    assert_eq!(stage.wms_effects("returnReceived").await.len(), 1);
    let (status, _) =
        stage.wms(Method::POST, "/_returns/ret_1/receive", json!({ "lines": [], "system": "x" })).await;
    assert_eq!(status, 404);
}

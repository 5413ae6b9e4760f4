//! The second warehouse system: results inside 200, 403 for too many calls, callbacks in its own words.

use reqwest::Method;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::stage::{Message, Stage, read};

const SECRET: &str = "whsec_d2F5YmlsbC1kZW1vLWRlcG90LXNlY3JldA==";

fn fulfilment(reference: &str, article: &str, amount: u64) -> Value {
    json!({
        "externalReference": reference, "facility": "north",
        "items": [{ "articleNumber": article, "amount": amount }],
    })
}

async fn hand_over(stage: &Stage, fulfilments: Value) -> (u16, Value) {
    stage.second_wms(Method::POST, "/fulfilments", json!({ "fulfilments": fulfilments })).await
}

/// The outcome of each hand-over, and what is wrong with it.
fn outcomes(answer: &Value) -> Vec<[&str; 3]> {
    let results = answer["results"].as_array().unwrap().iter();
    results
        .map(|result| {
            let members = [&result["externalReference"], &result["outcome"], &result["problem"]["kind"]];
            members.map(|member| member.as_str().unwrap_or_default())
        })
        .collect()
}

async fn known(stage: &Stage, reference: &str) -> Vec<Value> {
    let path = format!("/fulfilments?reference={reference}");
    let (status, answer) = stage.second_wms(Method::GET, &path, Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    answer["fulfilments"].as_array().unwrap().clone()
}

async fn void(stage: &Stage, reference: &str) -> Value {
    let (status, answer) =
        stage.second_wms(Method::POST, "/fulfilments/void", json!({ "reference": reference })).await;
    assert_eq!(status, 200, "{answer}");
    answer["packages"].clone()
}

async fn told(stage: &Stage, event: &str) -> Message {
    stage
        .message_that(event, |message| {
            message.path == "/webhooks/wms/depot" && message.json()["event"] == event
        })
        .await
}

#[tokio::test]
async fn of_several_hand_overs_one_is_refused_inside_200_and_the_others_leave() {
    let stage = Stage::set().await;
    stage
        .wms_rule(
            json!({ "operation": "createShipment", "order": "4003", "code": "blocked", "message": "closed" }),
        )
        .await;
    let mut nowhere = fulfilment("4004-north-1", "TEA", 1);
    nowhere["recipient"] = json!({ "postcode": "00000" });
    let asked = json!([
        fulfilment("4001-north-1", "TEA", 2),
        fulfilment("4002-north-1", "UNKNOWN-1", 1),
        fulfilment("4003-north-1", "TEA", 1),
        nowhere,
        fulfilment("4005-north-1", "TEA", 0),
    ]);
    let (status, answer) = hand_over(&stage, asked).await;
    assert_eq!(status, 200);
    assert_eq!(
        outcomes(&answer),
        [
            ["4001-north-1", "created", ""],
            ["4002-north-1", "rejected", "no_such_article"],
            ["4003-north-1", "rejected", "blocked"],
            ["4004-north-1", "rejected", "undeliverable"],
            ["4005-north-1", "rejected", "malformed"],
        ]
    );
    assert_eq!(answer["results"][2]["problem"]["text"], "closed");
    told(&stage, "package.left").await;
    assert_eq!(stage.wms_effects("shipmentShipped").await.len(), 1);
    // What was refused is free.
    let (_, answer) = hand_over(&stage, json!([fulfilment("4003-north-1", "TEA", 1)])).await;
    assert_eq!(outcomes(&answer), [["4003-north-1", "created", ""]]);
}

#[tokio::test]
async fn too_many_calls_are_403_with_the_wait_in_header_and_body() {
    let stage = Stage::set().await;
    let limit = json!({ "operation": "*", "system": "depot", "times": 2, "rateLimit": { "retryAfterS": 7 } });
    stage.wms_rule(limit).await;
    let lines = json!([{ "sku": "TEA", "quantity": 1 }]);
    assert_eq!(stage.hand_over("4101-main-1", lines).await.0, 201, "the rule is for the second system");
    let asked = json!({ "fulfilments": [fulfilment("4101-north-1", "TEA", 1)] });
    let limited = stage.second_wms_request(Method::POST, "/fulfilments", asked.clone()).send().await.unwrap();
    assert_eq!((limited.status().as_u16(), &limited.headers()["retry-after"]), (403, &"7".parse().unwrap()));
    let problem = limited.json::<Value>().await.unwrap()["problem"].clone();
    assert_eq!((&problem["kind"], &problem["retryInSeconds"]), (&json!("too_many_requests"), &json!(7)));
    let look = stage.second_wms(Method::GET, "/fulfilments?reference=4101-north-1", Value::Null).await;
    assert_eq!(look.0, 403);
    let (status, answer) = stage.second_wms(Method::POST, "/fulfilments", asked).await;
    assert_eq!((status, outcomes(&answer)[0][1]), (200, "created"));
}

#[tokio::test]
async fn a_reference_is_taken_once_and_shown_as_it_was_taken() {
    let stage = Stage::set().await;
    stage.wms_rule(json!({ "operation": "shipment", "never": true })).await;
    assert!(known(&stage, "4201-north-1").await.is_empty());
    hand_over(&stage, json!([fulfilment("4201-north-1", "TEA", 2)])).await;
    let (status, answer) = hand_over(&stage, json!([fulfilment("4201-north-1", "TEA", 2)])).await;
    assert_eq!(status, 200);
    assert_eq!(outcomes(&answer), [["4201-north-1", "rejected", "already_exists"]]);
    let shown = &known(&stage, "4201-north-1").await[0];
    assert_eq!((&shown["externalReference"], &shown["facility"]), (&json!("4201-north-1"), &json!("north")));
    let items = json!([{ "articleNumber": "TEA", "amount": 2 }]);
    assert_eq!((&shown["items"], &shown["packages"][0]["items"]), (&items, &items));
    let package = &shown["packages"][0];
    assert_eq!((&package["stage"], &package["revision"]), (&json!("NEW"), &json!(1)));
    assert_eq!(stage.wms_effects("shipmentCreated").await.len(), 1);
}

#[tokio::test]
async fn a_recall_voids_what_has_not_left_and_blocks_what_is_not_known() {
    let stage = Stage::set_with(&["--wms-ship-after-ms=60000"]).await;
    let (_, answer) = hand_over(&stage, json!([fulfilment("4301-north-1", "TEA", 1)])).await;
    let id = &answer["results"][0]["packageId"];
    for _ in 0..2 {
        assert_eq!(void(&stage, "4301-north-1").await, json!([{ "packageId": id, "voided": true }]));
    }
    assert_eq!(told(&stage, "package.void").await.json()["package"]["packageId"], *id);

    let (_, answer) = hand_over(&stage, json!([fulfilment("4302-north-1", "TEA", 1)])).await;
    stage.wms(Method::POST, "/_shipments/4302-north-1/ship", json!({})).await;
    let id = &answer["results"][0]["packageId"];
    assert_eq!(void(&stage, "4302-north-1").await, json!([{ "packageId": id, "voided": false }]));

    assert_eq!(void(&stage, "4303-north-1").await, json!([]));
    let (_, answer) = hand_over(&stage, json!([fulfilment("4303-north-1", "TEA", 1)])).await;
    assert_eq!(outcomes(&answer), [["4303-north-1", "rejected", "blocked"]]);
}

#[tokio::test]
async fn a_callback_is_worded_and_signed_by_the_second_system() {
    let stage = Stage::set().await;
    stage.wms_rule(json!({ "operation": "callback", "type": "package.picked", "lost": true })).await;
    hand_over(&stage, json!([fulfilment("4401-north-1", "TEA", 2)])).await;
    let arrived = told(&stage, "package.arrived").await;
    let left = told(&stage, "package.left").await;
    let webhook = Webhook::new(SECRET).unwrap();
    webhook.verify(&left.body, &left.headers).unwrap();
    let of_the_first = Webhook::new("whsec_d2F5YmlsbC1kZW1vLXdhcmVob3VzZS1zZWNyZXQ=").unwrap();
    assert!(of_the_first.verify(&left.body, &left.headers).is_err());
    let body = left.json();
    let package = &body["package"];
    let id = package["packageId"].as_str().unwrap();
    assert_eq!(left.header("webhook-id"), format!("msg_{id}_3"));
    assert_eq!((&package["externalReference"], &package["stage"]), (&json!("4401-north-1"), &json!("LEFT")));
    assert_eq!((&package["revision"], &arrived.json()["package"]["revision"]), (&json!(3), &json!(4)));
    assert_eq!(package["items"], json!([{ "articleNumber": "TEA", "amount": 2 }]));
    assert!(package["courier"].is_string() && package["trackingCode"].is_string());
    assert!(package["trackingLink"].as_str().unwrap().starts_with("https://"));
    assert_eq!(body["at"], package["changedAt"]);
    assert!(stage.callback_types().is_empty(), "the first system has nothing to say");
    assert!(stage.messages().iter().all(|message| message.json()["event"] != "package.picked"));
}

#[tokio::test]
async fn without_an_address_nobody_is_called_back() {
    let stage = Stage::set_with(&["--second-wms-webhook-url="]).await;
    hand_over(&stage, json!([fulfilment("4501-north-1", "TEA", 1)])).await;
    stage
        .eventually("the delivery", async || {
            (!stage.wms_effects("shipmentDelivered").await.is_empty()).then_some(())
        })
        .await;
    assert!(stage.messages().is_empty());
    let (_, ledger) = stage.wms(Method::GET, "/_ledger", Value::Null).await;
    assert!(ledger.as_array().unwrap().iter().all(|entry| entry["kind"] != "callback"), "{ledger}");
}

#[tokio::test]
async fn a_wrong_or_missing_key_is_refused_and_has_no_effect() {
    let stage = Stage::set().await;
    let asked = json!({ "fulfilments": [fulfilment("4601-north-1", "TEA", 1)] });
    let url = stage.wms_url("/fulfilment/v2/fulfilments");
    let unsigned = || stage.http.post(&url).json(&asked);
    for request in [
        unsigned(),
        unsigned().header("x-api-key", "wms_demo_bearer_token"),
        unsigned().bearer_auth("depot_demo_api_key"),
    ] {
        let (status, body) = read(request).await;
        assert_eq!((status, &body["problem"]["kind"]), (401, &json!("unknown_key")));
    }
    assert!(stage.wms_effects("shipmentCreated").await.is_empty());
}

#[tokio::test]
async fn each_system_has_its_own_book_and_one_ledger_says_whose_an_entry_is() {
    let stage = Stage::set().await;
    let reference = "4701-main-1";
    stage.hand_over(reference, json!([{ "sku": "TEA", "quantity": 1 }])).await;
    assert!(known(&stage, reference).await.is_empty());
    hand_over(&stage, json!([fulfilment(reference, "CUP", 1)])).await;
    assert_eq!(stage.wms_effects("shipmentCreated").await.len(), 2);
    let (_, second) = stage.wms(Method::GET, "/_ledger?order=4701&system=depot", Value::Null).await;
    let created: Vec<&Value> = second
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["effect"] == "shipmentCreated")
        .map(|entry| &entry["lines"])
        .collect();
    assert_eq!(created, [&json!([{ "sku": "CUP", "quantity": 1 }])]);
    let (_, ledger) = stage.wms(Method::GET, "/_ledger", Value::Null).await;
    let of_the_first: Vec<&Value> =
        ledger.as_array().unwrap().iter().filter(|entry| entry.get("system").is_none()).collect();
    assert!(of_the_first.iter().any(|entry| entry["effect"] == "shipmentCreated"));
    assert!(of_the_first.iter().all(|entry| !entry["lines"].to_string().contains("CUP")));

    assert_eq!(stage.wms(Method::POST, "/_reset", json!({})).await.0, 204);
    assert!(known(&stage, reference).await.is_empty());
    assert_eq!(stage.wms(Method::GET, &format!("/shipments/{reference}"), Value::Null).await.0, 404);
}

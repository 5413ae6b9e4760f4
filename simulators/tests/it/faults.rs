//! Faults to order: each kind, on the right call, as often as it says.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::Stage;

fn lines() -> Value {
    json!([{ "sku": "TEA", "quantity": 1 }])
}

/// A hand-over whose answer may not come.
async fn try_hand_over(stage: &Stage, reference: &str) -> Result<reqwest::Response, reqwest::Error> {
    stage
        .http
        .post(stage.wms_url("/shipments"))
        .bearer_auth("wms_demo_bearer_token")
        .json(&json!({ "orderId": reference, "lineItems": lines() }))
        .send()
        .await
}

async fn created(stage: &Stage) -> usize {
    stage.wms_effects("shipmentCreated").await.len()
}

#[tokio::test]
async fn a_status_comes_without_an_effect_and_only_as_often_as_it_says() {
    let stage = Stage::set().await;
    stage
        .wms_rule(json!({
            "operation": "createShipment", "order": "3001", "times": 2,
            "status": 503, "body": { "why": "maintenance" }, "headers": { "Retry-After": "7" },
        }))
        .await;
    assert_eq!(stage.hand_over("3999-main-1", lines()).await.0, 201);
    for _ in 0..2 {
        let response = try_hand_over(&stage, "3001-main-1").await.unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "7");
        assert_eq!(response.json::<Value>().await.unwrap()["why"], "maintenance");
    }
    assert_eq!(created(&stage).await, 1);
    assert_eq!(stage.hand_over("3001-main-1", lines()).await.0, 201);
    let (_, faults) = stage.wms(Method::GET, "/_faults", Value::Null).await;
    assert_eq!((&faults["rules"][0]["matched"], &faults["rules"][0]["fired"]), (&json!(3), &json!(2)));
}

#[tokio::test]
async fn only_the_nth_call_is_struck_and_later_rules_see_what_earlier_ones_left() {
    let stage = Stage::set().await;
    stage.wms_rule(json!({ "operation": "createShipment", "nth": 2, "status": 500 })).await;
    stage.wms_rule(json!({ "operation": "createShipment", "nth": 2, "status": 502 })).await;
    let mut statuses = Vec::new();
    for number in 0..4 {
        statuses.push(stage.hand_over(&format!("30{number}-main-1"), lines()).await.0);
    }
    assert_eq!(statuses, [201, 500, 502, 201]);
}

#[tokio::test]
async fn a_rule_without_end_strikes_every_call_of_every_kind() {
    let stage = Stage::set().await;
    stage.wms_rule(json!({ "operation": "*", "times": 0, "status": 500 })).await;
    for _ in 0..3 {
        assert_eq!(stage.hand_over("3002-main-1", lines()).await.0, 500);
        assert_eq!(stage.wms(Method::GET, "/shipments/3002-main-1", Value::Null).await.0, 500);
    }
    let (status, _) = stage.wms(Method::PUT, "/_faults", json!({ "rules": [] })).await;
    assert_eq!(status, 200);
    assert_eq!(stage.hand_over("3002-main-1", lines()).await.0, 201);
}

#[tokio::test]
async fn a_call_that_hangs_is_closed_without_answer_and_effect() {
    let stage = Stage::set().await;
    stage.wms_rule(json!({ "operation": "createShipment", "hangMs": 50 })).await;
    assert!(try_hand_over(&stage, "3003-main-1").await.is_err());
    assert_eq!(created(&stage).await, 0);
}

#[tokio::test]
async fn an_answer_can_be_lost_after_the_effect() {
    let stage = Stage::set().await;
    stage.wms_rule(json!({ "operation": "createShipment", "effectThenDrop": true })).await;
    assert!(try_hand_over(&stage, "3004-main-1").await.is_err());
    assert_eq!(created(&stage).await, 1);
    let (status, body) = stage.hand_over("3004-main-1", lines()).await;
    assert_eq!((status, &body["code"]), (422, &json!("duplicate")));
    let (_, ledger) = stage.wms(Method::GET, "/_ledger?order=3004", Value::Null).await;
    let answer = ledger.as_array().unwrap().iter().find(|entry| entry["kind"] == "answer").unwrap();
    assert_eq!((&answer["fault"], &answer["dropped"]), (&json!("effectThenDrop"), &json!(true)));
}

#[tokio::test]
async fn an_answer_can_come_late_after_the_effect() {
    let stage = Stage::set().await;
    stage.wms_rule(json!({ "operation": "createShipment", "effectThenHangMs": 1_500 })).await;
    let started = Instant::now();
    let answer = async {
        let response = try_hand_over(&stage, "3005-main-1").await.unwrap();
        (response.status(), started.elapsed())
    };
    let effect =
        stage.eventually("the effect", async || (created(&stage).await == 1).then(|| started.elapsed()));
    let ((status, answered), took_effect) = tokio::join!(answer, effect);
    assert_eq!(status, 201);
    assert!(answered >= Duration::from_millis(1_500) && took_effect < answered);
}

#[tokio::test]
async fn a_slow_call_takes_effect_though_the_caller_hung_up() {
    let stage = Stage::set().await;
    stage.wms_rule(json!({ "operation": "createShipment", "delayMs": 2_000 })).await;
    let call = stage
        .http
        .post(stage.wms_url("/shipments"))
        .bearer_auth("wms_demo_bearer_token")
        .timeout(Duration::from_millis(700))
        .json(&json!({ "orderId": "3006-main-1", "lineItems": lines() }))
        .send();
    assert!(call.await.unwrap_err().is_timeout());
    stage.eventually("the effect", async || (created(&stage).await == 1).then_some(())).await;
}

#[tokio::test]
async fn a_malformed_answer_has_the_right_status_and_the_effect() {
    let stage = Stage::set().await;
    stage.wms_rule(json!({ "operation": "createShipment", "malformed": true })).await;
    let response = try_hand_over(&stage, "3007-main-1").await.unwrap();
    assert_eq!(response.status(), 201);
    assert!(response.json::<Value>().await.is_err());
    assert_eq!(created(&stage).await, 1);
}

#[tokio::test]
async fn each_side_limits_its_rate_in_its_own_manner() {
    let stage = Stage::set().await;
    stage.wms_rule(json!({ "operation": "createShipment", "rateLimit": { "retryAfterS": 3 } })).await;
    let response = try_hand_over(&stage, "3008-main-1").await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (429, &"3".parse().unwrap())
    );

    stage.shopify_rule(json!({ "operation": "order", "rateLimit": { "retryAfterS": 1 } })).await;
    let query = "{ order(id: \"gid://shopify/Order/1\") { id } }";
    let throttled = stage.graphql(query, json!({})).await;
    assert_eq!(throttled["errors"][0]["extensions"]["code"], "THROTTLED");
    assert_eq!(throttled["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"], 0);
    assert!(stage.graphql(query, json!({})).await["errors"].is_null());
}

#[tokio::test]
async fn a_wms_refusal_can_be_ordered_by_code_and_sku() {
    let stage = Stage::set().await;
    stage
        .wms_rule(json!({ "operation": "createShipment", "sku": "TEA", "code": "bad_address", "message": "no such street" }))
        .await;
    let (status, body) = stage.hand_over("3009-main-1", json!([{ "sku": "CUP", "quantity": 1 }])).await;
    assert_eq!(status, 201, "{body}");
    let (status, body) = stage.hand_over("3010-main-1", lines()).await;
    assert_eq!(
        (status, &body["code"], &body["message"]),
        (422, &json!("bad_address"), &json!("no such street"))
    );
}

#[tokio::test]
async fn user_errors_can_be_ordered_for_an_order_by_sku() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&sku=TEA").await;
    let errors = json!([{ "field": ["id"], "message": "not today" }]);
    stage.shopify_rule(json!({ "operation": "tagsAdd", "sku": "TEA", "userErrors": errors })).await;
    let mutation =
        "mutation($id: ID!) { tagsAdd(id: $id, tags: [\"a\"]) { node { id } userErrors { message } } }";
    let variables = json!({ "id": placed["adminGraphqlApiId"] });
    let refused = stage.graphql(mutation, variables.clone()).await;
    assert_eq!(
        refused["data"]["tagsAdd"],
        json!({ "node": null, "userErrors": [{ "message": "not today" }] })
    );
    assert!(stage.shopify_effects("tagsAdded").await.is_empty());
    let done = stage.graphql(mutation, variables).await;
    assert_eq!(done["data"]["tagsAdd"]["userErrors"], json!([]));
}

#[tokio::test]
async fn a_mutation_can_take_effect_and_its_answer_be_lost() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false").await;
    let id = placed["id"].to_string();
    stage.shopify_rule(json!({ "operation": "orderCancel", "order": id, "effectThenDrop": true })).await;
    let mutation = "mutation($id: ID!) { orderCancel(orderId: $id, reason: STAFF, restock: false) { userErrors { message } } }";
    let variables = json!({ "id": placed["adminGraphqlApiId"] });
    assert!(stage.graphql_request(mutation, variables.clone()).send().await.is_err());
    let again = stage.graphql(mutation, variables).await;
    assert_eq!(
        again["data"]["orderCancel"]["userErrors"][0]["message"],
        "Cannot cancel an order that has already been canceled"
    );
    assert_eq!(stage.shopify_effects("orderCancelled").await.len(), 1);
}

#[tokio::test]
async fn a_rule_that_makes_no_sense_is_refused_with_the_reason() {
    let stage = Stage::set().await;
    for (rule, reason) in [
        (json!({ "operation": "createShipment" }), "exactly one effect"),
        (json!({ "operation": "createShipment", "status": 500, "malformed": true }), "exactly one effect"),
        (json!({ "operation": "createShipments", "status": 500 }), "no operation is called"),
        (json!({ "operation": "createShipment", "lost": true }), "unknown variant `lost`"),
        (json!({ "operation": "createShipment", "userErrors": [] }), "cannot have `userErrors`"),
        (json!({ "operation": "callback", "status": 500 }), "unknown field `status`"),
        (json!({ "operation": "shipment", "repeat": 2 }), "unknown field `repeat`"),
        (json!({ "operation": "order", "status": 99 }), "not an HTTP status"),
        (json!({ "operation": "order", "statuss": 500 }), "unknown variant `statuss`"),
    ] {
        let (status, body) = stage.wms(Method::PUT, "/_faults", json!({ "rules": [rule] })).await;
        assert_eq!(status, 400);
        assert!(body["error"].as_str().unwrap().contains(reason), "{body}");
    }
}

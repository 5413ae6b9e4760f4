//! `orderCancel` that takes a while, as the real one does.

use serde_json::{Value, json};

use crate::stage::Stage;

const CANCEL: &str = "mutation($orderId: ID!) {
  orderCancel(orderId: $orderId, reason: OTHER, restock: true) {
    job { id done }
    orderCancelUserErrors { field message code }
  }
}";

async fn cancel(stage: &Stage, placed: &Value) -> Value {
    let variables = json!({ "orderId": placed["adminGraphqlApiId"] });
    stage.graphql(CANCEL, variables).await["data"]["orderCancel"].clone()
}

async fn done(stage: &Stage, job: &Value) -> bool {
    let answer = stage.graphql("query($id: ID!) { job(id: $id) { done } }", json!({ "id": job })).await;
    answer["data"]["job"]["done"] == true
}

#[tokio::test]
async fn a_cancel_under_way_is_not_done_and_refuses_a_second() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false").await;
    stage.shopify_rule(json!({ "operation": "orderCancel", "cancelAfterMs": 2_000 })).await;
    let begun = cancel(&stage, &placed).await;
    let job = &begun["job"]["id"];
    assert_eq!(begun["orderCancelUserErrors"], json!([]));
    assert!(!done(&stage, job).await);
    let (order, _) = stage.shown(&placed).await;
    assert!(order["cancelled_at"].is_null());
    let second = cancel(&stage, &placed).await;
    assert_eq!(
        second["orderCancelUserErrors"],
        json!([{ "field": ["orderId"], "message": "Cancellation is already in progress", "code": "INVALID" }])
    );
    let told = stage.webhooks(1).await;
    assert_eq!(told[0].0, "orders/cancelled");
    assert!(told[0].1["cancelled_at"].is_string());
    assert_eq!(told[0].1["line_items"][0]["fulfillable_quantity"], 0);
    assert!(done(&stage, job).await);
    let third = cancel(&stage, &placed).await;
    assert_eq!(
        third["orderCancelUserErrors"][0]["message"],
        "Cannot cancel an order that has already been canceled"
    );
}

#[tokio::test]
async fn a_cancel_that_finds_a_fulfilment_made_meanwhile_ends_without_cancelling() {
    let stage = Stage::set_with(&["--shopify-cancel-after-ms=500"]).await;
    let placed = stage.place("announce=false").await;
    let begun = cancel(&stage, &placed).await;
    stage.act(&placed, "fulfil?announce=false", json!({})).await;
    stage
        .eventually("the end of the job", async || done(&stage, &begun["job"]["id"]).await.then_some(()))
        .await;
    let (order, _) = stage.shown(&placed).await;
    assert!(order["cancelled_at"].is_null());
    assert_eq!(stage.shopify_effects("orderCancelFailed").await.len(), 1);
    let after = cancel(&stage, &placed).await;
    assert_eq!(
        after["orderCancelUserErrors"][0]["message"],
        "Cannot cancel an order that has outstanding fulfillments"
    );
}

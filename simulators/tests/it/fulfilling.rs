//! Fulfilling and cancelling, with the words of the real mutations.

use serde_json::{Value, json};

use crate::stage::Stage;

const CREATE: &str = "mutation($fulfillment: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $fulfillment) {
    fulfillment { id status trackingInfo { number company url } }
    userErrors { field message }
  }
}";

const CANCEL: &str = "mutation($orderId: ID!, $refund: Boolean, $refundMethod: OrderCancelRefundMethodInput, $note: String) {
  orderCancel(orderId: $orderId, reason: OTHER, restock: true, refund: $refund, refundMethod: $refundMethod, staffNote: $note) {
    job { id done }
    orderCancelUserErrors { field message code }
    userErrors { field message }
  }
}";

const READ: &str = "query($id: ID!) {
  order(id: $id) {
    displayFulfillmentStatus
    displayFinancialStatus
    cancelledAt
    cancelReason
    fulfillments(first: 10) {
      id
      trackingInfo { number }
      fulfillmentLineItems(first: 10) { nodes { quantity lineItem { id sku } } }
    }
    fulfillmentOrders(first: 10) {
      nodes { id status lineItems(first: 10) { nodes { id remainingQuantity } } }
    }
  }
}";

async fn read_order(stage: &Stage, placed: &Value) -> Value {
    stage.graphql(READ, json!({ "id": placed["adminGraphqlApiId"] })).await["data"]["order"].clone()
}

/// The group of a fulfilment order, with so many of its first line.
fn group(order: &Value, index: usize, quantity: i64) -> Value {
    let routed = &order["fulfillmentOrders"]["nodes"][index];
    json!({
        "fulfillmentOrderId": routed["id"],
        "fulfillmentOrderLineItems": [{ "id": routed["lineItems"]["nodes"][0]["id"], "quantity": quantity }],
    })
}

async fn fulfil(stage: &Stage, groups: Value) -> Value {
    let fulfillment = json!({
        "lineItemsByFulfillmentOrder": groups,
        "trackingInfo": { "number": "PP1", "company": "Parcel Post", "url": "https://tracking.example.com/PP1" },
    });
    stage.graphql(CREATE, json!({ "fulfillment": fulfillment })).await["data"]["fulfillmentCreate"].clone()
}

async fn refusal(stage: &Stage, groups: Value) -> String {
    let payload = fulfil(stage, groups).await;
    assert!(payload["fulfillment"].is_null(), "{payload}");
    payload["userErrors"][0]["message"].as_str().unwrap().to_owned()
}

async fn cancel(stage: &Stage, variables: Value) -> Value {
    stage.graphql(CANCEL, variables).await["data"]["orderCancel"].clone()
}

#[tokio::test]
async fn a_fulfilment_takes_what_it_fulfils_and_closes_the_fulfilment_order() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&sku=TEA&quantity=2").await;
    let order = read_order(&stage, &placed).await;
    let payload = fulfil(&stage, json!([group(&order, 0, 2)])).await;
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(payload["fulfillment"]["status"], "SUCCESS");
    assert_eq!(payload["fulfillment"]["trackingInfo"][0]["number"], "PP1");
    let order = read_order(&stage, &placed).await;
    assert_eq!(order["displayFulfillmentStatus"], "FULFILLED");
    assert_eq!(order["fulfillmentOrders"]["nodes"][0]["status"], "CLOSED");
    assert_eq!(order["fulfillments"][0]["fulfillmentLineItems"]["nodes"][0]["quantity"], 2);
    assert_eq!(order["fulfillments"][0]["fulfillmentLineItems"]["nodes"][0]["lineItem"]["sku"], "TEA");
}

#[tokio::test]
async fn the_same_call_twice_fulfils_twice_while_something_is_left_and_then_errs() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&quantity=2").await;
    let order = read_order(&stage, &placed).await;
    let groups = json!([group(&order, 0, 1)]);
    let first = fulfil(&stage, groups.clone()).await;
    let partial = read_order(&stage, &placed).await;
    assert_eq!(partial["displayFulfillmentStatus"], "PARTIALLY_FULFILLED");
    assert_eq!(partial["fulfillmentOrders"]["nodes"][0]["status"], "IN_PROGRESS");
    let second = fulfil(&stage, groups.clone()).await;
    assert_ne!(first["fulfillment"]["id"], second["fulfillment"]["id"]);
    let closed = order["fulfillmentOrders"]["nodes"][0]["id"].as_str().unwrap().rsplit('/').next().unwrap();
    assert_eq!(
        refusal(&stage, groups).await,
        format!("Fulfillment order {closed} has an unfulfillable status= closed.")
    );
    let effects = stage.shopify_effects("fulfillmentCreated").await;
    let remaining: Vec<&Value> =
        effects.iter().map(|effect| &effect["lines"][0]["remainingQuantity"]).collect();
    assert_eq!(remaining, [&json!(1), &json!(0)]);
}

#[tokio::test]
async fn a_fulfilment_order_without_lines_named_is_fulfilled_whole() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&sku=TEA,CUP&quantity=3").await;
    let order = read_order(&stage, &placed).await;
    let whole = json!([{ "fulfillmentOrderId": order["fulfillmentOrders"]["nodes"][0]["id"] }]);
    assert_eq!(fulfil(&stage, whole).await["userErrors"], json!([]));
    assert_eq!(read_order(&stage, &placed).await["displayFulfillmentStatus"], "FULFILLED");
}

#[tokio::test]
async fn each_refusal_has_the_words_of_the_real_mutation() {
    let stage = Stage::set().await;
    let one = stage.place("announce=false&sku=TEA,CUP&fulfilmentOrders=2").await;
    let other = stage.place("announce=false").await;
    let order = read_order(&stage, &one).await;
    let other_order = read_order(&stage, &other).await;
    let unknown = json!({ "fulfillmentOrderId": "gid://shopify/FulfillmentOrder/1" });

    assert_eq!(refusal(&stage, json!([unknown])).await, "Fulfillment order does not exist.");
    assert_eq!(
        refusal(&stage, json!([group(&order, 0, 2)])).await,
        "Invalid fulfillment order line item quantity requested."
    );
    let mut missing_line = group(&order, 0, 1);
    missing_line["fulfillmentOrderLineItems"][0]["id"] = json!("gid://shopify/FulfillmentOrderLineItem/1");
    assert_eq!(refusal(&stage, json!([missing_line])).await, "Fulfillment order line item does not exist.");
    let payload = fulfil(&stage, json!([unknown, group(&order, 0, 0)])).await;
    assert_eq!(
        payload["userErrors"][0],
        json!({
            "field": ["fulfillment", "lineItemsByFulfillmentOrder", "1", "fulfillmentOrderLineItems", "0", "quantity"],
            "message": "Quantity must be greater than 0",
        })
    );
    assert_eq!(
        refusal(&stage, json!([group(&order, 0, 1), group(&other_order, 0, 1)])).await,
        format!(
            "All fulfillment orders must belong to the same order. Multiple orders with ids [{}, {}] were found.",
            one["id"], other["id"]
        )
    );
    assert!(refusal(&stage, json!([group(&order, 0, 1), group(&order, 1, 1)])).await.starts_with(
        "All fulfillment orders must be assigned to a single location. Multiple locations with ids ["
    ));
    assert!(stage.shopify_effects("fulfillmentCreated").await.is_empty());
}

#[tokio::test]
async fn a_line_named_twice_is_added_up_before_it_is_checked() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&quantity=3").await;
    let order = read_order(&stage, &placed).await;
    let mut twice = group(&order, 0, 2);
    let line = twice["fulfillmentOrderLineItems"][0].clone();
    twice["fulfillmentOrderLineItems"].as_array_mut().unwrap().push(line);
    assert_eq!(
        refusal(&stage, json!([twice])).await,
        "Invalid fulfillment order line item quantity requested."
    );
}

#[tokio::test]
async fn cancelling_closes_the_order_voids_or_refunds_and_is_announced() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false").await;
    let refund = json!({ "orderId": placed["adminGraphqlApiId"], "refundMethod": { "originalPaymentMethodsRefund": true } });
    let payload = cancel(&stage, refund.clone()).await;
    assert_eq!(payload["orderCancelUserErrors"], json!([]));
    assert!(payload["job"]["id"].as_str().unwrap().starts_with("gid://shopify/Job/"));
    let order = read_order(&stage, &placed).await;
    assert_eq!(
        (&order["cancelReason"], &order["displayFinancialStatus"]),
        (&json!("OTHER"), &json!("REFUNDED"))
    );
    let webhook = stage
        .message_that("a webhook", |message| message.header("x-shopify-topic") == "orders/cancelled")
        .await;
    assert_eq!(webhook.json()["id"], placed["id"]);

    let again = cancel(&stage, refund).await;
    let error =
        json!({ "field": ["orderId"], "message": "Cannot cancel an order that has already been canceled" });
    assert_eq!(again["userErrors"], json!([error]));
    assert_eq!(again["orderCancelUserErrors"][0]["code"], "INVALID");
    assert!(
        refusal(&stage, json!([group(&order, 0, 1)])).await.ends_with("has an unfulfillable status= closed.")
    );
}

#[tokio::test]
async fn an_own_cancel_stays_silent_where_that_is_set() {
    let stage = Stage::set_with(&["--shopify-announce-own-cancel=false"]).await;
    let placed = stage.place("announce=false").await;
    cancel(&stage, json!({ "orderId": placed["adminGraphqlApiId"] })).await;
    stage.place("").await;
    let webhook = stage.message_that("a webhook", |message| message.path == "/webhooks/shopify").await;
    assert_eq!(webhook.header("x-shopify-topic"), "orders/create");
    assert_eq!(stage.shopify_effects("orderCancelled").await.len(), 1);
}

#[tokio::test]
async fn an_order_that_is_unknown_or_fulfilled_is_not_cancelled() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false").await;
    let order = read_order(&stage, &placed).await;
    fulfil(&stage, json!([group(&order, 0, 1)])).await;
    let id = &placed["adminGraphqlApiId"];
    for (variables, message, code) in [
        (json!({ "orderId": id }), "Cannot cancel an order that has outstanding fulfillments", "INVALID"),
        (json!({ "orderId": "gid://shopify/Order/1" }), "Order does not exist", "NOT_FOUND"),
        (
            json!({ "orderId": id, "note": "x".repeat(256) }),
            "Staff note is too long. Maximum length is 255 characters.",
            "INVALID",
        ),
        (
            json!({ "orderId": id, "refund": false, "refundMethod": { "originalPaymentMethodsRefund": true } }),
            "Only one of the arguments `refund` or `refund_method` is allowed.",
            "INVALID",
        ),
    ] {
        let payload = cancel(&stage, variables).await;
        assert!(payload["job"].is_null());
        let error = &payload["orderCancelUserErrors"][0];
        assert_eq!((&error["message"], &error["code"]), (&json!(message), &json!(code)));
    }
}

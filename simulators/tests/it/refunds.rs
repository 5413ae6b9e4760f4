//! `refundCreate` and what the shop suggests, with the words of the real mutation.

use serde_json::{Value, json};

use crate::stage::Stage;

const CREATE: &str = "mutation($input: RefundInput!, $key: String!) {
  refundCreate(input: $input) @idempotent(key: $key) {
    refund {
      id
      totalRefundedSet { shopMoney { amount currencyCode } }
      transactions(first: 5) { nodes { kind gateway } }
      refundLineItems(first: 5) { nodes { quantity restockType lineItem { id } } }
    }
    order { displayFinancialStatus totalRefundedSet { shopMoney { amount } } }
    userErrors { field message }
  }
}";

const SUGGESTED: &str = "query($id: ID!, $lines: [RefundLineItemInput!], $all: Boolean) {
  order(id: $id) {
    currencyCode
    totalPriceSet { shopMoney { amount } }
    suggestedRefund(refundLineItems: $lines, suggestFullRefund: $all) {
      amountSet { shopMoney { amount currencyCode } }
      suggestedTransactions { kind gateway amountSet { shopMoney { amount } } parentTransaction { id } }
    }
  }
}";

async fn suggested(stage: &Stage, placed: &Value, lines: &Value, all: bool) -> Value {
    let variables = json!({ "id": placed["adminGraphqlApiId"], "lines": lines, "all": all });
    stage.graphql(SUGGESTED, variables).await["data"]["order"]["suggestedRefund"].clone()
}

async fn create(stage: &Stage, input: &Value, key: &str) -> Value {
    stage.graphql(CREATE, json!({ "input": input, "key": key })).await["data"]["refundCreate"].clone()
}

#[tokio::test]
async fn what_was_suggested_is_refunded_once_per_key() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&quantity=2").await;
    let (order, _) = stage.shown(&placed).await;
    let line = format!("gid://shopify/LineItem/{}", order["line_items"][0]["id"]);
    let lines = json!([{ "lineItemId": line, "quantity": 1, "restockType": "CANCEL" }]);
    let suggestion = suggested(&stage, &placed, &lines, false).await;
    assert_eq!(suggestion["amountSet"]["shopMoney"], json!({ "amount": "19.9", "currencyCode": "EUR" }));
    let transaction = &suggestion["suggestedTransactions"][0];
    let input = json!({
        "orderId": placed["adminGraphqlApiId"],
        "refundLineItems": lines,
        "transactions": [{
            "orderId": placed["adminGraphqlApiId"], "kind": "REFUND", "gateway": transaction["gateway"],
            "amount": transaction["amountSet"]["shopMoney"]["amount"],
            "parentId": transaction["parentTransaction"]["id"],
        }],
    });
    let first = create(&stage, &input, "key-1").await;
    assert_eq!(first["userErrors"], json!([]), "{first}");
    assert_eq!(first["order"]["displayFinancialStatus"], "PARTIALLY_REFUNDED");
    assert_eq!(first["refund"]["refundLineItems"]["nodes"][0]["restockType"], "CANCEL");
    let again = create(&stage, &input, "key-1").await;
    assert_eq!(again["refund"]["id"], first["refund"]["id"]);
    let other = json!({ "orderId": placed["adminGraphqlApiId"] });
    assert!(create(&stage, &other, "key-1").await["refund"].is_null());
    let effects = stage.shopify_effects("orderRefunded").await;
    assert_eq!(effects.len(), 1);
    assert_eq!((&effects[0]["key"], &effects[0]["by"]), (&json!("key-1"), &json!("app")));
    let told = stage.webhooks(2).await;
    assert_eq!((told[0].0.as_str(), told[1].0.as_str()), ("refunds/create", "orders/updated"));
    assert_eq!(told[1].1["line_items"][0]["fulfillable_quantity"], 1);
    let (_, routed) = stage.shown(&placed).await;
    assert_eq!(routed[0]["lines"][0]["remainingQuantity"], 1);
}

#[tokio::test]
async fn a_full_refund_includes_the_shipping() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&quantity=2").await;
    let suggestion = suggested(&stage, &placed, &Value::Null, true).await;
    assert_eq!(suggestion["amountSet"]["shopMoney"]["amount"], "44.7");
}

#[tokio::test]
async fn a_refund_is_refused_in_the_words_of_the_real_mutation() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false").await;
    let (order, _) = stage.shown(&placed).await;
    let gid = &placed["adminGraphqlApiId"];
    let line = format!("gid://shopify/LineItem/{}", order["line_items"][0]["id"]);
    let paid = |kind: &str| {
        json!({ "orderId": gid, "transactions": [{
            "orderId": gid, "kind": kind, "gateway": "bogus", "amount": "1.00",
            "parentId": "gid://shopify/OrderTransaction/999999999999",
        }] })
    };
    let lines = |quantity: i64, restock: &str| json!({ "orderId": gid, "refundLineItems": [{ "lineItemId": line, "quantity": quantity, "restockType": restock }] });
    for (input, field, message) in [
        (paid("AUTHORIZATION"), Value::Null, "Kind authorization is not a valid transaction"),
        (
            paid("REFUND"),
            json!(["transactions"]),
            "Transactions require a parent_id associated with the order",
        ),
        (
            lines(2, "CANCEL"),
            json!(["refundLineItems", "0", "quantity"]),
            "Quantity cannot refund more items than were purchased",
        ),
        (
            lines(1, "RETURN"),
            json!(["refundLineItems", "0", "quantity"]),
            "Quantity cannot return more items than were fulfilled",
        ),
    ] {
        let payload = create(&stage, &input, "key-2").await;
        assert_eq!(payload["userErrors"], json!([{ "field": field, "message": message }]));
        assert_eq!(payload["order"]["displayFinancialStatus"], "PAID");
    }
    assert!(stage.shopify_effects("orderRefunded").await.is_empty());
}

#[tokio::test]
async fn a_refund_without_an_idempotency_key_is_not_even_tried() {
    let stage = Stage::set().await;
    let gid = "gid://shopify/Order/1";
    for (directive, wanted) in [
        ("", "The @idempotent directive is required for this mutation but was not provided."),
        ("@idempotent", "`@idempotent(key:)`"),
        ("@idempotent(key: \" \")", "The idempotency key cannot be an empty string or whitespace only."),
    ] {
        let mutation = format!(
            "mutation {{ refundCreate(input: {{ orderId: \"{gid}\" }}) {directive} {{ refund {{ id }} }} }}"
        );
        let answer = stage.graphql(&mutation, json!({})).await;
        let message = answer["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(wanted), "{message}");
        assert!(answer["data"].is_null());
    }
    let misplaced = format!(
        "mutation {{ tagsAdd(id: \"{gid}\", tags: []) @idempotent(key: \"k\") {{ node {{ id }} }} }}"
    );
    assert!(stage.graphql(&misplaced, json!({})).await["data"].is_null());
}

#[tokio::test]
async fn an_order_shows_who_gets_it_and_what_was_refunded() {
    let stage = Stage::set().await;
    let placed = stage.place("announce=false&zip=04109").await;
    stage.act(&placed, "refund", json!({ "note": "late" })).await;
    let query = "query($id: ID!) { order(id: $id) {
      createdAt email phone currencyCode
      customer { firstName lastName email phone defaultEmailAddress { emailAddress } }
      shippingAddress { firstName lastName name company address1 address2 city province provinceCode zip country countryCodeV2 phone }
      currentTotalPriceSet { shopMoney { amount currencyCode } }
      lineItems(first: 1) { nodes { originalUnitPriceSet { shopMoney { amount currencyCode } } } }
      refunds(first: 1) { id createdAt note refundLineItems(first: 5) { nodes { id quantity restockType lineItem { sku } } } }
    } }";
    let answer = stage.graphql(query, json!({ "id": placed["adminGraphqlApiId"] })).await;
    let order = &answer["data"]["order"];
    assert_eq!(order["shippingAddress"]["zip"], "04109");
    assert_eq!(order["customer"]["email"], order["customer"]["defaultEmailAddress"]["emailAddress"]);
    assert_eq!(order["currentTotalPriceSet"]["shopMoney"]["amount"], "0.0");
    assert_eq!(order["lineItems"]["nodes"][0]["originalUnitPriceSet"]["shopMoney"]["amount"], "19.9");
    let refund = &order["refunds"][0];
    assert_eq!(
        (&refund["note"], &refund["refundLineItems"]["nodes"][0]["quantity"]),
        (&json!("late"), &json!(1))
    );
    assert!(order["createdAt"].as_str().unwrap().ends_with('Z'));
}

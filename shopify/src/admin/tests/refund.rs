use calls::CallFailure;
use rust_decimal::Decimal;
use serde_json::json;

use super::stand::{pieces, serve};
use super::*;

fn notes(notes: &[&str]) -> (u16, Value) {
    let refunds: Vec<Value> = (1..)
        .zip(notes)
        .map(|(id, note)| json!({"id": format!("gid://shopify/Refund/{id}"), "note": note}))
        .collect();
    (200, json!({"data": {"order": {"refunds": refunds}}}))
}

fn money(amount: &str) -> Value {
    json!({"presentmentMoney": {"amount": amount, "currencyCode": "USD"}})
}

fn suggestion() -> (u16, Value) {
    let line = json!({"lineItem": {"id": "gid://shopify/LineItem/101"},
        "location": {"id": "gid://shopify/Location/5"}});
    let way = |amount: &str| {
        json!({"gateway": "bogus", "amountSet": money(amount),
            "parentTransaction": {"id": "gid://shopify/OrderTransaction/77"}})
    };
    let suggested = json!({"amountSet": money("12.50"), "refundLineItems": [line],
        "suggestedTransactions": [way("12.50"), way("0.0")]});
    (200, json!({"data": {"order": {"suggestedRefund": suggested}}}))
}

fn created() -> (u16, Value) {
    let refund = json!({"id": "gid://shopify/Refund/9"});
    (200, json!({"data": {"refundCreate": {"refund": refund, "userErrors": []}}}))
}

#[tokio::test]
async fn the_rest_is_refunded_the_way_it_was_paid_and_restocked_where_it_is() {
    let (stand, client) = serve(&[notes(&["damaged"]), suggestion(), created()]).await;
    let lines = [pieces(101, 1), pieces(101, 1)];
    let outcome = client.refund_rest(ORDER, &lines, "A-1-cancel", true, false, "Cancelled").await.unwrap();
    let amount = Decimal::new(1250, 2);
    assert_eq!(outcome, RefundOutcome::Refunded { id: 9, amount, currency: "USD".into() });
    assert_eq!(stand.operations(), ["RefundNotes", "SuggestedRefund", "CreateRefund"]);
    let line = |location: Value| {
        json!([{"lineItemId": "gid://shopify/LineItem/101", "quantity": 2,
            "restockType": "CANCEL", "locationId": location}])
    };
    assert_eq!(stand.variables(1)["lines"], line(Value::Null));
    let order = "gid://shopify/Order/820982911946154508";
    let expected = json!({"orderId": order, "currency": "USD", "notify": false,
        "note": "Cancelled (A-1-cancel)", "refundLineItems": line(json!("gid://shopify/Location/5")),
        "transactions": [{"orderId": order, "parentId": "gid://shopify/OrderTransaction/77",
            "gateway": "bogus", "amount": "12.50", "kind": "REFUND"}]});
    assert_eq!(stand.variables(2), json!({"key": "A-1-cancel", "refund": expected}));
}

#[tokio::test]
async fn what_is_not_restocked_names_no_location() {
    let (stand, client) = serve(&[notes(&[]), suggestion(), created()]).await;
    client.refund_rest(ORDER, &[pieces(101, 1)], "k", false, false, "").await.unwrap();
    let refund = stand.variables(2)["refund"].clone();
    assert_eq!(refund["refundLineItems"][0]["restockType"], "NO_RESTOCK");
    assert_eq!(refund["refundLineItems"][0]["locationId"], Value::Null);
    assert_eq!(refund["note"], "(k)");
}

#[tokio::test]
async fn a_refund_an_earlier_attempt_made_is_not_made_again() {
    let (stand, client) = serve(&[notes(&["by hand", "Cancelled (k) "])]).await;
    let outcome = client.refund_rest(ORDER, &[pieces(101, 1)], "k", true, false, "Cancelled").await;
    assert_eq!(outcome, Ok(RefundOutcome::Already { id: 2 }));
    assert_eq!(stand.operations(), ["RefundNotes"]);
}

#[tokio::test]
async fn no_pieces_need_no_call() {
    let (stand, client) = serve(&[]).await;
    let outcome = client.refund_rest(ORDER, &[pieces(101, 0)], "k", true, false, "").await;
    assert_eq!(outcome, Ok(RefundOutcome::Nothing));
    assert!(stand.operations().is_empty());
}

#[tokio::test]
async fn a_refused_refund_is_permanent_and_one_under_way_is_not() {
    let refused = |code: Value| {
        let errors = json!([{"field": null, "message": "m", "code": code}]);
        (200, json!({"data": {"refundCreate": {"refund": null, "userErrors": errors}}}))
    };
    let under_way = json!([{"message": "m", "extensions": {"code": "IDEMPOTENCY_CONCURRENT_REQUEST"}}]);
    for (answer, permanent) in [
        (refused(Value::Null), true),
        (refused(json!("IDEMPOTENCY_CONCURRENT_REQUEST")), false),
        ((200, json!({"data": null, "errors": under_way})), false),
    ] {
        let (_, client) = serve(&[notes(&[]), suggestion(), answer]).await;
        let error = client.refund_rest(ORDER, &[pieces(101, 1)], "k", true, false, "").await.unwrap_err();
        assert_eq!(error.is_permanent(), permanent);
    }
}

#[tokio::test]
async fn an_order_without_a_suggestion_is_not_refunded() {
    let none = (200, json!({"data": {"order": {"suggestedRefund": null}}}));
    let (stand, client) = serve(&[notes(&[]), none]).await;
    let error = client.refund_rest(ORDER, &[pieces(101, 1)], "k", true, false, "").await.unwrap_err();
    assert_eq!(error, ShopifyError::NotFound { what: "suggested refund" });
    assert_eq!(stand.operations().len(), 2);
}

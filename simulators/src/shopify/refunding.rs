//! `refundCreate`: once per idempotency key, with the checks and the words of the real mutation.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::orders::{OrderBook, ShopOrder, gid, id_in, listed};
use super::refunds::{RefundWish, wanted_lines};
use super::{Shop, money, user_errors, views};
use crate::deliveries::Delivery;

/// Refunds what is asked for; returns the payload and what the shop says of it.
pub(super) fn create(shop: &Arc<Shop>, arguments: &Map<String, Value>, key: &str) -> (Value, Vec<Delivery>) {
    let input = &arguments["input"];
    let mut book = shop.book.lock();
    if let Some(payload) = answered(&book, input, key) {
        return (payload, Vec::new());
    }
    let id = id_in("Order", &input["orderId"]);
    let outcome = id.and_then(|id| book.change(id, |order| refund(shop, order, input, key)));
    let (payload, told) = outcome.unwrap_or_else(|| {
        let errors = json!([{ "field": ["orderId"], "message": "Order does not exist" }]);
        (user_errors(&errors), Vec::new())
    });
    if payload["userErrors"] == json!([]) {
        book.answered.insert(key.to_owned(), (input.clone(), payload.clone()));
    }
    (payload, told)
}

/// What was answered under this key before.
fn answered(book: &OrderBook, input: &Value, key: &str) -> Option<Value> {
    let (known, payload) = book.answered.get(key)?;
    if known == input {
        return Some(payload.clone());
    }
    let message = "The same idempotency key cannot be used with different parameters.";
    Some(user_errors(&json!([{ "field": null, "message": message }])))
}

fn refund(shop: &Shop, order: &mut ShopOrder, input: &Value, key: &str) -> (Value, Vec<Delivery>) {
    let wish = match wish(order, input) {
        Ok(wish) => wish,
        Err(error) => {
            let mut payload = user_errors(&json!([error]));
            payload["order"] = views::order(order);
            return (payload, Vec::new());
        }
    };
    let refund = order.refund(&wish);
    record(shop, order, "refundCreate", &refund, json!({ "by": "app", "key": key }));
    let payload = json!({
        "refund": views::refund(order, &refund),
        "order": views::order(order),
        "userErrors": [],
    });
    let told = vec![("refunds/create", refund), ("orders/updated", order.body.clone())];
    (payload, shop.tell_all(order, told))
}

/// Records a refund: who made it, which pieces, what money.
pub(super) fn record(shop: &Shop, order: &ShopOrder, operation: &str, refund: &Value, mut details: Value) {
    let line = |line: &Value| {
        json!({
            "lineItemId": line["line_item_id"].as_i64().map(|id| gid("LineItem", id)),
            "sku": line["line_item"]["sku"],
            "quantity": line["quantity"],
            "restockType": line["restock_type"],
        })
    };
    let transaction =
        |paid: &Value| json!({ "amount": paid["amount"], "gateway": paid["gateway"], "kind": paid["kind"] });
    details["refundId"] = json!(refund["id"].as_i64().map(|id| gid("Refund", id)));
    details["lines"] = listed(refund, "refund_line_items").iter().map(line).collect();
    details["transactions"] = listed(refund, "transactions").iter().map(transaction).collect();
    details["note"] = refund["note"].clone();
    shop.record_effect(operation, order, "orderRefunded", details);
}

fn wish(order: &ShopOrder, input: &Value) -> Result<RefundWish, Value> {
    let lines = wanted_lines(&input["refundLineItems"]);
    let error = |field: Value, message: &str| json!({ "field": field, "message": message });
    if let Some((position, message)) = order.not_refundable(&lines) {
        return Err(error(json!(["refundLineItems", position.to_string(), "quantity"]), message));
    }
    let mut amount = 0;
    for transaction in listed(input, "transactions") {
        let kind = transaction["kind"].as_str().unwrap_or_default();
        if kind != "REFUND" {
            let message = format!("Kind {} is not a valid transaction", kind.to_lowercase());
            return Err(error(Value::Null, &message));
        }
        if transaction["parentId"] != json!(gid("OrderTransaction", order.payment)) {
            let message = "Transactions require a parent_id associated with the order";
            return Err(error(json!(["transactions"]), message));
        }
        amount += money::cents(&transaction["amount"]);
    }
    if amount > order.paid() - order.refunded() && input["allowOverRefunding"] != json!(true) {
        let message = "Refund amount cannot be greater than what is left of the payment";
        return Err(error(json!(["transactions"]), message));
    }
    Ok(RefundWish { lines, amount, note: input["note"].clone() })
}

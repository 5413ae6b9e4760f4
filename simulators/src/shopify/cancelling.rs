//! `orderCancel`: refused for an order that is unknown, cancelled or fulfilled, even in part.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::orders::{ShopOrder, number};
use super::placing::send;
use super::{Shop, user_errors};

/// How long a staff note may be, in characters.
const STAFF_NOTE_LIMIT: usize = 255;

/// Cancels the order and returns the payload.
pub(super) fn cancel(shop: &Arc<Shop>, arguments: &Map<String, Value>) -> Value {
    let mut book = shop.book();
    let id = arguments["orderId"].as_str().and_then(|id| number("Order", id));
    let order = id.and_then(|id| book.find_mut(id));
    let order = match check(arguments, order) {
        Ok(order) => order,
        Err(error) => return user_errors("OrderCancelPayload", &json!([error])),
    };
    let refund = wants_refund(arguments);
    let reason = arguments["reason"].as_str().unwrap_or_default();
    settle(order, refund);
    order.cancel(&reason.to_lowercase());
    let details = json!({
        "by": "app",
        "reason": reason,
        "restock": arguments["restock"],
        "refund": refund,
        "notifyCustomer": arguments["notifyCustomer"],
        "staffNote": arguments.get("staffNote"),
    });
    shop.record_effect("orderCancel", order, "orderCancelled", details);
    if shop.announce_own_cancel {
        let body = Bytes::from(order.body.to_string());
        let announcement = shop.webhooks.announce(order, "orders/cancelled", body, 1);
        send(shop, vec![announcement], Duration::ZERO);
    }
    let job = format!("gid://shopify/Job/{}", Uuid::now_v7());
    json!({ "job": { "id": job, "done": false }, "orderCancelUserErrors": [], "userErrors": [] })
}

fn check<'a>(
    arguments: &Map<String, Value>,
    order: Option<&'a mut ShopOrder>,
) -> Result<&'a mut ShopOrder, Value> {
    let note = arguments.get("staffNote").and_then(Value::as_str).unwrap_or_default();
    if note.chars().count() > STAFF_NOTE_LIMIT {
        return Err(refusal(
            "staffNote",
            "Staff note is too long. Maximum length is 255 characters.",
            "INVALID",
        ));
    }
    let is_given = |name: &str| arguments.get(name).is_some_and(|value| !value.is_null());
    if is_given("refund") && is_given("refundMethod") {
        let message = "Only one of the arguments `refund` or `refund_method` is allowed.";
        return Err(refusal("refund", message, "INVALID"));
    }
    let order = order.ok_or_else(|| refusal("orderId", "Order does not exist", "NOT_FOUND"))?;
    if order.is_cancelled() {
        let message = "Cannot cancel an order that has already been canceled";
        return Err(refusal("orderId", message, "INVALID"));
    }
    if !order.fulfilments.is_empty() {
        let message = "Cannot cancel an order that has outstanding fulfillments";
        return Err(refusal("orderId", message, "INVALID"));
    }
    Ok(order)
}

fn wants_refund(arguments: &Map<String, Value>) -> bool {
    let method = arguments.get("refundMethod").unwrap_or(&Value::Null);
    arguments.get("refund") == Some(&json!(true))
        || method["originalPaymentMethodsRefund"] == json!(true)
        || method["storeCreditRefund"].is_object()
}

/// What becomes of the money: an authorisation is voided in any case, a payment is given back
/// where that is asked for.
fn settle(order: &mut ShopOrder, refund: bool) {
    let settled = match order.body["financial_status"].as_str() {
        Some("authorized" | "pending") => "voided",
        Some("paid" | "partially_paid") if refund => "refunded",
        _ => return,
    };
    order.body["financial_status"] = json!(settled);
}

fn refusal(field: &str, message: &str, code: &str) -> Value {
    json!({ "field": [field], "message": message, "code": code })
}

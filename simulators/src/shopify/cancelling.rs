//! `orderCancel`: refused for an order that is unknown, cancelled, being cancelled, or fulfilled,
//! even in part. It may take a while; its job says when it is done.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::orders::{ShopOrder, id_in};
use super::placing::send;
use super::{Shop, user_errors};

/// How long a staff note may be, in characters.
const STAFF_NOTE_LIMIT: usize = 255;

/// Cancels the order, at once or after some time, and returns the payload.
pub(super) fn cancel(shop: &Arc<Shop>, arguments: &Map<String, Value>, after: Duration) -> Value {
    let mut book = shop.book.lock();
    let id = id_in("Order", &arguments["orderId"]);
    if let Err(error) = check(arguments, id.and_then(|id| book.find(id))) {
        return user_errors(&json!([error]));
    }
    let job = format!("gid://shopify/Job/{}", Uuid::now_v7());
    let id = id.unwrap_or_default();
    if after.is_zero() {
        book.change(id, |order| finish(shop, order, arguments));
    } else {
        book.jobs.insert(job.clone());
        book.change(id, |order| {
            order.cancelling = Some(job.clone());
            let details =
                json!({ "by": "app", "job": job, "afterMs": u64::try_from(after.as_millis()).ok() });
            shop.record_effect("orderCancel", order, "orderCancelBegun", details);
        });
        finish_later(shop, id, arguments.clone(), job.clone(), after);
    }
    json!({ "job": { "id": job, "done": false }, "orderCancelUserErrors": [], "userErrors": [] })
}

fn finish_later(shop: &Arc<Shop>, id: i64, arguments: Map<String, Value>, job: String, after: Duration) {
    let later = Arc::clone(shop);
    shop.control.spawn(async move {
        tokio::time::sleep(after).await;
        let mut book = later.book.lock();
        book.jobs.remove(&job);
        let done = book.change(id, |order| {
            if order.cancelling.take().as_ref() != Some(&job) {
                return;
            }
            if order.has_fulfilments() {
                let details = json!({ "by": "app", "job": job });
                later.record_effect("orderCancel", order, "orderCancelFailed", details);
            } else {
                finish(&later, order, &arguments);
            }
        });
        let changed = later.tell_levels(&mut book);
        drop(book);
        if done.is_some() && later.settings.shopify_echo {
            send(&later, changed, Duration::ZERO);
        }
    });
}

fn finish(shop: &Arc<Shop>, order: &mut ShopOrder, arguments: &Map<String, Value>) {
    let refund = wants_refund(arguments);
    let reason = arguments["reason"].as_str().unwrap_or_default();
    settle(order, refund);
    order.cancel(&reason.to_lowercase(), arguments["restock"] == json!(true));
    let details = json!({
        "by": "app",
        "reason": reason,
        "restock": arguments["restock"],
        "refund": refund,
        "notifyCustomer": arguments["notifyCustomer"],
        "staffNote": arguments.get("staffNote"),
    });
    shop.record_effect("orderCancel", order, "orderCancelled", details);
    if shop.settings.shopify_announce_own_cancel {
        let announcement = shop.tell(order, "orders/cancelled", &order.body);
        send(shop, vec![announcement], Duration::ZERO);
    }
}

fn check(arguments: &Map<String, Value>, order: Option<&ShopOrder>) -> Result<(), Value> {
    let note = arguments.get("staffNote").and_then(Value::as_str).unwrap_or_default();
    let is_given = |name: &str| arguments.get(name).is_some_and(|value| !value.is_null());
    let (field, message, code) = match order {
        _ if note.chars().count() > STAFF_NOTE_LIMIT => {
            ("staffNote", "Staff note is too long. Maximum length is 255 characters.", "INVALID")
        }
        _ if is_given("refund") && is_given("refundMethod") => {
            ("refund", "Only one of the arguments `refund` or `refund_method` is allowed.", "INVALID")
        }
        None => ("orderId", "Order does not exist", "NOT_FOUND"),
        Some(order) if order.is_cancelled() => {
            ("orderId", "Cannot cancel an order that has already been canceled", "INVALID")
        }
        Some(order) if order.cancelling.is_some() => {
            ("orderId", "Cancellation is already in progress", "INVALID")
        }
        Some(order) if order.has_fulfilments() => {
            ("orderId", "Cannot cancel an order that has outstanding fulfillments", "INVALID")
        }
        Some(_) => return Ok(()),
    };
    Err(json!({ "field": [field], "message": message, "code": code }))
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

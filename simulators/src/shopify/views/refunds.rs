//! Refunds and payments as the Admin API shows them; the order's body is where they are kept.

use serde_json::{Map, Value, json};

use super::{MEMBERS, currency, line_by_id, location, upper};
use crate::shopify::fulfilment_orders::Place;
use crate::shopify::orders::{ShopOrder, gid, listed};
use crate::shopify::refunds::{RefundedLine, wanted_lines};
use crate::shopify::routing::FIRST_LOCATION;
use crate::shopify::{moments, money};

/// All refunds of an order.
pub(super) fn all(order: &ShopOrder) -> Value {
    listed(&order.body, "refunds").iter().map(|shown| refund(order, shown)).collect()
}

/// One refund, from the order's body.
pub(in crate::shopify) fn refund(order: &ShopOrder, shown: &Value) -> Value {
    let currency = currency(order);
    let paid_back = listed(shown, "transactions");
    let transactions: Vec<Value> = paid_back.iter().map(|paid| transaction(order, paid)).collect();
    let total = paid_back.iter().map(|paid| money::cents(&paid["amount"])).sum();
    let member = |line: &Value| {
        let place = line["location_id"].as_i64().map(Place::own);
        json!({
            "id": line["id"].as_i64().map(|id| gid("RefundLineItem", id)),
            "quantity": line["quantity"],
            "restockType": upper(&line["restock_type"]),
            "restocked": line["restock_type"] != "no_restock",
            "lineItem": line_by_id(order, line["line_item_id"].as_i64().unwrap_or_default()),
            "location": place.as_ref().map(location),
            "subtotalSet": money::bag(money::cents(&line["subtotal"]), &currency),
        })
    };
    let members: Value = listed(shown, "refund_line_items").iter().map(member).collect();
    let created_at = moments::answered(&shown["created_at"]);
    json!({
        "id": shown["id"].as_i64().map(|id| gid("Refund", id)),
        "legacyResourceId": shown["id"].to_string(),
        "createdAt": created_at,
        "processedAt": created_at,
        "updatedAt": created_at,
        "note": shown["note"],
        "totalRefundedSet": money::bag(total, &currency),
        "refundLineItems": { MEMBERS: members },
        "transactions": { MEMBERS: transactions },
    })
}

/// What the customer paid, and what was paid back.
pub(super) fn transactions(order: &ShopOrder) -> Value {
    let back = listed(&order.body, "refunds").iter().flat_map(|refund| listed(refund, "transactions"));
    let paid = (order.paid() > 0).then(|| payment(order));
    paid.into_iter().chain(back.map(|paid| transaction(order, paid))).collect()
}

/// What the shop would pay back for these lines, or for all that is left.
pub(in crate::shopify) fn suggested_refund(order: &ShopOrder, arguments: &Map<String, Value>) -> Value {
    let currency = currency(order);
    let lines = if arguments.get("suggestFullRefund") == Some(&json!(true)) {
        order.all_refundable()
    } else {
        wanted_lines(arguments.get("refundLineItems").unwrap_or(&Value::Null))
    };
    let left = order.paid() - order.refunded();
    let subtotal: i64 = lines.iter().map(|line| order.price_of(line)).sum();
    let mut shipping = arguments.get("shippingAmount").map_or(0, money::cents);
    if order.leaves_nothing(&lines) || arguments.get("refundShipping") == Some(&json!(true)) {
        shipping = (left - subtotal).max(0);
    }
    let amount = (subtotal + shipping).clamp(0, left.max(0));
    let suggested = json!({
        "kind": "SUGGESTED_REFUND",
        "gateway": order.gateway(),
        "formattedGateway": order.gateway(),
        "amountSet": money::bag(amount, &currency),
        "maximumRefundableSet": money::bag(left, &currency),
        "parentTransaction": payment(order),
    });
    let member = |line: &RefundedLine| {
        json!({
            "id": null,
            "quantity": line.quantity,
            "restockType": line.restock_type.to_uppercase(),
            "restocked": line.restock_type != "no_restock",
            "lineItem": line_by_id(order, line.line),
            "location": location(&Place::own(FIRST_LOCATION)),
            "subtotalSet": money::bag(order.price_of(line), &currency),
        })
    };
    json!({
        "amountSet": money::bag(amount, &currency),
        "maximumRefundableSet": money::bag(left, &currency),
        "subtotalSet": money::bag(subtotal, &currency),
        "refundLineItems": lines.iter().map(member).collect::<Value>(),
        "suggestedTransactions": if amount > 0 { vec![suggested] } else { Vec::new() },
    })
}

/// What the customer paid with.
fn payment(order: &ShopOrder) -> Value {
    json!({
        "id": gid("OrderTransaction", order.payment),
        "kind": "SALE",
        "status": "SUCCESS",
        "gateway": order.gateway(),
        "amountSet": money::bag(order.paid(), &currency(order)),
        "parentTransaction": null,
    })
}

fn transaction(order: &ShopOrder, paid: &Value) -> Value {
    json!({
        "id": paid["id"].as_i64().map(|id| gid("OrderTransaction", id)),
        "kind": upper(&paid["kind"]),
        "status": upper(&paid["status"]),
        "gateway": paid["gateway"],
        "amountSet": money::bag(money::cents(&paid["amount"]), &currency(order)),
        "parentTransaction": payment(order),
    })
}

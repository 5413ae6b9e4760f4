//! Orders as the Admin API shows them: whole objects, of which a selection is answered.

use serde_json::{Value, json};

use super::orders::{Fulfilment, FulfilmentOrder, FulfilmentOrderLine, ShopOrder, gid, lines};

/// The name under which a view keeps the members of a connection.
pub(super) const MEMBERS: &str = "__members";

/// An order with all it has.
pub(super) fn order(order: &ShopOrder) -> Value {
    let body = &order.body;
    let fulfilment_orders: Vec<Value> = if order.is_routed() {
        order.fulfilment_orders.iter().map(|found| fulfilment_order(order, found)).collect()
    } else {
        Vec::new()
    };
    let fulfilments: Vec<Value> = order.fulfilments.iter().map(|found| fulfilment(order, found)).collect();
    let line_items: Vec<Value> = lines(body).iter().map(|line| line_item(order, line)).collect();
    json!({
        "__typename": "Order",
        "id": order.gid(),
        "legacyResourceId": order.id.to_string(),
        "name": order.name(),
        "email": body["email"],
        "note": body["note"],
        "test": body["test"].as_bool().unwrap_or(false),
        "closed": body["closed_at"].is_string(),
        "closedAt": body["closed_at"],
        "createdAt": body["created_at"],
        "updatedAt": body["updated_at"],
        "cancelledAt": body["cancelled_at"],
        "cancelReason": upper(&body["cancel_reason"]),
        "displayFinancialStatus": upper(&body["financial_status"]),
        "displayFulfillmentStatus": fulfilment_status(order),
        "tags": tags(body),
        "lineItems": { MEMBERS: line_items },
        "fulfillments": fulfilments,
        "fulfillmentOrders": { MEMBERS: fulfilment_orders },
    })
}

/// A fulfilment order of `order`.
pub(super) fn fulfilment_order(order: &ShopOrder, shown: &FulfilmentOrder) -> Value {
    let status = match shown {
        closed if closed.closed => "CLOSED",
        begun if begun.lines.iter().any(|line| line.remaining < line.total) => "IN_PROGRESS",
        _ => "OPEN",
    };
    let members: Vec<Value> = shown.lines.iter().map(|line| fulfilment_order_line(order, line)).collect();
    let location = format!("Location {}", shown.location);
    json!({
        "__typename": "FulfillmentOrder",
        "id": gid("FulfillmentOrder", shown.id),
        "orderId": order.gid(),
        "orderName": order.name(),
        "createdAt": order.body["created_at"],
        "updatedAt": order.body["updated_at"],
        "status": status,
        "requestStatus": "UNSUBMITTED",
        "assignedLocation": {
            "__typename": "FulfillmentOrderAssignedLocation",
            "name": location,
            "location": { "__typename": "Location", "id": gid("Location", shown.location), "name": location },
        },
        "lineItems": { MEMBERS: members },
    })
}

/// A fulfilment of `order`.
pub(super) fn fulfilment(order: &ShopOrder, shown: &Fulfilment) -> Value {
    let member = |&(id, line, quantity): &(i64, i64, i64)| {
        json!({
            "__typename": "FulfillmentLineItem",
            "id": gid("FulfillmentLineItem", id),
            "quantity": quantity,
            "lineItem": line_by_id(order, line),
        })
    };
    let position = order.fulfilments.iter().position(|found| found.id == shown.id).unwrap_or_default() + 1;
    let total: i64 = shown.lines.iter().map(|(_, _, quantity)| quantity).sum();
    let members: Vec<Value> = shown.lines.iter().map(member).collect();
    json!({
        "__typename": "Fulfillment",
        "id": gid("Fulfillment", shown.id),
        "legacyResourceId": shown.id.to_string(),
        "name": format!("{}-F{position}", order.name()),
        "status": "SUCCESS",
        "displayStatus": "FULFILLED",
        "createdAt": shown.created_at,
        "updatedAt": shown.created_at,
        "totalQuantity": total,
        "trackingInfo": shown.tracking,
        "fulfillmentLineItems": { MEMBERS: members },
    })
}

/// The tags of an order body, which carries them as one text.
pub(super) fn tags(body: &Value) -> Vec<String> {
    let text = body["tags"].as_str().unwrap_or_default();
    text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

fn fulfilment_order_line(order: &ShopOrder, line: &FulfilmentOrderLine) -> Value {
    let line_item = line_by_id(order, line.line);
    json!({
        "__typename": "FulfillmentOrderLineItem",
        "id": gid("FulfillmentOrderLineItem", line.id),
        "sku": line_item["sku"],
        "productTitle": line_item["title"],
        "requiresShipping": line_item["requiresShipping"],
        "totalQuantity": line.total,
        "remainingQuantity": line.remaining,
        "lineItem": line_item,
    })
}

fn line_by_id(order: &ShopOrder, id: i64) -> Value {
    order.line(id).map_or(Value::Null, |line| line_item(order, line))
}

fn line_item(order: &ShopOrder, line: &Value) -> Value {
    let id = line["id"].as_i64().unwrap_or_default();
    let quantity = line["quantity"].as_i64().unwrap_or_default();
    let fulfilled: i64 = order
        .fulfilments
        .iter()
        .flat_map(|fulfilment| &fulfilment.lines)
        .filter(|(_, fulfilled_line, _)| *fulfilled_line == id)
        .map(|(_, _, quantity)| quantity)
        .sum();
    let current = line["current_quantity"].as_i64().unwrap_or(quantity);
    let fulfillable = line["fulfillable_quantity"].as_i64().unwrap_or(quantity);
    json!({
        "__typename": "LineItem",
        "id": gid("LineItem", id),
        "name": line["name"].as_str().or(line["title"].as_str()).unwrap_or_default(),
        "title": line["title"].as_str().unwrap_or_default(),
        "sku": line["sku"],
        "quantity": quantity,
        "currentQuantity": current,
        "fulfillableQuantity": (fulfillable - fulfilled).max(0),
        "unfulfilledQuantity": (current - fulfilled).max(0),
        "requiresShipping": line["requires_shipping"].as_bool().unwrap_or(true),
    })
}

fn fulfilment_status(order: &ShopOrder) -> &'static str {
    let open = order
        .fulfilment_orders
        .iter()
        .flat_map(|fulfilment_order| &fulfilment_order.lines)
        .any(|line| line.remaining > 0);
    match (order.fulfilments.is_empty(), open) {
        (true, _) => "UNFULFILLED",
        (false, true) => "PARTIALLY_FULFILLED",
        (false, false) => "FULFILLED",
    }
}

fn upper(text: &Value) -> Value {
    text.as_str().map_or(Value::Null, |text| json!(text.to_uppercase()))
}

//! Fulfilment orders and fulfilments as the Admin API shows them.

use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::{MEMBERS, line_by_id, location};
use crate::shopify::fulfilment_orders::{FulfilmentOrder, FulfilmentOrderLine, Hold};
use crate::shopify::moments;
use crate::shopify::orders::{Fulfilment, FulfilmentLine, ShopOrder, gid};
use crate::shopify::routing::is_there;

/// A fulfilment order of `order`.
pub(in crate::shopify) fn fulfilment_order(order: &ShopOrder, shown: &FulfilmentOrder) -> Value {
    let members: Vec<Value> = shown.lines.iter().map(|line| fulfilment_order_line(order, line)).collect();
    let created_at = moments::answered(&order.body["created_at"]);
    let fulfil_at = shown.fulfil_at.map(|moment| json!(moment.to_rfc3339_opts(SecondsFormat::Secs, true)));
    let method = order.routing.delivery_method.as_deref().unwrap_or("SHIPPING");
    json!({
        "__typename": "FulfillmentOrder",
        "id": gid("FulfillmentOrder", shown.id),
        "orderId": order.gid(),
        "orderName": order.name(),
        "createdAt": created_at,
        "updatedAt": moments::answered(&json!(shown.updated_at)),
        "status": shown.status().as_str(),
        "requestStatus": "UNSUBMITTED",
        "fulfillAt": fulfil_at.unwrap_or(created_at),
        "assignedLocation": {
            "__typename": "FulfillmentOrderAssignedLocation",
            "name": shown.place.name,
            "location": location(shown.place.id, &shown.place.name),
        },
        "deliveryMethod": {
            "__typename": "DeliveryMethod",
            "id": gid("DeliveryMethod", order.id),
            "methodType": method,
        },
        "fulfillmentHolds": shown.holds.iter().map(hold).collect::<Vec<_>>(),
        "merchantRequests": { MEMBERS: [] },
        "lineItems": { MEMBERS: members },
    })
}

/// A fulfilment of `order`.
pub(in crate::shopify) fn fulfilment(order: &ShopOrder, shown: &Fulfilment) -> Value {
    let member = |shown: &FulfilmentLine| {
        json!({
            "__typename": "FulfillmentLineItem",
            "id": gid("FulfillmentLineItem", shown.id),
            "quantity": shown.quantity,
            "lineItem": line_by_id(order, shown.line),
        })
    };
    let position = order.fulfilments.iter().position(|found| found.id == shown.id).unwrap_or_default() + 1;
    let total: i64 = shown.lines.iter().map(|line| line.quantity).sum();
    let members: Vec<Value> = shown.lines.iter().map(member).collect();
    json!({
        "__typename": "Fulfillment",
        "id": gid("Fulfillment", shown.id),
        "legacyResourceId": shown.id.to_string(),
        "name": format!("{}-F{position}", order.name()),
        "status": if shown.cancelled { "CANCELLED" } else { "SUCCESS" },
        "displayStatus": if shown.cancelled { "CANCELED" } else { "FULFILLED" },
        "createdAt": moments::answered(&json!(shown.created_at)),
        "updatedAt": moments::answered(&json!(shown.updated_at)),
        "totalQuantity": total,
        "location": location(shown.place.id, &shown.place.name),
        "trackingInfo": shown.tracking,
        "fulfillmentLineItems": { MEMBERS: members },
    })
}

/// All fulfilments of an order: those of others, which only its body knows, and the simulator's.
pub(super) fn all(order: &ShopOrder) -> Value {
    let told = order.body["fulfillments"].as_array().into_iter().flatten();
    let others = told.filter(|told| !order.is_ours(told)).map(|told| of_others(order, told));
    others.chain(order.fulfilments.iter().map(|found| fulfilment(order, found))).collect()
}

/// A fulfilment that somebody wrote into a body.
fn of_others(order: &ShopOrder, told: &Value) -> Value {
    let id = told["id"].as_i64().unwrap_or_default();
    let lines = told["line_items"].as_array().into_iter().flatten();
    let members: Vec<Value> = lines
        .map(|line| {
            let line_id = line["id"].as_i64().unwrap_or_default();
            json!({
                "__typename": "FulfillmentLineItem",
                "id": gid("FulfillmentLineItem", line_id),
                "quantity": line["quantity"],
                "lineItem": line_by_id(order, line_id),
            })
        })
        .collect();
    let tracking = json!({
        "number": told["tracking_number"],
        "company": told["tracking_company"],
        "url": told["tracking_url"],
    });
    json!({
        "__typename": "Fulfillment",
        "id": gid("Fulfillment", id),
        "legacyResourceId": id.to_string(),
        "name": told["name"].as_str().unwrap_or(order.name()),
        "status": told["status"].as_str().unwrap_or("success").to_uppercase(),
        "displayStatus": if is_there(told) { "FULFILLED" } else { "CANCELED" },
        "createdAt": moments::answered(&told["created_at"]),
        "updatedAt": moments::answered(&told["updated_at"]),
        "totalQuantity": members.iter().filter_map(|member| member["quantity"].as_i64()).sum::<i64>(),
        "trackingInfo": if told["tracking_number"].is_string() { json!([tracking]) } else { json!([]) },
        "fulfillmentLineItems": { MEMBERS: members },
    })
}

fn hold(hold: &Hold) -> Value {
    json!({
        "__typename": "FulfillmentHold",
        "id": gid("FulfillmentHold", hold.id),
        "reason": hold.reason,
        "reasonNotes": hold.reason_notes,
        "handle": hold.handle,
        "heldByRequestingApp": false,
    })
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

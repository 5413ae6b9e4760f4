//! Fulfilment orders and fulfilments as the Admin API shows them.

use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::{MEMBERS, line_by_id, location};
use crate::shopify::fulfilment_orders::{FulfilmentOrder, FulfilmentOrderLine, Hold, Place};
use crate::shopify::moments;
use crate::shopify::orders::{Fulfilment, ShopOrder, gid, lines, listed};
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
        "assignedLocation": { "name": shown.place.name, "location": location(&shown.place) },
        "deliveryMethod": { "id": gid("DeliveryMethod", order.id), "methodType": method },
        "fulfillmentHolds": shown.holds.iter().map(hold).collect::<Vec<_>>(),
        "merchantRequests": { MEMBERS: [] },
        "lineItems": { MEMBERS: members },
    })
}

/// A fulfilment of `order`.
pub(in crate::shopify) fn fulfilment(order: &ShopOrder, shown: &Fulfilment) -> Value {
    let members = shown.lines.iter().map(|line| fulfilled_line(order, line.id, line.line, line.quantity));
    let mut view = told(order, &order.told_fulfilment(shown), members.collect());
    let position = order.fulfilments.iter().position(|found| found.id == shown.id).unwrap_or_default() + 1;
    view["name"] = json!(format!("{}-F{position}", order.name()));
    view["location"] = location(&shown.place);
    view["trackingInfo"] = json!(shown.tracking);
    view
}

/// All fulfilments of an order: those of others, which only its body knows, and the simulator's.
pub(super) fn all(order: &ShopOrder) -> Value {
    let others = listed(&order.body, "fulfillments").iter().filter(|told| !order.is_ours(told));
    let others = others.map(|told| of_others(order, told));
    others.chain(order.fulfilments.iter().map(|found| fulfilment(order, found))).collect()
}

/// A fulfilment that somebody wrote into a body.
fn of_others(order: &ShopOrder, other: &Value) -> Value {
    let members = lines(other).iter().map(|line| {
        let id = line["id"].as_i64().unwrap_or_default();
        fulfilled_line(order, id, id, line["quantity"].as_i64().unwrap_or_default())
    });
    told(order, other, members.collect())
}

/// A fulfilment as a body tells of it, with these lines.
fn told(order: &ShopOrder, told: &Value, members: Vec<Value>) -> Value {
    let id = told["id"].as_i64().unwrap_or_default();
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
        "location": told["location_id"].as_i64().map(Place::own).as_ref().map(location),
        "trackingInfo": if told["tracking_number"].is_string() { json!([tracking]) } else { json!([]) },
        "fulfillmentLineItems": { MEMBERS: members },
    })
}

fn fulfilled_line(order: &ShopOrder, id: i64, line: i64, quantity: i64) -> Value {
    json!({ "id": gid("FulfillmentLineItem", id), "quantity": quantity, "lineItem": line_by_id(order, line) })
}

fn hold(hold: &Hold) -> Value {
    json!({
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
        "id": gid("FulfillmentOrderLineItem", line.id),
        "sku": line_item["sku"],
        "productTitle": line_item["title"],
        "requiresShipping": line_item["requiresShipping"],
        "totalQuantity": line.total,
        "remainingQuantity": line.remaining,
        "lineItem": line_item,
    })
}

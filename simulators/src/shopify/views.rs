//! Orders as the Admin API shows them: whole objects, of which a selection is answered.

mod fulfilments;
mod refunds;
mod returns;

use serde_json::{Value, json};

pub(super) use fulfilments::{fulfilment, fulfilment_order};
pub(super) use refunds::{refund, suggested_refund};
pub(super) use returns::reverse;

use super::fulfilment_orders::{FulfilmentOrder, Place, Status};
use super::orders::{ShopOrder, gid, lines};
use super::routing::{fulfilled_in, returned_in};
use super::{moments, money};

/// The name under which a view keeps the members of a connection.
pub(super) const MEMBERS: &str = "__members";

/// An order with all it has.
pub(super) fn order(order: &ShopOrder) -> Value {
    let mut view = facts(order);
    let routed = order.fulfilment_orders.iter().filter(|_| order.is_routed());
    let fulfilment_orders: Value = routed.map(|found| fulfilment_order(order, found)).collect();
    let line_items: Value = lines(&order.body).iter().map(|line| line_item(order, line)).collect();
    view["lineItems"] = json!({ MEMBERS: line_items });
    view["shippingLines"] = json!({ MEMBERS: shipping_lines(&order.body) });
    view["fulfillments"] = fulfilments::all(order);
    view["fulfillmentOrders"] = json!({ MEMBERS: fulfilment_orders });
    view["refunds"] = refunds::all(order);
    view["risk"] = risk(order);
    view["transactions"] = refunds::transactions(order);
    view["customer"] = customer(&order.body);
    view["shippingAddress"] = address(&order.body["shipping_address"]);
    view["billingAddress"] = address(&order.body["billing_address"]);
    view
}

/// What stands in the order itself.
fn facts(order: &ShopOrder) -> Value {
    let body = &order.body;
    let currency = currency(order);
    let total = money::cents(&body["total_price"]);
    let current = body.get("current_total_price").map_or(total, money::cents);
    json!({
        "__typename": "Order",
        "id": order.gid(),
        "legacyResourceId": order.id.to_string(),
        "name": order.name(),
        "email": body["email"],
        "phone": body["phone"],
        "note": body["note"],
        "test": body["test"].as_bool().unwrap_or(false),
        "closed": body["closed_at"].is_string(),
        "closedAt": moments::answered(&body["closed_at"]),
        "createdAt": moments::answered(&body["created_at"]),
        "processedAt": moments::answered(&body["processed_at"]),
        "updatedAt": moments::answered(&body["updated_at"]),
        "cancelledAt": moments::answered(&body["cancelled_at"]),
        "cancelReason": upper(&body["cancel_reason"]),
        "displayFinancialStatus": upper(&body["financial_status"]),
        "displayFulfillmentStatus": fulfilment_status(order),
        "tags": tags(&body["tags"]),
        "currencyCode": currency,
        "totalPriceSet": money::bag(total, &currency),
        "currentTotalPriceSet": money::bag(current, &currency),
        "totalRefundedSet": money::bag(order.refunded(), &currency),
    })
}

/// What is recommended follows from the worst that anybody says.
fn risk(order: &ShopOrder) -> Value {
    let says = |level: &str| order.assessments.iter().any(|assessment| assessment["riskLevel"] == level);
    let recommendation = match () {
        () if says("HIGH") => "CANCEL",
        () if says("MEDIUM") => "INVESTIGATE",
        () if says("LOW") => "ACCEPT",
        () => "NONE",
    };
    json!({ "assessments": order.assessments, "recommendation": recommendation })
}

/// The currency of the order's money.
fn currency(order: &ShopOrder) -> Value {
    json!(order.body["currency"].as_str().unwrap_or("EUR"))
}

/// The tags in one text, as an order body carries them.
pub(super) fn tags(text: &Value) -> Vec<String> {
    let text = text.as_str().unwrap_or_default();
    text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

fn customer(body: &Value) -> Value {
    let known = &body["customer"];
    if known.is_null() {
        return Value::Null;
    }
    let name = |part: &str| known[part].as_str().unwrap_or_default();
    let mut shown = in_camel_case(known);
    shown["id"] = json!(known["id"].as_i64().map(|id| gid("Customer", id)));
    shown["displayName"] = json!(format!("{} {}", name("first_name"), name("last_name")).trim());
    shown["defaultEmailAddress"] =
        json!(known["email"].as_str().map(|email| json!({ "emailAddress": email })));
    shown["defaultPhoneNumber"] = json!(known["phone"].as_str().map(|phone| json!({ "phoneNumber": phone })));
    shown
}

/// An address has the members of the body, under the names of the Admin API.
fn address(address: &Value) -> Value {
    let mut shown = in_camel_case(address);
    if shown.is_object() {
        shown["countryCodeV2"] = address["country_code"].clone();
    }
    shown
}

/// The members of an object of a body, named as the Admin API names them.
fn in_camel_case(members: &Value) -> Value {
    let Some(members) = members.as_object() else { return Value::Null };
    let named = |name: &str| {
        let mut words = name.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |name, word| {
            let (initial, rest) = word.split_at(word.len().min(1));
            name + &initial.to_uppercase() + rest
        })
    };
    members.iter().map(|(name, value)| (named(name), value.clone())).collect()
}

/// Those that were not removed; nobody asks for the others.
fn shipping_lines(body: &Value) -> Value {
    let is_removed = |line: &&Value| line["is_removed"].as_bool().unwrap_or(false);
    let shown = |line: &Value| json!({ "title": line["title"].as_str().unwrap_or_default(), "code": line["code"], "isRemoved": false });
    body["shipping_lines"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|line| !is_removed(line))
        .map(shown)
        .collect()
}

fn line_by_id(order: &ShopOrder, id: i64) -> Value {
    order.line(id).map_or(Value::Null, |line| line_item(order, line))
}

fn line_item(order: &ShopOrder, line: &Value) -> Value {
    let id = line["id"].as_i64().unwrap_or_default();
    let quantity = line["quantity"].as_i64().unwrap_or_default();
    let current = line["current_quantity"].as_i64().unwrap_or(quantity);
    let fulfillable = line["fulfillable_quantity"].as_i64().unwrap_or(quantity);
    // What came back had left: it is neither current nor to be fulfilled again.
    let unfulfilled = current - fulfilled_in(&order.body, id) + returned_in(&order.body, id);
    let service = line["fulfillment_service"].as_str().unwrap_or("manual");
    json!({
        "id": gid("LineItem", id),
        "name": line["name"].as_str().or(line["title"].as_str()).unwrap_or_default(),
        "title": line["title"].as_str().unwrap_or_default(),
        "sku": line["sku"],
        "quantity": quantity,
        "currentQuantity": current,
        "fulfillableQuantity": fulfillable,
        "unfulfilledQuantity": unfulfilled.max(0),
        "refundableQuantity": current,
        "requiresShipping": line["requires_shipping"].as_bool().unwrap_or(true),
        "fulfillmentService": {
            "id": format!("gid://shopify/FulfillmentService/{service}"),
            "handle": service,
            "serviceName": service,
        },
        "originalUnitPriceSet": money::bag(money::cents(&line["price"]), &currency(order)),
    })
}

fn fulfilment_status(order: &ShopOrder) -> &'static str {
    let open = order.fulfilment_orders.iter().filter(|found| !found.closed);
    let open: Vec<Status> = open.map(FulfilmentOrder::status).collect();
    match (order.has_fulfilments(), open.as_slice()) {
        (true, []) => "FULFILLED",
        (true, _) => "PARTIALLY_FULFILLED",
        (false, [_, ..]) if open.iter().all(|status| *status == Status::OnHold) => "ON_HOLD",
        (false, [_, ..]) if open.iter().all(|status| *status == Status::Scheduled) => "SCHEDULED",
        (false, _) => "UNFULFILLED",
    }
}

fn location(place: &Place) -> Value {
    json!({ "id": gid("Location", place.id), "name": place.name })
}

fn upper(text: &Value) -> Value {
    text.as_str().map_or(Value::Null, |text| json!(text.to_uppercase()))
}

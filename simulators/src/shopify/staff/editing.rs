//! Orders edited after they were placed: lines, address, price.

use serde_json::{Value, json};

use super::Clerk;
use crate::shopify::invented;
use crate::shopify::orders::{ShopOrder, id_in, listed};
use crate::shopify::{moments, money};

/// A line whose number of pieces changed, by how many.
struct Change {
    line: i64,
    delta: i64,
}

/// `edit`: other quantities, further lines, another address or price.
pub(super) fn edit(clerk: &mut Clerk<'_>) -> Result<(), String> {
    let (body, order) = (clerk.body, &mut *clerk.order);
    let wanted = listed(body, "lines");
    for line in wanted {
        check(order, line)?;
    }
    let mut changes = Vec::new();
    for line in wanted {
        changes.push(match id_in("LineItem", &line["lineItemId"]) {
            Some(id) => change(order, id, line["quantity"].as_i64().unwrap_or_default()),
            None => add(order, line),
        });
    }
    changes.retain(|change| change.delta != 0);
    order.handled = true;
    reprice(order, &changes, &body["totalPrice"]);
    let new_address = body.get("shippingAddress");
    if let Some(address) = new_address {
        match (address.as_object(), order.body["shipping_address"].as_object_mut()) {
            (Some(new), Some(known)) => known.extend(new.clone()),
            _ => order.body["shipping_address"] = address.clone(),
        }
    }
    let recorded = |Change { line, delta }: &Change| json!({ "lineItemId": line, "delta": delta, "currentQuantity": order.current(*line) });
    let details = json!({
        "lines": changes.iter().map(recorded).collect::<Value>(),
        "shippingAddress": new_address.is_some(),
        "totalPrice": body["totalPrice"],
    });
    clerk.record("orderEdited", details);
    if !changes.is_empty() {
        clerk.tell("orders/edited", order_edit(clerk.order, &changes));
    }
    clerk.tell_order("orders/updated");
    Ok(())
}

fn check(order: &ShopOrder, wanted: &Value) -> Result<(), String> {
    let quantity = wanted["quantity"].as_i64().filter(|quantity| *quantity >= 0);
    let quantity = quantity.ok_or("a line needs a quantity, 0 or more")?;
    match id_in("LineItem", &wanted["lineItemId"]) {
        Some(id) if order.line(id).is_none() => Err(format!("the order has no line {id}")),
        Some(id) if order.current(id) - quantity > order.fulfillable(id) => {
            Err(format!("so many pieces of line {id} have left that {quantity} is too few"))
        }
        None if wanted["sku"].as_str().is_none() => Err("a line needs a lineItemId or a sku".to_owned()),
        _ => Ok(()),
    }
}

fn change(order: &mut ShopOrder, id: i64, quantity: i64) -> Change {
    let delta = quantity - order.current(id);
    let fulfillable = order.fulfillable(id);
    if let Some(line) = order.line_mut(id) {
        line["current_quantity"] = json!(quantity);
        // A line that grew says so; one that shrank remembers what was ordered.
        if delta > 0 {
            line["quantity"] = json!(line["quantity"].as_i64().unwrap_or_default() + delta);
        }
    }
    order.want(id, fulfillable + delta);
    Change { line: id, delta }
}

fn add(order: &mut ShopOrder, wanted: &Value) -> Change {
    let quantity = wanted["quantity"].as_i64().unwrap_or_default();
    let mut line = invented::line(wanted["sku"].as_str().unwrap_or_default(), quantity);
    if !wanted["price"].is_null() {
        let price = money::cents(&wanted["price"]);
        line["price"] = json!(money::written(price));
        line["price_set"] = money::set(price, &order.body["currency"]);
    }
    for member in ["title", "name", "fulfillment_service", "requires_shipping"] {
        if !wanted[member].is_null() {
            line[member] = wanted[member].clone();
        }
    }
    let id = line["id"].as_i64().unwrap_or_default();
    match order.body["line_items"].as_array_mut() {
        Some(lines) => lines.push(line),
        None => order.body["line_items"] = json!([line]),
    }
    order.want(id, quantity);
    Change { line: id, delta: quantity }
}

/// The current price follows the lines; the price of the order only what was added to it.
fn reprice(order: &mut ShopOrder, changes: &[Change], total: &Value) {
    let price = |line: i64| order.line(line).map_or(0, |line| money::cents(&line["price"]));
    let (mut all, mut added) = (0, 0);
    for change in changes {
        all += price(change.line) * change.delta;
        added += (price(change.line) * change.delta).max(0);
    }
    let known = |order: &ShopOrder, member: &str| money::cents(&order.body[member]);
    let (current, price) = match total {
        Value::Null => (known(order, "current_total_price") + all, known(order, "total_price") + added),
        total => (money::cents(total), money::cents(total)),
    };
    let currency = order.body["currency"].clone();
    for (member, cents) in [("current_total_price", current), ("total_price", price)] {
        order.body[member] = json!(money::written(cents));
        order.body[format!("{member}_set")] = money::set(cents, &currency);
    }
}

/// What `orders/edited` carries: which lines, by how many, and not the order.
fn order_edit(order: &ShopOrder, changes: &[Change]) -> Value {
    let listed = |wanted: fn(&Change) -> bool| -> Value {
        let those = changes.iter().filter(|change| wanted(change));
        those.map(|change| json!({ "id": change.line, "delta": change.delta.abs() })).collect()
    };
    let now = moments::now();
    json!({ "order_edit": {
        "id": order.ids.next(),
        "app_id": null,
        "created_at": now,
        "committed_at": now,
        "notify_customer": false,
        "order_id": order.id,
        "staff_note": "",
        "user_id": null,
        "line_items": {
            "additions": listed(|change| change.delta > 0),
            "removals": listed(|change| change.delta < 0),
        },
        "discounts": { "line_item": { "additions": [], "removals": [] } },
        "shipping_lines": { "additions": [], "removals": [] },
    } })
}

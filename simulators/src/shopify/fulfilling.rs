//! `fulfillmentCreate`: the checks of the real mutation in their order, then the fulfilment.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::dividing::Picked;
use super::fulfilment_orders::{FulfilmentOrder, Place};
use super::orders::{Fulfilment, FulfilmentLine, OrderBook, ShopOrder, gid, id_in, listed};
use super::routing::FIRST_LOCATION;
use super::{Shop, moments, user_errors, views};
use crate::deliveries::Delivery;

/// Fulfils what is asked for; returns the payload, and what the shop then says of it.
pub(super) fn create(shop: &Arc<Shop>, arguments: &Map<String, Value>) -> (Value, Vec<Delivery>) {
    let input = &arguments["fulfillment"];
    let mut book = shop.book.lock();
    let refused = |error| (user_errors(&json!([error])), Vec::new());
    let (order_id, picked) = match plan(&book, input) {
        Ok(planned) => planned,
        Err(error) => return refused(error),
    };
    let made = book.change(order_id, |order| {
        let mut details = fulfil(order, &picked, tracking(&input["trackingInfo"]));
        details["notifyCustomer"] = json!(input["notifyCustomer"].as_bool().unwrap_or(false));
        shop.record_effect("fulfillmentCreate", order, "fulfillmentCreated", details);
        let view = views::fulfilment(order, order.fulfilments.last()?);
        let echoes = shop.tell_all(order, order.fulfilled());
        Some((json!({ "fulfillment": view, "userErrors": [] }), echoes))
    });
    made.flatten().unwrap_or_else(|| refused(missing_order()))
}

/// Makes a fulfilment of these pieces, which are there; returns what the ledger says of it.
pub(super) fn fulfil(order: &mut ShopOrder, picked: &[Picked], tracking: Vec<Value>) -> Value {
    let (lines, recorded) = take(order, picked);
    let first = picked.first().and_then(|picked| order.fulfilment_order(picked.fulfilment_order));
    let place = first.map(|first| first.place.clone());
    let id = order.ids.next();
    let now = moments::now();
    let details = json!({
        "fulfillmentId": gid("Fulfillment", id),
        "lines": recorded,
        "tracking": tracking,
        "location": place.as_ref().map(|place| gid("Location", place.id)),
    });
    order.fulfilments.push(Fulfilment {
        id,
        created_at: now.clone(),
        updated_at: now,
        cancelled: false,
        place: place.unwrap_or_else(|| Place::own(FIRST_LOCATION)),
        tracking,
        lines,
    });
    order.touch();
    details
}

/// Which order, and which pieces of it; or the user error.
fn plan(book: &OrderBook, input: &Value) -> Result<(i64, Vec<Picked>), Value> {
    let groups = listed(input, "lineItemsByFulfillmentOrder");
    check_quantities(groups)?;
    let mut found: Vec<(&ShopOrder, &FulfilmentOrder, &Value)> = Vec::new();
    for group in groups {
        let id = id_in("FulfillmentOrder", &group["fulfillmentOrderId"]);
        let known = id.and_then(|id| book.with_fulfilment_order(id));
        let (order, fulfilment_order) = known.ok_or_else(missing_order)?;
        found.push((order, fulfilment_order, &group["fulfillmentOrderLineItems"]));
    }
    let orders = distinct(found.iter().map(|(order, _, _)| order.id));
    if orders.len() > 1 {
        return Err(refusal(&format!(
            "All fulfillment orders must belong to the same order. Multiple orders with ids {orders:?} were found."
        )));
    }
    let locations = distinct(found.iter().map(|(_, fulfilment_order, _)| fulfilment_order.place.id));
    if locations.len() > 1 {
        return Err(refusal(&format!(
            "All fulfillment orders must be assigned to a single location. Multiple locations with ids {locations:?} were found."
        )));
    }
    let mut picked = Vec::new();
    for (_, fulfilment_order, wanted) in found {
        let FulfilmentOrder { id, .. } = *fulfilment_order;
        if !fulfilment_order.is_fulfillable() {
            let status = fulfilment_order.status().as_str().to_lowercase();
            return Err(refusal(&format!("Fulfillment order {id} has an unfulfillable status= {status}.")));
        }
        let pieces = fulfilment_order.named_pieces(wanted).map_err(refusal)?;
        picked.push(Picked { fulfilment_order: id, pieces });
    }
    let order = orders.first().ok_or_else(missing_order)?;
    Ok((*order, picked))
}

fn check_quantities(groups: &[Value]) -> Result<(), Value> {
    for (group_index, group) in groups.iter().enumerate() {
        let lines = listed(group, "fulfillmentOrderLineItems");
        let wrong = lines.iter().position(|line| line["quantity"].as_i64().unwrap_or_default() <= 0);
        if let Some(line_index) = wrong {
            let (group, line) = (group_index.to_string(), line_index.to_string());
            let group = ["fulfillment", "lineItemsByFulfillmentOrder", &group];
            let field = [&group[..], &["fulfillmentOrderLineItems", &line, "quantity"]].concat();
            return Err(json!({ "field": field, "message": "Quantity must be greater than 0" }));
        }
    }
    Ok(())
}

/// Takes the pieces out of what remains; returns the fulfilment's lines, one per line of the
/// order, and what the ledger says.
fn take(order: &mut ShopOrder, picked: &[Picked]) -> (Vec<FulfilmentLine>, Vec<Value>) {
    let mut lines: Vec<FulfilmentLine> = Vec::new();
    let mut recorded = Vec::new();
    let ids = order.ids.clone();
    let all =
        picked.iter().flat_map(|picked| picked.pieces.iter().map(|pieces| (picked.fulfilment_order, pieces)));
    for (id, &(line, quantity)) in all {
        let Some(fulfilment_order) = order.fulfilment_order_mut(id) else { continue };
        let known = fulfilment_order.lines.iter_mut().find(|known| known.line == line);
        let Some(taken) = known else { continue };
        taken.remaining -= quantity;
        let taken = taken.clone();
        fulfilment_order.settle();
        match lines.iter_mut().find(|known| known.line == line) {
            Some(known) => known.quantity += quantity,
            None => lines.push(FulfilmentLine { id: ids.next(), line, quantity }),
        }
        recorded.push(json!({
            "fulfillmentOrderId": gid("FulfillmentOrder", id),
            "fulfillmentOrderLineItemId": gid("FulfillmentOrderLineItem", taken.id),
            "lineItemId": gid("LineItem", line),
            "sku": order.sku(line),
            "quantity": quantity,
            "totalQuantity": taken.total,
            "remainingQuantity": taken.remaining,
        }));
    }
    (lines, recorded)
}

/// One entry per tracking number.
fn tracking(input: &Value) -> Vec<Value> {
    let given = |single: &str, plural: &str| -> Vec<Value> {
        match (listed(input, plural), &input[single]) {
            ([], Value::Null) => Vec::new(),
            ([], one) => vec![one.clone()],
            (several, _) => several.to_vec(),
        }
    };
    let numbers = given("number", "numbers");
    let urls = given("url", "urls");
    (0..numbers.len().max(urls.len()))
        .map(|at| json!({ "number": numbers.get(at), "url": urls.get(at), "company": input["company"] }))
        .collect()
}

fn distinct(ids: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut seen = Vec::new();
    for id in ids {
        if !seen.contains(&id) {
            seen.push(id);
        }
    }
    seen
}

fn missing_order() -> Value {
    refusal("Fulfillment order does not exist.")
}

fn refusal(message: &str) -> Value {
    json!({ "field": ["fulfillment"], "message": message })
}

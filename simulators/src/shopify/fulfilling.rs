//! `fulfillmentCreate`: the checks of the real mutation in their order, then the fulfilment.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::fulfilment_orders::{FulfilmentOrder, Place};
use super::orders::{Fulfilment, FulfilmentLine, OrderBook, ShopOrder, gid, number};
use super::routing::FIRST_LOCATION;
use super::webhooks::Announcement;
use super::{Shop, moments, user_errors, views};

/// So many pieces of one line of a fulfilment order.
pub(super) struct Portion {
    pub(super) fulfilment_order: i64,
    pub(super) line: i64,
    pub(super) quantity: i64,
}

/// Fulfils what is asked for; returns the payload, and what the shop then says of it.
pub(super) fn create(shop: &Arc<Shop>, arguments: &Map<String, Value>) -> (Value, Vec<Announcement>) {
    let input = &arguments["fulfillment"];
    let mut book = shop.book();
    let refused = |error| (user_errors(&json!([error])), Vec::new());
    let (order_id, portions) = match plan(&book, input) {
        Ok(planned) => planned,
        Err(error) => return refused(error),
    };
    let made = book.change(order_id, |order| {
        let mut details = fulfil(order, &portions, tracking(&input["trackingInfo"]));
        details["notifyCustomer"] = json!(input["notifyCustomer"].as_bool().unwrap_or(false));
        shop.record_effect("fulfillmentCreate", order, "fulfillmentCreated", details);
        let fulfilment = order.fulfilments.last()?;
        let told = order.told_fulfilment(fulfilment);
        let echoes = shop.webhooks.of_fulfilment(order, "fulfillments/create", &told);
        Some((json!({ "fulfillment": views::fulfilment(order, fulfilment), "userErrors": [] }), echoes))
    });
    made.flatten().unwrap_or_else(|| refused(missing_order()))
}

/// Makes a fulfilment of these portions, which are there; returns what the ledger says of it.
pub(super) fn fulfil(order: &mut ShopOrder, portions: &[Portion], tracking: Vec<Value>) -> Value {
    let (lines, recorded) = take(order, portions);
    let place = portions
        .first()
        .and_then(|portion| order.fulfilment_order(portion.fulfilment_order))
        .map(|fulfilment_order| fulfilment_order.place.clone());
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

/// Which order, and which portions of it; or the user error.
fn plan(book: &OrderBook, input: &Value) -> Result<(i64, Vec<Portion>), Value> {
    let no_groups = Vec::new();
    let groups = input["lineItemsByFulfillmentOrder"].as_array().unwrap_or(&no_groups);
    check_quantities(groups)?;
    let mut found: Vec<(&ShopOrder, &FulfilmentOrder, &Value)> = Vec::new();
    for group in groups {
        let id = group["fulfillmentOrderId"].as_str().and_then(|id| number("FulfillmentOrder", id));
        let (order, fulfilment_order) =
            id.and_then(|id| book.with_fulfilment_order(id)).ok_or_else(missing_order)?;
        found.push((order, fulfilment_order, &group["fulfillmentOrderLineItems"]));
    }
    let orders = distinct(found.iter().map(|(order, _, _)| order.id));
    if orders.len() > 1 {
        return Err(refusal(format!(
            "All fulfillment orders must belong to the same order. Multiple orders with ids {orders:?} were found."
        )));
    }
    let locations = distinct(found.iter().map(|(_, fulfilment_order, _)| fulfilment_order.place.id));
    if locations.len() > 1 {
        return Err(refusal(format!(
            "All fulfillment orders must be assigned to a single location. Multiple locations with ids {locations:?} were found."
        )));
    }
    let mut portions = Vec::new();
    for (_, fulfilment_order, wanted) in &found {
        portions.extend(portions_of(fulfilment_order, wanted)?);
    }
    let order = orders.first().ok_or_else(missing_order)?;
    Ok((*order, portions))
}

fn check_quantities(groups: &[Value]) -> Result<(), Value> {
    for (group_index, group) in groups.iter().enumerate() {
        let lines = group["fulfillmentOrderLineItems"].as_array();
        for (line_index, line) in lines.into_iter().flatten().enumerate() {
            if line["quantity"].as_i64().unwrap_or_default() <= 0 {
                return Err(json!({
                    "field": [
                        "fulfillment",
                        "lineItemsByFulfillmentOrder",
                        group_index.to_string(),
                        "fulfillmentOrderLineItems",
                        line_index.to_string(),
                        "quantity",
                    ],
                    "message": "Quantity must be greater than 0",
                }));
            }
        }
    }
    Ok(())
}

/// The portions of one fulfilment order; without lines, all that remains.
fn portions_of(fulfilment_order: &FulfilmentOrder, wanted: &Value) -> Result<Vec<Portion>, Value> {
    if !fulfilment_order.is_fulfillable() {
        return Err(refusal(format!(
            "Fulfillment order {} has an unfulfillable status= {}.",
            fulfilment_order.id,
            fulfilment_order.status().as_str().to_lowercase()
        )));
    }
    let portion = |line, quantity| Portion { fulfilment_order: fulfilment_order.id, line, quantity };
    let wanted = wanted.as_array().map_or(&[][..], Vec::as_slice);
    if wanted.is_empty() {
        let remaining = fulfilment_order.lines.iter().filter(|line| line.remaining > 0);
        return Ok(remaining.map(|line| portion(line.id, line.remaining)).collect());
    }
    let mut portions: Vec<Portion> = Vec::new();
    for line in wanted {
        let id = line["id"].as_str().and_then(|id| number("FulfillmentOrderLineItem", id));
        let found = fulfilment_order
            .lines
            .iter()
            .find(|known| Some(known.id) == id)
            .ok_or_else(|| refusal("Fulfillment order line item does not exist.".to_owned()))?;
        let quantity = line["quantity"].as_i64().unwrap_or_default();
        match portions.iter_mut().find(|known| known.line == found.id) {
            Some(known) => known.quantity += quantity,
            None => portions.push(portion(found.id, quantity)),
        }
        let asked = portions.iter().find(|known| known.line == found.id).map_or(0, |known| known.quantity);
        if asked > found.remaining {
            return Err(refusal("Invalid fulfillment order line item quantity requested.".to_owned()));
        }
    }
    Ok(portions)
}

/// Takes the portions out of what remains; returns the fulfilment's lines, one per line of the
/// order, and what the ledger says.
fn take(order: &mut ShopOrder, portions: &[Portion]) -> (Vec<FulfilmentLine>, Vec<Value>) {
    let mut lines: Vec<FulfilmentLine> = Vec::new();
    let mut recorded = Vec::new();
    let ids = order.ids.clone();
    for portion in portions {
        let Some(fulfilment_order) = order.fulfilment_order_mut(portion.fulfilment_order) else {
            continue;
        };
        let Some(line) = fulfilment_order.lines.iter_mut().find(|line| line.id == portion.line) else {
            continue;
        };
        line.remaining -= portion.quantity;
        let (line_item, total, remaining) = (line.line, line.total, line.remaining);
        fulfilment_order.settle();
        match lines.iter_mut().find(|known| known.line == line_item) {
            Some(known) => known.quantity += portion.quantity,
            None => {
                lines.push(FulfilmentLine { id: ids.next(), line: line_item, quantity: portion.quantity })
            }
        }
        recorded.push(json!({
            "fulfillmentOrderId": gid("FulfillmentOrder", portion.fulfilment_order),
            "fulfillmentOrderLineItemId": gid("FulfillmentOrderLineItem", portion.line),
            "lineItemId": gid("LineItem", line_item),
            "sku": order.line(line_item).map(|line| line["sku"].clone()),
            "quantity": portion.quantity,
            "totalQuantity": total,
            "remainingQuantity": remaining,
        }));
    }
    (lines, recorded)
}

/// One entry per tracking number.
pub(super) fn tracking(input: &Value) -> Vec<Value> {
    let listed = |single: &str, plural: &str| -> Vec<Value> {
        let several = input[plural].as_array().cloned().unwrap_or_default();
        let one = (!input[single].is_null()).then(|| input[single].clone());
        if several.is_empty() { one.into_iter().collect() } else { several }
    };
    let numbers = listed("number", "numbers");
    let urls = listed("url", "urls");
    (0..numbers.len().max(urls.len()))
        .map(|index| {
            json!({
                "number": numbers.get(index),
                "url": urls.get(index),
                "company": input["company"],
            })
        })
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
    refusal("Fulfillment order does not exist.".to_owned())
}

fn refusal(message: String) -> Value {
    json!({ "field": ["fulfillment"], "message": message })
}

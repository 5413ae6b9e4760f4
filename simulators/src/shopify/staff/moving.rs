//! What is fulfilled from elsewhere or apart: split, moved, merged, begun anew.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Told;
use crate::shopify::orders::{ShopOrder, gid, number};
use crate::shopify::{Shop, moving};

/// `split`: lines go to a new fulfilment order at the same location.
pub(super) fn split(shop: &Arc<Shop>, order: &mut ShopOrder, body: &Value) -> Result<Told, String> {
    if !body["lines"].is_array() {
        return Err("what is to be split off stands in lines".to_owned());
    }
    let mut told = Told::new();
    for picked in order.pick(body, |found| found.is_fulfillable())? {
        let find = |order: &ShopOrder, id: i64| order.fulfilment_order(id).map(|found| found.told());
        let original = order.fulfilment_order(picked.fulfilment_order);
        let Some(original) = original.filter(|found| !found.is_whole(&picked.pieces)) else {
            return Err("nothing would be left of the fulfilment order".to_owned());
        };
        let lines = original.told_lines(&picked.pieces);
        let Some(split) = order.divide(picked.fulfilment_order, &picked.pieces) else { continue };
        let webhook = json!({
            "split_line_items": lines,
            "fulfillment_order": find(order, picked.fulfilment_order),
            "remaining_fulfillment_order": find(order, split),
            "replacement_fulfillment_order": null,
        });
        let details = json!({
            "fulfillmentOrderId": gid("FulfillmentOrder", picked.fulfilment_order),
            "remainingFulfillmentOrderId": gid("FulfillmentOrder", split),
            "lines": lines,
        });
        shop.record_effect("splitOrder", order, "fulfillmentOrderSplit", details);
        told.push(("fulfillment_orders/split", webhook));
    }
    order.touch();
    Ok(told)
}

/// `move`: everything, or these lines, are fulfilled from `location`.
pub(super) fn relocate(shop: &Arc<Shop>, order: &mut ShopOrder, body: &Value) -> Result<Told, String> {
    let location = &body["location"];
    let location = location
        .as_i64()
        .or_else(|| number("Location", location.as_str()?))
        .ok_or("where to stands in location, as a number or a global id")?;
    let mut told = Told::new();
    for picked in order.pick(body, |found| found.place.id != location)? {
        let moved = moving::perform(shop, order, &picked, location, "moveOrder", "shop");
        told.extend(moved.map(|(_, webhook)| ("fulfillment_orders/moved", webhook)));
    }
    order.touch();
    Ok(told)
}

/// `merge`: what is open at one location becomes one fulfilment order, the first of them.
pub(super) fn merge(shop: &Arc<Shop>, order: &mut ShopOrder, body: &Value) -> Result<Told, String> {
    let picked = order.pick(body, |found| found.is_fulfillable() && !found.has_progress())?;
    let place = |order: &ShopOrder, id: i64| order.fulfilment_order(id).map(|found| found.place.clone());
    let ids: Vec<i64> = picked.iter().map(|picked| picked.fulfilment_order).collect();
    let at_one_place = |into: &i64| {
        ids.iter().copied().filter(|id| place(order, *id) == place(order, *into)).collect::<Vec<_>>()
    };
    let together = ids.iter().map(at_one_place).find(|together| together.len() > 1);
    let together = together.ok_or("there is nothing to merge")?;
    let into = together[0];
    let intents: Vec<Value> = together
        .iter()
        .filter_map(|id| order.fulfilment_order(*id))
        .map(|found| {
            let lines: Vec<Value> =
                found.lines.iter().map(|line| json!({ "id": line.id, "quantity": line.remaining })).collect();
            json!({ "fulfillment_order_id": found.id, "fulfillment_order_line_items": lines })
        })
        .collect();
    for from in &together[1..] {
        order.pour(*from, into);
    }
    order.touch();
    let merged: Vec<String> = together.iter().map(|id| gid("FulfillmentOrder", *id)).collect();
    let details = json!({ "fulfillmentOrderId": merged[0], "merged": merged });
    shop.record_effect("mergeOrder", order, "fulfillmentOrdersMerged", details);
    let told = order.fulfilment_order(into).map(|found| found.told());
    let webhook = json!({
        "merge_intents": intents,
        "fulfillment_order_merges": { "fulfillment_order": told },
    });
    Ok(vec![("fulfillment_orders/merged", webhook)])
}

/// `reopen`: fulfilment orders are cancelled; a new one each takes their pieces.
pub(super) fn reopen(shop: &Arc<Shop>, order: &mut ShopOrder, body: &Value) -> Result<Told, String> {
    let mut told = Told::new();
    for picked in order.pick(body, |_| true)? {
        let Some(replacement) = order.divide(picked.fulfilment_order, &picked.pieces) else { continue };
        let find = |id: i64| order.fulfilment_order(id);
        let mut webhook = json!({
            "fulfillment_order": find(picked.fulfilment_order).map(|found| found.told()),
            "replacement_fulfillment_order": find(replacement).map(|found| found.told()),
        });
        // The webhook says cancelled where the Admin API says closed.
        webhook["fulfillment_order"]["status"] = json!("cancelled");
        let details = json!({
            "fulfillmentOrderId": gid("FulfillmentOrder", picked.fulfilment_order),
            "replacementFulfillmentOrderId": gid("FulfillmentOrder", replacement),
        });
        shop.record_effect("reopenOrder", order, "fulfillmentOrderCancelled", details);
        told.push(("fulfillment_orders/cancelled", webhook));
    }
    order.touch();
    Ok(told)
}

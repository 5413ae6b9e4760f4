//! What is fulfilled from elsewhere or apart: split, moved, merged, begun anew.

use serde_json::{Value, json};

use super::Clerk;
use crate::shopify::fulfilment_orders::{FulfilmentOrder, FulfilmentOrderLine};
use crate::shopify::moving;
use crate::shopify::orders::{gid, id_in};

/// `split`: lines go to a new fulfilment order at the same location.
pub(super) fn split(clerk: &mut Clerk<'_>) -> Result<(), String> {
    if !clerk.body["lines"].is_array() {
        return Err("what is to be split off stands in lines".to_owned());
    }
    for picked in clerk.pick(|found| found.is_fulfillable())? {
        let id = picked.fulfilment_order;
        let original = clerk.order.fulfilment_order(id).filter(|found| !found.is_whole(&picked.pieces));
        let original = original.ok_or("nothing would be left of the fulfilment order")?;
        let lines = original.told_lines(&picked.pieces);
        let Some(split) = clerk.order.divide(id, &picked.pieces) else { continue };
        let details = json!({
            "fulfillmentOrderId": gid("FulfillmentOrder", id),
            "remainingFulfillmentOrderId": gid("FulfillmentOrder", split),
            "lines": lines,
        });
        clerk.record("fulfillmentOrderSplit", details);
        let webhook = json!({
            "split_line_items": lines,
            "fulfillment_order": clerk.order.told_fulfilment_order(id),
            "remaining_fulfillment_order": clerk.order.told_fulfilment_order(split),
            "replacement_fulfillment_order": null,
        });
        clerk.tell("fulfillment_orders/split", webhook);
    }
    clerk.order.touch();
    Ok(())
}

/// `move`: everything, or these lines, are fulfilled from `location`.
pub(super) fn relocate(clerk: &mut Clerk<'_>) -> Result<(), String> {
    let location = id_in("Location", &clerk.body["location"]);
    let location = location.ok_or("where to stands in location, as a number or a global id")?;
    for picked in clerk.pick(|found| found.place.id != location)? {
        let moved = moving::perform(clerk.shop, clerk.order, &picked, location, clerk.operation, "shop");
        clerk.told.extend(moved.map(|(_, told)| told));
    }
    clerk.order.touch();
    Ok(())
}

/// `merge`: what is open at one location becomes one fulfilment order, the first of them.
pub(super) fn merge(clerk: &mut Clerk<'_>) -> Result<(), String> {
    let picked = clerk.pick(|found| found.is_fulfillable() && !found.has_progress())?;
    let order = &mut *clerk.order;
    let found = picked.iter().filter_map(|picked| order.fulfilment_order(picked.fulfilment_order));
    let found: Vec<_> = found.collect();
    let at_one_place = found
        .iter()
        .map(|into| found.iter().filter(|other| other.place == into.place).collect::<Vec<_>>())
        .find(|together| together.len() > 1)
        .ok_or("there is nothing to merge")?;
    let intent = |found: &&&FulfilmentOrder| {
        let line = |line: &FulfilmentOrderLine| json!({ "id": line.id, "quantity": line.remaining });
        let lines: Value = found.lines.iter().map(line).collect();
        json!({ "fulfillment_order_id": found.id, "fulfillment_order_line_items": lines })
    };
    let intents: Value = at_one_place.iter().map(intent).collect();
    let ids: Vec<i64> = at_one_place.iter().map(|found| found.id).collect();
    for from in &ids[1..] {
        order.pour(*from, ids[0]);
    }
    order.touch();
    let merged: Vec<String> = ids.iter().map(|id| gid("FulfillmentOrder", *id)).collect();
    let told = json!({ "fulfillment_order": order.told_fulfilment_order(ids[0]) });
    clerk.record("fulfillmentOrdersMerged", json!({ "fulfillmentOrderId": merged[0], "merged": merged }));
    let webhook = json!({ "merge_intents": intents, "fulfillment_order_merges": told });
    clerk.tell("fulfillment_orders/merged", webhook);
    Ok(())
}

/// `reopen`: fulfilment orders are cancelled; a new one each takes their pieces.
pub(super) fn reopen(clerk: &mut Clerk<'_>) -> Result<(), String> {
    for picked in clerk.pick(|_| true)? {
        let id = picked.fulfilment_order;
        let Some(replacement) = clerk.order.divide(id, &picked.pieces) else { continue };
        let mut webhook = json!({
            "fulfillment_order": clerk.order.told_fulfilment_order(id),
            "replacement_fulfillment_order": clerk.order.told_fulfilment_order(replacement),
        });
        // The webhook says cancelled where the Admin API says closed.
        webhook["fulfillment_order"]["status"] = json!("cancelled");
        let details = json!({
            "fulfillmentOrderId": gid("FulfillmentOrder", id),
            "replacementFulfillmentOrderId": gid("FulfillmentOrder", replacement),
        });
        clerk.record("fulfillmentOrderCancelled", details);
        clerk.tell("fulfillment_orders/cancelled", webhook);
    }
    clerk.order.touch();
    Ok(())
}

//! `fulfillmentOrderMove`: other pieces of an order at another location.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::dividing::Picked;
use super::fulfilment_orders::Place;
use super::orders::{ShopOrder, gid, id_in};
use super::{Shop, user_errors, views};
use crate::deliveries::Delivery;

/// Moves what is asked for; returns the payload and what the shop says of it, or nothing where
/// the id is unknown.
pub(super) fn relocate(shop: &Arc<Shop>, arguments: &Map<String, Value>) -> Option<(Value, Vec<Delivery>)> {
    let mut book = shop.book.lock();
    let id = id_in("FulfillmentOrder", &arguments["id"])?;
    let location = id_in("Location", &arguments["newLocationId"])?;
    let order = book.with_fulfilment_order(id)?.0.id;
    let wanted = arguments.get("fulfillmentOrderLineItems").unwrap_or(&Value::Null);
    book.change(order, |order| {
        let picked = match picked(order, id, wanted) {
            Ok(picked) => picked,
            Err(message) => {
                let errors = json!([{ "field": null, "message": message, "code": null }]);
                return Some((user_errors(&errors), Vec::new()));
            }
        };
        let (moved, told) = perform(shop, order, &picked, location, "fulfillmentOrderMove", "app")?;
        let view = |id: i64| Some(views::fulfilment_order(order, order.fulfilment_order(id)?));
        let remaining = if moved == id { None } else { view(id) };
        let payload = json!({
            "movedFulfillmentOrder": view(moved),
            "originalFulfillmentOrder": view(id),
            "remainingFulfillmentOrder": remaining,
            "userErrors": [],
        });
        Some((payload, shop.tell_all(order, vec![told])))
    })?
}

/// Moves the pieces, records it, and returns the fulfilment order they are in and what is said of it.
pub(super) fn perform(
    shop: &Shop,
    order: &mut ShopOrder,
    picked: &Picked,
    location: i64,
    operation: &str,
    by: &str,
) -> Option<(i64, (&'static str, Value))> {
    let original = order.fulfilment_order(picked.fulfilment_order)?;
    let source = original.place.id;
    let requested = original.told_lines(&picked.pieces);
    let moved = order.relocate(picked, Place::own(location))?;
    let told = |id: i64| {
        let found = order.fulfilment_order(id)?;
        let mut told = found.told();
        told["assigned_location_id"] = json!(gid("Location", found.place.id));
        Some(told)
    };
    let webhook = json!({
        "original_fulfillment_order": told(picked.fulfilment_order),
        "moved_fulfillment_order": told(moved),
        "destination_location_id": gid("Location", location),
        "fulfillment_order_line_items_requested": requested,
        "source_location": { "id": gid("Location", source) },
    });
    let details = json!({
        "by": by,
        "fulfillmentOrderId": gid("FulfillmentOrder", picked.fulfilment_order),
        "movedFulfillmentOrderId": gid("FulfillmentOrder", moved),
        "from": gid("Location", source),
        "to": gid("Location", location),
        "lines": requested,
    });
    shop.record_effect(operation, order, "fulfillmentOrderMoved", details);
    Some((moved, ("fulfillment_orders/moved", webhook)))
}

fn picked(order: &ShopOrder, id: i64, wanted: &Value) -> Result<Picked, &'static str> {
    let found = order.fulfilment_order(id).filter(|found| !found.closed);
    let found = found.ok_or("Cannot change the location of a closed fulfillment order.")?;
    Ok(Picked { fulfilment_order: id, pieces: found.named_pieces(wanted)? })
}

//! What has to wait: held, released, scheduled.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::Told;
use crate::shopify::fulfilment_orders::{Hold, Status};
use crate::shopify::orders::{ShopOrder, gid};
use crate::shopify::placing::send;
use crate::shopify::{Shop, moments};

/// `hold`: whole fulfilment orders, or lines of them, are put on hold.
pub(super) fn hold(shop: &Arc<Shop>, order: &mut ShopOrder, body: &Value) -> Result<Told, String> {
    let mut told = Told::new();
    for picked in order.pick(body, |found| found.holds.is_empty())? {
        let hold = Hold {
            id: order.ids.next(),
            reason: body["reason"].as_str().unwrap_or("OTHER").to_uppercase(),
            reason_notes: body["reasonNotes"].as_str().map(str::to_owned),
            handle: body["handle"].as_str().map(str::to_owned),
        };
        let told_hold = json!({
            "id": gid("FulfillmentHold", hold.id),
            "held_by_requesting_app": false,
            "reason": hold.reason.to_lowercase(),
            "reason_notes": hold.reason_notes,
        });
        let rest = order.hold(&picked, hold);
        let find = |id: i64| order.fulfilment_order(id);
        let Some(held) = find(picked.fulfilment_order) else { continue };
        let lines = held.told_lines(&picked.pieces);
        let mut webhook = json!({ "fulfillment_order": held.told() });
        webhook["fulfillment_order"]["fulfillment_holds"] = json!([told_hold]);
        webhook["held_fulfillment_order_line_items"] = json!(lines);
        webhook["remaining_fulfillment_order"] = json!(rest.and_then(find).map(|rest| rest.told()));
        let details = json!({
            "fulfillmentOrderId": gid("FulfillmentOrder", picked.fulfilment_order),
            "remainingFulfillmentOrderId": rest.map(|rest| gid("FulfillmentOrder", rest)),
            "reason": told_hold["reason"],
            "lines": lines,
        });
        shop.record_effect("holdOrder", order, "fulfillmentOrderHeld", details);
        told.push(("fulfillment_orders/placed_on_hold", webhook));
    }
    order.touch();
    Ok(told)
}

/// `release`: what is on hold may be fulfilled again.
pub(super) fn release(shop: &Arc<Shop>, order: &mut ShopOrder, body: &Value) -> Result<Told, String> {
    let mut told = Told::new();
    for picked in order.pick(body, |found| !found.holds.is_empty())? {
        order.release(picked.fulfilment_order);
        let found = order.fulfilment_order(picked.fulfilment_order);
        told.extend(
            found.map(|found| {
                ("fulfillment_orders/hold_released", json!({ "fulfillment_order": found.told() }))
            }),
        );
        let details = json!({ "fulfillmentOrderId": gid("FulfillmentOrder", picked.fulfilment_order) });
        shop.record_effect("releaseOrder", order, "fulfillmentOrderReleased", details);
    }
    order.touch();
    Ok(told)
}

/// `schedule`: not to be fulfilled before `fulfillAt`, in an hour unless said.
pub(super) fn schedule(shop: &Arc<Shop>, order: &mut ShopOrder, body: &Value) -> Result<Told, String> {
    let moment = match body["fulfillAt"].as_str() {
        Some(text) => moments::read(text).ok_or("fulfillAt is not a moment of RFC 3339")?,
        None => Utc::now() + TimeDelta::hours(1),
    };
    let mut told = Told::new();
    for picked in order.pick(body, |_| true)? {
        let Some(found) = order.fulfilment_order_mut(picked.fulfilment_order) else { continue };
        found.fulfil_at = Some(moment);
        found.updated_at = moments::now();
        let mut webhook = json!({ "fulfillment_order": found.told() });
        webhook["fulfillment_order"]["fulfill_at"] = json!(moments::written(moment));
        told.push(("fulfillment_orders/rescheduled", webhook));
        let details = json!({
            "fulfillmentOrderId": gid("FulfillmentOrder", picked.fulfilment_order),
            "fulfillAt": moments::written(moment),
        });
        shop.record_effect("scheduleOrder", order, "fulfillmentOrderScheduled", details);
        open_later(shop, order.id, picked.fulfilment_order, moment);
    }
    order.touch();
    Ok(told)
}

/// Says at that moment that a scheduled fulfilment order is ready, where it still is scheduled
/// for then and nothing else stops it.
fn open_later(shop: &Arc<Shop>, order: i64, id: i64, moment: DateTime<Utc>) {
    let later = Arc::clone(shop);
    shop.control.spawn(async move {
        let wait = (moment - Utc::now()).to_std().unwrap_or(Duration::ZERO);
        tokio::time::sleep(wait).await;
        let book = later.book();
        let Some(order) = book.find(order) else { return };
        let ready = order.fulfilment_orders.iter().find(|found| {
            found.id == id
                && found.fulfil_at == Some(moment)
                && matches!(found.status(), Status::Open | Status::InProgress)
        });
        let Some(ready) = ready else { return };
        let details = json!({ "fulfillmentOrderId": gid("FulfillmentOrder", id) });
        later.record_effect("scheduleOrder", order, "fulfillmentOrderReady", details);
        let topic = "fulfillment_orders/scheduled_fulfillment_order_ready";
        let webhook = json!({ "fulfillment_order": ready.told() });
        let announcement = later.webhooks.tell(order, topic, &webhook);
        drop(book);
        send(&later, vec![announcement], Duration::ZERO);
    });
}

//! What has to wait: held, released, scheduled.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::Clerk;
use crate::shopify::fulfilment_orders::Hold;
use crate::shopify::orders::gid;
use crate::shopify::placing::send;
use crate::shopify::{Shop, moments};

/// `hold`: whole fulfilment orders, or lines of them, are put on hold.
pub(super) fn hold(clerk: &mut Clerk<'_>) -> Result<(), String> {
    for picked in clerk.pick(|found| found.holds.is_empty())? {
        let hold = Hold {
            id: clerk.order.ids.next(),
            reason: clerk.text("reason").unwrap_or("OTHER").to_uppercase(),
            reason_notes: clerk.text("reasonNotes").map(str::to_owned),
            handle: clerk.text("handle").map(str::to_owned),
        };
        let told_hold = json!({
            "id": gid("FulfillmentHold", hold.id),
            "held_by_requesting_app": false,
            "reason": hold.reason.to_lowercase(),
            "reason_notes": hold.reason_notes,
        });
        let rest = clerk.order.hold(&picked, hold);
        let Some(held) = clerk.order.fulfilment_order(picked.fulfilment_order) else { continue };
        let lines = held.told_lines(&picked.pieces);
        let mut told = held.told();
        told["fulfillment_holds"] = json!([told_hold]);
        let details = json!({
            "fulfillmentOrderId": gid("FulfillmentOrder", picked.fulfilment_order),
            "remainingFulfillmentOrderId": rest.map(|rest| gid("FulfillmentOrder", rest)),
            "reason": told_hold["reason"],
            "lines": lines,
        });
        clerk.record("fulfillmentOrderHeld", details);
        let webhook = json!({
            "fulfillment_order": told,
            "held_fulfillment_order_line_items": lines,
            "remaining_fulfillment_order": rest.and_then(|rest| clerk.order.told_fulfilment_order(rest)),
        });
        clerk.tell("fulfillment_orders/placed_on_hold", webhook);
    }
    clerk.order.touch();
    Ok(())
}

/// `release`: what is on hold may be fulfilled again.
pub(super) fn release(clerk: &mut Clerk<'_>) -> Result<(), String> {
    for picked in clerk.pick(|found| !found.holds.is_empty())? {
        let id = picked.fulfilment_order;
        clerk.order.release(id);
        clerk
            .record("fulfillmentOrderReleased", json!({ "fulfillmentOrderId": gid("FulfillmentOrder", id) }));
        let webhook = json!({ "fulfillment_order": clerk.order.told_fulfilment_order(id) });
        clerk.tell("fulfillment_orders/hold_released", webhook);
    }
    clerk.order.touch();
    Ok(())
}

/// `schedule`: not to be fulfilled before `fulfillAt`, in an hour unless said.
pub(super) fn schedule(clerk: &mut Clerk<'_>) -> Result<(), String> {
    let moment = match clerk.text("fulfillAt") {
        Some(text) => moments::read(text).ok_or("fulfillAt is not a moment of RFC 3339")?,
        None => Utc::now() + TimeDelta::hours(1),
    };
    let written = moments::written(moment);
    for picked in clerk.pick(|_| true)? {
        let id = picked.fulfilment_order;
        let Some(found) = clerk.order.fulfilment_order_mut(id) else { continue };
        found.fulfil_at = Some(moment);
        found.updated_at = moments::now();
        let mut told = found.told();
        told["fulfill_at"] = json!(written);
        clerk.tell("fulfillment_orders/rescheduled", json!({ "fulfillment_order": told }));
        let details = json!({ "fulfillmentOrderId": gid("FulfillmentOrder", id), "fulfillAt": written });
        clerk.record("fulfillmentOrderScheduled", details);
        open_later(clerk.shop, clerk.order.id, id, moment);
    }
    clerk.order.touch();
    Ok(())
}

/// Says at that moment that a scheduled fulfilment order is ready, where it still is scheduled
/// for then and nothing else stops it.
fn open_later(shop: &Arc<Shop>, order: i64, id: i64, moment: DateTime<Utc>) {
    let later = Arc::clone(shop);
    shop.control.spawn(async move {
        let wait = (moment - Utc::now()).to_std().unwrap_or(Duration::ZERO);
        tokio::time::sleep(wait).await;
        let book = later.book.lock();
        let Some(order) = book.find(order) else { return };
        let ready = order.fulfilment_order(id);
        let ready = ready.filter(|found| found.fulfil_at == Some(moment) && found.is_fulfillable());
        let Some(ready) = ready else { return };
        let details = json!({ "fulfillmentOrderId": gid("FulfillmentOrder", id) });
        later.record_effect("scheduleOrder", order, "fulfillmentOrderReady", details);
        let topic = "fulfillment_orders/scheduled_fulfillment_order_ready";
        let webhook = json!({ "fulfillment_order": ready.told() });
        let announcement = later.tell(order, topic, &webhook);
        drop(book);
        send(&later, vec![announcement], Duration::ZERO);
    });
}

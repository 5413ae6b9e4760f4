//! What leaves by hand, and what is taken back.

use serde_json::json;

use super::Clerk;
use crate::shopify::dividing::Picked;
use crate::shopify::fulfilling::fulfil as fulfil_pieces;
use crate::shopify::fulfilment_orders::{FulfilmentOrder, Pieces};
use crate::shopify::moments;
use crate::shopify::orders::{gid, id_in};

/// `fulfil`: somebody marks lines, or all that may be, as fulfilled; one fulfilment a location.
pub(super) fn fulfil(clerk: &mut Clerk<'_>) -> Result<(), String> {
    let mut by_place: Vec<(i64, Vec<Picked>)> = Vec::new();
    for picked in clerk.pick(FulfilmentOrder::is_fulfillable)? {
        let Some(found) = clerk.order.fulfilment_order(picked.fulfilment_order) else { continue };
        match by_place.iter_mut().find(|(place, _)| *place == found.place.id) {
            Some((_, known)) => known.push(picked),
            None => by_place.push((found.place.id, vec![picked])),
        }
    }
    for (_, picked) in by_place {
        let body = clerk.body;
        let tracking = clerk.text("trackingNumber").map(|number| {
            json!({ "number": number, "company": body["trackingCompany"], "url": body["trackingUrl"] })
        });
        let details = fulfil_pieces(clerk.order, &picked, tracking.into_iter().collect());
        clerk.record("fulfilledByHand", details);
        clerk.told.extend(clerk.order.fulfilled());
    }
    Ok(())
}

/// `cancel_fulfilment`: what left did not; the last fulfilment unless said. Its pieces are open
/// again in a new fulfilment order.
pub(super) fn cancel_fulfilment(clerk: &mut Clerk<'_>) -> Result<(), String> {
    let given = &clerk.body["fulfillment"];
    let wanted = id_in("Fulfillment", given);
    let order = &mut *clerk.order;
    let position = order
        .fulfilments
        .iter()
        .rposition(|known| !known.cancelled && (given.is_null() || Some(known.id) == wanted))
        .ok_or("the order has no such fulfilment that is not cancelled")?;
    let fulfilment = &mut order.fulfilments[position];
    fulfilment.cancelled = true;
    fulfilment.updated_at = moments::now();
    let pieces: Vec<Pieces> = fulfilment.lines.iter().map(|line| (line.line, line.quantity)).collect();
    let opened = FulfilmentOrder::new(&order.ids, fulfilment.place.clone(), &pieces);
    let details = json!({
        "fulfillmentId": gid("Fulfillment", fulfilment.id),
        "fulfillmentOrderId": gid("FulfillmentOrder", opened.id),
    });
    order.fulfilment_orders.push(opened);
    order.touch();
    let told = order.told_fulfilment(&order.fulfilments[position]);
    clerk.record("fulfillmentCancelled", details);
    clerk.tell("fulfillments/update", told);
    clerk.tell_order("orders/updated");
    Ok(())
}

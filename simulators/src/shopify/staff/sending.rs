//! What leaves by hand, and what is taken back.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Told;
use crate::shopify::Shop;
use crate::shopify::dividing::Picked;
use crate::shopify::fulfilling::{Portion, fulfil as fulfil_portions};
use crate::shopify::fulfilment_orders::{FulfilmentOrder, Pieces};
use crate::shopify::moments;
use crate::shopify::orders::{ShopOrder, gid, number};

/// `fulfil`: somebody marks lines, or all that may be, as fulfilled; one fulfilment a location.
pub(super) fn fulfil(shop: &Arc<Shop>, order: &mut ShopOrder, body: &Value) -> Result<Told, String> {
    let picked = order.pick(body, FulfilmentOrder::is_fulfillable)?;
    let mut told = Told::new();
    let mut by_place: Vec<(i64, Vec<Portion>)> = Vec::new();
    for (place, portion) in picked.iter().flat_map(|picked| portions(order, picked)) {
        match by_place.iter_mut().find(|(known, _)| *known == place) {
            Some((_, portions)) => portions.push(portion),
            None => by_place.push((place, vec![portion])),
        }
    }
    for (_, portions) in by_place {
        let tracking = body["trackingNumber"].as_str().map(|number| {
            json!({ "number": number, "company": body["trackingCompany"], "url": body["trackingUrl"] })
        });
        let details = fulfil_portions(order, &portions, tracking.into_iter().collect());
        shop.record_effect("fulfilOrder", order, "fulfilledByHand", details);
        let made = order.fulfilments.last().map(|fulfilment| order.told_fulfilment(fulfilment));
        told.extend(made.map(|fulfilment| ("fulfillments/create", fulfilment)));
        told.push(("orders/updated", order.body.clone()));
        told.push((order.fulfilment_topic(), order.body.clone()));
    }
    Ok(told)
}

/// `cancel_fulfilment`: what left did not; the last fulfilment unless said. Its pieces are open
/// again in a new fulfilment order.
pub(super) fn cancel_fulfilment(
    shop: &Arc<Shop>,
    order: &mut ShopOrder,
    body: &Value,
) -> Result<Told, String> {
    let given = &body["fulfillment"];
    let wanted = given.as_i64().or_else(|| number("Fulfillment", given.as_str()?));
    let position = order
        .fulfilments
        .iter()
        .rposition(|known| !known.cancelled && (given.is_null() || Some(known.id) == wanted))
        .ok_or("the order has no such fulfilment that is not cancelled")?;
    let fulfilment = &mut order.fulfilments[position];
    fulfilment.cancelled = true;
    fulfilment.updated_at = moments::now();
    let (id, place) = (fulfilment.id, fulfilment.place.clone());
    let pieces: Vec<Pieces> = fulfilment.lines.iter().map(|line| (line.line, line.quantity)).collect();
    let ids = order.ids.clone();
    let mut opened = FulfilmentOrder::new(ids.next(), place, Vec::new());
    opened.take_in(&ids, &pieces);
    let opened_id = opened.id;
    order.fulfilment_orders.push(opened);
    order.touch();
    let details = json!({
        "fulfillmentId": gid("Fulfillment", id),
        "fulfillmentOrderId": gid("FulfillmentOrder", opened_id),
    });
    shop.record_effect("cancelFulfilment", order, "fulfillmentCancelled", details);
    let told = order.told_fulfilment(&order.fulfilments[position]);
    Ok(vec![("fulfillments/update", told), ("orders/updated", order.body.clone())])
}

/// The location of these pieces, and the lines of the fulfilment order that hold them.
fn portions(order: &ShopOrder, picked: &Picked) -> Vec<(i64, Portion)> {
    let found = order.fulfilment_order(picked.fulfilment_order);
    let portion = |found: &FulfilmentOrder, (line, quantity): Pieces| {
        let line = found.lines.iter().find(|known| known.line == line && known.remaining >= quantity)?;
        Some((found.place.id, Portion { fulfilment_order: found.id, line: line.id, quantity }))
    };
    found
        .into_iter()
        .flat_map(|found| picked.pieces.iter().filter_map(move |pieces| portion(found, *pieces)))
        .collect()
}

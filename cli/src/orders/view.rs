//! Orders as people read them.

use chrono::{DateTime, Utc};

use super::{Item, Order, Parcel, TimelineEntry};
use crate::{
    moment,
    output::{Output, Tone, Value, clean, figure, name, plain, text, toned},
};

/// The longest name of an order that is shown beside where it came from; a longer one is its id.
const LONGEST_NAME: usize = 24;
/// Every shop's domain ends so.
const SHOPIFY_DOMAIN: &str = ".myshopify.com";

/// A line for each order. On a narrow terminal the total makes room for the rest.
pub(super) fn list(output: Output, orders: &[Order], now: DateTime<Utc>) {
    let has_total = !output.is_narrow();
    let mut columns = vec![name("ORDER"), text("FROM"), name("STATUS"), name("CONDITION"), figure("AGE")];
    if has_total {
        columns.insert(4, figure("TOTAL"));
    }
    let rows = orders.iter().map(|order| {
        let mut row = vec![
            plain(&order.order_number),
            plain(origin(order)),
            toned(&order.status, tone_of_status(&order.status)),
            condition(order, "\n"),
            plain(moment::age(order.received_at, now)),
        ];
        if has_total {
            row.insert(4, plain(total(order)));
        }
        row
    });
    output.rows(&columns, rows.collect());
}

/// All there is to an order but its timeline.
pub(super) fn one(output: Output, order: &Order, now: DateTime<Utc>) {
    let at = order.received_at;
    let received = format!("{} {}, {} ago", moment::here(at), moment::zone(at), moment::age(at, now));
    let promised = order.promised_at.map(|promised_at| promise(order, promised_at, now));
    let mut facts = vec![
        ("Order", plain(&order.order_number)),
        ("Id", plain(&order.order_id)),
        ("From", plain(origin(order))),
        ("Status", toned(&order.status, tone_of_status(&order.status))),
        ("Condition", condition(order, ": ")),
        ("Total", plain([&total(order), &order.financial_status].map(String::as_str).join(", "))),
        ("Received", plain(received)),
        ("Workflow", plain(&order.workflow_id)),
    ];
    facts.extend(promised.map(|promised| ("Promised", promised)));
    output.facts(facts);
    output.headline("Items");
    items(output, &order.items);
    if !order.shipments.is_empty() {
        output.headline("Parcels");
        parcels(output, &order.shipments);
    }
    if let Some(waits) = &order.waits_for {
        output.line("");
        output.line(&format!(
            "It waits for the lane {}, which is paused ({}) since {} {}. Nothing has to be done for it.",
            clean(&waits.lane),
            clean(&waits.cause),
            moment::here(waits.since),
            moment::zone(waits.since)
        ));
    }
    if order.condition.as_deref() == Some("NEEDS_ATTENTION") {
        output.line("");
        let number = clean(&order.order_number);
        output.line(&match order.condition_reason.as_deref() {
            Some("APPROVAL") => {
                format!(
                    "It waits for an approval: waybill orders approve {number}, or with --refuse and --reason"
                )
            }
            _ => format!("It waits for a person. Mend the cause, then: waybill orders retry {number}"),
        });
    }
}

/// By when it is to leave, and whether it should have.
fn promise(order: &Order, promised_at: DateTime<Utc>, now: DateTime<Utc>) -> Value {
    let said = format!("{} {}", moment::here(promised_at), moment::zone(promised_at));
    let has_not_left = matches!(order.status.as_str(), "PENDING" | "CONFIRMED" | "PROCESSING");
    match has_not_left && promised_at <= now {
        true => toned(format!("{said}, late by {}", moment::age(promised_at, now)), Tone::Alarming),
        false => plain(said),
    }
}

/// What happened, oldest first, each with the time since the one before.
pub(super) fn timeline(output: Output, happenings: &[TimelineEntry]) {
    let before = happenings.iter().map(|happening| Some(happening.at));
    let rows = happenings.iter().zip([None].into_iter().chain(before)).map(|(happening, before)| {
        vec![
            plain(moment::here(happening.at)),
            plain(before.map(|before| moment::after(before, happening.at)).unwrap_or_default()),
            toned(&happening.event, tone_of_event(&happening.event)),
            plain(happening.detail.as_deref().map(clean).unwrap_or_default()),
        ]
    });
    output.rows(&[name("AT"), figure("AFTER"), name("EVENT"), text("DETAIL")], rows.collect());
}

/// Whether this is the order to cancel.
pub(super) fn question(order: &Order) -> String {
    clean(&format!(
        "Cancel order {} ({}, {}, {})?",
        order.order_number,
        origin(order),
        order.status,
        total(order)
    ))
}

fn items(output: Output, items: &[Item]) {
    let columns = [name("SKU"), text("PRODUCT"), figure("QUANTITY"), figure("UNIT PRICE"), figure("TOTAL")];
    let rows = items.iter().map(|item| {
        vec![
            plain(item.sku.as_deref().unwrap_or("none")),
            plain(clean(&item.product_name)),
            plain(item.quantity.to_string()),
            plain(&item.unit_price),
            plain(item.total_price.as_deref().unwrap_or("-")),
        ]
    });
    output.rows(&columns, rows.collect());
}

fn parcels(output: Output, parcels: &[Parcel]) {
    let columns = [name("REFERENCE"), name("WAREHOUSE"), name("STATUS"), text("CARRIER"), text("TRACKING")];
    let rows = parcels.iter().map(|parcel| {
        vec![
            plain(&parcel.reference),
            plain(&parcel.warehouse_id),
            plain(&parcel.status),
            plain(parcel.carrier.as_deref().map(clean).unwrap_or_default()),
            plain(parcel.tracking_number.as_deref().map(clean).unwrap_or_default()),
        ]
    });
    output.rows(&columns, rows.collect());
}

/// The shop and the order's name there, or `api` with the caller's own id where it has one.
fn origin(order: &Order) -> String {
    let place = order.shop.as_deref().unwrap_or(&order.channel);
    let place = place.strip_suffix(SHOPIFY_DOMAIN).unwrap_or(place);
    // By default an order of the API is named by its id, which says nothing to people.
    let is_plain_id = order.name == order.order_id && order.name.len() > LONGEST_NAME;
    clean(&if is_plain_id { place.to_owned() } else { format!("{place} {}", order.name) })
}

fn total(order: &Order) -> String {
    format!("{} {}", order.total_amount, order.currency)
}

fn condition(order: &Order, between: &str) -> Value {
    let Some(condition) = &order.condition else { return plain("") };
    let more = order.condition_reason.as_ref().or(order.held_by.as_ref());
    let said = more.map_or_else(|| condition.clone(), |more| format!("{condition}{between}{}", clean(more)));
    let tone = if condition == "NEEDS_ATTENTION" { Tone::Alarming } else { Tone::Plain };
    toned(said, tone)
}

fn tone_of_status(status: &str) -> Tone {
    match status {
        "SHIPPED" | "DELIVERED" => Tone::Good,
        "CANCELLED" => Tone::Faint,
        _ => Tone::Plain,
    }
}

fn tone_of_event(event: &str) -> Tone {
    match event {
        "SHIPPED" | "SHOP_NOTIFIED" | "DELIVERED" => Tone::Good,
        "PARKED" | "NEEDS_ATTENTION" => Tone::Alarming,
        _ => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order(shop: Option<&str>, name: &str) -> Order {
        serde_json::from_value(json!({
            "orderId": "01a1fe34-0713-72f4-98e3-760b514e760c", "orderNumber": "ORD-20261121-CED0A867",
            "channel": if shop.is_some() { "shopify" } else { "api" }, "shop": shop, "name": name,
            "status": "PROCESSING", "condition": null, "conditionReason": null, "heldBy": null,
            "currency": "EUR", "totalAmount": "25.00", "receivedAt": "2026-11-21T12:00:00Z",
        }))
        .expect("an order")
    }

    #[test]
    fn an_order_is_named_as_people_know_it() {
        assert_eq!(origin(&order(Some("anyx-demo.myshopify.com"), "#1001")), "anyx-demo #1001");
        assert_eq!(origin(&order(None, "01a1fe34-0713-72f4-98e3-760b514e760c")), "api");
        assert_eq!(origin(&order(None, "web-17")), "api web-17");
    }

    #[test]
    fn whoever_cancels_sees_which_order_it_is() {
        assert_eq!(
            question(&order(Some("anyx-demo.myshopify.com"), "#1001\u{1b}[2J")),
            "Cancel order ORD-20261121-CED0A867 (anyx-demo #1001\u{fffd}[2J, PROCESSING, 25.00 EUR)?"
        );
    }
}

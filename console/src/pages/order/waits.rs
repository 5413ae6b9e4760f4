//! What an order waits for, in sentences with moments in them.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    shown::{Awaits, OrderDetail, QueuePlace},
    words,
};

/// A piece of a sentence: words, or a moment that is shown as every other.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Words(String),
    At(DateTime<Utc>),
}

fn said(words: impl Into<String>) -> Part {
    Part::Words(words.into())
}

/// What it waits for, since when, and what happens by itself; never empty.
pub(super) fn sentences(detail: &OrderDetail, now: &DateTime<Utc>) -> Vec<Part> {
    let order = &detail.order;
    let Some(awaits) = &detail.awaits else {
        return vec![said(match (order.condition.as_deref(), order.status.as_str()) {
            (Some("IGNORED"), _) => {
                "It is not to be fulfilled. Should the shop change that, it starts by itself."
            }
            (_, "DELIVERED") => "It was delivered. Nothing is awaited.",
            (_, "CANCELLED") => "It is cancelled. Nothing is awaited.",
            _ => "Nothing is awaited.",
        })];
    };
    let mut parts = vec![said(what(awaits, detail))];
    if let Some(since) = awaits.since.filter(|since| since <= now) {
        parts.extend([said(" That began "), Part::At(since), said(".")]);
    }
    parts.extend(then(awaits, now));
    parts
}

fn what(awaits: &Awaits, detail: &OrderDetail) -> String {
    let order = &detail.order;
    let sentence = match awaits.what.as_str() {
        "HOLD_WINDOW" => "It is held, so that the customer may still withdraw.",
        "SHOP_HOLD" => "The shop holds it. It goes on by itself when the shop releases it.",
        "WAREHOUSE_HOLD" => "The warehouse holds it. It goes on by itself when the warehouse says so.",
        "RISK" => "Its risk is still being assessed in the shop. It goes on by itself when that is known.",
        "PAYMENT" => {
            return format!(
                "It waits for its payment, which is {}. It goes on by itself when the shop says that it is paid.",
                order.financial_status.replace('_', " ")
            );
        }
        "STOCK" if awaits.queue.is_empty() => "It waits for stock. It goes on by itself when that comes in.",
        "STOCK" => {
            let places: Vec<String> = awaits.queue.iter().map(place).collect();
            return format!(
                "It waits for stock: {}. It goes on by itself when that comes in.",
                places.join("; ")
            );
        }
        "INVENTORY_SERVICE" => {
            "It waits for the inventory service, which was away. It goes on by itself when that answers."
        }
        "PERSON" => "It waits for a person.",
        "STEP" => "Waybill is at it. The next step comes by itself.",
        "WAREHOUSE" => {
            let asked = detail.fulfilment_requests.iter().filter(|request| request.outstanding);
            let asked: Vec<String> = asked.map(crate::shown::FulfilmentRequest::said).collect();
            return format!("It is at the warehouse, which is to ship {}.", asked.join(", "));
        }
        "SHOP" => "It has left. The shop is still to be notified, which happens by itself.",
        "CARRIER" => "It is on its way. The warehouse says when it is delivered.",
        other => return format!("It waits: {}.", other.replace('_', " ").to_lowercase()),
    };
    sentence.to_owned()
}

/// `2 × TEA in main, place 3`.
fn place(place: &QueuePlace) -> String {
    let QueuePlace { sku, warehouse_id, quantity, place } = place;
    format!("{} × {sku} in {warehouse_id}, place {}", words::number(quantity), words::number(place))
}

fn then(awaits: &Awaits, now: &DateTime<Utc>) -> Vec<Part> {
    let (Some(until), Some(then)) = (awaits.until, awaits.then.as_deref()) else { return Vec::new() };
    let will = match then {
        "GOES_ON" => " It goes on by itself",
        "PERSON_IS_ASKED" => " If nothing comes, a person is asked",
        "IS_CANCELLED" => " If nothing comes, it is cancelled",
        "WAREHOUSE_IS_ASKED" => " If nothing is heard, the warehouse system is asked",
        _ => return Vec::new(),
    };
    // Less than a minute is no time to be told.
    if until <= *now + TimeDelta::minutes(1) {
        return vec![said(format!("{will} any moment now."))];
    }
    vec![said(format!("{will} ")), Part::At(until), said(".")]
}

//! Codes as sentences. A code that is not known here is shown as it is: a newer process may have written it.

mod figures;
mod reasons;
mod refusals;

pub(crate) use figures::{count, number};
pub(crate) use reasons::reason;
pub(crate) use refusals::refusal;

/// A lane, as people call whoever it calls.
pub(crate) fn lane(lane: &str) -> String {
    match lane {
        "orders" => "our own steps".to_owned(),
        "warehouse" => "the warehouse system".to_owned(),
        _ => match (lane.strip_prefix("warehouse-"), lane.strip_prefix("shopify-")) {
            (Some(system), _) => format!("the warehouse system {system}"),
            (_, Some(shop)) => format!("the shop {shop}"),
            _ => format!("the lane {lane}"),
        },
    }
}

/// What a step does.
pub(crate) fn step(step: &str) -> &str {
    match step {
        "gate" => "deciding whether it is to be fulfilled",
        "read_order" => "reading the order in the shop",
        "reserve" => "reserving its stock",
        "look_in_shop" => "looking at it in the shop",
        "hand_over" => "handing it over to the warehouse",
        "record_parcel" => "booking its parcel",
        "tell_shop" => "notifying the shop",
        "recall" => "recalling it at the warehouse",
        "release" => "giving its stock back",
        "cancel_in_shop" => "cancelling it in the shop",
        "refund_in_shop" => "refunding in the shop",
        "record_cancelled" => "booking its cancellation",
        "follow" => "following what was said of it",
        other => other,
    }
}

/// What an answer does.
pub(crate) fn answer(action: &str) -> (&str, &'static str) {
    match action {
        "retry" => ("Retry", "Does the step again. If it works, the order goes on by itself."),
        "skip" => ("Go on without it", "Takes the step as done. Nothing is called; the order goes on."),
        "compensate" => (
            "Cancel the order",
            "Undoes what was done: recalls it where it was handed over, gives its stock back, cancels it in the shop.",
        ),
        "release_hold" => {
            ("End the hold", "Does not wait for the end of the hold window; the order goes on at once.")
        }
        "done" => ("It was dealt with", "Takes the row off this list. Nothing else happens."),
        "recall" => (
            "Recall it",
            "Asks the warehouse to stop the newest hand-over of it; its pieces wait for stock again.",
        ),
        "approve" => ("Approve", "The order is handed over to the warehouse."),
        "refuse" => ("Refuse", "Cancels the order and gives its stock back."),
        other => (other, ""),
    }
}

/// The same for many at once, as what a button does.
pub(crate) fn answer_all(action: &str) -> &str {
    match action {
        "retry" => "Retry all",
        "skip" => "Go on without it: all",
        "compensate" => "Cancel all",
        "approve" => "Approve all",
        "refuse" => "Refuse all",
        other => other,
    }
}

/// What a person did to a row, after their name.
pub(crate) fn answered(action: &str) -> &str {
    match action {
        "retry" => "had it tried again",
        "skip" => "had it go on without that step",
        "compensate" => "had it cancelled",
        "approve" => "approved it",
        "refuse" => "refused it",
        "recall" => "had it recalled",
        _ => "answered it",
    }
}

/// How a return stands.
pub(crate) fn return_state(state: &str) -> &str {
    match state {
        "ANNOUNCED" => "Expected",
        "PARTLY_RECEIVED" => "Some of it came back",
        "RECEIVED" => "All of it came back",
        "CANCELLED" => "Taken back",
        other => other,
    }
}

/// Why a shop's level is left alone.
pub(crate) fn skipped(reason: &str) -> &str {
    match reason {
        "ANY" => "for any reason",
        "SKU_TWICE" => "with a SKU that two items have",
        "UNTRACKED" => "not counted by the shop",
        "BUNDLE" => "bundles",
        "NOT_STOCKED" => "not stocked there",
        "NO_LOCATION" => "at a location that is closed",
        "GONE" => "not in the shop any more",
        "REFUSED" => "refused by the shop",
        other => other,
    }
}

/// What became of a level that was changed by hand.
pub(crate) fn drift(policy: &str, is_over: bool) -> &'static str {
    match (policy, is_over) {
        ("theirs", true) => "booked as a count",
        ("theirs", false) => "is to be booked as a count",
        (_, true) => "set back",
        (_, false) => "is to be set back",
    }
}

/// Who announced a return.
pub(crate) fn return_source(source: &str) -> &str {
    match source {
        "SHOPIFY" => "the shop",
        "EVENT" => "another system",
        "API" => "our own interface",
        other => other,
    }
}

/// How a message stands.
pub(crate) fn message_state(state: &str) -> &str {
    match state {
        "RECEIVED" => "Under way",
        "WAITING" => "Waiting",
        "DONE" => "Done",
        "SKIPPED" => "Without effect",
        "STORED" => "Kept, not acted on",
        "UNREADABLE" => "Unreadable",
        other => other,
    }
}

/// Whom a message is from.
pub(crate) fn message_source(source: &str) -> &str {
    match source {
        "shopify" => "a shop",
        "warehouse" => "a warehouse",
        "api" => "our own interface",
        "inventory" => "our own stock",
        other => other,
    }
}

/// Whether an answer undoes something, and is shown as such.
pub(crate) fn is_dangerous(action: &str) -> bool {
    matches!(action, "skip" | "compensate" | "refuse")
}

/// Where an order stands.
pub(crate) fn status(status: &str) -> &str {
    match status {
        "PENDING" => "Pending",
        "CONFIRMED" => "Confirmed",
        "PROCESSING" => "At the warehouse",
        "SHIPPED" => "Shipped",
        "DELIVERED" => "Delivered",
        "CANCELLED" => "Cancelled",
        other => other,
    }
}

/// What keeps it there.
pub(crate) fn condition(condition: &str) -> &str {
    match condition {
        "ON_HOLD" => "On hold",
        "AWAITING_PAYMENT" => "Awaiting payment",
        "BACKORDERED" => "Waiting for stock",
        "PARTIALLY_SHIPPED" => "Partly shipped",
        "NEEDS_ATTENTION" => "Needs you",
        "AWAITING_ALLOCATION" => "Waiting for the inventory service",
        "IGNORED" => "Not to be fulfilled",
        other => other,
    }
}

/// Which tone a condition has: wrong, waiting that costs money, or neither.
pub(crate) fn tone(condition: Option<&str>) -> &'static str {
    match condition {
        Some("NEEDS_ATTENTION") => "wrong",
        Some("BACKORDERED" | "AWAITING_PAYMENT" | "AWAITING_ALLOCATION" | "ON_HOLD") => "waits",
        _ => "quiet",
    }
}

/// Why a lane is paused.
pub(crate) fn cause(cause: &str) -> &str {
    match cause {
        "PERSON" => "paused by hand",
        "DOWN" => "down",
        "TOKEN_REFUSED" => "refuses our token",
        other => other,
    }
}

/// What had paused a lane, after the lane's name.
pub(crate) fn cause_past(cause: &str) -> &str {
    match cause {
        "PERSON" => "was paused by hand",
        "DOWN" => "was down",
        "TOKEN_REFUSED" => "refused our token",
        other => other,
    }
}

/// Who did something.
pub(crate) fn actor(actor: &str) -> &str {
    match actor {
        "SHOP" => "The shop",
        "WAYBILL" => "Waybill",
        "WAREHOUSE" => "The warehouse",
        "PERSON" => "A person",
        "CUSTOMER" => "The customer",
        other => other,
    }
}

/// What happened, as a sentence.
pub(crate) fn happened(code: &str) -> String {
    let known = match code {
        "orders/create" => "The shop announced the order",
        "orders/updated" | "orders/edited" => "The shop said something new of it",
        "orders/fulfilled" => "The shop says that all of it was fulfilled",
        "orders/paid" => "The shop said that it is paid",
        "orders/cancelled" => "The shop cancelled it",
        "refunds/create" => "The shop refunded something of it",
        "fulfillments/create" | "fulfillments/update" => "The shop knows of a parcel",
        "shipment.accepted" => "The warehouse accepted it",
        "shipment.picked" => "The warehouse picked it",
        "shipment.on_hold" => "The warehouse holds it",
        "shipment.exception" => "The warehouse reported an exception",
        "shipment.shipped" => "The warehouse says that a parcel left",
        "shipment.delivered" => "The carrier delivered a parcel",
        "shipment.cancelled" => "The warehouse cancelled it",
        "RECEIVED" => "The order arrived",
        "ORDER_CANCELLED" => "Cancelled the order",
        "ORDER_RETRIED" => "Retried the order",
        "ORDER_RESOLVED" => "Answered what the order waited for",
        "ORDER_STATUS_SET" => "Set the order's status",
        "ORDER_EDITED" => "Changed the order",
        "ATTENTION_RESOLVED" => "Took a row off the list",
        "LANE_PAUSED" => "Paused a lane",
        "LANE_RESUMED" => "Resumed a lane",
        "STOCK_COUNTED" => "Counted stock",
        "BULK_ANSWER_STOPPED" => "Stopped an answer to many",
        "RESERVATION" => "Reserved",
        "RELEASE" => "Given back",
        "FULFILMENT" => "Left",
        "RECEIPT" => "Came in",
        "ADJUSTMENT" => "Adjusted",
        "COUNT" => "Counted",
        "FULFILLED_ELSEWHERE" => "Left by a fulfilment made in the shop",
        "RESERVED" => "Its stock is reserved",
        "CONFIRMED" => "It is held no more",
        "HANDED_OVER" => "It was handed over to the warehouse",
        "SHIPPED" => "All of it has left",
        "SHOP_NOTIFIED" => "The shop was notified of a parcel",
        "SHOP_NOT_NOTIFIED" => "There was nothing to notify the shop of",
        "DELIVERED" => "It was delivered",
        "CANCELLED" => "It was cancelled",
        "RETURN_ANNOUNCED" => "Pieces of it are to come back",
        "RETURN_RECEIVED" => "Pieces of it came back",
        "RETURN_CANCELLED" => "A return of it was taken back",
        "REFUNDED" => "What does not leave was refunded",
        "PARKED" => "It stopped and waits for a person",
        "RESOLVED" => "A person answered",
        "EDITED" => "A person changed it",
        "SHOWN" => "A person is shown what could not be followed",
        "MESSAGE_REPLAYED" => "A message was looked at again",
        "ON_HOLD" => "It is on hold",
        "AWAITING_PAYMENT" => "It waits for its payment",
        "BACKORDERED" => "It waits for stock",
        "PARTIALLY_SHIPPED" => "Some of it has left",
        "NEEDS_ATTENTION" => "It needs a person",
        "AWAITING_ALLOCATION" => "It waits for the inventory service",
        "IGNORED" => "It is not to be fulfilled",
        other => {
            let mut words = other.replace(['_', '/', '.'], " ").to_lowercase();
            if let Some(initial) = words.get_mut(..1) {
                initial.make_ascii_uppercase();
            }
            return words;
        }
    };
    known.to_owned()
}

/// An entry of an order's story, as a sentence.
pub(crate) fn entry(kind: &str, code: &str) -> String {
    match (kind, code) {
        ("MESSAGE", "callback") => "The warehouse sent word".to_owned(),
        ("EVENT", _) => format!("Other systems are told: {}", code.replace('_', " ").to_lowercase()),
        ("STOCK", "RESERVATION") => "Pieces were reserved".to_owned(),
        ("STOCK", "RELEASE") => "Pieces were given back".to_owned(),
        ("STOCK", "FULFILMENT") => "Pieces left the stock".to_owned(),
        ("STOCK", "TRANSFER") => "Pieces changed hands".to_owned(),
        ("CALL", "WAITED_FOR_LANE") => "It waited for whom it is to call".to_owned(),
        ("CALL", "REQUESTED" | "ACCEPTED" | "SHIPPED" | "RECALLED" | "CANCELLED" | "REFUSED") => {
            "A warehouse was asked to ship it".to_owned()
        }
        ("CALL", _) => {
            let (what, _) = reason(code);
            if what == code {
                format!("A call failed: {code}")
            } else {
                format!("A call failed: {}", lowered(what))
            }
        }
        ("PARCEL", _) => format!("A parcel left; it is {} now", code.to_lowercase()),
        _ => happened(code),
    }
}

fn lowered(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(initial) = text.get_mut(..1) {
        initial.make_ascii_lowercase();
    }
    text
}

/// A step as the object of a verb: retry *the hand-over*.
pub(crate) fn the_step(step: &str) -> &str {
    match step {
        "gate" => "the gate",
        "read_order" => "the look at the order",
        "reserve" => "the reservation",
        "look_in_shop" => "the look in the shop",
        "hand_over" => "the hand-over",
        "record_parcel" => "booking the parcel",
        "tell_shop" => "the shop notification",
        "recall" => "the recall",
        "release" => "the release of its stock",
        "cancel_in_shop" => "cancelling in the shop",
        "refund_in_shop" => "the refund",
        "record_cancelled" => "booking the cancellation",
        other => other,
    }
}

/// What a message's, an event's or a call's state says beyond that it went well.
pub(crate) fn is_remarkable(kind: &str, detail: &str) -> bool {
    !matches!((kind, detail), ("MESSAGE", "DONE") | ("EVENT", "PUBLISHED" | "KEPT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_here_is_shown_as_it_is() {
        assert_eq!(happened("some_new/thing"), "Some new thing");
        assert_eq!(lane("warehouse-north"), "the warehouse system north");
    }

    #[test]
    fn a_code_means_what_it_is_a_code_of() {
        assert_eq!(happened("RECEIVED"), "The order arrived");
        assert_eq!(return_state("RECEIVED"), "All of it came back");
        assert_eq!(message_state("RECEIVED"), "Under way");
        assert_eq!(return_state("CANCELLED"), "Taken back");
    }
}

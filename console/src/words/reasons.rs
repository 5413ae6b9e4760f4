//! Why something waits for a person, in words. `docs/operating.md` has the same codes, and a test compares them.

/// A code, what is wrong, and what helps.
type Reason = (&'static str, &'static str, &'static str);

#[rustfmt::skip]
const REASONS: &[Reason] = &[
    ("UNKNOWN_SKU", "A line has a SKU that is not stocked", "Stock the item, or say which SKU it is, then retry."),
    ("UNREADABLE_CURRENCY", "Its currency is none that is known", "Mend it in the shop; the order goes on by itself."),
    ("UNREADABLE_STATUS", "Its payment status is one that is not known", "Look at it in the shop, then retry."),
    ("UNREADABLE_ORDER", "Something that is needed cannot be read", "Mend it in the shop; the order goes on by itself."),
    ("PAYMENT_OVERDUE", "It was not paid in time", "Retry to wait again, or cancel it."),
    ("BACKORDER_OVERDUE", "Its stock did not come in time", "Retry to wait again, or cancel it."),
    ("OUT_OF_STOCK", "There is no stock for it", "Book stock in and retry, or cancel it."),
    ("PRICE_UNKNOWN", "A price of it could not be asked", "Check its prices, then say that it is done."),
    ("ALLOCATION_UNANSWERED", "The inventory service does not answer for it", "Look at that service, then retry."),
    ("APPROVAL", "It waits for your approval", "Look at it and approve or refuse it."),
    ("WAREHOUSE_EXCEPTION", "The warehouse reports an exception", "Clear it with the warehouse, then retry."),
    ("CANCELLED_BY_WAREHOUSE", "The warehouse cancelled it", "Retry to hand it over again, or cancel it."),
    ("CANCELLED_AFTER_SHIPPING", "The shop cancelled it after it had left", "Stop the parcel with the carrier, or expect it back."),
    ("EDITED_TOO_LATE", "It was changed after it had left", "Tell the customer; what left is what was ordered before."),
    ("EDITED_AT_WAREHOUSE", "It was changed while the warehouse has it", "Decide with the warehouse, then answer."),
    ("UNEXPECTED_PARCEL", "A parcel left that nobody waits for", "Clear it with the warehouse."),
    ("TROUBLE_AFTER_SHIPPING", "Something is wrong with a parcel on its way", "Clear it with the carrier."),
    ("NO_ADDRESS", "It has no address", "Enter the address, or add it in the shop, then retry."),
    ("LOCATION_NOT_MAPPED", "It is to leave from a location that is no warehouse here", "Map the location, or move it in the shop."),
    ("NO_FULFILMENT_ORDERS", "The shop has nothing to fulfil for it", "Look at it in the shop, then retry."),
    ("NOT_REPORTED", "A parcel could not be reported to the shop", "Fulfil it in the shop by hand."),
    ("NOT_MOVED", "The shop still has it at another location than it ships from", "Move it in the shop, or leave it: its parcel is reported all the same."),
    ("REFUND_BY_HAND", "Something is to be paid back by hand", "Refund it in the shop."),
    ("RETURN_NOT_BOOKED", "What came back could not be booked in", "Book it in by hand."),
    ("RETURN_NOT_EXPECTED", "A return was announced of what did not leave", "Clear it with the customer."),
    ("RETURN_NOT_RECEIVED", "A return came with other pieces than expected", "Clear it with the warehouse."),
    ("UNSELLABLE_ON_HAND", "Pieces that cannot be sold are on hand", "Count the item, or reduce it."),
    ("COUNT_BELOW_HANDED_OVER", "Less was counted than the warehouse was asked to ship", "Recall the newest, or count again."),
    ("RUN_GONE", "Nobody works on it any more", "Retry to start it again."),
    ("LANE_NOT_SERVED", "Orders wait for a lane that no worker serves", "Start a worker for it."),
    ("LANE_PAUSED", "It waited longer than it may while its lane was paused", "Retry when the lane runs."),
    ("WMS_UNREACHABLE", "The warehouse system could not be reached", "Retry when it is back."),
    ("WMS_BAD_ADDRESS", "The warehouse refuses its address", "Correct the address and retry."),
    ("WMS_UNKNOWN_SKU", "The warehouse does not know a SKU of it", "Say which SKU it is, or add it there, then retry."),
    ("WMS_UNKNOWN_OUTCOME", "Nobody knows whether the warehouse has it", "Ask the warehouse, then retry."),
    ("TIMEOUT", "It was not answered in time", "It may have worked all the same; a retry finds that out."),
    ("WMS_UNAUTHORISED", "The warehouse system refuses our token", "Have the token corrected, then retry."),
    ("WMS_REFUSED", "The warehouse had cancelled the hand-over", "Cancel the order, or go on if it left all the same."),
    ("WMS_REFERENCE_TAKEN", "The warehouse has other lines under our reference", "Ask the warehouse, then retry or cancel."),
    ("WMS_REJECTED", "The warehouse refuses it", "Do as its words say, then retry."),
    ("WAREHOUSE_LOST_REFERENCE", "The warehouse does not know what it once took", "Ask the warehouse, then retry or cancel."),
    ("SHOPIFY_UNREACHABLE", "Shopify could not be reached", "Retry when it is back; that looks first whether the shop knows already."),
    ("SHOPIFY_UNKNOWN_OUTCOME", "Nobody knows whether Shopify did it", "Retry; that looks first whether the shop knows already."),
    ("SHOPIFY_UNAUTHORISED", "The shop refuses our token, or it lacks a scope", "Have a new token given, then retry."),
    ("SHOPIFY_NO_TOKEN", "There is no token for the shop", "Have somebody of the shop install the app, then retry."),
    ("SHOPIFY_FULFILMENT_ORDER_NOT_THERE_YET", "A parcel left and the shop has nothing to fulfil yet", "Have the token's scopes checked, then retry."),
    ("SHOPIFY_FULFILMENT_ORDER_ON_HOLD", "A parcel left of what the shop holds since", "Release it in the shop; it goes on by itself."),
    ("SHOPIFY_ORDER_LAGS", "The shop shows an older order than it told us of", "Retry; a newer message of the shop wakes it by itself."),
    ("SHOPIFY_CANCELLATION_IN_PROGRESS", "The shop has not finished cancelling it", "Look at it in the shop, or retry."),
    ("SHOPIFY_HAS_FULFILMENTS", "Some of it was fulfilled in the shop, which cancels no such order", "Retry once the shop has said what, or refund the rest there, then go on."),
    ("SHOPIFY_USER_ERROR", "Shopify refuses it", "Do as its words say, then retry."),
    ("SHOPIFY_REFUSED", "Shopify refuses the call", "Do as its words say, then retry."),
    ("SHOPIFY_GRAPHQL", "Shopify does not take the call", "Do as its words say, then retry."),
    ("SHOPIFY_NOT_FOUND", "The shop does not have it", "Go on without it."),
    ("SHOP_NOT_CONFIGURED", "Its shop is not in the settings any more", "Have it added, then retry."),
    ("WRONG_WAREHOUSE_SYSTEM", "It came to another warehouse system than planned; nothing was sent", "Retry."),
    ("MORE_THAN_ALLOCATED", "A parcel holds more than the order has", "Ask the warehouse what left; a corrected word of it counts at a retry."),
    ("ORDER_UNKNOWN", "The order's record is missing", "A fault on our side: leave it as it is and tell an engineer."),
    ("ORDER_UNREADABLE", "The order's record cannot be read", "A fault on our side: leave it as it is and tell an engineer."),
    ("ORDER_HAS_NO_SHOP", "The order's record names no shop", "A fault on our side: leave it as it is and tell an engineer."),
    ("PARCEL_UNKNOWN", "The parcel's record is missing", "A fault on our side: leave it as it is and tell an engineer."),
    ("STOCK_REFUSED", "Its stock could not be booked", "A fault on our side: leave it as it is and tell an engineer."),
    ("UNEXPECTED", "Something failed that should not", "A fault on our side: leave it as it is and tell an engineer."),
];

/// Why something waits for a person: what is wrong, and what helps.
pub(crate) fn reason(code: &str) -> (&str, &'static str) {
    match REASONS.iter().find(|(known, ..)| *known == code) {
        Some((_, wrong, helps)) => (wrong, helps),
        None => (code, "Look at what was said, then answer."),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The codes of the table that operators read.
    fn explained() -> BTreeSet<&'static str> {
        let guide = include_str!("../../../docs/operating.md");
        let (_, table) = guide.split_once("## Why a step is parked").expect("its heading");
        let (table, _) = table.split_once("\n## ").expect("what follows it");
        let first_cells = table.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
        let quoted = first_cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
        quoted.collect()
    }

    #[test]
    fn every_reason_of_the_guide_has_its_sentence_and_no_other_has() {
        let worded: BTreeSet<&str> = REASONS.iter().map(|(code, ..)| *code).collect();
        assert!(worded.len() > 50, "the table was read");
        assert_eq!(worded, explained());
        assert_eq!(worded.len(), REASONS.len(), "each once");
    }

    #[test]
    fn a_reason_that_is_not_known_here_is_shown_as_it_is() {
        assert_eq!(reason("NEW_REASON").0, "NEW_REASON");
        assert_eq!(reason("TIMEOUT").0, "It was not answered in time");
    }
}

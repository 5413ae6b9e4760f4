//! Why an order waits for a person.

use serde::{Deserialize, Serialize};

/// Why an order is parked: a code for histories, search attributes and alerts, never a person's data.
#[derive(Debug, derive_more::Display, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ParkReason(String);

impl ParkReason {
    /// A line that ships has no SKU or one that is not stocked.
    pub const UNKNOWN_SKU: &'static str = "UNKNOWN_SKU";
    /// The currency is no ISO 4217 code.
    pub const UNREADABLE_CURRENCY: &'static str = "UNREADABLE_CURRENCY";
    /// The financial status is one this version does not know.
    pub const UNREADABLE_STATUS: &'static str = "UNREADABLE_STATUS";
    /// Not paid within the deadline.
    pub const PAYMENT_OVERDUE: &'static str = "PAYMENT_OVERDUE";
    /// Not in stock within the deadline.
    pub const BACKORDER_OVERDUE: &'static str = "BACKORDER_OVERDUE";
    /// Taken while its items' prices could not be asked, and they have none in its currency.
    pub const PRICE_UNKNOWN: &'static str = "PRICE_UNKNOWN";
    /// The inventory service serves others, and does not answer for this order.
    pub const ALLOCATION_UNANSWERED: &'static str = "ALLOCATION_UNANSWERED";
    /// Not in stock, and the policy does not wait.
    pub const OUT_OF_STOCK: &'static str = "OUT_OF_STOCK";
    /// The warehouse reported an exception.
    pub const WAREHOUSE_EXCEPTION: &'static str = "WAREHOUSE_EXCEPTION";
    /// The warehouse cancelled a hand-over that nobody here recalled.
    pub const CANCELLED_BY_WAREHOUSE: &'static str = "CANCELLED_BY_WAREHOUSE";
    /// The shop cancelled an order that has left or cannot be recalled.
    pub const CANCELLED_AFTER_SHIPPING: &'static str = "CANCELLED_AFTER_SHIPPING";
    /// The warehouse could not stop what the shop changed; it leaves as it was handed over.
    pub const EDITED_TOO_LATE: &'static str = "EDITED_TOO_LATE";
    /// The shop changed an order at the warehouse, and the policy leaves that to a person.
    pub const EDITED_AT_WAREHOUSE: &'static str = "EDITED_AT_WAREHOUSE";
    /// A parcel left that no order waits for, or with other pieces than were handed over.
    pub const UNEXPECTED_PARCEL: &'static str = "UNEXPECTED_PARCEL";
    /// The warehouse says that something is wrong with a parcel that has left.
    pub const TROUBLE_AFTER_SHIPPING: &'static str = "TROUBLE_AFTER_SHIPPING";
    /// Something that is needed cannot be read; the row names the member.
    pub const UNREADABLE_ORDER: &'static str = "UNREADABLE_ORDER";
    /// The order ships and the shop says that it has no address.
    pub const NO_ADDRESS: &'static str = "NO_ADDRESS";
    /// The shop wants it fulfilled from a location that is no warehouse of ours.
    pub const LOCATION_NOT_MAPPED: &'static str = "LOCATION_NOT_MAPPED";
    /// The shop has no fulfilment orders for it, long after it was placed.
    pub const NO_FULFILMENT_ORDERS: &'static str = "NO_FULFILMENT_ORDERS";
    /// Pieces of a parcel have no open fulfilment order in the shop.
    pub const NOT_REPORTED: &'static str = "NOT_REPORTED";
    /// The shop refuses to move a fulfilment order to the location that it ships from.
    pub const NOT_MOVED: &'static str = "NOT_MOVED";
    /// Some of a cancelled order has left, and what is left to pay back is to be paid back in the shop.
    pub const REFUND_BY_HAND: &'static str = "REFUND_BY_HAND";
    /// What the shop put on the shelf again, or what came back while stock is kept elsewhere, cannot be booked in; the
    /// row says of which return.
    pub const RETURN_NOT_BOOKED: &'static str = "RETURN_NOT_BOOKED";
    /// A shop or another system announced a return of pieces that did not leave, or are announced already.
    pub const RETURN_NOT_EXPECTED: &'static str = "RETURN_NOT_EXPECTED";
    /// The warehouse says that a return came, with other pieces than are still to come.
    pub const RETURN_NOT_RECEIVED: &'static str = "RETURN_NOT_RECEIVED";
    /// Pieces that came back cannot be sold, and the shop's word had put them on hand.
    pub const UNSELLABLE_ON_HAND: &'static str = "UNSELLABLE_ON_HAND";
    /// The order is open but no workflow runs for it.
    pub const RUN_GONE: &'static str = "RUN_GONE";
    /// Open orders wait for a lane that nobody serves; the row says which.
    pub const LANE_NOT_SERVED: &'static str = "LANE_NOT_SERVED";
    /// A rule of the policy wants a person to approve it before it is handed over; the row says which.
    pub const APPROVAL: &'static str = "APPROVAL";
    /// A count found less than was handed over; the row says of what, and offers to recall a hand-over.
    pub const COUNT_BELOW_HANDED_OVER: &'static str = "COUNT_BELOW_HANDED_OVER";
    /// A person paused its lane for longer than the order may wait.
    pub const LANE_PAUSED: &'static str = "LANE_PAUSED";

    /// A reason to park by its code, for example an error class of a vendor's API.
    #[must_use]
    pub fn new(code: impl Into<String>) -> Self {
        Self(code.into())
    }

    /// Whether a person is to approve or to refuse the order.
    #[must_use]
    pub fn is_approval(&self) -> bool {
        self.0 == Self::APPROVAL
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_its_code() {
        let reason = ParkReason::new(ParkReason::NO_ADDRESS);
        assert_eq!((reason.code(), reason.to_string().as_str()), ("NO_ADDRESS", "NO_ADDRESS"));
    }
}

//! The gate: whether an order is to be fulfilled, decided from what the channel said alone.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    facts::{FinancialStatus, OrderFacts},
    ids::Sku,
    money::Currency,
    policy::{FulfilmentPolicy, PaymentRule},
};

/// What the gate says of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateDecision {
    /// Go on.
    Fulfil,
    /// Wait until it is paid or authorised.
    AwaitPayment,
    /// Not to be fulfilled; recorded with the reason.
    Ignore(IgnoreReason),
    /// A person has to look.
    Park(Mishap),
}

/// Why an order is not fulfilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IgnoreReason {
    /// A test order, and the policy does not allow them.
    TestOrder,
    /// It was cancelled before it reached us.
    CancelledInShop,
    /// The payment was voided or given back.
    Voided,
    /// Nothing of it ships, or all of it is fulfilled already.
    NothingToShip,
}

impl IgnoreReason {
    /// The code kept with the order.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TestOrder => "TEST_ORDER",
            Self::CancelledInShop => "CANCELLED_IN_SHOP",
            Self::Voided => "VOIDED",
            Self::NothingToShip => "NOTHING_TO_SHIP",
        }
    }
}

/// Why an order is parked: a code for histories, search attributes and alerts, never a person's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mishap(String);

impl Mishap {
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
    /// Not in stock, and the policy does not wait.
    pub const OUT_OF_STOCK: &'static str = "OUT_OF_STOCK";
    /// The warehouse reported an exception.
    pub const WAREHOUSE_EXCEPTION: &'static str = "WAREHOUSE_EXCEPTION";
    /// The warehouse called off a hand-over that nobody here recalled.
    pub const CANCELLED_BY_WAREHOUSE: &'static str = "CANCELLED_BY_WAREHOUSE";
    /// The shop cancelled an order that has left or cannot be recalled.
    pub const CANCELLED_AFTER_SHIPPING: &'static str = "CANCELLED_AFTER_SHIPPING";
    /// The order is open but no workflow runs for it.
    pub const RUN_GONE: &'static str = "RUN_GONE";

    /// A mishap by its code, for example an error class of a vendor's API.
    #[must_use]
    pub fn new(code: impl Into<String>) -> Self {
        Self(code.into())
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Decides from what the channel said, without asking anybody.
#[must_use]
pub fn decide_gate(facts: &OrderFacts, policy: &FulfilmentPolicy) -> GateDecision {
    use FinancialStatus::{
        Authorized, Expired, Paid, PartiallyPaid, PartiallyRefunded, Pending, Refunded, Unknown, Voided,
    };

    if facts.cancelled_at.is_some() {
        return GateDecision::Ignore(IgnoreReason::CancelledInShop);
    }
    if facts.test && !policy.fulfil_test_orders {
        return GateDecision::Ignore(IgnoreReason::TestOrder);
    }
    if matches!(facts.financial_status, Voided | Refunded) {
        return GateDecision::Ignore(IgnoreReason::Voided);
    }
    if facts.to_fulfil().next().is_none() {
        return GateDecision::Ignore(IgnoreReason::NothingToShip);
    }
    if Currency::parse(&facts.currency).is_err() {
        return GateDecision::Park(Mishap::new(Mishap::UNREADABLE_CURRENCY));
    }
    if facts.to_fulfil().any(|line| line.sku.as_deref().is_none_or(|sku| Sku::parse(sku).is_err())) {
        return GateDecision::Park(Mishap::new(Mishap::UNKNOWN_SKU));
    }
    match (policy.payment, &facts.financial_status) {
        (PaymentRule::NotChecked, _) => GateDecision::Fulfil,
        (_, Unknown(_)) => GateDecision::Park(Mishap::new(Mishap::UNREADABLE_STATUS)),
        (_, Paid | PartiallyRefunded) | (PaymentRule::PaidOrAuthorized, Authorized) => GateDecision::Fulfil,
        (_, Pending | PartiallyPaid | Expired | Authorized | Voided | Refunded) => GateDecision::AwaitPayment,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{facts::OrderLine, ids::LineId};

    fn paid_order() -> OrderFacts {
        OrderFacts {
            name: "#1".into(),
            currency: "EUR".into(),
            total_amount: "10.00".parse().unwrap(),
            financial_status: FinancialStatus::Paid,
            test: false,
            cancelled_at: None,
            updated_at: None,
            location_id: None,
            lines: vec![OrderLine {
                line_id: LineId::parse("1").unwrap(),
                sku: Some("A".into()),
                product_name: "A".into(),
                quantity: 1,
                fulfillable_quantity: 1,
                unit_price: "10.00".parse().unwrap(),
                requires_shipping: true,
            }],
        }
    }

    fn with(change: impl FnOnce(&mut OrderFacts)) -> GateDecision {
        let mut facts = paid_order();
        change(&mut facts);
        decide_gate(&facts, &FulfilmentPolicy::default())
    }

    #[test]
    fn a_paid_or_authorised_order_goes_on() {
        assert_eq!(with(|_| ()), GateDecision::Fulfil);
        assert_eq!(with(|f| f.financial_status = FinancialStatus::Authorized), GateDecision::Fulfil);
        let policy = FulfilmentPolicy { payment: PaymentRule::PaidOnly, ..Default::default() };
        let mut facts = paid_order();
        facts.financial_status = FinancialStatus::Authorized;
        assert_eq!(decide_gate(&facts, &policy), GateDecision::AwaitPayment);
    }

    #[test]
    fn an_unpaid_order_waits() {
        for status in ["pending", "partially_paid", "expired"] {
            assert_eq!(
                with(|f| f.financial_status = status.to_owned().into()),
                GateDecision::AwaitPayment,
                "{status}"
            );
        }
    }

    #[test]
    fn what_is_not_to_be_fulfilled_is_ignored_with_the_reason() {
        assert_eq!(with(|f| f.test = true), GateDecision::Ignore(IgnoreReason::TestOrder));
        assert_eq!(
            with(|f| f.cancelled_at = Some(chrono::DateTime::UNIX_EPOCH)),
            GateDecision::Ignore(IgnoreReason::CancelledInShop)
        );
        assert_eq!(
            with(|f| f.financial_status = FinancialStatus::Voided),
            GateDecision::Ignore(IgnoreReason::Voided)
        );
        assert_eq!(
            with(|f| f.lines[0].requires_shipping = false),
            GateDecision::Ignore(IgnoreReason::NothingToShip)
        );
        assert_eq!(
            with(|f| f.lines[0].fulfillable_quantity = 0),
            GateDecision::Ignore(IgnoreReason::NothingToShip)
        );
    }

    #[test]
    fn what_cannot_be_read_parks_and_is_never_dropped() {
        let park = |code| GateDecision::Park(Mishap::new(code));
        assert_eq!(with(|f| f.lines[0].sku = None), park(Mishap::UNKNOWN_SKU));
        assert_eq!(with(|f| f.lines[0].sku = Some("a\u{0}".into())), park(Mishap::UNKNOWN_SKU));
        assert_eq!(with(|f| f.currency = "euro".into()), park(Mishap::UNREADABLE_CURRENCY));
        assert_eq!(
            with(|f| f.financial_status = "half_paid".to_owned().into()),
            park(Mishap::UNREADABLE_STATUS)
        );
    }

    #[test]
    fn a_line_that_never_ships_may_lack_a_sku() {
        let decision = with(|f| {
            let mut gift_card = f.lines[0].clone();
            gift_card.sku = None;
            gift_card.requires_shipping = false;
            f.lines.push(gift_card);
        });
        assert_eq!(decision, GateDecision::Fulfil);
    }
}

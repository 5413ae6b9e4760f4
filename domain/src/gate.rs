//! The gate: whether an order is to be fulfilled, decided from what the channel said alone. It is asked
//! again whenever the channel says something new, also when the order is reserved or at the warehouse.

use serde::{Deserialize, Serialize};

use crate::{
    facts::{FinancialStatus, OrderFacts},
    ids::Sku,
    money::Currency,
    park_reason::ParkReason,
    policy::{FulfilmentPolicy, PaymentRule},
    wanted::WantedLine,
};

/// What the gate decides by: small whatever the order's size, and nothing personal, as it stands in
/// histories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GateFacts {
    /// Paid, pending and so on.
    pub financial_status: FinancialStatus,
    /// Whether any body said that the money was there or could come.
    pub was_payable: bool,
    /// A test order of the shop.
    pub test: bool,
    /// The shop cancelled it.
    pub cancelled: bool,
    /// Whether any body said that it was not cancelled.
    pub was_open: bool,
    /// Pieces that are still to leave.
    pub to_ship: u32,
    /// Whether the currency is an ISO 4217 code.
    pub currency_is_readable: bool,
    /// Whether every line with something to ship names what could be a SKU.
    pub skus_are_readable: bool,
}

impl GateFacts {
    /// What the facts and what is wanted of us come to. `was` is whether any body said that the order
    /// was open, and whether any said that it was payable.
    #[must_use]
    pub fn of(facts: &OrderFacts, wanted: &[WantedLine], was: Was) -> Self {
        let open = || wanted.iter().filter(|line| line.to_ship() > 0);
        Self {
            financial_status: facts.financial_status.clone(),
            was_payable: was.payable,
            test: facts.test,
            cancelled: facts.cancelled_at.is_some(),
            was_open: was.open,
            to_ship: open().fold(0, |sum, line| sum.saturating_add(line.to_ship())),
            currency_is_readable: Currency::parse(&facts.currency).is_ok(),
            skus_are_readable: open()
                .all(|line| line.sku.as_deref().is_some_and(|sku| Sku::parse(sku).is_ok())),
        }
    }
}

/// The gate's rules for one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GateRules {
    /// Which payment lets an order go on.
    pub payment: PaymentRule,
    /// Whether test orders of a shop are fulfilled.
    pub fulfil_test_orders: bool,
    /// A person said to go on although the payment stands like this; it holds while it does.
    #[serde(default)]
    pub paid_as: Option<FinancialStatus>,
    /// The shop's cancellation was settled already: it came too late.
    #[serde(default)]
    pub cancel_is_concluded: bool,
}

impl GateRules {
    /// The policy's rules, of which nothing was waived.
    #[must_use]
    pub fn of(policy: &FulfilmentPolicy) -> Self {
        Self {
            payment: policy.payment,
            fulfil_test_orders: policy.fulfil_test_orders,
            paid_as: None,
            cancel_is_concluded: false,
        }
    }
}

/// What earlier bodies of an order said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Was {
    /// Not cancelled.
    pub open: bool,
    /// Neither voided nor refunded.
    pub payable: bool,
}

/// What the gate says of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateDecision {
    /// Go on.
    Fulfil,
    /// Wait until it is paid or authorised.
    AwaitPayment,
    /// Not to be fulfilled; recorded with the reason.
    Ignore(IgnoreReason),
    /// The shop cancelled an order that we had begun with.
    Cancel,
    /// A person has to look.
    Park(ParkReason),
}

/// Why an order is not fulfilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum IgnoreReason {
    /// A test order, and the policy does not allow them.
    TestOrder,
    /// It was cancelled before it reached us.
    CancelledInShop,
    /// The payment was voided or given back before the order reached us.
    Voided,
    /// Nothing of it ships, or nothing is left to ship for us.
    NothingToShip,
}

impl IgnoreReason {
    /// The code kept with the order.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// Decides from what the channel said, without asking anybody.
///
/// Only a cancellation in the shop cancels an order. Money that is voided or given back later, while
/// pieces are wanted, makes the order wait for payment.
#[must_use]
pub fn decide_gate(facts: &GateFacts, rules: &GateRules) -> GateDecision {
    use FinancialStatus::{
        Authorized, Expired, Paid, PartiallyPaid, PartiallyRefunded, Pending, Refunded, Unknown, Voided,
    };

    match (facts.cancelled && !rules.cancel_is_concluded, facts.was_open) {
        (true, false) => return GateDecision::Ignore(IgnoreReason::CancelledInShop),
        (true, true) => return GateDecision::Cancel,
        (false, _) => {}
    }
    if facts.test && !rules.fulfil_test_orders {
        return GateDecision::Ignore(IgnoreReason::TestOrder);
    }
    if facts.to_ship == 0 {
        return GateDecision::Ignore(IgnoreReason::NothingToShip);
    }
    if facts.financial_status.is_gone() && !facts.was_payable {
        return GateDecision::Ignore(IgnoreReason::Voided);
    }
    if !facts.currency_is_readable {
        return GateDecision::Park(ParkReason::new(ParkReason::UNREADABLE_CURRENCY));
    }
    if !facts.skus_are_readable {
        return GateDecision::Park(ParkReason::new(ParkReason::UNKNOWN_SKU));
    }
    if rules.paid_as.as_ref() == Some(&facts.financial_status) {
        return GateDecision::Fulfil;
    }
    match (rules.payment, &facts.financial_status) {
        (PaymentRule::NotChecked, _) => GateDecision::Fulfil,
        (_, Unknown(_)) => GateDecision::Park(ParkReason::new(ParkReason::UNREADABLE_STATUS)),
        (_, Paid | PartiallyRefunded) | (PaymentRule::PaidOrAuthorized, Authorized) => GateDecision::Fulfil,
        (_, Pending | PartiallyPaid | Expired | Authorized | Voided | Refunded) => GateDecision::AwaitPayment,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paid_order() -> GateFacts {
        GateFacts {
            financial_status: FinancialStatus::Paid,
            was_payable: true,
            test: false,
            cancelled: false,
            was_open: true,
            to_ship: 1,
            currency_is_readable: true,
            skus_are_readable: true,
        }
    }

    fn with(change: impl FnOnce(&mut GateFacts)) -> GateDecision {
        let mut facts = paid_order();
        change(&mut facts);
        decide_gate(&facts, &GateRules::of(&FulfilmentPolicy::default()))
    }

    fn status(text: &str) -> FinancialStatus {
        FinancialStatus::from(text.to_owned())
    }

    #[test]
    fn a_paid_or_authorised_order_goes_on() {
        assert_eq!(with(|_| ()), GateDecision::Fulfil);
        assert_eq!(with(|f| f.financial_status = FinancialStatus::Authorized), GateDecision::Fulfil);
        let policy = FulfilmentPolicy { payment: PaymentRule::PaidOnly, ..Default::default() };
        let mut facts = paid_order();
        facts.financial_status = FinancialStatus::Authorized;
        assert_eq!(decide_gate(&facts, &GateRules::of(&policy)), GateDecision::AwaitPayment);
    }

    #[test]
    fn an_unpaid_order_waits_and_so_does_one_whose_money_went_later() {
        for unpaid in ["pending", "partially_paid", "expired", "voided", "refunded"] {
            assert_eq!(with(|f| f.financial_status = status(unpaid)), GateDecision::AwaitPayment, "{unpaid}");
        }
    }

    #[test]
    fn what_is_not_to_be_fulfilled_is_ignored_with_the_reason() {
        let ignored = |reason| GateDecision::Ignore(reason);
        assert_eq!(with(|f| f.test = true), ignored(IgnoreReason::TestOrder));
        assert_eq!(
            with(|f| (f.cancelled, f.was_open) = (true, false)),
            ignored(IgnoreReason::CancelledInShop)
        );
        for gone in ["voided", "refunded"] {
            let first_seen = with(|f| (f.financial_status, f.was_payable) = (status(gone), false));
            assert_eq!(first_seen, ignored(IgnoreReason::Voided));
            let nothing_left = with(|f| (f.financial_status, f.to_ship) = (status(gone), 0));
            assert_eq!(nothing_left, ignored(IgnoreReason::NothingToShip));
        }
        assert_eq!(with(|f| f.to_ship = 0), ignored(IgnoreReason::NothingToShip));
    }

    #[test]
    fn what_the_shop_cancels_after_we_began_is_cancelled_once() {
        assert_eq!(with(|f| f.cancelled = true), GateDecision::Cancel);
        let mut facts = paid_order();
        facts.cancelled = true;
        let settled = GateRules { cancel_is_concluded: true, ..GateRules::of(&FulfilmentPolicy::default()) };
        assert_eq!(decide_gate(&facts, &settled), GateDecision::Fulfil);
    }

    #[test]
    fn money_that_is_gone_of_an_order_with_nothing_left_to_ship_is_no_reason() {
        let gone = |f: &mut GateFacts| {
            (f.financial_status, f.was_payable, f.to_ship) = (FinancialStatus::Voided, false, 0);
        };
        assert_eq!(with(gone), GateDecision::Ignore(IgnoreReason::NothingToShip));
    }

    #[test]
    fn a_test_order_is_fulfilled_where_the_policy_says_so() {
        let policy = FulfilmentPolicy { fulfil_test_orders: true, ..Default::default() };
        let mut facts = paid_order();
        facts.test = true;
        assert_eq!(decide_gate(&facts, &GateRules::of(&policy)), GateDecision::Fulfil);
    }

    #[test]
    fn where_the_payment_is_not_checked_no_word_for_it_matters_and_given_back_in_part_is_paid() {
        let decide = |payment, text: &str| {
            let facts = GateFacts { financial_status: status(text), ..paid_order() };
            let policy = FulfilmentPolicy { payment, ..Default::default() };
            decide_gate(&facts, &GateRules::of(&policy))
        };
        for word in ["pending", "voided", "half_paid", "expired"] {
            assert_eq!(decide(PaymentRule::NotChecked, word), GateDecision::Fulfil, "{word}");
        }
        for rule in [PaymentRule::PaidOnly, PaymentRule::PaidOrAuthorized] {
            assert_eq!(decide(rule, "partially_refunded"), GateDecision::Fulfil, "{rule:?}");
        }
    }

    #[test]
    fn a_persons_word_on_the_payment_is_about_nothing_else() {
        let rules = GateRules {
            paid_as: Some(FinancialStatus::Pending),
            ..GateRules::of(&FulfilmentPolicy::default())
        };
        let unpaid = || GateFacts { financial_status: FinancialStatus::Pending, ..paid_order() };
        let parked = |facts: GateFacts, code| {
            assert_eq!(decide_gate(&facts, &rules), GateDecision::Park(ParkReason::new(code)));
        };
        parked(GateFacts { skus_are_readable: false, ..unpaid() }, ParkReason::UNKNOWN_SKU);
        parked(GateFacts { currency_is_readable: false, ..unpaid() }, ParkReason::UNREADABLE_CURRENCY);
    }

    #[test]
    fn a_line_of_which_nothing_is_left_to_ship_needs_no_sku() {
        let line = |id: &str, sku: Option<&str>, pieces: u32| WantedLine {
            line_id: crate::LineId::parse(id).unwrap(),
            sku: sku.map(str::to_owned),
            pieces,
            left: 1,
        };
        let facts = OrderFacts {
            name: "#1".into(),
            currency: "EUR".into(),
            total_amount: "1".parse().unwrap(),
            financial_status: FinancialStatus::Paid,
            test: false,
            cancelled_at: None,
            updated_at: None,
            location_id: None,
            address: crate::AddressSaid::Given,
            lines: Vec::new(),
            fulfilments: None,
            tags: None,
            refund_ids: Vec::new(),
            shipping_methods: None,
        };
        let gate = |lines: &[WantedLine]| GateFacts::of(&facts, lines, Was::default());
        let gone = gate(&[line("1", None, 1), line("2", Some("A"), 3)]);
        assert_eq!((gone.skus_are_readable, gone.to_ship), (true, 2));
        assert!(!gate(&[line("1", None, 2)]).skus_are_readable);
        assert!(!gate(&[line("1", Some(" "), 2)]).skus_are_readable);
    }

    #[test]
    fn a_persons_word_on_the_payment_holds_until_the_payment_changes() {
        let mut facts = paid_order();
        facts.financial_status = FinancialStatus::Pending;
        let mut rules = GateRules::of(&FulfilmentPolicy::default());
        rules.paid_as = Some(FinancialStatus::Pending);
        assert_eq!(decide_gate(&facts, &rules), GateDecision::Fulfil);
        facts.financial_status = FinancialStatus::Voided;
        assert_eq!(decide_gate(&facts, &rules), GateDecision::AwaitPayment);
    }

    #[test]
    fn what_cannot_be_read_parks_and_is_never_dropped() {
        let park = |code| GateDecision::Park(ParkReason::new(code));
        assert_eq!(with(|f| f.skus_are_readable = false), park(ParkReason::UNKNOWN_SKU));
        assert_eq!(with(|f| f.currency_is_readable = false), park(ParkReason::UNREADABLE_CURRENCY));
        assert_eq!(with(|f| f.financial_status = status("half_paid")), park(ParkReason::UNREADABLE_STATUS));
    }

    #[test]
    fn why_an_order_is_ignored_is_a_code() {
        let reasons = [
            IgnoreReason::TestOrder,
            IgnoreReason::CancelledInShop,
            IgnoreReason::Voided,
            IgnoreReason::NothingToShip,
        ];
        let codes = ["TEST_ORDER", "CANCELLED_IN_SHOP", "VOIDED", "NOTHING_TO_SHIP"];
        assert_eq!(reasons.map(IgnoreReason::code), codes);
    }
}

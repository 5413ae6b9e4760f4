//! How an order is to be fulfilled: every time-out, retry, deadline and rule of one order's story.
//!
//! The policy is part of the workflow's input, so an order keeps the policy it started with and a
//! test can make every wait short.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{approval::ApprovalRules, cancellation::CancelUntil};

/// Which payment lets an order go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentRule {
    /// Paid or authorised (the default).
    PaidOrAuthorized,
    /// Paid only.
    PaidOnly,
    /// Payment is not looked at.
    NotChecked,
}

/// What is done when there is not enough stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockOutRule {
    /// The order waits until all of it is there (the default).
    WaitWhole,
    /// What is there ships at once, the rest when it comes in.
    ShipWhatIsThere,
    /// The order is parked at once.
    Park,
}

/// What is done when a deadline passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenOverdue {
    /// A person decides (the default).
    Park,
    /// The order is cancelled.
    Cancel,
}

/// What is done when the shop changes what a warehouse has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditsRule {
    /// It is recalled and handed over anew, as far as the warehouse can still stop it (the default).
    Follow,
    /// A person decides.
    Park,
}

/// When pieces that come back are on hand again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnsRule {
    /// When they were received (the default).
    WhenReceived,
    /// When the shop's people say of them that they are on the shelf again.
    WhenDisposed,
    /// As soon as the shop says that they come back.
    AtOnce,
}

/// What is done with an order of our own API while the inventory service is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AwayRule {
    /// It is taken, and reserved for when the service is back (the default).
    Accept,
    /// It is refused.
    Refuse,
}

/// What is done with such an order that turns out to be short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShortAfterAwayRule {
    /// It waits for stock, by the rule for any order that is short (the default).
    Backorder,
    /// It is cancelled.
    Cancel,
}

/// How a call is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RetryRule {
    /// Wait before the second attempt.
    #[serde(with = "humantime_serde")]
    pub first_wait: Duration,
    /// Each wait is this many times the one before.
    pub backoff: f64,
    /// The longest wait.
    #[serde(with = "humantime_serde")]
    pub longest_wait: Duration,
    /// Attempts in all.
    pub attempts: u32,
}

impl Default for RetryRule {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_secs(1),
            backoff: 2.0,
            longest_wait: Duration::from_secs(60),
            attempts: 3,
        }
    }
}

/// The rules of one order's fulfilment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FulfilmentPolicy {
    /// How long an order stays `PENDING` after receipt so that the customer may withdraw.
    #[serde(with = "humantime_serde")]
    pub hold_window: Duration,
    /// Whether test orders of a shop are fulfilled.
    pub fulfil_test_orders: bool,
    /// Which payment lets an order go on.
    pub payment: PaymentRule,
    /// How long an unpaid order waits, from receipt.
    #[serde(with = "humantime_serde")]
    pub payment_deadline: Duration,
    /// What then happens.
    pub when_unpaid: WhenOverdue,
    /// What is done when there is not enough stock.
    pub stock_out: StockOutRule,
    /// What is done with an order of our own API while the inventory service is away.
    pub when_inventory_is_away: AwayRule,
    /// What is done with such an order that turns out to be short.
    pub when_short_after_away: ShortAfterAwayRule,
    /// How long an order waits for stock, from the moment it starts to wait.
    #[serde(with = "humantime_serde")]
    pub backorder_deadline: Duration,
    /// What then happens.
    pub when_out_of_stock: WhenOverdue,
    /// Up to where a customer may cancel.
    pub cancel_until: CancelUntil,
    /// When the warehouse is asked about a hand-over it said nothing final about.
    #[serde(with = "humantime_serde")]
    pub hand_over_overdue: Duration,
    /// When the order should have shipped, from receipt; shown to operators, nothing is done by it.
    #[serde(with = "humantime_serde")]
    pub ship_within: Duration,
    /// Time-out of one attempt of a step in our own database.
    #[serde(with = "humantime_serde")]
    pub record_timeout: Duration,
    /// Time-out of one attempt at a step outside; longer than the time-outs of one call together,
    /// so that an attempt has mostly ended before the next one asks what became of it.
    #[serde(with = "humantime_serde")]
    pub call_timeout: Duration,
    /// How a call to the outside is repeated before the order is parked.
    pub call_retry: RetryRule,
    /// How an undo is repeated before it is parked.
    pub undo_retry: RetryRule,
    /// How long the lane of a call may be paused while an order waits for it, before the order is parked.
    #[serde(with = "humantime_serde")]
    pub outage_budget: Duration,
    /// How long an order fails alone before a cheap read that is answered says that it is the order's fault.
    #[serde(with = "humantime_serde")]
    pub blame_after: Duration,
    /// Whether the shop's fulfilment orders are looked at before the first hand-over.
    pub look_before_hand_over: bool,
    /// How long an order waits for its fulfilment orders before it is parked.
    #[serde(with = "humantime_serde")]
    pub fulfilment_orders_within: Duration,
    /// How often an order that the shop holds is looked at, if nobody says that it goes on.
    #[serde(with = "humantime_serde")]
    pub look_again_after: Duration,
    /// Whether lines are planned at the warehouse that the shop's location is mapped to; else they are
    /// planned freely and the fulfilment order is moved.
    pub follow_shop_locations: bool,
    /// What is done when the shop changes what a warehouse has already.
    pub edits_after_hand_over: EditsRule,
    /// When pieces that come back are on hand again.
    pub restock_returns: ReturnsRule,
    /// Whether Shopify is asked to restock what was cancelled here.
    pub restock_on_cancel: bool,
    /// Whether Shopify is asked to refund what was cancelled here.
    pub refund_on_cancel: bool,
    /// Whether Shopify tells the customer of shipping and cancelling.
    pub notify_customer: bool,
    /// How long an order waits for its risk, from receipt, where a rule on it is among `approval`.
    #[serde(with = "humantime_serde")]
    pub risk_wait: Duration,
    /// Which orders a person has to approve before they are handed over.
    pub approval: ApprovalRules,
}

impl Default for FulfilmentPolicy {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
        Self {
            hold_window: Duration::ZERO,
            fulfil_test_orders: false,
            payment: PaymentRule::PaidOrAuthorized,
            payment_deadline: days(7),
            when_unpaid: WhenOverdue::Park,
            stock_out: StockOutRule::WaitWhole,
            when_inventory_is_away: AwayRule::Accept,
            when_short_after_away: ShortAfterAwayRule::Backorder,
            backorder_deadline: days(14),
            when_out_of_stock: WhenOverdue::Park,
            cancel_until: CancelUntil::Shipped,
            hand_over_overdue: days(1),
            ship_within: days(2),
            record_timeout: Duration::from_secs(3),
            call_timeout: Duration::from_secs(30),
            call_retry: RetryRule::default(),
            undo_retry: RetryRule {
                first_wait: Duration::from_secs(1),
                backoff: 2.0,
                longest_wait: Duration::from_secs(300),
                attempts: 20,
            },
            outage_budget: Duration::from_secs(12 * 60 * 60),
            blame_after: Duration::from_secs(60 * 60),
            look_before_hand_over: true,
            fulfilment_orders_within: Duration::from_secs(60),
            look_again_after: Duration::from_secs(15 * 60),
            follow_shop_locations: true,
            edits_after_hand_over: EditsRule::Follow,
            restock_returns: ReturnsRule::WhenReceived,
            restock_on_cancel: true,
            refund_on_cancel: true,
            notify_customer: true,
            risk_wait: Duration::from_secs(15 * 60),
            approval: ApprovalRules::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_may_be_given_in_part_and_keeps_the_defaults_for_the_rest() {
        let policy: FulfilmentPolicy =
            serde_json::from_str(r#"{"hold_window": "10m", "call_retry": {"attempts": 5}}"#).unwrap();
        assert_eq!(policy.hold_window, Duration::from_secs(600));
        assert_eq!(policy.call_retry.attempts, 5);
        assert_eq!(policy.call_retry.first_wait, Duration::from_secs(1));
        assert_eq!(policy.payment, PaymentRule::PaidOrAuthorized);
    }

    #[test]
    fn a_policy_survives_the_way_into_a_workflow_and_back() {
        let policy = FulfilmentPolicy::default();
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<FulfilmentPolicy>(&text).unwrap(), policy);
    }
}

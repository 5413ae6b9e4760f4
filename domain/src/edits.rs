//! The table of edits: where an order stands × what the shop changed → what happens.
//!
//! It says in one place what planning comes to; `docs/edits.md` shows it. A plan is not looked up here: it
//! compares pieces and addresses, hand-over by hand-over. Where this room decides a case (the cancellation
//! table, the gate), a test holds the column against it.

use serde::{Deserialize, Serialize};

use crate::{cancellation::Stage, words};

/// What the shop changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Change {
    /// Fewer pieces of a line are wanted, or none: edited away, refunded, or fulfilled by somebody else.
    FewerPieces,
    /// More pieces are wanted, or a further line.
    MorePieces,
    /// It goes to another address.
    AnotherAddress,
    /// The payment was voided or given back, and pieces are still wanted.
    MoneyGone,
    /// The order was cancelled in the shop.
    Cancelled,
    /// A fulfilment order was put on hold, or scheduled for later.
    HoldPlaced,
}

words!(Change, "change");

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditDecision {
    /// The reservation, and what is handed over, follow.
    Follow,
    /// It is reserved beside the rest, and leaves in a further parcel.
    FurtherParcel,
    /// What no longer fits is recalled, and what was stopped is handed over anew as it is wanted now.
    RecallAndFollow,
    /// It keeps its stock and is not handed over.
    Wait,
    /// What has not left is recalled; then as [`Self::Wait`].
    RecallAndWait,
    /// As the cancellation table says.
    Cancel,
    /// It has left: a row for an operator says what differs.
    Show,
    /// Nothing is to be done.
    Nothing,
}

/// Looks the case up.
#[must_use]
pub fn decide_edit(stage: Stage, change: Change) -> EditDecision {
    use Change::{AnotherAddress, Cancelled, FewerPieces, HoldPlaced, MoneyGone, MorePieces};
    use Stage::{Confirmed, Delivered, PartiallyShipped, Pending, Processing, Shipped};
    match (stage, change) {
        (Stage::Cancelled, _) => EditDecision::Nothing,
        (Pending | Confirmed, FewerPieces | MorePieces | AnotherAddress) => EditDecision::Follow,
        (Pending | Confirmed, MoneyGone | HoldPlaced) => EditDecision::Wait,
        (Pending | Confirmed | Processing | PartiallyShipped, Cancelled) => EditDecision::Cancel,
        (Processing | PartiallyShipped, FewerPieces | AnotherAddress) => EditDecision::RecallAndFollow,
        (Processing | PartiallyShipped | Shipped | Delivered, MorePieces) => EditDecision::FurtherParcel,
        (Processing | PartiallyShipped, MoneyGone | HoldPlaced) => EditDecision::RecallAndWait,
        (Shipped | Delivered, FewerPieces | AnotherAddress | Cancelled) => EditDecision::Show,
        (Shipped | Delivered, MoneyGone | HoldPlaced) => EditDecision::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cancellation::{Actor, CancelDecision, CancelUntil, decide_cancellation},
        facts::FinancialStatus,
        gate::{GateDecision, GateFacts, GateRules, IgnoreReason, decide_gate},
        policy::FulfilmentPolicy,
    };

    /// The table as Markdown: one row per stage, one column per change.
    fn markdown() -> String {
        let name = |value: serde_json::Value| value.as_str().unwrap_or_default().replace('_', " ");
        let heads = Change::ALL.map(|change| name(serde_json::to_value(change).unwrap()));
        let mut table = format!("| stage | {} |\n|---|{}\n", heads.join(" | "), "---|".repeat(heads.len()));
        for stage in Stage::ALL {
            let cells =
                Change::ALL.map(|change| name(serde_json::to_value(decide_edit(stage, change)).unwrap()));
            table += &format!("| {} | {} |\n", name(serde_json::to_value(stage).unwrap()), cells.join(" | "));
        }
        table
    }

    #[test]
    fn the_page_for_people_shows_the_table() {
        let page = include_str!("../../docs/edits.md");
        let table = markdown();
        assert!(page.contains(&table), "docs/edits.md should have:\n{table}");
    }

    #[test]
    fn a_cancellation_in_the_shop_is_what_the_cancellation_table_says() {
        for stage in Stage::ALL {
            let expected = match decide_cancellation(stage, Actor::Shopify, CancelUntil::Shipped) {
                CancelDecision::AtOnce | CancelDecision::Recall | CancelDecision::ReleaseTheRest => {
                    EditDecision::Cancel
                }
                CancelDecision::OpenAttention => EditDecision::Show,
                CancelDecision::AlreadyCancelled => EditDecision::Nothing,
                CancelDecision::Refuse => unreachable!("nobody can refuse what the shop has done"),
            };
            assert_eq!(decide_edit(stage, Change::Cancelled), expected, "{stage:?}");
        }
    }

    #[test]
    fn money_that_goes_is_what_the_gate_says() {
        for stage in Stage::ALL {
            let to_ship = match stage {
                Stage::Pending | Stage::Confirmed | Stage::Processing | Stage::PartiallyShipped => 1,
                Stage::Shipped | Stage::Delivered | Stage::Cancelled => 0,
            };
            for status in [FinancialStatus::Voided, FinancialStatus::Refunded] {
                let facts = GateFacts {
                    financial_status: status,
                    was_payable: true,
                    test: false,
                    cancelled: false,
                    was_open: true,
                    to_ship,
                    currency_is_readable: true,
                    skus_are_readable: true,
                };
                let waits = match decide_gate(&facts, &GateRules::of(&FulfilmentPolicy::default())) {
                    GateDecision::AwaitPayment => true,
                    GateDecision::Ignore(IgnoreReason::NothingToShip) => false,
                    other => panic!("{stage:?}: {other:?}"),
                };
                let decided = decide_edit(stage, Change::MoneyGone);
                let says_wait = matches!(decided, EditDecision::Wait | EditDecision::RecallAndWait);
                assert_eq!(says_wait, waits, "{stage:?}");
            }
        }
    }
}

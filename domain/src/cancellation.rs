//! The cancellation table: where an order stands × who asks → what happens.
//!
//! The table drives the workflow, the API's answers, the tests and `docs/cancellation.md`.

use serde::{Deserialize, Serialize};

use crate::{status::OrderStatus, words};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Actor {
    /// The customer, through a front end.
    Customer,
    /// An operator: the console, the Temporal Web UI, a signal typed by hand.
    Operator,
    /// The shop: the order was cancelled there, which nobody can refuse.
    Shopify,
    /// A rule of the policy, for example a payment deadline.
    Policy,
}

words!(Actor, "actor");

/// Where an order stands, as far as cancelling it is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Stage {
    /// Before the reservation.
    Pending,
    /// Reserved, not handed over.
    Confirmed,
    /// Handed over (or about to be), nothing has left.
    Processing,
    /// Some of it has left.
    PartiallyShipped,
    /// All of it has left.
    Shipped,
    /// Delivered.
    Delivered,
    /// Cancelled already.
    Cancelled,
}

words!(Stage, "stage");

impl Stage {
    /// The stage of an order by its status and whether some of it has left.
    #[must_use]
    pub fn of(status: OrderStatus, some_has_left: bool) -> Self {
        match status {
            OrderStatus::Pending => Self::Pending,
            OrderStatus::Confirmed => Self::Confirmed,
            OrderStatus::Processing if some_has_left => Self::PartiallyShipped,
            OrderStatus::Processing => Self::Processing,
            OrderStatus::Shipped => Self::Shipped,
            OrderStatus::Delivered => Self::Delivered,
            OrderStatus::Cancelled => Self::Cancelled,
        }
    }
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelDecision {
    /// Undone here, at once.
    AtOnce,
    /// The warehouse is asked to recall it, which it may refuse.
    Recall,
    /// What has not left is recalled and released; what has left stays shipped.
    ReleaseTheRest,
    /// Refused with the current status.
    Refuse,
    /// It is cancelled already: a success.
    AlreadyCancelled,
    /// It cannot be undone here; a row for an operator says so.
    OpenAttention,
}

/// Up to where a customer may cancel (policy `cancel_until`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelUntil {
    /// While the order is `PENDING`.
    Pending,
    /// Until it is handed over to the warehouse.
    HandOver,
    /// Until it has shipped (the default).
    Shipped,
}

impl CancelUntil {
    fn covers(self, stage: Stage) -> bool {
        match stage {
            Stage::Pending => true,
            Stage::Confirmed => self >= Self::HandOver,
            Stage::Processing | Stage::PartiallyShipped => self >= Self::Shipped,
            Stage::Shipped | Stage::Delivered | Stage::Cancelled => false,
        }
    }
}

/// Looks the case up. `cancel_until` binds the customer alone: an operator mends, a rule of the
/// policy only acts before anything left, and what the shop says has happened already.
#[must_use]
pub fn decide_cancellation(stage: Stage, actor: Actor, cancel_until: CancelUntil) -> CancelDecision {
    match (stage, actor) {
        (Stage::Cancelled, _) => CancelDecision::AlreadyCancelled,
        (Stage::Shipped | Stage::Delivered, Actor::Shopify) => CancelDecision::OpenAttention,
        (Stage::Shipped | Stage::Delivered, _) => CancelDecision::Refuse,
        (stage, Actor::Customer) if !cancel_until.covers(stage) => CancelDecision::Refuse,
        (Stage::Pending | Stage::Confirmed, _) => CancelDecision::AtOnce,
        (Stage::Processing, _) => CancelDecision::Recall,
        (Stage::PartiallyShipped, _) => CancelDecision::ReleaseTheRest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_is_as_published() {
        use Actor::{Customer, Operator, Policy, Shopify};
        use CancelDecision::{AlreadyCancelled, AtOnce, OpenAttention, Recall, Refuse, ReleaseTheRest};
        let table = [
            (Stage::Pending, [AtOnce, AtOnce, AtOnce, AtOnce]),
            (Stage::Confirmed, [AtOnce, AtOnce, AtOnce, AtOnce]),
            (Stage::Processing, [Recall, Recall, Recall, Recall]),
            (Stage::PartiallyShipped, [ReleaseTheRest, ReleaseTheRest, ReleaseTheRest, ReleaseTheRest]),
            (Stage::Shipped, [Refuse, Refuse, OpenAttention, Refuse]),
            (Stage::Delivered, [Refuse, Refuse, OpenAttention, Refuse]),
            (Stage::Cancelled, [AlreadyCancelled, AlreadyCancelled, AlreadyCancelled, AlreadyCancelled]),
        ];
        assert_eq!(table.len(), Stage::ALL.len());
        for (stage, row) in table {
            for (actor, expected) in [Customer, Operator, Shopify, Policy].into_iter().zip(row) {
                assert_eq!(
                    decide_cancellation(stage, actor, CancelUntil::Shipped),
                    expected,
                    "{stage:?} × {actor:?}"
                );
            }
        }
    }

    #[test]
    fn what_has_left_in_part_is_a_stage_of_its_own_while_the_rest_is_at_the_warehouse() {
        let stages = |some_has_left| OrderStatus::ALL.map(|status| Stage::of(status, some_has_left));
        use Stage::{Cancelled, Confirmed, Delivered, PartiallyShipped, Pending, Processing, Shipped};
        assert_eq!(stages(false), [Pending, Confirmed, Processing, Shipped, Delivered, Cancelled]);
        assert_eq!(stages(true), [Pending, Confirmed, PartiallyShipped, Shipped, Delivered, Cancelled]);
    }

    #[test]
    fn the_policy_narrows_what_a_customer_may_do_and_nobody_else() {
        for (until, allowed) in [
            (CancelUntil::Pending, vec![Stage::Pending]),
            (CancelUntil::HandOver, vec![Stage::Pending, Stage::Confirmed]),
            (
                CancelUntil::Shipped,
                vec![Stage::Pending, Stage::Confirmed, Stage::Processing, Stage::PartiallyShipped],
            ),
        ] {
            let open = [Stage::Pending, Stage::Confirmed, Stage::Processing, Stage::PartiallyShipped];
            for stage in open {
                let refused = decide_cancellation(stage, Actor::Customer, until) == CancelDecision::Refuse;
                assert_eq!(refused, !allowed.contains(&stage), "{until:?} {stage:?}");
                assert_ne!(decide_cancellation(stage, Actor::Operator, until), CancelDecision::Refuse);
                assert_ne!(decide_cancellation(stage, Actor::Shopify, until), CancelDecision::Refuse);
            }
        }
    }

    /// A table as Markdown: one row per stage, one column per case.
    fn markdown(heads: &[&str], decide: impl Fn(Stage, usize) -> CancelDecision) -> String {
        let name = |value: serde_json::Value| value.as_str().unwrap_or_default().replace('_', " ");
        let mut table = format!("| stage | {} |\n|---|{}\n", heads.join(" | "), "---|".repeat(heads.len()));
        for stage in Stage::ALL {
            let cells: Vec<String> = (0..heads.len())
                .map(|column| name(serde_json::to_value(decide(stage, column)).unwrap()))
                .collect();
            table += &format!("| {} | {} |\n", name(serde_json::to_value(stage).unwrap()), cells.join(" | "));
        }
        table
    }

    #[test]
    fn the_page_for_people_shows_the_table_the_code_decides_by() {
        let page = include_str!("../../docs/cancellation.md");
        let by_actor = markdown(&Actor::ALL.map(Actor::as_str), |stage, column| {
            decide_cancellation(stage, Actor::ALL[column], CancelUntil::Shipped)
        });
        assert!(page.contains(&by_actor), "docs/cancellation.md should have:\n{by_actor}");

        let limits = [CancelUntil::Pending, CancelUntil::HandOver, CancelUntil::Shipped];
        let by_limit = markdown(&["`pending`", "`hand_over`", "`shipped`"], |stage, column| {
            decide_cancellation(stage, Actor::Customer, limits[column])
        });
        assert!(page.contains(&by_limit), "docs/cancellation.md should have:\n{by_limit}");
    }
}

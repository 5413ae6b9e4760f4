//! What a person may answer to what waits for one.

use serde::{Deserialize, Serialize};

use crate::{ParkReason, Step, words};

/// An answer to a parked step, or to a row for which nothing waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Resolution {
    /// Do the step again.
    Retry,
    /// Go on as if it were done; needs a reason.
    Skip,
    /// Undo what was done and cancel the order.
    Compensate,
    /// The order may be handed over. For what a rule of the policy wants approved.
    Approve,
    /// It may not: it is cancelled; needs a reason.
    Refuse,
    /// Do not wait for the end of the hold window. It answers no row, but an order that is held.
    ReleaseHold,
    /// Ask the warehouse to stop the hand-over that the row offers to recall.
    Recall,
    /// What the row says was dealt with outside; needs a reason. For rows that no workflow waits for.
    Done,
}

words!(Resolution, "action");

impl Resolution {
    /// Whether it has to say why.
    #[must_use]
    pub fn needs_a_reason(self) -> bool {
        matches!(self, Self::Skip | Self::Refuse | Self::Done)
    }

    /// Whether it decides about an order that waits for an approval, and about nothing else.
    #[must_use]
    pub fn decides_approval(self) -> bool {
        matches!(self, Self::Approve | Self::Refuse)
    }

    /// What may be answered to a row: of a step that waits (`has_run`), or of something that is shown.
    #[must_use]
    pub fn answers_to(step: Step, reason: &ParkReason, has_run: bool) -> Vec<Self> {
        if reason.code() == ParkReason::RUN_GONE {
            return vec![Self::Retry, Self::Compensate];
        }
        if reason.code() == ParkReason::COUNT_BELOW_HANDED_OVER {
            return vec![Self::Recall, Self::Done];
        }
        if !has_run {
            return vec![Self::Done];
        }
        if reason.is_approval() {
            return vec![Self::Approve, Self::Refuse];
        }
        let mut answers = vec![Self::Retry];
        if may_skip(step, reason) {
            answers.push(Self::Skip);
        }
        answers.push(Self::Compensate);
        answers
    }
}

/// What cannot be gone on without: a line nobody can pick, stock nobody has, pieces nobody ships.
#[must_use]
pub fn may_skip(step: Step, reason: &ParkReason) -> bool {
    !matches!(
        (step, reason.code()),
        (Step::Reserve | Step::RecordParcel | Step::ReadOrder, _)
            | (Step::LookInShop, ParkReason::NO_ADDRESS | ParkReason::LOCATION_NOT_MAPPED)
            | (Step::Gate, ParkReason::UNKNOWN_SKU | ParkReason::UNREADABLE_CURRENCY)
            | (_, ParkReason::CANCELLED_BY_WAREHOUSE | ParkReason::WAREHOUSE_EXCEPTION)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_answered_follows_from_what_waits() {
        use Resolution::{Approve, Compensate, Done, Recall, Refuse, Retry, Skip};
        for (step, reason, has_run, answers) in [
            (Step::HandOver, "WMS_BAD_ADDRESS", true, vec![Retry, Skip, Compensate]),
            (Step::HandOver, ParkReason::WAREHOUSE_EXCEPTION, true, vec![Retry, Compensate]),
            (Step::Reserve, ParkReason::UNKNOWN_SKU, true, vec![Retry, Compensate]),
            (Step::Gate, ParkReason::APPROVAL, true, vec![Approve, Refuse]),
            (Step::Gate, ParkReason::RUN_GONE, false, vec![Retry, Compensate]),
            (Step::Follow, ParkReason::EDITED_TOO_LATE, false, vec![Done]),
            (Step::Follow, ParkReason::COUNT_BELOW_HANDED_OVER, false, vec![Recall, Done]),
        ] {
            let reason = ParkReason::new(reason);
            assert_eq!(Resolution::answers_to(step, &reason, has_run), answers, "{step} {reason}");
        }
    }

    #[test]
    fn what_is_not_done_as_it_was_asked_for_needs_a_reason() {
        let asked = Resolution::ALL.into_iter().filter(|answer| answer.needs_a_reason());
        assert_eq!(asked.collect::<Vec<_>>(), [Resolution::Skip, Resolution::Refuse, Resolution::Done]);
    }

    #[test]
    fn every_answer_reads_back() {
        for answer in Resolution::ALL {
            assert_eq!(answer.as_str().parse(), Ok(answer));
            assert_eq!(serde_json::to_string(&answer).unwrap(), format!("\"{answer}\""));
        }
    }
}

//! The steps of the story, by name. The ledger, parked steps, metrics and tests all use these names.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ids::ParseError;

/// A step that does something to the world, or undoes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Decide whether the order is to be fulfilled, and wait until it may be.
    Gate,
    /// Read the shop's own order, where two messages of one moment disagree.
    ReadOrder,
    /// Reserve its stock.
    Reserve,
    /// Look at the shop's fulfilment orders before the hand-over.
    LookInShop,
    /// Hand it over to the warehouse.
    HandOver,
    /// Book what the warehouse shipped.
    RecordParcel,
    /// Notify the shop of what shipped.
    TellShop,
    /// Undo of `HandOver`: recall it at the warehouse.
    Recall,
    /// Undo of `Reserve`: give the stock back.
    Release,
    /// Notify the shop that the order was cancelled here.
    CancelInShop,
    /// Give back in the shop what was paid for the rest of an order of which some has left.
    RefundInShop,
    /// Book the cancellation.
    RecordCancelled,
    /// Follow what the shop or the warehouse said. Nothing waits here: its rows show what could not be
    /// followed.
    Follow,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 13] = [
        Self::Gate,
        Self::ReadOrder,
        Self::Reserve,
        Self::LookInShop,
        Self::HandOver,
        Self::RecordParcel,
        Self::TellShop,
        Self::Recall,
        Self::Release,
        Self::CancelInShop,
        Self::RefundInShop,
        Self::RecordCancelled,
        Self::Follow,
    ];

    /// The name used in the status query, the database, search attributes and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::ReadOrder => "read_order",
            Self::Reserve => "reserve",
            Self::LookInShop => "look_in_shop",
            Self::HandOver => "hand_over",
            Self::RecordParcel => "record_parcel",
            Self::TellShop => "tell_shop",
            Self::Recall => "recall",
            Self::Release => "release",
            Self::CancelInShop => "cancel_in_shop",
            Self::RefundInShop => "refund_in_shop",
            Self::RecordCancelled => "record_cancelled",
            Self::Follow => "follow",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Step {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::ALL.into_iter().find(|step| step.as_str() == text).ok_or(ParseError::new(
            "step",
            "one of gate, read_order, reserve, look_in_shop, hand_over, record_parcel, tell_shop, recall, release, cancel_in_shop, refund_in_shop, record_cancelled, follow",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_reads_back_and_is_written_the_same_in_json() {
        for step in Step::ALL {
            assert_eq!(step.as_str().parse(), Ok(step));
            assert_eq!(serde_json::to_string(&step).unwrap(), format!("\"{step}\""));
        }
    }
}

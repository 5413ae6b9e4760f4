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
    /// Reserve its stock.
    Reserve,
    /// Hand it over to the warehouse.
    HandOver,
    /// Book what the warehouse shipped.
    RecordParcel,
    /// Tell the shop what shipped.
    TellShop,
    /// Undo of `HandOver`: recall it at the warehouse.
    Recall,
    /// Undo of `Reserve`: give the stock back.
    Release,
    /// Tell the shop that the order was cancelled here.
    CancelInShop,
    /// Book the cancellation.
    RecordCancelled,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 9] = [
        Self::Gate,
        Self::Reserve,
        Self::HandOver,
        Self::RecordParcel,
        Self::TellShop,
        Self::Recall,
        Self::Release,
        Self::CancelInShop,
        Self::RecordCancelled,
    ];

    /// The name used in the status query, the database, search attributes and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Reserve => "reserve",
            Self::HandOver => "hand_over",
            Self::RecordParcel => "record_parcel",
            Self::TellShop => "tell_shop",
            Self::Recall => "recall",
            Self::Release => "release",
            Self::CancelInShop => "cancel_in_shop",
            Self::RecordCancelled => "record_cancelled",
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
            "one of gate, reserve, hand_over, record_parcel, tell_shop, recall, release, cancel_in_shop, record_cancelled",
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

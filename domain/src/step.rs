//! The steps of the story, by name. The ledger, parked steps, metrics and tests all use these names.

use serde::{Deserialize, Serialize};

use crate::words;

/// A step that does something to the world, or undoes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
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

words!(Step, "step");

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

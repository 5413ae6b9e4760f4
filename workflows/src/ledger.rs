//! The ledger of steps, what is still to be undone, and the answer to the query `status`.

use std::collections::{BTreeSet, VecDeque};

use chrono::{DateTime, Utc};
use domain::{
    FinancialStatus, LaneName, OrderId, OrderNumber, OrderStatus, ParkReason, RequestReference, Step,
};
use serde::{Deserialize, Serialize};

use crate::{
    contract::{Parcel, PlannedRequest},
    messages::WarehouseUpdate,
};

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerState {
    /// Begun; it may or may not have had its effect.
    Pending,
    /// Done.
    Done,
    /// Done, then undone.
    Undone,
    /// An operator said to go on without it.
    Skipped,
}

/// One step that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    /// Which.
    pub step: Step,
    /// On what: a hand-over's reference, a parcel; empty for the order itself.
    pub subject: String,
    /// How it stands.
    pub state: LedgerState,
}

/// What has to be undone when the order is cancelled, pushed before it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "undo")]
pub enum Undo {
    /// Give the stock back.
    Release,
    /// Recall a hand-over.
    Recall {
        /// Which.
        reference: RequestReference,
    },
}

/// How far the story has come. It is carried over when the run starts over with a fresh history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Progress {
    /// The hold window is behind us.
    pub past_hold: bool,
    /// What another run began was caught up with.
    pub caught_up: bool,
    /// A person said to go on although the payment stands like this.
    pub paid_as: Option<FinancialStatus>,
    /// Since when the money is gone.
    pub unpaid_since: Option<DateTime<Utc>>,
    /// The shop's cancellation came too late.
    pub shop_cancel_is_concluded: bool,
    /// It was cancelled when some of it could not be stopped: nothing else goes out.
    pub rest_is_cancelled: bool,
    /// A person said to go on without a look at the shop's fulfilment orders.
    pub look_skipped: bool,
    /// Since when the shop's fulfilment orders are looked for in vain.
    pub not_there_since: Option<DateTime<Utc>>,
    /// Hand-overs that a person said are to stay as they are.
    pub left_as_they_are: Vec<RequestReference>,
    /// Every step that was begun, in the order of beginning.
    pub ledger: Vec<LedgerEntry>,
    /// What has to be undone, last pushed last.
    pub undos: Vec<Undo>,
    /// Messages that were taken already.
    pub seen: BTreeSet<String>,
    /// What the warehouse said and the story has not dealt with yet.
    pub updates: VecDeque<WarehouseUpdate>,
    /// The order's hand-overs.
    pub requests: Vec<PlannedRequest>,
    /// Hand-overs that were recalled: what the warehouse says of cancelling them is no update.
    pub recalled: BTreeSet<RequestReference>,
    /// Lines that wait for stock.
    pub waiting_lines: u32,
    /// Pieces that the shop holds.
    pub held_back: u32,
    /// When the shop lets them go, if it says so.
    pub held_until: Option<DateTime<Utc>>,
    /// Pieces that have left.
    pub pieces_left: u32,
    /// Parcels that are booked but that the shop has not heard of.
    pub unnotified: Vec<Parcel>,
    /// Calls that were begun and are not answered: one that is called off and made again waits on.
    pub calls_begun: Vec<PendingCall>,
}

impl Progress {
    /// Pieces that are still to leave.
    pub fn outstanding_pieces(&self) -> u32 {
        let planned: u32 = self.requests.iter().map(|request| request.pieces).sum();
        planned.saturating_sub(self.pieces_left)
    }

    /// Pieces of them that a warehouse has.
    pub fn outstanding_at_warehouses(&self) -> u32 {
        let accepted = self.requests.iter().filter(|request| request.accepted);
        let pieces: u32 = accepted.map(|request| request.pieces).sum();
        pieces.saturating_sub(self.pieces_left)
    }

    /// Changes what is known of one hand-over.
    pub fn request_mut(&mut self, reference: &RequestReference, change: impl FnOnce(&mut PlannedRequest)) {
        if let Some(known) = self.requests.iter_mut().find(|known| known.reference == *reference) {
            change(known);
        }
    }

    /// Notes how a step stands.
    pub fn note(&mut self, step: Step, subject: &str, state: LedgerState) {
        match self.ledger.iter_mut().find(|entry| entry.step == step && entry.subject == subject) {
            Some(entry) => entry.state = state,
            None => self.ledger.push(LedgerEntry { step, subject: subject.to_owned(), state }),
        }
    }

    /// Pushes an undo, once.
    pub fn push_undo(&mut self, undo: Undo) {
        if !self.undos.contains(&undo) {
            self.undos.push(undo);
        }
    }
}

/// A step that waits for an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParkedView {
    /// Which.
    pub step: Step,
    /// Why, as a code.
    pub reason: ParkReason,
}

/// A call that nobody has answered yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingCall {
    /// At which step.
    pub step: Step,
    /// The lane of whoever is called.
    pub lane: LaneName,
    /// When the order came to it.
    pub since: DateTime<Utc>,
}

/// The answer to the query `status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusView {
    /// Our id of the order.
    pub order_id: OrderId,
    /// The number people use.
    pub order_number: OrderNumber,
    /// Where it stands.
    pub status: OrderStatus,
    /// What the search attribute `OrderStage` says.
    pub stage: String,
    /// Which version of the story this run tells.
    pub story_version: u32,
    /// The step that waits for an operator, if one does.
    pub parked: Option<ParkedView>,
    /// The call that it waits for, if it does.
    pub pending_call: Option<PendingCall>,
    /// Every step that was begun.
    pub ledger: Vec<LedgerEntry>,
    /// Messages that had no effect, with the reason, newest last.
    pub refused: Vec<String>,
}

//! What is to be fulfilled from one location, whether it may be, and how it is divided.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use strum::IntoStaticStr;

use super::moments;
use super::orders::{Ids, gid};

/// What is to be fulfilled from one location.
pub(super) struct FulfilmentOrder {
    pub(super) id: i64,
    pub(super) place: Place,
    pub(super) closed: bool,
    pub(super) holds: Vec<Hold>,
    /// Before this moment it is scheduled.
    pub(super) fulfil_at: Option<DateTime<Utc>>,
    /// The fulfilment order that took what was not put on hold; it comes back with the release.
    pub(super) rest: Option<i64>,
    pub(super) updated_at: String,
    pub(super) lines: Vec<FulfilmentOrderLine>,
}

/// A line of a fulfilment order.
#[derive(Clone)]
pub(super) struct FulfilmentOrderLine {
    pub(super) id: i64,
    /// The id of the order's line.
    pub(super) line: i64,
    pub(super) total: i64,
    pub(super) remaining: i64,
}

/// A location, with the name the shop shows.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) id: i64,
    pub(super) name: String,
}

/// Why a fulfilment order has to wait.
pub(super) struct Hold {
    pub(super) id: i64,
    pub(super) reason: String,
    pub(super) reason_notes: Option<String>,
    pub(super) handle: Option<String>,
}

/// Where a fulfilment order stands.
#[derive(Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    Open,
    InProgress,
    Scheduled,
    OnHold,
    Closed,
}

/// So many pieces of one line of the order.
pub(super) type Pieces = (i64, i64);

impl Status {
    /// As the Admin API writes it; webhooks and messages write it small.
    pub(super) fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Place {
    /// A location of the merchant's own.
    pub(super) fn own(id: i64) -> Self {
        Self { id, name: format!("Location {id}") }
    }
}

impl FulfilmentOrderLine {
    pub(super) fn new(ids: &Ids, (line, quantity): Pieces) -> Self {
        Self { id: ids.next(), line, total: quantity, remaining: quantity }
    }
}

impl FulfilmentOrder {
    pub(super) fn new(id: i64, place: Place, lines: Vec<FulfilmentOrderLine>) -> Self {
        Self {
            id,
            place,
            closed: false,
            holds: Vec::new(),
            fulfil_at: None,
            rest: None,
            updated_at: moments::now(),
            lines,
        }
    }

    pub(super) fn status(&self) -> Status {
        if self.closed {
            Status::Closed
        } else if !self.holds.is_empty() {
            Status::OnHold
        } else if self.fulfil_at.is_some_and(|moment| moment > Utc::now()) {
            Status::Scheduled
        } else if self.has_progress() {
            Status::InProgress
        } else {
            Status::Open
        }
    }

    /// Whether something of it may be fulfilled now.
    pub(super) fn is_fulfillable(&self) -> bool {
        matches!(self.status(), Status::Open | Status::InProgress)
    }

    /// Whether something of it was fulfilled.
    pub(super) fn has_progress(&self) -> bool {
        self.lines.iter().any(|line| line.remaining < line.total)
    }

    /// What remains of a line of the order.
    pub(super) fn remaining(&self, line: i64) -> i64 {
        self.lines.iter().filter(|known| known.line == line).map(|known| known.remaining).sum()
    }

    /// Everything that remains.
    pub(super) fn all_remaining(&self) -> Vec<Pieces> {
        let remaining = self.lines.iter().filter(|line| line.remaining > 0);
        remaining.map(|line| (line.line, line.remaining)).collect()
    }

    /// Whether these pieces are all that remains.
    pub(super) fn is_whole(&self, pieces: &[Pieces]) -> bool {
        self.all_remaining().iter().all(|(line, remaining)| pieces.contains(&(*line, *remaining)))
    }

    /// Takes these pieces out, into lines for another fulfilment order.
    pub(super) fn take_out(&mut self, ids: &Ids, pieces: &[Pieces]) -> Vec<FulfilmentOrderLine> {
        for (line, quantity) in pieces {
            self.reduce(*line, *quantity);
        }
        self.settle();
        pieces.iter().map(|pieces| FulfilmentOrderLine::new(ids, *pieces)).collect()
    }

    /// Takes up pieces that another fulfilment order gave away.
    pub(super) fn take_in(&mut self, ids: &Ids, pieces: &[Pieces]) {
        for (line, quantity) in pieces {
            match self.lines.iter_mut().find(|known| known.line == *line) {
                Some(known) => {
                    known.total += quantity;
                    known.remaining += quantity;
                }
                None => self.lines.push(FulfilmentOrderLine::new(ids, (*line, *quantity))),
            }
        }
        self.updated_at = moments::now();
    }

    /// Fewer pieces of a line are to be fulfilled.
    pub(super) fn reduce(&mut self, line: i64, quantity: i64) {
        let mut left = quantity;
        for known in self.lines.iter_mut().filter(|known| known.line == line) {
            let taken = left.min(known.remaining);
            known.total -= taken;
            known.remaining -= taken;
            left -= taken;
        }
    }

    /// Closed when nothing remains; while something does, lines that were emptied go.
    pub(super) fn settle(&mut self) {
        self.updated_at = moments::now();
        if self.lines.iter().all(|line| line.remaining == 0) {
            self.closed = true;
            self.holds.clear();
        } else {
            self.lines.retain(|line| line.total > 0);
        }
    }

    /// As webhooks carry it: its id and where it stands, and nothing about the order.
    pub(super) fn told(&self) -> Value {
        json!({ "id": gid("FulfillmentOrder", self.id), "status": self.status().as_str().to_lowercase() })
    }

    /// The ids and quantities of the lines that hold these pieces, as webhooks name them.
    pub(super) fn told_lines(&self, pieces: &[Pieces]) -> Vec<Value> {
        let told = |(line, quantity): &Pieces| {
            let known = self.lines.iter().find(|known| known.line == *line)?;
            Some(json!({ "id": gid("FulfillmentOrderLineItem", known.id), "quantity": quantity }))
        };
        pieces.iter().filter_map(told).collect()
    }
}

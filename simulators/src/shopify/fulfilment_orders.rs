//! What is to be fulfilled from one location, whether it may be, and how it is divided.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use strum::IntoStaticStr;

use super::moments;
use super::orders::{Ids, gid, id_in};

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

impl FulfilmentOrder {
    pub(super) fn new(ids: &Ids, place: Place, pieces: &[Pieces]) -> Self {
        let mut new = Self {
            id: ids.next(),
            place,
            closed: false,
            holds: Vec::new(),
            fulfil_at: None,
            rest: None,
            updated_at: moments::now(),
            lines: Vec::new(),
        };
        new.take_in(ids, pieces);
        new
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

    /// Gives these pieces away.
    pub(super) fn take_out(&mut self, pieces: &[Pieces]) {
        for (line, quantity) in pieces {
            for known in self.lines.iter_mut().filter(|known| known.line == *line) {
                let taken = known.remaining.min(*quantity);
                known.total -= taken;
                known.remaining -= taken;
            }
        }
        self.settle();
    }

    /// Takes up further pieces, in one line for each line of the order.
    pub(super) fn take_in(&mut self, ids: &Ids, pieces: &[Pieces]) {
        for &(line, quantity) in pieces {
            match self.lines.iter_mut().find(|known| known.line == line) {
                Some(known) => {
                    known.total += quantity;
                    known.remaining += quantity;
                }
                None => {
                    let id = ids.next();
                    self.lines.push(FulfilmentOrderLine { id, line, total: quantity, remaining: quantity });
                }
            }
        }
        self.updated_at = moments::now();
    }

    /// The pieces that a mutation names by their lines here; all that remains where it names none.
    pub(super) fn named_pieces(&self, wanted: &Value) -> Result<Vec<Pieces>, &'static str> {
        let mut pieces: Vec<Pieces> = Vec::new();
        for line in wanted.as_array().into_iter().flatten() {
            let id = id_in("FulfillmentOrderLineItem", &line["id"]);
            let known = self.lines.iter().find(|known| Some(known.id) == id);
            let known = known.ok_or("Fulfillment order line item does not exist.")?;
            let quantity = line["quantity"].as_i64().unwrap_or_default();
            if quantity < 1 || add_up(&mut pieces, (known.line, quantity)) > known.remaining {
                return Err("Invalid fulfillment order line item quantity requested.");
            }
        }
        Ok(if pieces.is_empty() { self.all_remaining() } else { pieces })
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

/// Adds pieces to those of the same line; how many of that line there are then.
fn add_up(all: &mut Vec<Pieces>, (line, quantity): Pieces) -> i64 {
    match all.iter_mut().find(|(known, _)| *known == line) {
        Some((_, sum)) => {
            *sum += quantity;
            *sum
        }
        None => {
            all.push((line, quantity));
            quantity
        }
    }
}

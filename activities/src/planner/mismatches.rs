//! What is at warehouses and no longer fits what is wanted.
//!
//! **Invariant:** pure: what is not in the situation is not asked.

use std::collections::BTreeMap;

use domain::{LineId, RequestReference, WarehouseId};
use inventory::{Pinned, PlacedLine};
use orders::fulfilment_request::FulfilmentRequest;
use workflows::contract::Rules;

use super::{demand::Demand, situation::Situation};

/// What is at warehouses and has to be taken back, and what differs and cannot be.
#[derive(Debug, Default)]
pub(crate) struct Mismatches {
    pub(crate) recalls: Vec<RequestReference>,
    /// What leaves although it is wanted no more, or differently: in words.
    pub(crate) too_late: Vec<String>,
    pub(crate) pinned: Vec<Pinned>,
}

impl Mismatches {
    /// Compares what warehouses have with what is wanted. Nothing is wanted where the gate says so.
    pub(crate) fn of(situation: &Situation, demand: &Demand, rules: &Rules, wanted: bool) -> Self {
        let mut mismatches = Self::default();
        let mut room = Room::of(demand, wanted);
        let mut there = situation.at_warehouses();
        // What stays whatever we wish comes first: it leaves the rest less room.
        there.sort_by_key(|(fulfilment_request, _)| !stays(fulfilment_request, rules));
        for (fulfilment_request, lines) in there {
            for (line_id, pieces) in &lines {
                mismatches.pinned.push(Pinned {
                    line_id: line_id.clone(),
                    warehouse: fulfilment_request.warehouse.clone(),
                    pieces: *pieces,
                });
            }
            let others = other_items(fulfilment_request, &lines, situation);
            let to_elsewhere = goes_elsewhere(fulfilment_request, situation);
            let too_many = room.take(&fulfilment_request.warehouse, &lines);
            let is_wanted_back = fulfilment_request.recall_wanted;
            if too_many.is_empty() && !to_elsewhere && others.is_empty() && !is_wanted_back {
                continue;
            }
            if !stays(fulfilment_request, rules) {
                room.give_back(&fulfilment_request.warehouse, &lines, &too_many);
                mismatches.recalls.push(fulfilment_request.reference.clone());
                continue;
            }
            mismatches.too_late.extend(too_many.iter().map(|(line_id, pieces)| {
                let of_line =
                    |line: &&orders::fulfilment_request::RequestedLine| line.line_id == line_id.as_str();
                let sku = fulfilment_request.lines.iter().find(of_line).map_or("", |line| line.sku.as_str());
                format!("{pieces} × {sku} leave with {} and are not wanted", fulfilment_request.reference)
            }));
            mismatches.too_late.extend(others);
            if to_elsewhere {
                mismatches.too_late.push(format!(
                    "{} goes to the address it was handed over with",
                    fulfilment_request.reference
                ));
            }
        }
        mismatches
    }
}

/// The warehouse was asked once and could not stop it, or a person said to leave it.
fn stays(fulfilment_request: &FulfilmentRequest, rules: &Rules) -> bool {
    fulfilment_request.recall_refused || rules.left_as_they_are.contains(&fulfilment_request.reference)
}

fn goes_elsewhere(fulfilment_request: &FulfilmentRequest, situation: &Situation) -> bool {
    fulfilment_request.was_called && fulfilment_request.ship_to_digest != situation.brief.ship_to_digest
}

/// What a warehouse has of lines that a person has said since are something else, in words.
fn other_items(
    fulfilment_request: &FulfilmentRequest,
    there: &[(LineId, u32)],
    situation: &Situation,
) -> Vec<String> {
    if !situation.is_edited {
        return Vec::new();
    }
    let wanted = |line_id: &LineId| {
        let mut lines = situation.brief.wanted.iter().chain(&situation.brief.of_others);
        lines.find(|line| line.line_id == *line_id)?.sku.as_deref()
    };
    let words = |(line_id, pieces): &(LineId, u32)| {
        let handed = fulfilment_request.lines.iter().find(|line| line.line_id == line_id.as_str())?;
        let wanted = wanted(line_id)?;
        (wanted.trim() != handed.sku).then(|| {
            format!(
                "{pieces} × {} leave with {} instead of {wanted}",
                handed.sku, fulfilment_request.reference
            )
        })
    };
    there.iter().filter_map(words).collect()
}

/// Pieces that may be at warehouses.
struct Room {
    at: BTreeMap<(LineId, WarehouseId), u32>,
    anywhere: BTreeMap<LineId, u32>,
}

impl Room {
    fn of(demand: &Demand, wanted: bool) -> Self {
        let mut room = Self { at: BTreeMap::new(), anywhere: BTreeMap::new() };
        if !wanted {
            return room;
        }
        for PlacedLine { warehouse, line } in &demand.placed {
            *room.at.entry((line.line_id.clone(), warehouse.clone())).or_default() += line.quantity.get();
        }
        for line in &demand.lines {
            *room.anywhere.entry(line.line_id.clone()).or_default() += line.quantity.get();
        }
        for (line_id, held) in &demand.held_back {
            let mut held = *held;
            let rooms = room.at.iter_mut().filter(|((line, _), _)| line == line_id).map(|(_, pieces)| pieces);
            for pieces in rooms.chain(room.anywhere.get_mut(line_id)) {
                let taken = held.min(*pieces);
                *pieces -= taken;
                held -= taken;
            }
        }
        room
    }

    /// Takes room for these pieces; what found none.
    fn take(&mut self, warehouse: &WarehouseId, lines: &[(LineId, u32)]) -> Vec<(LineId, u32)> {
        let mut too_many = Vec::new();
        for (line_id, pieces) in lines {
            let mut left = *pieces;
            let exact = self.at.get_mut(&(line_id.clone(), warehouse.clone()));
            for room in exact.into_iter().chain(self.anywhere.get_mut(line_id)) {
                let taken = left.min(*room);
                *room -= taken;
                left -= taken;
            }
            if left > 0 {
                too_many.push((line_id.clone(), left));
            }
        }
        too_many
    }

    /// What is recalled takes no room.
    fn give_back(&mut self, warehouse: &WarehouseId, lines: &[(LineId, u32)], too_many: &[(LineId, u32)]) {
        for (line_id, pieces) in lines {
            let over = too_many.iter().find(|(line, _)| line == line_id).map_or(0, |(_, over)| *over);
            let key = (line_id.clone(), warehouse.clone());
            let room = match self.at.get_mut(&key) {
                Some(room) => room,
                None => self.anywhere.entry(line_id.clone()).or_default(),
            };
            *room += pieces.saturating_sub(over);
        }
    }
}

#[cfg(test)]
mod tests;

//! Why the planner chose as it did.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::subset::{self, Rank};
use super::{DemandLine, Drafted, Plan, Shelf, Warehouse, draft, queue_at};
use crate::ids::{LineId, Sku, WarehouseId};
use crate::quantity::Quantity;

/// Which warehouse would serve which line, and why not the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Whether every line would get all it asks for.
    pub complete: bool,
    /// From how many warehouses the order would ship: one parcel each.
    pub parcels: usize,
    /// The lines, in the order in which they were asked for.
    pub lines: Vec<LineExplanation>,
}

/// Who would serve one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LineExplanation {
    /// The line.
    pub line_id: LineId,
    /// What it asks for.
    pub sku: Sku,
    /// How many pieces it asks for.
    pub requested: Quantity,
    /// Whether no warehouse has a place for the SKU: then it is no item.
    pub unknown_sku: bool,
    /// Pieces it would not get.
    pub missing: u64,
    /// Where it would wait for them.
    pub queue_at: Option<WarehouseId>,
    /// What each warehouse would do.
    pub warehouses: Vec<WarehouseVerdict>,
}

/// What one warehouse would do for one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WarehouseVerdict {
    /// The warehouse.
    pub warehouse: WarehouseId,
    /// Pieces of the SKU a newcomer could get there.
    pub available: u64,
    /// Pieces it would give the line.
    pub serves: u64,
    /// Why it would give none; none if it gives some.
    pub why_not: Option<WhyNot>,
}

/// Why a warehouse would give a line nothing. What is told is the first in this order that is true.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::IntoStaticStr, strum::VariantArray,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum WhyNot {
    /// It takes no new reservations. Whoever knows that says so; the planner does not.
    Inactive,
    /// It has no place for the SKU.
    NotStocked,
    /// A newcomer could get no piece there.
    OutOfStock,
    /// It serves other lines of the order, and what that leaves is less than this line gets elsewhere;
    /// or earlier lines get every piece there is anywhere.
    GivenToOtherLines,
    /// It has less than the line gets elsewhere.
    NotEnough,
    /// Whatever it were combined with, the order would ship from more warehouses.
    AnotherShipsFewerParcels,
    /// With as few parcels, more lines would be split over warehouses.
    AnotherSplitsFewerLines,
    /// With all that equal, the preferred warehouse would be left out, or comes first.
    AnotherIsPreferred,
    /// With all that equal, priority speaks for others.
    LowerPriority,
    /// With all that equal, the names decide.
    LaterName,
    /// There are too many warehouses to try every combination, and step by step the chosen ones gave
    /// at least as many pieces.
    OthersGiveMore,
}

/// Explains what [`super::plan`] makes of the same demand and shelves. Each line tells of every one of
/// `warehouses`, in that order, whether it has shelves or not.
#[must_use]
pub fn explain(
    demand: &[DemandLine],
    shelves: &[Shelf],
    warehouses: &[WarehouseId],
    preferred: Option<&WarehouseId>,
) -> Explanation {
    let drafted = draft(demand, shelves, preferred);
    let reasons = Reasons::new(&drafted, shelves);
    let line = |line: &DemandLine| {
        let missing = drafted.plan.missing.iter().find(|missing| missing.line_id == line.line_id);
        let missing = missing.map_or(0, |missing| u64::from(missing.quantity.get()));
        LineExplanation {
            line_id: line.line_id.clone(),
            sku: line.sku.clone(),
            requested: line.quantity,
            unknown_sku: !shelves.iter().any(|shelf| shelf.sku == line.sku),
            missing,
            queue_at: if missing > 0 { queue_at(&line.sku, shelves, preferred) } else { None },
            warehouses: warehouses.iter().map(|warehouse| reasons.verdict(line, warehouse)).collect(),
        }
    };
    Explanation {
        complete: drafted.plan.is_complete(),
        parcels: drafted.plan.picks.iter().map(|pick| &pick.warehouse).collect::<BTreeSet<_>>().len(),
        lines: demand.iter().map(line).collect(),
    }
}

/// What is known of the plan, to reason with.
struct Reasons<'d, 'a> {
    drafted: &'d Drafted<'a>,
    available: BTreeMap<(&'a Sku, &'a WarehouseId), u64>,
    /// For each warehouse that was not chosen, what speaks against it.
    against: BTreeMap<&'a WarehouseId, WhyNot>,
}

impl<'d, 'a> Reasons<'d, 'a> {
    fn new(drafted: &'d Drafted<'a>, shelves: &'a [Shelf]) -> Self {
        let mut available = BTreeMap::new();
        for shelf in shelves {
            *available.entry((&shelf.sku, &shelf.warehouse)).or_default() += shelf.available;
        }
        let chosen: Vec<&Warehouse<'_>> = drafted.chosen.iter().map(|at| &drafted.warehouses[*at]).collect();
        let best = subset::merit(&drafted.grants, &chosen);
        let others = (0..drafted.warehouses.len()).filter(|at| !drafted.chosen.contains(at));
        let against = others.map(|at| {
            let with_it = subset::best_with(&drafted.grants, &drafted.warehouses, at, drafted.chosen.len());
            (drafted.warehouses[at].id, compare(&best, with_it))
        });
        Self { drafted, available, against: against.collect() }
    }

    fn verdict(&self, line: &DemandLine, warehouse: &WarehouseId) -> WarehouseVerdict {
        let available = self.available.get(&(&line.sku, warehouse)).copied();
        let serves = taken(&self.drafted.plan, |id, _| *id == line.line_id, warehouse);
        let why_not = if serves > 0 { None } else { Some(self.why_not(line, warehouse, available)) };
        WarehouseVerdict { warehouse: warehouse.clone(), available: available.unwrap_or(0), serves, why_not }
    }

    fn why_not(&self, line: &DemandLine, warehouse: &WarehouseId, available: Option<u64>) -> WhyNot {
        let Some(available) = available else { return WhyNot::NotStocked };
        if available == 0 {
            return WhyNot::OutOfStock;
        }
        let granted: u64 =
            self.drafted.grants.iter().filter(|g| g.line.line_id == line.line_id).map(|g| g.pieces).sum();
        let of_others =
            taken(&self.drafted.plan, |id, sku| *id != line.line_id && *sku == line.sku, warehouse);
        if granted == 0 || (available >= granted && available - of_others < granted) {
            return WhyNot::GivenToOtherLines;
        }
        if available < granted {
            return WhyNot::NotEnough;
        }
        match self.against.get(warehouse) {
            Some(why_not) => *why_not,
            None => self.outranked(line, warehouse),
        }
    }

    /// It was chosen for other lines and had room for this one, so one that ranks before it had too.
    fn outranked(&self, line: &DemandLine, warehouse: &WarehouseId) -> WhyNot {
        let warehouses = &self.drafted.warehouses;
        let picks = &self.drafted.plan.picks;
        let home = picks.iter().find(|pick| pick.line_id == line.line_id).map(|pick| &pick.warehouse);
        let home = warehouses.iter().find(|candidate| Some(candidate.id) == home);
        let this = warehouses.iter().find(|candidate| candidate.id == warehouse);
        match (home, this) {
            (Some(home), _) if home.preferred => WhyNot::AnotherIsPreferred,
            (Some(home), Some(this)) if home.priority < this.priority => WhyNot::LowerPriority,
            _ => WhyNot::LaterName,
        }
    }
}

/// Pieces that lines take from the warehouse.
fn taken(plan: &Plan, which: impl Fn(&LineId, &Sku) -> bool, warehouse: &WarehouseId) -> u64 {
    let picks = plan.picks.iter().filter(|pick| pick.warehouse == *warehouse);
    picks.filter(|pick| which(&pick.line_id, &pick.sku)).map(|pick| u64::from(pick.quantity.get())).sum()
}

/// The first respect in which the best combination with a warehouse is worse than the chosen one.
fn compare(best: &Rank<'_>, with_it: subset::Alternative<'_>) -> WhyNot {
    match with_it {
        subset::Alternative::NotTried => WhyNot::OthersGiveMore,
        subset::Alternative::None => WhyNot::AnotherShipsFewerParcels,
        subset::Alternative::Best(with_it) if with_it.split_lines > best.split_lines => {
            WhyNot::AnotherSplitsFewerLines
        }
        subset::Alternative::Best(with_it) if with_it.without_preferred != best.without_preferred => {
            WhyNot::AnotherIsPreferred
        }
        subset::Alternative::Best(with_it) if with_it.priorities > best.priorities => WhyNot::LowerPriority,
        subset::Alternative::Best(_) => WhyNot::LaterName,
    }
}

#[cfg(test)]
mod tests;

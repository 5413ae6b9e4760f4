//! The allocation planner: which warehouse gives how many pieces to which line.
//!
//! One warehouse for all lines if one can; else the fewest that give as many pieces as all together
//! could. Of those the choice falls on the ones that split the fewest lines, then on the preferred
//! warehouse, then on the lowest sum of priorities, then on the first names.
//!
//! **Invariant:** a plan takes nothing a shelf does not have and gives no line more than it asked
//! for, and the same shelves in another order make the same plan.

mod assignment;
mod explain;
mod subset;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::{LineId, Sku, WarehouseId};
use crate::quantity::Quantity;

pub use explain::{Explanation, LineExplanation, WarehouseVerdict, WhyNot, explain};

/// A line of an order that asks for pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DemandLine {
    /// The line, unique within the order.
    pub line_id: LineId,
    /// What it asks for.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: Quantity,
}

/// What a newcomer could get of one SKU in one warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelf {
    /// What lies there.
    pub sku: Sku,
    /// Where.
    pub warehouse: WarehouseId,
    /// Pieces that nobody holds and nobody waits for.
    pub available: u64,
    /// The warehouse's priority; the lowest is taken from first.
    pub priority: i32,
}

/// Pieces of one line to be taken from one warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pick {
    /// The line they are for.
    pub line_id: LineId,
    /// What is taken.
    pub sku: Sku,
    /// Where it is taken.
    pub warehouse: WarehouseId,
    /// How many pieces.
    pub quantity: Quantity,
}

/// Pieces of one line that are nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The line that lacks them.
    pub line_id: LineId,
    /// What is missing.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: Quantity,
    /// Where the line should wait: the preferred warehouse if it has a shelf for the SKU, else the
    /// one that is taken from first. `None` if no warehouse has such a shelf.
    pub queue_at: Option<WarehouseId>,
}

/// The planner's answer. Every piece asked for is in `picks` or in `missing`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// What to take, in the order of the lines.
    pub picks: Vec<Pick>,
    /// What is not there, in the order of the lines.
    pub missing: Vec<Missing>,
}

impl Plan {
    /// Whether every line gets all it asked for.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

/// Plans as many pieces as the shelves have, from as few warehouses as can be.
///
/// Where a SKU does not suffice for all its lines, earlier lines get theirs first. Up to
/// twelve warehouses are tried in every combination; of more, the one that adds the most pieces is
/// taken again and again.
#[must_use]
pub fn plan(demand: &[DemandLine], shelves: &[Shelf], preferred: Option<&WarehouseId>) -> Plan {
    draft(demand, shelves, preferred).plan
}

/// A plan and what it was made from.
struct Drafted<'a> {
    plan: Plan,
    grants: Vec<Grant<'a>>,
    warehouses: Vec<Warehouse<'a>>,
    /// Where the warehouses taken from stand in `warehouses`.
    chosen: Vec<usize>,
}

fn draft<'a>(demand: &'a [DemandLine], shelves: &'a [Shelf], preferred: Option<&WarehouseId>) -> Drafted<'a> {
    let mut left = BTreeMap::<&Sku, u64>::new();
    for shelf in shelves {
        *left.entry(&shelf.sku).or_default() += shelf.available;
    }
    let mut plan = Plan::default();
    let mut grants = Vec::new();
    for line in demand {
        let left = left.entry(&line.sku).or_default();
        let granted = u64::from(line.quantity.get()).min(*left);
        *left -= granted;
        if let Some(quantity) = quantity_of(u64::from(line.quantity.get()) - granted) {
            let queue_at = queue_at(&line.sku, shelves, preferred);
            let (line_id, sku) = (line.line_id.clone(), line.sku.clone());
            plan.missing.push(Missing { line_id, sku, quantity, queue_at });
        }
        if granted > 0 {
            grants.push(Grant { line, pieces: granted });
        }
    }
    let warehouses = Warehouse::all_in_rank(&grants, shelves, preferred);
    let chosen = subset::choose(&grants, &warehouses);
    let taken_from: Vec<&Warehouse<'_>> = chosen.iter().map(|at| &warehouses[*at]).collect();
    plan.picks = assignment::place(&grants, &taken_from).picks;
    Drafted { plan, grants, warehouses, chosen }
}

/// What a line is going to get, wherever from.
struct Grant<'a> {
    line: &'a DemandLine,
    pieces: u64,
}

/// A warehouse and what it has of what is granted.
struct Warehouse<'a> {
    id: &'a WarehouseId,
    priority: i32,
    preferred: bool,
    has: BTreeMap<&'a Sku, u64>,
}

impl<'a> Warehouse<'a> {
    /// The warehouses that can give something; the preferred first, then by priority and name.
    fn all_in_rank(grants: &[Grant<'_>], shelves: &'a [Shelf], preferred: Option<&WarehouseId>) -> Vec<Self> {
        let wanted: BTreeSet<&Sku> = grants.iter().map(|grant| &grant.line.sku).collect();
        let mut by_id = BTreeMap::<&WarehouseId, Self>::new();
        for shelf in shelves.iter().filter(|s| s.available > 0 && wanted.contains(&s.sku)) {
            let warehouse = by_id.entry(&shelf.warehouse).or_insert_with(|| Self {
                id: &shelf.warehouse,
                priority: shelf.priority,
                preferred: preferred == Some(&shelf.warehouse),
                has: BTreeMap::new(),
            });
            *warehouse.has.entry(&shelf.sku).or_default() += shelf.available;
        }
        let mut ranked: Vec<Self> = by_id.into_values().collect();
        ranked.sort_by_key(|warehouse| (!warehouse.preferred, warehouse.priority, warehouse.id));
        ranked
    }
}

fn queue_at(sku: &Sku, shelves: &[Shelf], preferred: Option<&WarehouseId>) -> Option<WarehouseId> {
    shelves
        .iter()
        .filter(|shelf| shelf.sku == *sku)
        .min_by_key(|shelf| (preferred != Some(&shelf.warehouse), shelf.priority, &shelf.warehouse))
        .map(|shelf| shelf.warehouse.clone())
}

/// Some pieces as a quantity; none is `None`. A part of a line is never more than a line may have.
fn quantity_of(pieces: u64) -> Option<Quantity> {
    i64::try_from(pieces).ok().and_then(|pieces| Quantity::new(pieces).ok())
}

#[cfg(test)]
mod tests;

//! Which warehouses to take from: the fewest that give everything granted.

use std::collections::BTreeMap;

use super::placing::place;
use super::{Grant, Warehouse};
use crate::ids::{Sku, WarehouseId};

/// Up to here every combination is tried: 4,095 of them.
const MOST_TRIED_EXHAUSTIVELY: usize = 12;

/// Chooses from `warehouses`, keeping their order.
pub(super) fn choose<'w, 'a>(
    grants: &[Grant<'_>],
    warehouses: &'w [Warehouse<'a>],
) -> Vec<&'w Warehouse<'a>> {
    let mut need = BTreeMap::<&Sku, u64>::new();
    for grant in grants {
        *need.entry(&grant.line.sku).or_default() += grant.pieces;
    }
    if warehouses.len() > MOST_TRIED_EXHAUSTIVELY {
        return choose_greedily(need, warehouses);
    }
    for size in 1..=warehouses.len() {
        let best = subsets(warehouses, size)
            .filter(|subset| gives_all(&need, subset))
            .min_by_key(|subset| merit(grants, subset));
        if let Some(best) = best {
            return best;
        }
    }
    Vec::new()
}

/// All subsets of the given size, each in the order of `warehouses`.
fn subsets<'w, 'a>(
    warehouses: &'w [Warehouse<'a>],
    size: usize,
) -> impl Iterator<Item = Vec<&'w Warehouse<'a>>> {
    (1_u32..1 << warehouses.len()).filter(move |mask| mask.count_ones() as usize == size).map(|mask| {
        let members = warehouses.iter().enumerate();
        members.filter(|(i, _)| mask & (1 << i) != 0).map(|(_, w)| w).collect()
    })
}

fn gives_all(need: &BTreeMap<&Sku, u64>, subset: &[&Warehouse<'_>]) -> bool {
    need.iter().all(|(sku, need)| {
        let has: u64 = subset.iter().filter_map(|warehouse| warehouse.has.get(sku)).sum();
        has >= *need
    })
}

/// The lower, the better, among subsets of one size.
fn merit<'a>(grants: &[Grant<'_>], subset: &[&Warehouse<'a>]) -> (usize, bool, i64, Vec<&'a WarehouseId>) {
    let split_lines = place(grants, subset).split_lines;
    let without_preferred = !subset.iter().any(|warehouse| warehouse.preferred);
    let priorities = subset.iter().map(|warehouse| i64::from(warehouse.priority)).sum();
    let mut names: Vec<_> = subset.iter().map(|warehouse| warehouse.id).collect();
    names.sort();
    (split_lines, without_preferred, priorities, names)
}

/// Takes the warehouse that adds the most pieces, the better ranked of equals, until all is given.
fn choose_greedily<'w, 'a>(
    mut need: BTreeMap<&Sku, u64>,
    warehouses: &'w [Warehouse<'a>],
) -> Vec<&'w Warehouse<'a>> {
    let mut taken = vec![false; warehouses.len()];
    while need.values().any(|need| *need > 0) {
        let adds = |warehouse: &Warehouse<'_>| -> u64 {
            need.iter().map(|(sku, need)| warehouse.has.get(sku).map_or(0, |has| *has.min(need))).sum()
        };
        // `max_by_key` keeps the last of equals, so the best ranked comes last.
        let untaken = (0..warehouses.len()).rev().filter(|i| !taken[*i]);
        let Some(best) = untaken.max_by_key(|i| adds(&warehouses[*i])) else { break };
        taken[best] = true;
        for (sku, need) in &mut need {
            *need -= warehouses[best].has.get(sku).map_or(0, |has| *has.min(need));
        }
    }
    warehouses.iter().zip(taken).filter(|(_, taken)| *taken).map(|(warehouse, _)| warehouse).collect()
}

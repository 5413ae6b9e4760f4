//! Which warehouses to take from: the fewest that give everything granted.

use std::collections::BTreeMap;

use super::assignment::place;
use super::{Grant, Warehouse};
use crate::ids::{Sku, WarehouseId};

/// Up to here every combination is tried: 4,095 of them.
const MOST_TRIED_EXHAUSTIVELY: usize = 12;

/// How good a subset is; the lower, the better, among subsets of one size.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank<'a> {
    pub(super) split_lines: usize,
    pub(super) without_preferred: bool,
    pub(super) priorities: i64,
    pub(super) names: Vec<&'a WarehouseId>,
}

/// The best that could have been done with a warehouse that was not chosen.
pub(super) enum Alternative<'a> {
    /// Every combination of the size that gives everything leaves it out.
    None,
    /// The best of those it is in.
    Best(Rank<'a>),
    /// There are too many warehouses to try every combination.
    NotTried,
}

/// Chooses from `warehouses`, and tells which by where they stand, in order.
pub(super) fn choose(grants: &[Grant<'_>], warehouses: &[Warehouse<'_>]) -> Vec<usize> {
    let need = need(grants);
    if warehouses.len() > MOST_TRIED_EXHAUSTIVELY {
        return choose_greedily(need, warehouses);
    }
    for size in 1..=warehouses.len() {
        let best = subsets(warehouses.len(), size)
            .map(|subset| (members(warehouses, &subset), subset))
            .filter(|(members, _)| gives_all(&need, members))
            .min_by_key(|(members, _)| merit(grants, members));
        if let Some((_, best)) = best {
            return best;
        }
    }
    Vec::new()
}

/// The best combination of that size with the warehouse at `with` in it.
pub(super) fn best_with<'a>(
    grants: &[Grant<'_>],
    warehouses: &[Warehouse<'a>],
    with: usize,
    size: usize,
) -> Alternative<'a> {
    if warehouses.len() > MOST_TRIED_EXHAUSTIVELY {
        return Alternative::NotTried;
    }
    let need = need(grants);
    let best = subsets(warehouses.len(), size)
        .filter(|subset| subset.contains(&with))
        .map(|subset| members(warehouses, &subset))
        .filter(|members| gives_all(&need, members))
        .map(|members| merit(grants, &members))
        .min();
    best.map_or(Alternative::None, Alternative::Best)
}

/// What a subset is worth.
pub(super) fn merit<'a>(grants: &[Grant<'_>], subset: &[&Warehouse<'a>]) -> Rank<'a> {
    let mut names: Vec<_> = subset.iter().map(|warehouse| warehouse.id).collect();
    names.sort();
    Rank {
        split_lines: place(grants, subset).split_lines,
        without_preferred: !subset.iter().any(|warehouse| warehouse.preferred),
        priorities: subset.iter().map(|warehouse| i64::from(warehouse.priority)).sum(),
        names,
    }
}

fn need<'a>(grants: &[Grant<'a>]) -> BTreeMap<&'a Sku, u64> {
    let mut need = BTreeMap::<&Sku, u64>::new();
    for grant in grants {
        *need.entry(&grant.line.sku).or_default() += grant.pieces;
    }
    need
}

/// All subsets of the given size of that many, each in order.
fn subsets(many: usize, size: usize) -> impl Iterator<Item = Vec<usize>> {
    (1_u32..1 << many)
        .filter(move |mask| mask.count_ones() as usize == size)
        .map(move |mask| (0..many).filter(|at| mask & (1 << at) != 0).collect())
}

fn members<'w, 'a>(warehouses: &'w [Warehouse<'a>], subset: &[usize]) -> Vec<&'w Warehouse<'a>> {
    subset.iter().map(|at| &warehouses[*at]).collect()
}

fn gives_all(need: &BTreeMap<&Sku, u64>, subset: &[&Warehouse<'_>]) -> bool {
    need.iter().all(|(sku, need)| {
        let has: u64 = subset.iter().filter_map(|warehouse| warehouse.has.get(sku)).sum();
        has >= *need
    })
}

/// Takes the warehouse that adds the most pieces, the better ranked of equals, until all is given.
fn choose_greedily(mut need: BTreeMap<&Sku, u64>, warehouses: &[Warehouse<'_>]) -> Vec<usize> {
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
    (0..warehouses.len()).filter(|at| taken[*at]).collect()
}

//! Which of the chosen warehouses serves which line.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Grant, Pick, Warehouse, quantity_of};
use crate::ids::Sku;

/// The picks, and how many lines are split over warehouses.
pub(super) struct Assignment {
    pub(super) picks: Vec<Pick>,
    pub(super) split_lines: usize,
}

/// Places each line whole where it fits, best ranked warehouse first, and splits only what fits
/// nowhere. Larger lines choose first, because they find a place less easily.
pub(super) fn place(grants: &[Grant<'_>], warehouses: &[&Warehouse<'_>]) -> Assignment {
    let mut left: Vec<BTreeMap<&Sku, u64>> = warehouses.iter().map(|w| w.has.clone()).collect();
    let mut parts = vec![Vec::<(usize, u64)>::new(); grants.len()];
    let mut by_size: Vec<usize> = (0..grants.len()).collect();
    by_size.sort_by_key(|i| Reverse(grants[*i].pieces));
    let mut homeless = Vec::new();
    for i in by_size {
        let Grant { line, pieces } = &grants[i];
        let home = left.iter_mut().enumerate().find_map(|(at, shelves)| {
            let shelf = shelves.get_mut(&line.sku).filter(|shelf| **shelf >= *pieces)?;
            *shelf -= pieces;
            Some(at)
        });
        match home {
            Some(at) => parts[i].push((at, *pieces)),
            None => homeless.push(i),
        }
    }
    let split_lines = homeless.len();
    for i in homeless {
        parts[i] = split(&grants[i], &mut left);
    }
    let picks = grants.iter().zip(parts).flat_map(|(grant, parts)| picks_of(grant, parts, warehouses));
    Assignment { picks: picks.collect(), split_lines }
}

/// Takes from the fullest shelves first, for few parts; tells them in the warehouses' order.
fn split(grant: &Grant<'_>, left: &mut [BTreeMap<&Sku, u64>]) -> Vec<(usize, u64)> {
    let sku = &grant.line.sku;
    let mut fullest: Vec<usize> = (0..left.len()).collect();
    fullest.sort_by_key(|at| Reverse(left[*at].get(sku).copied()));
    let mut wanted = grant.pieces;
    let mut parts = Vec::new();
    for at in fullest {
        if let Some(shelf) = left[at].get_mut(sku) {
            let taken = wanted.min(*shelf);
            *shelf -= taken;
            wanted -= taken;
            parts.push((at, taken));
        }
    }
    parts.sort_unstable();
    parts
}

fn picks_of(grant: &Grant<'_>, parts: Vec<(usize, u64)>, warehouses: &[&Warehouse<'_>]) -> Vec<Pick> {
    let pick = |(at, pieces): (usize, u64)| {
        Some(Pick {
            line_id: grant.line.line_id.clone(),
            sku: grant.line.sku.clone(),
            warehouse: warehouses[at].id.clone(),
            quantity: quantity_of(pieces)?,
        })
    };
    parts.into_iter().filter_map(pick).collect()
}

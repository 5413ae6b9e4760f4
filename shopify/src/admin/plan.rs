//! Which pieces of which fulfilment orders a parcel fulfils.
//!
//! **Invariant:** pure, and every piece of the parcel is in the plan once: in a call or among the
//! pieces without a place.

use std::collections::BTreeMap;

use super::fulfilment_orders::FulfilmentOrder;

/// Pieces of one line of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinePieces {
    /// Shopify's id of the order's line.
    pub line_item_id: i64,
    /// How many pieces.
    pub quantity: u32,
}

/// Pieces of one fulfilment order, to be fulfilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FulfilmentGroup {
    /// The fulfilment order's global id.
    pub fulfilment_order_id: String,
    /// Global ids of its lines, with pieces.
    pub lines: Vec<(String, u32)>,
}

/// What a parcel fulfils.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FulfilmentPlan {
    /// One call each: the fulfilment orders of one location, which is all that Shopify takes in one
    /// call (2026-07: "All fulfillment orders must be assigned to a single location").
    pub calls: Vec<Vec<FulfilmentGroup>>,
    /// Pieces that no call has.
    pub unmatched: Vec<Unmatched>,
}

/// Why pieces have no fulfilment order to take them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyNot {
    /// The order has no fulfilment orders yet; Shopify makes them some time after the order.
    NotThereYet,
    /// The fulfilment order is on hold or scheduled; somebody or a date releases it.
    OnHold,
    /// Fulfilled otherwise, cancelled or edited away.
    Gone,
}

/// Pieces that could not be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unmatched {
    /// Shopify's id of the order's line.
    pub line_item_id: i64,
    /// Pieces without a place.
    pub quantity: u32,
    /// Why.
    pub why: WhyNot,
}

/// Distributes a parcel over the open fulfilment orders: those at `location_id` first, else in
/// their order. What left a location has left, so pieces that only another location's fulfilment
/// order has are placed there.
#[must_use]
pub fn plan_fulfilment(
    fulfilment_orders: &[FulfilmentOrder],
    lines: &[LinePieces],
    location_id: Option<i64>,
) -> FulfilmentPlan {
    let mut wanted = by_line(lines);
    let mut open: Vec<&FulfilmentOrder> = fulfilment_orders.iter().filter(|order| order.is_open()).collect();
    open.sort_by_key(|order| location_id.is_some() && order.location_id != location_id);
    let mut calls: Vec<(Option<i64>, Vec<FulfilmentGroup>)> = Vec::new();
    for order in open {
        let lines = take(order, &mut wanted);
        if lines.is_empty() {
            continue;
        }
        let group = FulfilmentGroup { fulfilment_order_id: order.id.clone(), lines };
        // Two that are at no known location may be at two.
        match calls.iter_mut().find(|(at, _)| at.is_some() && *at == order.location_id) {
            Some((_, groups)) => groups.push(group),
            None => calls.push((order.location_id, vec![group])),
        }
    }
    FulfilmentPlan {
        calls: calls.into_iter().map(|(_, groups)| groups).collect(),
        unmatched: unmatched(fulfilment_orders, &wanted),
    }
}

/// Pieces added up by line, without lines of none.
pub(super) fn by_line(lines: &[LinePieces]) -> BTreeMap<i64, u32> {
    let mut pieces = BTreeMap::<i64, u32>::new();
    for line in lines.iter().filter(|line| line.quantity > 0) {
        let sum = pieces.entry(line.line_item_id).or_default();
        *sum = sum.saturating_add(line.quantity);
    }
    pieces
}

fn take(order: &FulfilmentOrder, wanted: &mut BTreeMap<i64, u32>) -> Vec<(String, u32)> {
    let mut taken = Vec::new();
    for line in &order.lines {
        let Some(missing) = wanted.get_mut(&line.line_item_id) else {
            continue;
        };
        let pieces = line.remaining_quantity.min(*missing);
        if pieces > 0 {
            *missing -= pieces;
            taken.push((line.id.clone(), pieces));
        }
    }
    taken
}

fn unmatched(fulfilment_orders: &[FulfilmentOrder], left: &BTreeMap<i64, u32>) -> Vec<Unmatched> {
    let mut unmatched = Vec::new();
    for (&line_item_id, &quantity) in left {
        let mut add = |quantity, why| {
            if quantity > 0 {
                unmatched.push(Unmatched { line_item_id, quantity, why });
            }
        };
        if fulfilment_orders.is_empty() {
            add(quantity, WhyNot::NotThereYet);
        } else {
            let held = held_pieces(fulfilment_orders, line_item_id).min(quantity);
            add(held, WhyNot::OnHold);
            add(quantity - held, WhyNot::Gone);
        }
    }
    unmatched
}

fn held_pieces(fulfilment_orders: &[FulfilmentOrder], line_item_id: i64) -> u32 {
    fulfilment_orders
        .iter()
        .filter(|order| order.is_held())
        .flat_map(|order| &order.lines)
        .filter(|line| line.line_item_id == line_item_id)
        .fold(0, |sum, line| sum.saturating_add(line.remaining_quantity))
}

#[cfg(test)]
mod tests;

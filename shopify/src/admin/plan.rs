//! Which pieces of which fulfilment orders a parcel fulfils.
//!
//! **Invariant:** pure, and all or nothing: a plan covers every piece of the parcel or there is none.

use std::collections::BTreeMap;

use super::fulfilments::{FulfilmentOrder, FulfilmentOrderStatus};

/// Pieces of one line of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinePieces {
    /// Shopify's id of the order's line.
    pub line_item_id: i64,
    /// How many pieces.
    pub quantity: u32,
}

/// What one call fulfils: pieces of one fulfilment order.
///
/// A call may name several fulfilment orders only if all are at one location (2026-07), which costs
/// a further access scope to ask; one call per fulfilment order always holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FulfilmentGroup {
    /// The fulfilment order's global id.
    pub fulfilment_order_id: String,
    /// Global ids of its lines, with pieces.
    pub lines: Vec<(String, u32)>,
}

/// Why pieces have no fulfilment order to take them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyNot {
    /// No fulfilment order has the line yet; Shopify makes them some time after the order.
    NotThereYet,
    /// The fulfilment order is on hold or scheduled; somebody or a date releases it.
    OnHold,
    /// Every fulfilment order with the line is closed, cancelled or used up.
    Gone,
}

/// Pieces that could not be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unplaced {
    /// Shopify's id of the order's line.
    pub line_item_id: i64,
    /// Pieces without a place.
    pub quantity: u32,
    /// Why.
    pub why: WhyNot,
}

/// The lines that cannot be placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} line(s) of the parcel have no open fulfilment order", lines.len())]
pub struct NotFulfillable {
    /// At least one.
    pub lines: Vec<Unplaced>,
}

/// Distributes a parcel over the open fulfilment orders, in their order; one group is one call.
///
/// # Errors
/// [`NotFulfillable`] lists the pieces without a place and why.
pub fn plan_fulfilment(
    fulfilment_orders: &[FulfilmentOrder],
    lines: &[LinePieces],
) -> Result<Vec<FulfilmentGroup>, NotFulfillable> {
    let mut wanted = BTreeMap::<i64, u32>::new();
    for line in lines {
        let pieces = wanted.entry(line.line_item_id).or_default();
        *pieces = pieces.saturating_add(line.quantity);
    }
    let mut groups = Vec::new();
    for order in fulfilment_orders.iter().filter(|order| order.status.is_open()) {
        let taken = take(order, &mut wanted);
        if !taken.is_empty() {
            groups.push(FulfilmentGroup { fulfilment_order_id: order.id.clone(), lines: taken });
        }
    }
    let unplaced: Vec<Unplaced> = wanted
        .into_iter()
        .filter(|(_, quantity)| *quantity > 0)
        .map(|(line_item_id, quantity)| {
            let why = why_not(fulfilment_orders, line_item_id);
            Unplaced { line_item_id, quantity, why }
        })
        .collect();
    if unplaced.is_empty() { Ok(groups) } else { Err(NotFulfillable { lines: unplaced }) }
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

fn why_not(fulfilment_orders: &[FulfilmentOrder], line_item_id: i64) -> WhyNot {
    let mut why = WhyNot::NotThereYet;
    for order in fulfilment_orders {
        for line in order.lines.iter().filter(|line| line.line_item_id == line_item_id) {
            if order.status.is_held() && line.remaining_quantity > 0 {
                return WhyNot::OnHold;
            }
            why = WhyNot::Gone;
        }
    }
    why
}

impl FulfilmentOrderStatus {
    fn is_open(&self) -> bool {
        matches!(self, Self::Open | Self::InProgress)
    }

    fn is_held(&self) -> bool {
        matches!(self, Self::OnHold | Self::Scheduled)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fulfilments::FulfilmentOrderLine;
    use super::*;

    fn order(id: &str, status: FulfilmentOrderStatus, lines: &[(i64, u32)]) -> FulfilmentOrder {
        let lines = lines
            .iter()
            .map(|(line_item_id, remaining_quantity)| FulfilmentOrderLine {
                id: format!("{id}/{line_item_id}"),
                line_item_id: *line_item_id,
                sku: None,
                remaining_quantity: *remaining_quantity,
            })
            .collect();
        FulfilmentOrder { id: id.into(), status, lines }
    }

    fn pieces(lines: &[(i64, u32)]) -> Vec<LinePieces> {
        lines
            .iter()
            .map(|(line_item_id, quantity)| LinePieces { line_item_id: *line_item_id, quantity: *quantity })
            .collect()
    }

    fn why(orders: &[FulfilmentOrder], lines: &[(i64, u32)]) -> Vec<(i64, u32, WhyNot)> {
        let refused = plan_fulfilment(orders, &pieces(lines)).unwrap_err();
        refused.lines.iter().map(|line| (line.line_item_id, line.quantity, line.why)).collect()
    }

    use FulfilmentOrderStatus::{Closed, InProgress, OnHold, Open};

    #[test]
    fn a_parcel_spreads_over_open_fulfilment_orders_and_takes_no_more_than_remains() {
        let orders = [order("a", Open, &[(1, 2)]), order("b", InProgress, &[(1, 5), (2, 1)])];
        let groups = plan_fulfilment(&orders, &pieces(&[(1, 3), (2, 1)])).unwrap();
        assert_eq!(
            groups,
            [
                FulfilmentGroup { fulfilment_order_id: "a".into(), lines: vec![("a/1".into(), 2)] },
                FulfilmentGroup {
                    fulfilment_order_id: "b".into(),
                    lines: vec![("b/1".into(), 1), ("b/2".into(), 1)]
                },
            ]
        );
    }

    #[test]
    fn the_same_line_twice_is_added_up() {
        let orders = [order("a", Open, &[(1, 2)])];
        let groups = plan_fulfilment(&orders, &pieces(&[(1, 1), (1, 1)])).unwrap();
        assert_eq!(groups[0].lines, [("a/1".to_owned(), 2)]);
        assert_eq!(why(&orders, &[(1, 2), (1, 1)]), [(1, 1, WhyNot::Gone)]);
    }

    #[test]
    fn a_line_no_fulfilment_order_has_comes_later() {
        assert_eq!(why(&[], &[(1, 1)]), [(1, 1, WhyNot::NotThereYet)]);
        assert_eq!(why(&[order("a", Open, &[(2, 1)])], &[(1, 1)]), [(1, 1, WhyNot::NotThereYet)]);
    }

    #[test]
    fn what_is_on_hold_is_not_gone() {
        let orders = [order("a", Closed, &[(1, 0)]), order("b", OnHold, &[(1, 1)])];
        assert_eq!(why(&orders, &[(1, 1)]), [(1, 1, WhyNot::OnHold)]);
    }

    #[test]
    fn what_is_closed_or_used_up_is_gone() {
        assert_eq!(why(&[order("a", Closed, &[(1, 1)])], &[(1, 1)]), [(1, 1, WhyNot::Gone)]);
        assert_eq!(why(&[order("a", Open, &[(1, 0)])], &[(1, 1)]), [(1, 1, WhyNot::Gone)]);
    }

    #[test]
    fn an_empty_parcel_needs_no_call() {
        assert_eq!(plan_fulfilment(&[order("a", Open, &[(1, 1)])], &pieces(&[(1, 0)])), Ok(vec![]));
    }
}

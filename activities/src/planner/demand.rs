//! What is to be held for an order, and from where.
//!
//! **Invariant:** pure: what is not in the situation is not asked.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{LineId, ParkReason, ParseError, Quantity, Sku, WantedLine, WarehouseId};
use inventory::{DemandLine, PlacedLine};
use shopify::admin::FulfilmentOrder;
use workflows::contract::Rules;

use super::situation::Situation;

/// What is to be held for an order now, beside what has left.
#[derive(Debug, Default)]
pub(crate) struct Demand {
    /// Wherever it comes from.
    pub(crate) lines: Vec<DemandLine>,
    /// From one warehouse and no other.
    pub(crate) placed: Vec<PlacedLine>,
    /// Pieces of these that the shop holds: kept, and not handed over.
    pub(crate) held_back: BTreeMap<LineId, u32>,
    /// When the first of them may go.
    pub(crate) held_until: Option<DateTime<Utc>>,
    /// What a person has to mend before anything is handed over, with the words for it.
    pub(crate) park_reason: Option<(ParkReason, String)>,
}

/// Pieces of one line, from one place.
struct Portion {
    warehouse: Option<WarehouseId>,
    pieces: u32,
    held: bool,
    until: Option<DateTime<Utc>>,
}

impl Demand {
    /// What is to be held. None if a line names nothing that could be a SKU.
    pub(crate) fn of(
        situation: &Situation,
        rules: &Rules,
        notified_at_look: &BTreeMap<LineId, u32>,
    ) -> Option<Self> {
        let mut demand = Self::default();
        let by_look = situation.goes_by_look(rules);
        let others = situation.brief.of_others.iter().filter(|_| by_look);
        for line in situation.brief.wanted.iter().chain(others) {
            let is_ours = situation.brief.wanted.contains(line);
            let mut portions = if by_look {
                demand.portions(situation, line, is_ours, rules, notified_at_look)
            } else {
                vec![Portion { warehouse: None, pieces: line.to_ship(), held: false, until: None }]
            };
            if let Some(assigned) = &situation.assigned {
                portions.iter_mut().for_each(|portion| portion.warehouse = Some(assigned.clone()));
            }
            demand.add(line, portions)?;
        }
        if by_look || !rules.look {
            demand.look_for_an_address(situation);
        }
        Some(demand)
    }

    /// Pieces that are still to leave.
    pub(crate) fn to_ship(&self) -> u32 {
        let placed = self.placed.iter().map(|placed| &placed.line);
        self.lines.iter().chain(placed).map(|line| line.quantity.get()).sum()
    }

    pub(crate) fn held_back_pieces(&self) -> u32 {
        self.held_back.values().sum()
    }

    /// A line by its fulfilment orders: what they leave to us, from where, and whether it may go.
    fn portions(
        &mut self,
        situation: &Situation,
        line: &WantedLine,
        is_ours: bool,
        rules: &Rules,
        notified_at_look: &BTreeMap<LineId, u32>,
    ) -> Vec<Portion> {
        let mut portions = Vec::new();
        for order in situation.fulfilment_orders.iter().filter(|order| !order.is_over()) {
            let pieces = remaining(order, &line.line_id);
            let mapped = situation.warehouse_of(order);
            if pieces == 0 || (mapped.is_none() && !is_ours) {
                continue;
            }
            if mapped.is_none() && !situation.shop.locations.is_empty() && situation.assigned.is_none() {
                self.park_reason = Some((
                    ParkReason::new(ParkReason::LOCATION_NOT_MAPPED),
                    format!("{} ({})", order.location_name, order.location_id.unwrap_or_default()),
                ));
            }
            portions.push(Portion {
                warehouse: mapped.filter(|_| rules.follow_locations).cloned(),
                pieces,
                held: order.is_held(),
                until: order.fulfil_at,
            });
        }
        let notified = notified_at_look.get(&line.line_id).copied().unwrap_or_default();
        let left_from = situation.left_from(&line.line_id);
        let mut gone = line.left.saturating_sub(notified);
        // What left since the look came from where it was wanted, as far as that is known, and from
        // what may go before what is held.
        for (exactly, held) in [(true, false), (true, true), (false, false), (false, true)] {
            for portion in portions.iter_mut().filter(|portion| portion.held == held) {
                let from_there = portion
                    .warehouse
                    .as_ref()
                    .is_some_and(|warehouse| left_from.contains(warehouse.as_str()));
                if !exactly || from_there {
                    let taken = gone.min(portion.pieces);
                    portion.pieces -= taken;
                    gone -= taken;
                }
            }
        }
        portions
    }

    fn add(&mut self, line: &WantedLine, portions: Vec<Portion>) -> Option<()> {
        let mut anywhere = 0;
        let mut at: BTreeMap<WarehouseId, u32> = BTreeMap::new();
        for portion in portions.into_iter().filter(|portion| portion.pieces > 0) {
            if portion.held {
                *self.held_back.entry(line.line_id.clone()).or_default() += portion.pieces;
                self.held_until = match (self.held_until, portion.until) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
            }
            match portion.warehouse {
                Some(warehouse) => *at.entry(warehouse).or_default() += portion.pieces,
                None => anywhere += portion.pieces,
            }
        }
        if anywhere == 0 && at.is_empty() {
            return Some(());
        }
        let sku = Sku::parse(line.sku.as_deref()?).ok()?;
        for (warehouse, pieces) in at {
            let line = demand_line(&line.line_id, &sku, pieces).ok()?;
            self.placed.push(PlacedLine { warehouse, line });
        }
        if anywhere > 0 {
            self.lines.push(demand_line(&line.line_id, &sku, anywhere).ok()?);
        }
        Some(())
    }

    /// What is not picked up and has no address cannot be shipped.
    fn look_for_an_address(&mut self, situation: &Situation) {
        let collected = |order: &FulfilmentOrder| {
            matches!(order.delivery_method.as_deref(), Some("PICK_UP" | "RETAIL" | "NONE"))
        };
        let open = || situation.fulfilment_orders.iter().filter(|order| !order.is_over());
        let is_collected = open().next().is_some() && open().all(collected);
        let needs_one = situation.is_of_a_shop && self.to_ship() > 0 && !is_collected;
        if situation.has_no_address && needs_one && self.park_reason.is_none() {
            self.park_reason =
                Some((ParkReason::new(ParkReason::NO_ADDRESS), "shipping_address: null".to_owned()));
        }
    }
}

fn demand_line(line_id: &LineId, sku: &Sku, pieces: u32) -> Result<DemandLine, ParseError> {
    let quantity = Quantity::new(i64::from(pieces))?;
    Ok(DemandLine { line_id: line_id.clone(), sku: sku.clone(), quantity })
}

fn remaining(order: &FulfilmentOrder, line: &LineId) -> u32 {
    let of_line = |number: i64| line.as_str() == number.to_string();
    order.lines.iter().filter(|line| of_line(line.line_item_id)).map(|line| line.remaining_quantity).sum()
}

#[cfg(test)]
mod tests;

//! Fulfilment orders held, released, split, moved and merged, as the real ones behave.

use serde_json::Value;

use super::fulfilment_orders::{FulfilmentOrder, Hold, Pieces, Place};
use super::moments;
use super::orders::{ShopOrder, id_in};

/// Pieces of one fulfilment order.
pub(super) struct Picked {
    pub(super) fulfilment_order: i64,
    pub(super) pieces: Vec<Pieces>,
}

impl ShopOrder {
    /// The pieces that a control route means: `fulfillmentOrder` is an id or a position, `lines`
    /// name lines of the order, and what is not said means all.
    pub(super) fn pick(
        &self,
        body: &Value,
        eligible: impl Fn(&FulfilmentOrder) -> bool,
    ) -> Result<Vec<Picked>, String> {
        let only = self.named_fulfilment_order(&body["fulfillmentOrder"])?;
        let is_meant = |found: &&FulfilmentOrder| {
            !found.closed && eligible(found) && only.is_none_or(|only| only == found.id)
        };
        let candidates: Vec<&FulfilmentOrder> = self.fulfilment_orders.iter().filter(is_meant).collect();
        let all =
            |found: &&FulfilmentOrder| Picked { fulfilment_order: found.id, pieces: found.all_remaining() };
        let picked = match body["lines"].as_array() {
            None => candidates.iter().map(all).collect(),
            Some(lines) => pick_lines(lines, &candidates)?,
        };
        if picked.is_empty() {
            Err("no fulfilment order stands so that this can be done".to_owned())
        } else {
            Ok(picked)
        }
    }

    fn named_fulfilment_order(&self, name: &Value) -> Result<Option<i64>, String> {
        if name.is_null() {
            return Ok(None);
        }
        let id = id_in("FulfillmentOrder", name);
        let position = id.and_then(|position| self.fulfilment_orders.get(usize::try_from(position).ok()?));
        let by_id = self.fulfilment_orders.iter().find(|found| Some(found.id) == id);
        let found = by_id.or(position).map(|found| found.id);
        found.map(Some).ok_or_else(|| format!("the order has no fulfilment order {name}"))
    }

    /// Puts these pieces on hold. What else the fulfilment order has goes to another one, whose
    /// id is returned.
    pub(super) fn hold(&mut self, picked: &Picked, hold: Hold) -> Option<i64> {
        let held = self.fulfilment_order_mut(picked.fulfilment_order)?;
        let mut rest = held.all_remaining();
        for (line, quantity) in &picked.pieces {
            rest.iter_mut().filter(|(known, _)| known == line).for_each(|(_, left)| *left -= quantity);
        }
        rest.retain(|(_, left)| *left > 0);
        let rest = self.divide(picked.fulfilment_order, &rest);
        let held = self.fulfilment_order_mut(picked.fulfilment_order)?;
        held.holds.push(hold);
        held.rest = rest.or(held.rest);
        held.updated_at = moments::now();
        rest
    }

    /// Releases all holds; what a hold in part left aside comes back where nothing became of it.
    pub(super) fn release(&mut self, id: i64) {
        let Some(held) = self.fulfilment_order_mut(id) else { return };
        held.holds.clear();
        held.updated_at = moments::now();
        let (rest, place) = (held.rest.take(), held.place.clone());
        let untouched = |found: &&FulfilmentOrder| {
            Some(found.id) == rest && found.is_fulfillable() && !found.has_progress() && found.place == place
        };
        if let Some(rest) = self.fulfilment_orders.iter().find(untouched).map(|found| found.id) {
            self.pour(rest, id);
        }
    }

    /// Takes pieces out into a new fulfilment order at the same place; none where there are none.
    pub(super) fn divide(&mut self, id: i64, pieces: &[Pieces]) -> Option<i64> {
        if pieces.is_empty() {
            return None;
        }
        let ids = self.ids.clone();
        let original = self.fulfilment_order_mut(id)?;
        original.take_out(pieces);
        let mut divided = FulfilmentOrder::new(&ids, original.place.clone(), pieces);
        divided.fulfil_at = original.fulfil_at;
        let id = divided.id;
        self.fulfilment_orders.push(divided);
        Some(id)
    }

    /// Moves pieces to another location and returns the fulfilment order they are in then: the
    /// same where it is moved whole and nothing of it was fulfilled, else a new one.
    pub(super) fn relocate(&mut self, picked: &Picked, place: Place) -> Option<i64> {
        let original = self.fulfilment_order_mut(picked.fulfilment_order)?;
        let moved = if original.is_whole(&picked.pieces) && !original.has_progress() {
            original.id
        } else {
            self.divide(picked.fulfilment_order, &picked.pieces)?
        };
        let fulfilment_order = self.fulfilment_order_mut(moved)?;
        fulfilment_order.place = place;
        fulfilment_order.updated_at = moments::now();
        Some(moved)
    }

    /// Gives everything that remains in one fulfilment order to another and closes the first.
    pub(super) fn pour(&mut self, from: i64, into: i64) {
        let ids = self.ids.clone();
        let Some(emptied) = self.fulfilment_order_mut(from) else { return };
        let pieces = emptied.all_remaining();
        emptied.take_out(&pieces);
        if let Some(taking) = self.fulfilment_order_mut(into) {
            taking.take_in(&ids, &pieces);
        }
    }
}

/// The pieces of the order's lines that are wanted, from the first fulfilment orders that have them.
fn pick_lines(wanted: &[Value], candidates: &[&FulfilmentOrder]) -> Result<Vec<Picked>, String> {
    let mut picked: Vec<Picked> = Vec::new();
    for wanted in wanted {
        let id = id_in("LineItem", &wanted["lineItemId"]).ok_or("a line needs a lineItemId")?;
        let mut left = wanted["quantity"].as_i64();
        for found in candidates {
            let remaining = found.remaining(id);
            let quantity = left.map_or(remaining, |left| left.min(remaining));
            if quantity < 1 {
                continue;
            }
            left = left.map(|left| left - quantity);
            match picked.iter_mut().find(|known| known.fulfilment_order == found.id) {
                Some(known) => known.pieces.push((id, quantity)),
                None => picked.push(Picked { fulfilment_order: found.id, pieces: vec![(id, quantity)] }),
            }
        }
        if let Some(missing) = left.filter(|left| *left > 0) {
            return Err(format!("{missing} pieces of line {id} are not there"));
        }
    }
    Ok(picked)
}

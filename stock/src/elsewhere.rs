//! What somebody else fulfilled from a warehouse of ours: it left, whoever was to ship it.

use std::collections::BTreeMap;

use domain::LineId;
use inventory::{HeldLine, TakenBack};
use orders::{
    Order,
    fulfilled_elsewhere::{self, FulfilledElsewhere},
};

use crate::{
    StockError, StockTransaction,
    counted::{LINES_AT_ONCE, free_of, handed_over},
};

impl StockTransaction<'_> {
    /// Books out what others fulfilled of an order, as the shop says it now, as far as it is not booked yet; what they took
    /// back is booked in again. It is taken from what the order holds and no warehouse was asked to ship; what else it
    /// leaves too little for is missing there. The order is locked and planned next, so that nothing waits for what has
    /// left. Where stock is at a service of its own, nothing is booked.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn book_fulfilled_elsewhere(
        &mut self,
        order: &Order,
        standing: &[FulfilledElsewhere],
    ) -> Result<(), StockError> {
        if !self.is_here() {
            return Ok(());
        }
        let mut to_book: BTreeMap<(i64, LineId), FulfilledElsewhere> = BTreeMap::new();
        for wanted in standing {
            let key = (wanted.fulfilment_id, wanted.line_id.clone());
            to_book.entry(key).and_modify(|known| known.pieces += wanted.pieces).or_insert(wanted.clone());
        }
        let booked = fulfilled_elsewhere::booked(self, &order.order_id).await?;
        for known in &booked {
            let key = (known.fulfilment_id, known.line_id.clone());
            to_book.entry(key).or_insert(FulfilledElsewhere { pieces: 0, ..known.clone() });
        }
        for (_, mut wanted) in to_book {
            let is_of = |known: &&FulfilledElsewhere| {
                known.fulfilment_id == wanted.fulfilment_id && known.line_id == wanted.line_id
            };
            let before = booked.iter().find(is_of);
            if let Some(known) = before {
                // What was booked once is undone where it was.
                (wanted.sku, wanted.warehouse) = (known.sku.clone(), known.warehouse.clone());
            }
            let pieces = i64::from(wanted.pieces) - before.map_or(0, |known| i64::from(known.pieces));
            if pieces != 0 {
                self.book_elsewhere(order, &wanted, pieces).await?;
            }
        }
        Ok(())
    }

    async fn book_elsewhere(
        &mut self,
        order: &Order,
        wanted: &FulfilledElsewhere,
        pieces: i64,
    ) -> Result<(), StockError> {
        let at = (&wanted.sku, &wanted.warehouse);
        // What we do not stock cannot leave us.
        let is_stocked = inventory::item(self, at.0).await?.is_some();
        let warehouses = inventory::warehouses(self).await?;
        if !is_stocked || !warehouses.iter().any(|known| known.warehouse_id == *at.1) {
            return Ok(());
        }
        inventory::lock_place(self, at.0, at.1).await?;
        let mut taken_back = Vec::new();
        let mut left = u64::try_from(pieces).unwrap_or_default();
        if left > 0 {
            let order_id = &order.order_id;
            let handed = handed_over(self, &[order_id.as_str()], at.0, at.1).await?;
            let held = inventory::held_lines(self, at.0, at.1, Some(order_id), None, LINES_AT_ONCE).await?;
            for line in held.into_iter().filter(|line: &HeldLine| line.line_id == wanted.line_id) {
                let taken = free_of(&line, &handed).min(left);
                if taken > 0 {
                    left -= taken;
                    taken_back.push(TakenBack { from: line, pieces: taken });
                }
            }
        }
        let reference = format!("fulfilment {} of the shop", wanted.fulfilment_id);
        inventory::leave_elsewhere(self, at, pieces, &taken_back, &reference, &order.correlation_id).await?;
        Ok(fulfilled_elsewhere::keep(self, &order.order_id, wanted).await?)
    }
}

//! Takes hold of the stock of an order of our own API: all of it, or nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{LineId, OrderId};
use inventory::{
    DemandLine, Reservation, ReservationStatus, ReserveMode, ReserveOutcome, ReserveRequest, Shortage,
};
use orders::progress;

use crate::{StockError, StockTransaction};

const FIRST_EPOCH: u32 = 1;
/// Reservations under one order id that were given back or are of another content. Only an id of the caller's own
/// can have any, and only where stock is kept by a service of its own: here what is refused leaves nothing.
const MOST_EPOCHS: u32 = 100;
/// What an order wants when it is placed.
const FIRST_VERSION: u32 = 1;
/// How long a reservation waits for its order. A message waits at most half of it between two attempts.
pub(crate) const PROVISIONAL_FOR: Duration = Duration::from_secs(120);
const OTHER_CONTENT: &str = "order with other content not kept";

/// What became of it.
#[derive(Debug)]
pub enum PlacedOutcome {
    /// All of it is held.
    Held(Reservation),
    /// Under its id it was reserved before, with the same content: some of it waits in its turn.
    Queued(Reservation),
    /// There is not enough; nothing is held.
    Short {
        /// What is short.
        shortages: Vec<Shortage>,
        /// Under which epoch it can be reserved.
        epoch: u32,
    },
    /// These lines ask for SKUs that are no items; nothing is held.
    UnknownSku(Vec<LineId>),
}

impl StockTransaction<'_> {
    /// Takes hold of these lines of an order that this transaction keeps, provisionally until the order is
    /// [confirmed](crate::Stock::confirm). Epochs under which another content was reserved, or what was reserved has been
    /// given back, are passed over.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn reserve_placed(
        &mut self,
        order_id: &OrderId,
        lines: &[DemandLine],
        correlation_id: &str,
    ) -> Result<PlacedOutcome, StockError> {
        for epoch in FIRST_EPOCH..=MOST_EPOCHS {
            let request = request(order_id, epoch, lines, ReserveMode::AllOrNothing);
            let reservation =
                match self.reserve_provisionally(request, PROVISIONAL_FOR, correlation_id).await? {
                    ReserveOutcome::Reserved(reservation) => reservation,
                    ReserveOutcome::Short(shortages) => return Ok(PlacedOutcome::Short { shortages, epoch }),
                    ReserveOutcome::UnknownSku(lines) => return Ok(PlacedOutcome::UnknownSku(lines)),
                };
            match reservation.status {
                ReservationStatus::Complete if is_for(&reservation, lines) => {
                    return Ok(PlacedOutcome::Held(reservation));
                }
                ReservationStatus::Waiting if is_for(&reservation, lines) => {
                    return Ok(PlacedOutcome::Queued(reservation));
                }
                ReservationStatus::Released => {}
                _ => self.release(order_id, epoch, OTHER_CONTENT, correlation_id).await?,
            }
            progress::next_epoch(self, order_id).await?;
        }
        Err(StockError::ToBeAsked)
    }
}

/// What an order that was placed wants.
pub(crate) fn request(
    order_id: &OrderId,
    epoch: u32,
    lines: &[DemandLine],
    mode: ReserveMode,
) -> ReserveRequest {
    ReserveRequest {
        order_id: order_id.clone(),
        epoch: epoch.into(),
        lines: lines.to_vec(),
        placed: Vec::new(),
        pinned: Vec::new(),
        mode,
        preferred_warehouse: None,
        version: FIRST_VERSION,
    }
}

/// The warehouses in which it is held, for people.
#[must_use]
pub fn warehouses_of(reservation: &Reservation) -> String {
    let warehouses: BTreeSet<&str> =
        reservation.allocations.iter().map(|held| held.warehouse.as_str()).collect();
    warehouses.into_iter().collect::<Vec<_>>().join(", ")
}

/// Whether the reservation is of these lines and nothing else: an order of the same id, but other
/// content, may have been tried before.
fn is_for(reservation: &Reservation, lines: &[DemandLine]) -> bool {
    let mut reserved = BTreeMap::new();
    for held in &reservation.allocations {
        *reserved.entry((&held.line_id, &held.sku)).or_default() += held.held();
    }
    for waits in &reservation.waiting {
        *reserved.entry((&waits.line_id, &waits.sku)).or_default() += u64::from(waits.quantity.get());
    }
    let wanted: BTreeMap<_, u64> =
        lines.iter().map(|line| ((&line.line_id, &line.sku), u64::from(line.quantity.get()))).collect();
    reserved == wanted
}

#[cfg(test)]
mod tests {
    use domain::{LineId, Quantity, Sku};

    use super::*;

    fn line(id: &str, quantity: i64) -> DemandLine {
        DemandLine {
            line_id: LineId::parse(id).unwrap(),
            sku: Sku::parse("SHIRT").unwrap(),
            quantity: Quantity::new(quantity).unwrap(),
        }
    }

    fn reservation(lines: &[(&str, u32)], waiting: &[(&str, u32)]) -> Reservation {
        let allocation = |(index, (line, quantity)): (usize, &(&str, u32))| {
            serde_json::json!({
                "allocationId": format!("alloc_{index:032x}"), "lineId": line, "sku": "SHIRT",
                "warehouse": "main", "quantity": quantity, "fulfilledQuantity": 0, "status": "CONFIRMED",
                "cause": null,
            })
        };
        let waits = |(line, quantity): &(&str, u32)| serde_json::json!({"lineId": line, "sku": "SHIRT", "warehouse": "main", "quantity": quantity});
        serde_json::from_value(serde_json::json!({
            "orderId": "order-1", "epoch": 1, "status": "COMPLETE", "changed": [],
            "waiting": waiting.iter().map(waits).collect::<Vec<_>>(),
            "allocations": lines.iter().enumerate().map(allocation).collect::<Vec<_>>(),
        }))
        .unwrap()
    }

    #[test]
    fn a_reservation_of_another_content_is_not_the_orders() {
        let lines = [line("1", 3), line("2", 1)];
        assert!(is_for(&reservation(&[("1", 2), ("2", 1), ("1", 1)], &[]), &lines));
        assert!(is_for(&reservation(&[("1", 2)], &[("1", 1), ("2", 1)]), &lines));
        assert!(!is_for(&reservation(&[("1", 3)], &[]), &lines));
        assert!(!is_for(&reservation(&[("1", 3), ("2", 2)], &[]), &lines));
        assert!(!is_for(&reservation(&[("1", 3), ("2", 1)], &[("2", 1)]), &lines));
    }
}

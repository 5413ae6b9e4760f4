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
    /// This is short; nothing is held.
    Short(Vec<Shortage>),
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
                    ReserveOutcome::Short(shortages) => return Ok(PlacedOutcome::Short(shortages)),
                    ReserveOutcome::UnknownSku(lines) => return Ok(PlacedOutcome::UnknownSku(lines)),
                };
            if is_for(&reservation, lines) {
                return Ok(PlacedOutcome::Held(reservation));
            }
            if reservation.status != ReservationStatus::Released {
                self.release(order_id, epoch, OTHER_CONTENT, correlation_id).await?;
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

/// Whether the reservation holds these lines and nothing else: an order of the same id, but other
/// content, may have been tried before.
fn is_for(reservation: &Reservation, lines: &[DemandLine]) -> bool {
    let mut held = BTreeMap::new();
    for allocation in &reservation.allocations {
        *held.entry((&allocation.line_id, &allocation.sku)).or_default() += allocation.held();
    }
    let wanted: BTreeMap<_, u64> =
        lines.iter().map(|line| ((&line.line_id, &line.sku), u64::from(line.quantity.get()))).collect();
    reservation.status == ReservationStatus::Complete && held == wanted
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

    fn reservation(status: &str, lines: &[(&str, u32)]) -> Reservation {
        let allocation = |(index, (line, quantity)): (usize, &(&str, u32))| {
            serde_json::json!({
                "allocationId": format!("alloc_{index:032x}"), "lineId": line, "sku": "SHIRT",
                "warehouse": "main", "quantity": quantity, "fulfilledQuantity": 0, "status": "CONFIRMED",
                "cause": null,
            })
        };
        serde_json::from_value(serde_json::json!({
            "orderId": "order-1", "epoch": 1, "status": status, "waiting": [], "changed": [],
            "allocations": lines.iter().enumerate().map(allocation).collect::<Vec<_>>(),
        }))
        .unwrap()
    }

    #[test]
    fn a_reservation_of_another_content_or_one_given_back_is_not_the_orders() {
        let lines = [line("1", 3), line("2", 1)];
        assert!(is_for(&reservation("COMPLETE", &[("1", 2), ("2", 1), ("1", 1)]), &lines));
        assert!(!is_for(&reservation("COMPLETE", &[("1", 3)]), &lines));
        assert!(!is_for(&reservation("COMPLETE", &[("1", 3), ("2", 2)]), &lines));
        assert!(!is_for(&reservation("RELEASED", &[("1", 3), ("2", 1)]), &lines));
    }
}

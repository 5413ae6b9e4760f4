//! What placing an order asks of stock: what the items are, and to take hold of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{OrderId, Sku};
use inventory::{
    DemandLine, Item, Reservation, ReservationStatus, ReserveMode, ReserveOutcome, ReserveRequest,
};
use stock::{StockError, StockTransaction};

use crate::{correlation::CorrelationId, problem::Problem};

const FIRST_EPOCH: u32 = 1;
/// Reservations under one order id that were given back or are of another content. Only an id of the caller's own
/// can have any, and only where stock is kept by a service of its own: here what is refused leaves nothing.
const MOST_EPOCHS: u32 = 100;
/// What an order wants when it is placed.
const FIRST_VERSION: u32 = 1;
/// How long a reservation waits for its order. A message waits at most half of it between two attempts.
const PROVISIONAL_FOR: Duration = Duration::from_secs(120);
const OTHER_CONTENT: &str = "order with other content not kept";

/// The items with these SKUs.
///
/// # Errors
/// [`Problem::UnknownItem`] names those that are none.
pub(super) async fn items(
    stock: &mut StockTransaction<'_>,
    skus: BTreeSet<&Sku>,
    correlation_id: &CorrelationId,
) -> Result<BTreeMap<Sku, Item>, Problem> {
    let wanted: Vec<Sku> = skus.into_iter().cloned().collect();
    let items = stock.items(wanted.clone(), correlation_id.as_str()).await?;
    let unknown: Vec<Sku> = wanted.into_iter().filter(|sku| !items.contains_key(sku)).collect();
    if unknown.is_empty() { Ok(items) } else { Err(Problem::UnknownItem(unknown)) }
}

/// Takes hold of all of it or of nothing. With it, how many epochs are to be passed over: those under which another
/// content was reserved, or what was reserved has been given back.
///
/// # Errors
/// [`Problem::InsufficientStock`] names what is short; nothing is held then.
pub(super) async fn reserve(
    stock: &mut StockTransaction<'_>,
    order_id: &OrderId,
    lines: &[DemandLine],
    correlation_id: &CorrelationId,
) -> Result<(Reservation, u32), Problem> {
    let correlation_id = correlation_id.as_str();
    for epoch in FIRST_EPOCH..=MOST_EPOCHS {
        let request = all_or_nothing(order_id, epoch, lines);
        let outcome = stock.reserve_provisionally(request, PROVISIONAL_FOR, correlation_id).await?;
        let reservation = held(outcome, lines)?;
        if is_for(&reservation, lines) {
            return Ok((reservation, epoch - FIRST_EPOCH));
        }
        if reservation.status != ReservationStatus::Released {
            stock.release(order_id, epoch, OTHER_CONTENT, correlation_id).await?;
        }
    }
    Err(StockError::ToBeAsked.into())
}

fn all_or_nothing(order_id: &OrderId, epoch: u32, lines: &[DemandLine]) -> ReserveRequest {
    ReserveRequest {
        order_id: order_id.clone(),
        epoch: epoch.into(),
        lines: lines.to_vec(),
        placed: Vec::new(),
        pinned: Vec::new(),
        mode: ReserveMode::AllOrNothing,
        preferred_warehouse: None,
        version: FIRST_VERSION,
    }
}

/// What is held, or why nothing is.
fn held(outcome: ReserveOutcome, lines: &[DemandLine]) -> Result<Reservation, Problem> {
    match outcome {
        ReserveOutcome::Reserved(reservation) => Ok(reservation),
        ReserveOutcome::Short(shortages) => Err(Problem::InsufficientStock(shortages)),
        ReserveOutcome::UnknownSku(unknown) => {
            let unknown = lines.iter().filter(|line| unknown.contains(&line.line_id));
            let unknown: BTreeSet<&Sku> = unknown.map(|line| &line.sku).collect();
            Err(Problem::UnknownItem(unknown.into_iter().cloned().collect()))
        }
    }
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
    use domain::{LineId, Quantity};

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

//! What placing an order asks of stock: what the items are, and to take hold of them.

use std::collections::{BTreeMap, BTreeSet};

use domain::{OrderId, Sku};
use inventory::{DemandLine, Item, Reservation, Shortage, WaitingLine};
use stock::{PlacedOutcome, StockTransaction};

use crate::{correlation::CorrelationId, problem::Problem};

/// The items with these SKUs.
///
/// # Errors
/// [`Problem::UnknownItem`] names those that are none.
pub(super) async fn items(
    stock: &mut StockTransaction<'_>,
    skus: &[&Sku],
    correlation_id: &CorrelationId,
) -> Result<BTreeMap<Sku, Item>, Problem> {
    let wanted: Vec<Sku> = skus.iter().copied().cloned().collect();
    let items = stock.items(wanted.clone(), correlation_id.as_str()).await?;
    let unknown: Vec<Sku> = wanted.into_iter().filter(|sku| !items.contains_key(sku)).collect();
    if unknown.is_empty() { Ok(items) } else { Err(Problem::UnknownItem(unknown)) }
}

/// Takes hold of all of it or of nothing.
///
/// # Errors
/// [`Problem::InsufficientStock`] names what is short; nothing is held then.
pub(super) async fn reserve(
    stock: &mut StockTransaction<'_>,
    order_id: &OrderId,
    lines: &[DemandLine],
    correlation_id: &CorrelationId,
) -> Result<Reservation, Problem> {
    match stock.reserve_placed(order_id, lines, correlation_id.as_str()).await? {
        PlacedOutcome::Held(reservation) => Ok(reservation),
        PlacedOutcome::Short { shortages, .. } => Err(Problem::InsufficientStock(shortages)),
        PlacedOutcome::Queued(reservation) => {
            let shortages = reservation.waiting.into_iter();
            Err(Problem::InsufficientStock(shortages.map(short_of).collect()))
        }
        PlacedOutcome::UnknownSku(unknown) => {
            let unknown = lines.iter().filter(|line| unknown.contains(&line.line_id));
            let unknown: BTreeSet<&Sku> = unknown.map(|line| &line.sku).collect();
            Err(Problem::UnknownItem(unknown.into_iter().cloned().collect()))
        }
    }
}

fn short_of(waits: WaitingLine) -> Shortage {
    Shortage { sku: waits.sku, requested: waits.quantity.get().into(), available: 0 }
}

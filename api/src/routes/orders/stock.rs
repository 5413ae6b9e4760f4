//! What placing an order asks of stock: what the items are, and to take hold of them.

use std::collections::{BTreeMap, BTreeSet};

use domain::{OrderId, Sku};
use inventory::{DemandLine, Item, Reservation, ReserveMode, ReserveOutcome, ReserveRequest};
use sqlx::PgConnection;

use crate::{correlation::CorrelationId, problem::Problem};

pub(super) const FIRST_EPOCH: u32 = 1;

/// The items with these SKUs.
///
/// # Errors
/// [`Problem::UnknownItem`] names those that are none.
pub(super) async fn items(
    conn: &mut PgConnection,
    skus: &BTreeSet<&Sku>,
) -> Result<BTreeMap<Sku, Item>, Problem> {
    let wanted: Vec<Sku> = skus.iter().map(|sku| (*sku).clone()).collect();
    let items = inventory::items_by_sku(conn, &wanted).await?;
    all_known(wanted, items)
}

pub(super) fn all_known(
    wanted: Vec<Sku>,
    items: BTreeMap<Sku, Item>,
) -> Result<BTreeMap<Sku, Item>, Problem> {
    let unknown: Vec<Sku> = wanted.into_iter().filter(|sku| !items.contains_key(sku)).collect();
    if unknown.is_empty() { Ok(items) } else { Err(Problem::UnknownItem(unknown)) }
}

/// What an order wants when it is placed.
const FIRST_VERSION: u32 = 1;

/// Takes hold of all of it or of nothing.
///
/// # Errors
/// [`Problem::InsufficientStock`] names what is short; nothing is held then.
pub(super) async fn reserve(
    conn: &mut PgConnection,
    order_id: &OrderId,
    lines: Vec<DemandLine>,
    correlation_id: &CorrelationId,
) -> Result<Reservation, Problem> {
    let request = all_or_nothing(order_id, FIRST_EPOCH, lines);
    let outcome = inventory::reserve(conn, &request, correlation_id.as_str()).await?;
    held(outcome, request.lines)
}

pub(super) fn all_or_nothing(order_id: &OrderId, epoch: u32, lines: Vec<DemandLine>) -> ReserveRequest {
    let mode = ReserveMode::AllOrNothing;
    ReserveRequest {
        order_id: order_id.clone(),
        epoch: epoch.into(),
        lines,
        placed: Vec::new(),
        pinned: Vec::new(),
        mode,
        preferred_warehouse: None,
        version: FIRST_VERSION,
    }
}

/// What is held, or why nothing is.
pub(super) fn held(outcome: ReserveOutcome, lines: Vec<DemandLine>) -> Result<Reservation, Problem> {
    match outcome {
        ReserveOutcome::Reserved(reservation) => Ok(reservation),
        ReserveOutcome::Short(shortages) => Err(Problem::InsufficientStock(shortages)),
        ReserveOutcome::UnknownSku(unknown) => {
            let unknown = lines.into_iter().filter(|line| unknown.contains(&line.line_id));
            let unknown: BTreeSet<Sku> = unknown.map(|line| line.sku).collect();
            Err(Problem::UnknownItem(unknown.into_iter().collect()))
        }
    }
}

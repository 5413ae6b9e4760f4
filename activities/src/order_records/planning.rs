//! Which pieces are handed over to which warehouse: all that are allocated and not in a hand-over yet.

use std::collections::BTreeMap;

use domain::WarehouseId;
use inventory::Reservation as Holding;
use orders::{
    Order,
    hand_over::{self, HandOver, HandOverStatus, HandedLine},
    shipment,
};
use sqlx::PgConnection;
use workflows::contract::PlannedHandOver;

use crate::attempt::Failure;

/// Plans what is missing and returns every hand-over of the order that is not called off. Nothing is
/// planned while the order waits to be whole.
pub(super) async fn hand_overs(
    conn: &mut PgConnection,
    order: &Order,
    holding: &Holding,
    waits_whole: bool,
) -> Result<Vec<PlannedHandOver>, Failure> {
    write_off_called_off(conn, order).await?;
    let mut known = hand_over::of_order(conn, &order.order_id).await?;
    known.retain(counts);
    if !waits_whole {
        for (warehouse, lines) in not_handed_over(holding, &known) {
            let plan = hand_over::plan(conn, &order.order_id, &order.order_number, &warehouse, lines).await?;
            known.push(plan);
        }
    }
    Ok(known
        .into_iter()
        .map(|hand_over| PlannedHandOver {
            accepted: hand_over.status != HandOverStatus::Requested.as_str(),
            reference: hand_over.reference,
            warehouse: hand_over.warehouse,
            pieces: hand_over.pieces,
        })
        .collect())
}

/// One that was called off, or recalled whole, holds no pieces any more.
fn counts(hand_over: &HandOver) -> bool {
    let gone = [HandOverStatus::Cancelled.as_str(), HandOverStatus::Recalled.as_str()];
    !(gone.contains(&hand_over.status.as_str()) && hand_over.pieces == 0)
}

/// Pieces that are allocated and in no hand-over, by warehouse.
fn not_handed_over(holding: &Holding, known: &[HandOver]) -> BTreeMap<WarehouseId, Vec<HandedLine>> {
    let mut handed: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for hand_over in known {
        for line in &hand_over.lines {
            *handed.entry((hand_over.warehouse.as_str(), line.line_id.as_str())).or_default() +=
                line.quantity;
        }
    }
    let mut missing: BTreeMap<WarehouseId, Vec<HandedLine>> = BTreeMap::new();
    for held in holding.allocations.iter().filter(|held| held.held() > 0 || held.fulfilled_quantity > 0) {
        let key = (held.warehouse.as_str(), held.line_id.as_str());
        let covered = handed.entry(key).or_default();
        let quantity = held.quantity.get().saturating_sub(*covered);
        *covered = covered.saturating_sub(held.quantity.get());
        if quantity > 0 {
            missing.entry(held.warehouse.clone()).or_default().push(HandedLine {
                line_id: held.line_id.as_str().to_owned(),
                sku: held.sku.as_str().to_owned(),
                quantity,
            });
        }
    }
    missing
}

/// Pieces of parcels the warehouse called off are in no hand-over any more.
async fn write_off_called_off(conn: &mut PgConnection, order: &Order) -> Result<(), Failure> {
    for parcel in shipment::take_called_off(conn, &order.order_id).await? {
        let reference = domain::HandOverReference::parse(&parcel.reference)?;
        let Some(hand_over) = hand_over::find(conn, &reference).await? else { continue };
        if hand_over.status != HandOverStatus::Accepted.as_str() {
            continue;
        }
        let mut lines = hand_over.lines;
        for gone in &parcel.lines {
            let mut quantity = gone.quantity;
            for line in lines.iter_mut().filter(|line| line.sku == gone.sku) {
                let taken = quantity.min(line.quantity);
                line.quantity -= taken;
                quantity -= taken;
            }
        }
        lines.retain(|line| line.quantity > 0);
        hand_over::shrink(conn, &reference, &lines).await?;
    }
    Ok(())
}

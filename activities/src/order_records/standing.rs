//! How an order stands that another run may have brought far.

use orders::{
    hand_over::{self, HandOverStatus},
    record, shipment,
};
use workflows::contract::{OrderRef, PlannedHandOver, Standing};

use super::OrderRecords;
use crate::{attempt::Failure, telling};

impl OrderRecords {
    pub(super) async fn standing(&self, input: &OrderRef) -> Result<Standing, Failure> {
        let mut conn = self.pool.acquire().await?;
        let order =
            record::find(&mut conn, &input.order_id).await?.ok_or(Failure::permanent("ORDER_UNKNOWN"))?;
        let (_, pieces_left) = shipment::pieces(&mut conn, &order.order_id).await?;
        let mut hand_overs = hand_over::of_order(&mut conn, &order.order_id).await?;
        hand_overs.retain(|hand_over| hand_over.was_called);
        let there = hand_overs.iter().filter(|hand_over| is_there(&hand_over.status));
        let to_recall = there.map(|hand_over| hand_over.reference.clone()).collect();
        let hand_overs = hand_overs.into_iter().map(|hand_over| PlannedHandOver {
            accepted: true,
            reference: hand_over.reference,
            warehouse: hand_over.warehouse,
            pieces: hand_over.pieces,
        });
        Ok(Standing {
            status: order.status,
            hand_overs: hand_overs.collect(),
            to_recall,
            pieces_left: u32::try_from(pieces_left).unwrap_or(u32::MAX),
            untold: telling::untold(&mut conn, &order).await?,
        })
    }
}

/// Whether the warehouse may have it and was not asked to stop.
fn is_there(status: &str) -> bool {
    [HandOverStatus::Requested, HandOverStatus::Accepted].iter().any(|there| there.as_str() == status)
}

//! What is known of an order in one moment, under its lock: what is wanted, what left, what is with a
//! warehouse, and what the shop's fulfilment orders said when they were last looked at.

use std::collections::{BTreeMap, BTreeSet};

use domain::{AddressSaid, GateFacts, LineId, LinePieces, OurParcel, Sku, WarehouseId, is_our_fulfilment};
use orders::{
    Order,
    brief::{self, Brief},
    edits,
    fulfilled_elsewhere::FulfilledElsewhere,
    fulfilment_orders,
    fulfilment_request::{self, FulfilmentRequest},
    parcel_lines::{self, Parcel},
};
use sha2::{Digest, Sha256};
use shopify::admin::FulfilmentOrder;
use sqlx::PgConnection;
use workflows::contract::Rules;

use crate::{attempt::AttemptError, shops::ShopRules};

/// What is known of an order.
pub(crate) struct Situation {
    pub(crate) brief: Brief,
    pub(crate) parcels: Vec<Parcel>,
    /// Those that hold pieces.
    pub(crate) requests: Vec<FulfilmentRequest>,
    /// As they were last looked at, in the shop's order.
    pub(crate) fulfilment_orders: Vec<FulfilmentOrder>,
    /// What was wanted then is what is wanted now, and nothing was said of them since.
    pub(crate) look_is_fresh: bool,
    pub(crate) shop: ShopRules,
    /// The shop says that there is no address to ship to.
    pub(crate) has_no_address: bool,
    pub(crate) is_of_a_shop: bool,
    /// The warehouse that a person said it ships from.
    pub(crate) assigned: Option<WarehouseId>,
    /// A person changed something of it.
    pub(crate) is_edited: bool,
}

impl Situation {
    pub(crate) async fn read(
        conn: &mut PgConnection,
        order: &Order,
        shop: ShopRules,
    ) -> Result<Self, AttemptError> {
        let parcels = parcel_lines::of_order(conn, &order.order_id).await?;
        let brief = brief::with_parcels(conn, order, &shop.services, &parcels).await?;
        let mut requests = fulfilment_request::of_order(conn, &order.order_id).await?;
        requests.retain(FulfilmentRequest::counts);
        let mut seen = Vec::new();
        if order.channel.shop().is_some() {
            for kept in fulfilment_orders::of_order(conn, &order.order_id).await? {
                let read = serde_json::from_value(kept.content);
                seen.push(read.map_err(|_| AttemptError::permanent("ORDER_UNREADABLE"))?);
            }
        }
        let look_is_fresh =
            !order.look_wanted && order.looked_for.as_deref() == Some(wish_digest(&brief).as_slice());
        let has_no_address = order.facts.address == AddressSaid::Null;
        let is_of_a_shop = order.channel.shop().is_some();
        let assigned = edits::warehouse(conn, order).await?;
        Ok(Self {
            brief,
            parcels,
            requests,
            fulfilment_orders: seen,
            look_is_fresh,
            shop,
            has_no_address,
            is_of_a_shop,
            assigned,
            is_edited: order.is_edited,
        })
    }

    /// Whether the shop's fulfilment orders say what is to be done, and not the order's body alone.
    pub(crate) fn goes_by_look(&self, rules: &Rules) -> bool {
        rules.look && self.look_is_fresh && !self.fulfilment_orders.is_empty()
    }

    /// The warehouses that pieces of a line left from.
    pub(crate) fn left_from(&self, line: &LineId) -> BTreeSet<&str> {
        let booked = self.parcels.iter().filter(|parcel| parcel.booked_at.is_some());
        let of_line = booked.filter(|parcel| parcel.lines.iter().any(|pieces| pieces.line_id == *line));
        of_line.map(|parcel| parcel.warehouse.as_str()).collect()
    }

    /// Pieces by line that the shop was notified of.
    pub(crate) fn notified(&self) -> BTreeMap<LineId, u32> {
        let mut notified = BTreeMap::new();
        for parcel in self.parcels.iter().filter(|parcel| parcel.was_notified()) {
            for pieces in &parcel.lines {
                *notified.entry(pieces.line_id.clone()).or_default() += pieces.quantity;
            }
        }
        notified
    }

    /// Pieces with a warehouse that have not left: by hand-over, line and pieces.
    pub(crate) fn at_warehouses(&self) -> Vec<(&FulfilmentRequest, Vec<(LineId, u32)>)> {
        let mut left: BTreeMap<(&str, &LineId), u32> = BTreeMap::new();
        for parcel in self.parcels.iter().filter(|parcel| parcel.booked_at.is_some()) {
            for pieces in &parcel.lines {
                *left.entry((parcel.reference.as_str(), &pieces.line_id)).or_default() += pieces.quantity;
            }
        }
        let mut there = Vec::new();
        for request in self.requests.iter().filter(|request| request.was_called) {
            let mut lines = Vec::new();
            for line in &request.lines {
                let Ok(line_id) = LineId::parse(&line.line_id) else { continue };
                let gone = left.get(&(request.reference.as_str(), &line_id)).copied().unwrap_or_default();
                let rest = line.quantity.saturating_sub(gone);
                if rest > 0 {
                    lines.push((line_id, rest));
                }
            }
            if !lines.is_empty() {
                there.push((request, lines));
            }
        }
        there
    }

    /// What others fulfilled at warehouses of ours, where the shop's stock follows ours; none where the shop is silent about
    /// fulfilments.
    pub(crate) fn fulfilled_elsewhere(&self, order: &Order) -> Option<Vec<FulfilledElsewhere>> {
        let fulfilments = order.facts.fulfilments.as_ref().filter(|_| self.shop.books_others)?;
        let booked = self.parcels.iter().filter(|parcel| parcel.booked_at.is_some());
        let ours: Vec<OurParcel> = booked.map(Parcel::as_own).collect();
        let others = fulfilments.iter().filter(|known| known.stands && !is_our_fulfilment(known, &ours));
        let mut elsewhere = Vec::new();
        for fulfilment in others {
            let Some(warehouse) = fulfilment.location_id.and_then(|id| self.shop.locations.get(&id)) else {
                continue;
            };
            for LinePieces { line_id, quantity } in &fulfilment.lines {
                let line = order.facts.lines.iter().find(|line| line.line_id == *line_id);
                let Some(sku) = line.and_then(|line| Sku::parse(line.sku.as_deref()?).ok()) else { continue };
                elsewhere.push(FulfilledElsewhere {
                    fulfilment_id: fulfilment.id,
                    line_id: line_id.clone(),
                    sku,
                    warehouse: warehouse.clone(),
                    pieces: *quantity,
                });
            }
        }
        Some(elsewhere)
    }

    /// The gate's facts, with what the fulfilment orders leave to us.
    pub(crate) fn gate(&self, to_ship: u32) -> GateFacts {
        GateFacts { to_ship, ..self.brief.gate.clone() }
    }

    /// The warehouse that a fulfilment order is to leave from, where it matters.
    pub(crate) fn warehouse_of(&self, order: &FulfilmentOrder) -> Option<&WarehouseId> {
        self.shop.locations.get(&order.location_id?)
    }
}

/// What is wanted, as a digest: whether a look was made for it.
pub(crate) fn wish_digest(brief: &Brief) -> [u8; 32] {
    let mut digest = Sha256::new();
    for line in brief.wanted.iter().chain(&brief.of_others) {
        digest.update(line.line_id.as_str());
        digest.update([0]);
        digest.update(line.sku.as_deref().unwrap_or_default());
        digest.update([0]);
        digest.update(line.pieces.to_be_bytes());
    }
    // The fulfilment orders may say something else after each refund, though the body comes to the same.
    for refund_line in brief.doubtful_by.iter().flatten() {
        digest.update(refund_line.to_be_bytes());
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests;

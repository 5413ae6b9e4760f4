//! The parcels of an order by the order's lines. A warehouse speaks of SKUs; which line a piece belongs to
//! follows from the hand-over it left under.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{HandOverReference, LineId, LinePieces, OrderId, OwnParcel, Sku, WarehouseId};
use sqlx::PgConnection;

use crate::{
    OrdersError,
    hand_over::{self, HandOver, HandedLine},
    shipment::{self, ParcelLine, Shipment},
};

/// A parcel by the order's lines.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// The hand-over it belongs to.
    pub reference: HandOverReference,
    /// The warehouse's id of it.
    pub shipment_id: String,
    /// From where.
    pub warehouse: String,
    /// When it was booked as shipped here.
    pub booked_at: Option<DateTime<Utc>>,
    /// When the shop was told.
    pub told_shop_at: Option<DateTime<Utc>>,
    /// The carrier's number.
    pub tracking_number: Option<String>,
    /// The shop's ids of the fulfilments that report it.
    pub fulfilment_ids: Vec<i64>,
    /// Pieces by line.
    pub lines: Vec<LinePieces>,
    /// Pieces that belong to no line of the hand-over.
    pub besides: Vec<ParcelLine>,
}

impl Parcel {
    /// Whether the shop knows of it: not where an operator left it untold, or where it had no place.
    #[must_use]
    pub fn was_told(&self) -> bool {
        self.told_shop_at.is_some() && !self.fulfilment_ids.is_empty()
    }

    /// As the shop's bodies speak of it.
    #[must_use]
    pub fn as_own(&self) -> OwnParcel {
        OwnParcel {
            fulfilment_ids: self.fulfilment_ids.clone(),
            tracking_number: self.tracking_number.clone(),
            told: self.was_told(),
            lines: self.lines.clone(),
        }
    }
}

/// What left of a line.
#[derive(Debug, Clone, Default)]
pub struct Left {
    /// Pieces in all.
    pub pieces: u32,
    /// As what, and from where the first of them.
    pub place: Option<(Sku, WarehouseId)>,
}

/// What left of a line of an order.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn left_of(conn: &mut PgConnection, order: &OrderId, line: &LineId) -> Result<Left, OrdersError> {
    let mut left = Left::default();
    for parcel in of_order(conn, order).await?.iter().filter(|parcel| parcel.booked_at.is_some()) {
        for pieces in parcel.lines.iter().filter(|pieces| pieces.line_id == *line) {
            left.pieces += pieces.quantity;
            if left.place.is_none() {
                let sku = hand_over::sku_of(conn, &parcel.reference, line.as_str()).await?;
                left.place = match sku {
                    Some(sku) => Some((Sku::parse(&sku)?, WarehouseId::parse(&parcel.warehouse)?)),
                    None => None,
                };
            }
        }
    }
    Ok(left)
}

/// The parcels of an order that have left, or that the warehouse speaks of.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn of_order(conn: &mut PgConnection, order: &OrderId) -> Result<Vec<Parcel>, OrdersError> {
    let shipments = shipment::of_order(conn, order).await?;
    if shipments.is_empty() {
        return Ok(Vec::new());
    }
    let hand_overs = hand_over::of_order(conn, order).await?;
    by_lines(&hand_overs, shipments)
}

/// Lines of one SKU are served in the order of the hand-over. Which parcels come first is decided by when
/// they were booked, so that every look decides alike.
fn by_lines(hand_overs: &[HandOver], mut shipments: Vec<Shipment>) -> Result<Vec<Parcel>, OrdersError> {
    let mut open: BTreeMap<&str, Vec<HandedLine>> =
        hand_overs.iter().map(|hand_over| (hand_over.reference.as_str(), hand_over.lines.clone())).collect();
    shipments
        .sort_by_key(|parcel| (parcel.booked_at.is_none(), parcel.booked_at, parcel.shipment_id.clone()));
    let mut parcels = Vec::with_capacity(shipments.len());
    for parcel in shipments {
        let mut lines = Vec::new();
        let mut besides = Vec::new();
        let handed = open.get_mut(parcel.reference.as_str());
        let handed: &mut [HandedLine] = handed.map_or(&mut [], Vec::as_mut_slice);
        for sent in &parcel.lines {
            let mut quantity = sent.quantity;
            for line in handed.iter_mut().filter(|line| line.sku == sent.sku) {
                let taken = quantity.min(line.quantity);
                line.quantity -= taken;
                quantity -= taken;
                if taken > 0 {
                    lines.push(LinePieces { line_id: LineId::parse(&line.line_id)?, quantity: taken });
                }
            }
            if quantity > 0 {
                besides.push(ParcelLine { sku: sent.sku.clone(), quantity });
            }
        }
        parcels.push(Parcel {
            reference: HandOverReference::parse(&parcel.reference)?,
            shipment_id: parcel.shipment_id,
            warehouse: parcel.warehouse,
            booked_at: parcel.booked_at,
            told_shop_at: parcel.told_shop_at,
            tracking_number: parcel.tracking_number,
            fulfilment_ids: parcel.fulfilment_ids,
            lines,
            besides,
        });
    }
    Ok(parcels)
}

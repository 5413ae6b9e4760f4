//! The parcels of an order by the order's lines. A warehouse speaks of SKUs; which line a piece belongs to
//! follows from the hand-over it left under.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{LineId, LinePieces, OrderId, OurParcel, RequestReference, Sku, WarehouseId};
use sqlx::PgConnection;

use crate::{
    OrdersError,
    fulfilment_request::{self, FulfilmentRequest, RequestedLine},
    parcel::{self, KeptParcel, ParcelLine},
};

/// A parcel by the order's lines.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// The hand-over it belongs to.
    pub reference: RequestReference,
    /// The warehouse's id of it.
    pub parcel_id: String,
    /// From where.
    pub warehouse: String,
    /// When it was booked as shipped here.
    pub booked_at: Option<DateTime<Utc>>,
    /// When the shop was notified.
    pub shop_notified_at: Option<DateTime<Utc>>,
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
    /// Whether the shop knows of it: not where an operator skipped the notification, or where it had no place.
    #[must_use]
    pub fn was_notified(&self) -> bool {
        self.shop_notified_at.is_some() && !self.fulfilment_ids.is_empty()
    }

    /// As the shop's bodies speak of it.
    #[must_use]
    pub fn as_own(&self) -> OurParcel {
        OurParcel {
            fulfilment_ids: self.fulfilment_ids.clone(),
            tracking_number: self.tracking_number.clone(),
            notified: self.was_notified(),
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
    Ok(left_by_line(conn, order).await?.remove(line).unwrap_or_default())
}

/// What left of an order, by its lines; a line of which nothing left is not among them.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn left_by_line(
    conn: &mut PgConnection,
    order: &OrderId,
) -> Result<BTreeMap<LineId, Left>, OrdersError> {
    let mut left = BTreeMap::<LineId, Left>::new();
    let parcels = parcel::of_order(conn, order).await?;
    if parcels.is_empty() {
        return Ok(left);
    }
    let requests = fulfilment_request::of_order(conn, order).await?;
    for parcel in by_lines(&requests, parcels)?.iter().filter(|parcel| parcel.booked_at.is_some()) {
        let request = requests.iter().find(|request| request.reference == parcel.reference);
        for pieces in &parcel.lines {
            let left = left.entry(pieces.line_id.clone()).or_default();
            left.pieces += pieces.quantity;
            let mut lines = request.into_iter().flat_map(|request| &request.lines);
            let handed = lines.find(|line| line.line_id == pieces.line_id.as_str());
            if let (None, Some(handed)) = (&left.place, handed) {
                left.place = Some((Sku::parse(&handed.sku)?, WarehouseId::parse(&parcel.warehouse)?));
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
    let parcels = parcel::of_order(conn, order).await?;
    if parcels.is_empty() {
        return Ok(Vec::new());
    }
    let requests = fulfilment_request::of_order(conn, order).await?;
    by_lines(&requests, parcels)
}

/// Lines of one SKU are served in the order of the hand-over. Which parcels come first is decided by when
/// they were booked, so that every look decides alike.
fn by_lines(requests: &[FulfilmentRequest], mut kept: Vec<KeptParcel>) -> Result<Vec<Parcel>, OrdersError> {
    let mut open: BTreeMap<&str, Vec<RequestedLine>> = requests
        .iter()
        .map(|fulfilment_request| (fulfilment_request.reference.as_str(), fulfilment_request.lines.clone()))
        .collect();
    kept.sort_by_key(|parcel| (parcel.booked_at.is_none(), parcel.booked_at, parcel.parcel_id.clone()));
    let mut parcels = Vec::with_capacity(kept.len());
    for parcel in kept {
        let mut lines = Vec::new();
        let mut besides = Vec::new();
        let handed = open.get_mut(parcel.reference.as_str());
        let handed: &mut [RequestedLine] = handed.map_or(&mut [], Vec::as_mut_slice);
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
            reference: RequestReference::parse(&parcel.reference)?,
            parcel_id: parcel.parcel_id,
            warehouse: parcel.warehouse,
            booked_at: parcel.booked_at,
            shop_notified_at: parcel.shop_notified_at,
            tracking_number: parcel.tracking_number,
            fulfilment_ids: parcel.fulfilment_ids,
            lines,
            besides,
        });
    }
    Ok(parcels)
}

#[cfg(test)]
mod tests;

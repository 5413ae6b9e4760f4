//! Parcels that left: their stock is taken, their pieces are counted, and with the last of them the
//! order is `SHIPPED`.

use domain::{OrderStatus, Quantity, Sku, WarehouseId};
use inventory::FulfilRequest;
use inventory_service::Ahead;
use orders::{
    Order,
    hand_over::{self, HandOverStatus},
    progress, record,
    shipment::{self, News, ParcelLine, Shipment},
};
use sqlx::PgConnection;
use workflows::contract::{Parcel, ParcelBooked, ParcelToBook};

use super::OrderRecords;
use crate::{attempt::Failure, telling};

/// Why the stock of what was recalled was given back.
const RECALLED: &str = "recalled";

impl OrderRecords {
    pub(super) async fn book_parcel(&self, input: &ParcelToBook) -> Result<ParcelBooked, Failure> {
        let ahead = self.parcel_ahead(input).await?;
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &input.order_id).await?;
        let parcel = note_parcel(&mut tx, &order, input).await?;
        let gone = stock_gone(&order, &parcel)?;
        let first = shipment::booked(&mut tx, &input.parcel.reference, &input.parcel.shipment_id).await?;
        let outstanding = if first || self.stock.there().is_some() {
            self.stock.fulfil_within(&mut tx, ahead, &gone, &order.correlation_id).await?
        } else {
            let holding = inventory::reservation(&mut tx, &order.order_id, order.epoch).await?;
            holding.map_or(0, |holding| holding.outstanding())
        };
        let (all_has_left, pieces_left) = what_has_left(&mut tx, &order, outstanding).await?;
        let mut given_back = Ahead::nothing();
        if all_has_left && outstanding > 0 && self.stock.there().is_some() {
            // That the parcel is booked stays true, whatever becomes of the call.
            tx.commit().await?;
            given_back = self.release_ahead(&order.order_id, RECALLED).await?;
            tx = self.pool.begin().await?;
            record::lock(&mut tx, &order.order_id).await?;
        }
        let status = if all_has_left {
            if outstanding > 0 {
                self.give_back(&mut tx, given_back, &order, RECALLED).await?;
            }
            self.ship(&mut tx, &order, parcel.tracking_number.as_deref()).await?
        } else {
            progress::some_has_left(&mut tx, &order.order_id).await?;
            OrderStatus::Processing
        };
        tx.commit().await?;
        Ok(ParcelBooked { status, pieces_left: u32::try_from(pieces_left).unwrap_or(u32::MAX) })
    }

    /// Tells the inventory service that the parcel's stock has left, if stock is there.
    async fn parcel_ahead(&self, input: &ParcelToBook) -> Result<Ahead<u64>, Failure> {
        if self.stock.there().is_none() {
            return Ok(Ahead::nothing());
        }
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &input.order_id).await?;
        let parcel = note_parcel(&mut tx, &order, input).await?;
        tx.commit().await?;
        let gone = stock_gone(&order, &parcel)?;
        Ok(self.stock.fulfil_ahead(&gone, &order.correlation_id).await?)
    }

    pub(super) async fn ship(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        tracking_number: Option<&str>,
    ) -> Result<OrderStatus, Failure> {
        progress::move_to(conn, &order.order_id, OrderStatus::Shipped, "SHIPPED", tracking_number).await?;
        hand_over::close_accepted(conn, &order.order_id).await?;
        if telling::untold(conn, order).await?.is_empty() {
            progress::set_story_ended(conn, &order.order_id, true).await?;
        }
        Ok(OrderStatus::Shipped)
    }
}

/// The parcel as it is known; an order of which one has left is `PROCESSING`, whatever we had heard.
async fn note_parcel(
    conn: &mut PgConnection,
    order: &Order,
    input: &ParcelToBook,
) -> Result<Shipment, Failure> {
    if input.by_hand {
        parcel_by_hand(conn, &input.parcel).await?;
    }
    let Parcel { reference, shipment_id } = &input.parcel;
    let parcel =
        shipment::find(conn, reference, shipment_id).await?.ok_or(Failure::permanent("PARCEL_UNKNOWN"))?;
    if order.status == OrderStatus::Confirmed {
        let processing = OrderStatus::Processing;
        progress::move_to(conn, &order.order_id, processing, "HANDED_OVER", Some(reference.as_str())).await?;
    }
    Ok(parcel)
}

/// Whether all that is to leave has left, and how many pieces have. What a recall in part left over
/// does not leave any more.
async fn what_has_left(
    conn: &mut PgConnection,
    order: &Order,
    outstanding: u64,
) -> Result<(bool, i64), Failure> {
    let (planned, left) = shipment::pieces(conn, &order.order_id).await?;
    let recalled = hand_over::of_order(conn, &order.order_id)
        .await?
        .iter()
        .any(|hand_over| hand_over.status == HandOverStatus::Recalled.as_str());
    Ok((left >= planned && (outstanding == 0 || recalled), left))
}

/// What has left stock with a parcel.
fn stock_gone(order: &Order, parcel: &Shipment) -> Result<FulfilRequest, Failure> {
    let mut lines = Vec::with_capacity(parcel.lines.len());
    for line in &parcel.lines {
        lines.push((Sku::parse(&line.sku)?, Quantity::new(i64::from(line.quantity))?));
    }
    Ok(FulfilRequest {
        order_id: order.order_id.clone(),
        epoch: order.epoch,
        warehouse: WarehouseId::parse(&parcel.warehouse)?,
        shipment_id: format!("{}/{}", parcel.reference, parcel.shipment_id),
        lines,
    })
}

/// An operator says that all of a hand-over left without the warehouse system.
async fn parcel_by_hand(conn: &mut PgConnection, parcel: &Parcel) -> Result<(), Failure> {
    let hand_over =
        hand_over::find(conn, &parcel.reference).await?.ok_or(Failure::permanent("PARCEL_UNKNOWN"))?;
    let lines: Vec<ParcelLine> = hand_over
        .lines
        .iter()
        .map(|line| ParcelLine { sku: line.sku.clone(), quantity: line.quantity })
        .collect();
    let news = News {
        reference: &parcel.reference,
        shipment_id: &parcel.shipment_id,
        status: "shipped",
        sequence: 1,
        lines: &lines,
        carrier: None,
        tracking_number: None,
        tracking_url: None,
    };
    shipment::record(conn, &news).await?;
    hand_over::settle(conn, &parcel.reference, HandOverStatus::Shipped, hand_over.pieces_asked_for()).await?;
    Ok(())
}

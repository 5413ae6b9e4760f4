//! Parcels that left: their stock is taken, their pieces are counted, and with the last of them the
//! order is `SHIPPED`.

use domain::{OrderStatus, Quantity, Sku, WarehouseId};
use inventory::FulfilRequest;
use orders::{
    Order,
    hand_over::{self, HandOverStatus},
    progress, record,
    shipment::{self, News, ParcelLine, Shipment},
};
use sqlx::PgConnection;
use workflows::contract::{Parcel, ParcelBooked, ParcelToBook};

use super::OrderRecords;
use crate::{attempt::Failure, stock_news, telling};

impl OrderRecords {
    pub(super) async fn book_parcel(&self, input: &ParcelToBook) -> Result<ParcelBooked, Failure> {
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &input.order_id).await?;
        if input.by_hand {
            parcel_by_hand(&mut tx, &input.parcel).await?;
        }
        let Parcel { reference, shipment_id } = &input.parcel;
        let parcel = shipment::find(&mut tx, reference, shipment_id)
            .await?
            .ok_or(Failure::permanent("PARCEL_UNKNOWN"))?;
        if order.status == OrderStatus::Confirmed {
            progress::move_to(
                &mut tx,
                &order.order_id,
                OrderStatus::Processing,
                "HANDED_OVER",
                Some(reference.as_str()),
            )
            .await?;
        }
        if shipment::booked(&mut tx, reference, shipment_id).await? {
            take_from_stock(&mut tx, &order, &parcel).await?;
        }
        let booked = self.close_what_has_left(&mut tx, &order, &parcel).await?;
        tx.commit().await?;
        Ok(booked)
    }

    /// `SHIPPED` once all that is to leave has left; what a recall in part left over goes back.
    async fn close_what_has_left(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        parcel: &Shipment,
    ) -> Result<ParcelBooked, Failure> {
        let (planned, left) = shipment::pieces(conn, &order.order_id).await?;
        let holding = inventory::reservation(conn, &order.order_id, order.epoch).await?;
        let outstanding = holding.map_or(0, |holding| holding.outstanding());
        let recalled = hand_over::of_order(conn, &order.order_id)
            .await?
            .iter()
            .any(|hand_over| hand_over.status == HandOverStatus::Recalled.as_str());
        let status = if left >= planned && (outstanding == 0 || recalled) {
            if outstanding > 0 {
                self.give_back(conn, order, "recalled").await?;
            }
            self.ship(conn, order, parcel.tracking_number.as_deref()).await?
        } else {
            progress::some_has_left(conn, &order.order_id).await?;
            OrderStatus::Processing
        };
        Ok(ParcelBooked { status, pieces_left: u32::try_from(left).unwrap_or(u32::MAX) })
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

/// The stock of a parcel has left.
async fn take_from_stock(conn: &mut PgConnection, order: &Order, parcel: &Shipment) -> Result<(), Failure> {
    let mut lines = Vec::with_capacity(parcel.lines.len());
    for line in &parcel.lines {
        lines.push((Sku::parse(&line.sku)?, Quantity::new(i64::from(line.quantity))?));
    }
    let request = FulfilRequest {
        order_id: order.order_id.clone(),
        epoch: order.epoch,
        warehouse: WarehouseId::parse(&parcel.warehouse)?,
        shipment_id: format!("{}/{}", parcel.reference, parcel.shipment_id),
        lines,
    };
    let fulfilled = inventory::fulfil(conn, &request).await?;
    stock_news::announce(conn, &order.correlation_id, &fulfilled.changed).await?;
    Ok(())
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

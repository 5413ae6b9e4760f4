//! Parcels that left: their stock is taken, their pieces are counted, and with the last of them the
//! order is `SHIPPED`.

use domain::{OrderStatus, ParcelStatus, ParkReason, Quantity, Sku, Step, WarehouseId};
use inventory::FulfilRequest;
use orders::{
    Order, attention,
    fulfilment_request::{self, FulfilmentRequest},
    parcel::{self, KeptParcel, ParcelLine, ParcelUpdate},
    parcel_lines, progress, record,
    timeline::TimelineEvent,
};
use sqlx::PgConnection;
use stock::StockTransaction;
use workflows::contract::{Parcel, ParcelBooked, ParcelToBook};

use super::OrderRecords;
use crate::attempt::AttemptError;

impl OrderRecords {
    pub(super) async fn book_parcel(&self, input: &ParcelToBook) -> Result<ParcelBooked, AttemptError> {
        if input.by_hand {
            // By itself, so that what is in it is said once.
            let mut tx = self.pool.begin().await?;
            record::lock(&mut tx, &input.order_id).await?;
            parcel_by_hand(&mut tx, &input.parcel).await?;
            tx.commit().await?;
        }
        self.planner.stock.transaction(async |tx| self.book_parcel_within(tx, input).await).await
    }

    async fn book_parcel_within(
        &self,
        mut tx: StockTransaction<'_>,
        input: &ParcelToBook,
    ) -> Result<ParcelBooked, AttemptError> {
        let order = record::lock(&mut tx, &input.order_id).await?;
        attention::run_goes_on(&mut tx, &order, Some(Step::RecordParcel)).await?;
        let parcel = note_parcel(&mut tx, &order, &input.parcel).await?;
        let first = parcel::booked(&mut tx, &input.parcel.reference, &input.parcel.parcel_id).await?;
        let besides = besides(&mut tx, &order, &parcel).await?;
        let gone = stock_gone(&order, &parcel, &besides)?;
        let outstanding = if gone.lines.is_empty() || !first {
            let held = tx.reservation(&order.order_id, order.epoch, &order.correlation_id).await?;
            held.map_or(0, |held| held.outstanding())
        } else {
            tx.fulfil(gone, &order.correlation_id).await?
        };
        if first && !besides.is_empty() {
            self.book_besides(&mut tx, &order, &parcel, &besides).await?;
        }
        let (planned, pieces_left) = parcel::pieces(&mut tx, &order.order_id).await?;
        let is_current = record::is_planned(&mut tx, &order.order_id).await?;
        let status = if pieces_left >= planned && outstanding == 0 && is_current {
            self.planner.ship(&mut tx, &order, parcel.tracking_number.as_deref()).await?
        } else {
            progress::some_has_left(&mut tx, &order.order_id).await?;
            order.status.max(OrderStatus::Processing)
        };
        tx.commit().await?;
        let plan_again = !is_current || (pieces_left >= planned && outstanding > 0);
        Ok(ParcelBooked { status, pieces_left, plan_again })
    }

    /// More left than was handed over: stock is booked as it really is, as far as nobody else holds it, and
    /// a person sees it.
    async fn book_besides(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        parcel: &KeptParcel,
        besides: &[ParcelLine],
    ) -> Result<(), AttemptError> {
        let words = self.planner.stock.book_surplus(conn, order, parcel, besides).await?;
        let words = format!("{}/{}: {words}", parcel.reference, parcel.parcel_id);
        attention::show_besides(
            conn,
            &order.order_id,
            &ParkReason::new(ParkReason::UNEXPECTED_PARCEL),
            &words,
        )
        .await?;
        Ok(())
    }
}

/// The parcel as it is known; an order of which one has left is `PROCESSING`, whatever we had heard.
async fn note_parcel(
    conn: &mut PgConnection,
    order: &Order,
    Parcel { reference, parcel_id }: &Parcel,
) -> Result<KeptParcel, AttemptError> {
    let parcel =
        parcel::find(conn, reference, parcel_id).await?.ok_or(AttemptError::permanent("PARCEL_UNKNOWN"))?;
    if order.status == OrderStatus::Confirmed {
        let (to, event) = (OrderStatus::Processing, TimelineEvent::HandedOver);
        progress::move_on(conn, &order.order_id, to, event, Some(reference.as_str())).await?;
    }
    Ok(parcel)
}

/// Pieces of a parcel that were not handed over under its reference. What the order never had anything of
/// is no surplus but a mistake, and a person decides before stock is touched.
async fn besides(
    conn: &mut PgConnection,
    order: &Order,
    parcel: &KeptParcel,
) -> Result<Vec<ParcelLine>, AttemptError> {
    let known = parcel_lines::of_order(conn, &order.order_id).await?;
    let of_parcel = known
        .into_iter()
        .find(|known| known.reference.as_str() == parcel.reference && known.parcel_id == parcel.parcel_id);
    let besides = of_parcel.map(|known| known.besides).unwrap_or_default();
    let requests = fulfilment_request::of_order(conn, &order.order_id).await?;
    let was_ordered = |sku: &str| {
        let handed = |fulfilment_request: &FulfilmentRequest| {
            fulfilment_request.lines.iter().any(|line| line.sku == sku)
        };
        let ordered = order.facts.lines.iter().any(|line| line.sku.as_deref() == Some(sku));
        ordered || requests.iter().any(handed)
    };
    if besides.iter().all(|line| was_ordered(&line.sku)) {
        Ok(besides)
    } else {
        Err(AttemptError::permanent("MORE_THAN_ALLOCATED"))
    }
}

/// What has left stock with a parcel, of what the order holds.
fn stock_gone(
    order: &Order,
    parcel: &KeptParcel,
    besides: &[ParcelLine],
) -> Result<FulfilRequest, AttemptError> {
    let mut lines = Vec::with_capacity(parcel.lines.len());
    for line in &parcel.lines {
        let more: u32 =
            besides.iter().filter(|other| other.sku == line.sku).map(|other| other.quantity).sum();
        let pieces = i64::from(line.quantity.saturating_sub(more));
        if pieces > 0 {
            lines.push((Sku::parse(&line.sku)?, Quantity::new(pieces)?));
        }
    }
    Ok(FulfilRequest {
        order_id: order.order_id.clone(),
        epoch: order.epoch.into(),
        warehouse: WarehouseId::parse(&parcel.warehouse)?,
        parcel_id: format!("{}/{}", parcel.reference, parcel.parcel_id),
        lines,
    })
}

/// An operator says that all of a hand-over left without the warehouse system.
async fn parcel_by_hand(conn: &mut PgConnection, parcel: &Parcel) -> Result<(), AttemptError> {
    let lines: Vec<ParcelLine> = fulfilment_request::left_by_hand(conn, &parcel.reference)
        .await?
        .into_iter()
        .map(|line| ParcelLine { sku: line.sku, quantity: line.quantity })
        .collect();
    let update = ParcelUpdate {
        reference: &parcel.reference,
        parcel_id: &parcel.parcel_id,
        status: &ParcelStatus::Shipped,
        sequence: 1,
        lines: &lines,
        carrier: None,
        tracking_number: None,
        tracking_url: None,
    };
    parcel::record(conn, &update).await?;
    Ok(())
}

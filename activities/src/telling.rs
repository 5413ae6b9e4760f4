//! What the shop has not heard of, and what is noted once nothing is left to be said about a parcel.

use domain::{Channel, HandOverReference, OrderId, OrderStatus};
use orders::{Order, progress, record, shipment, timeline};
use sqlx::{PgConnection, PgPool};
use workflows::contract::Parcel;

use crate::attempt::Failure;

/// Notes it under the timeline's word `event`. The story of an order that has shipped ends with its
/// last parcel.
pub(crate) async fn settle(
    pool: &PgPool,
    order: &OrderId,
    parcel: &Parcel,
    event: &str,
    detail: Option<&str>,
) -> Result<(), Failure> {
    let mut tx = pool.begin().await?;
    let order = record::lock(&mut tx, order).await?;
    if shipment::told_shop(&mut tx, &parcel.reference, &parcel.shipment_id).await? {
        timeline::note(&mut tx, &order.order_id, event, detail).await?;
    }
    // One that was added to after it had shipped has more to come.
    let (planned, left) = shipment::pieces(&mut tx, &order.order_id).await?;
    if order.status >= OrderStatus::Shipped && left >= planned && untold(&mut tx, &order).await?.is_empty() {
        progress::set_story_ended(&mut tx, &order.order_id, true).await?;
    }
    Ok(tx.commit().await?)
}

/// Parcels that are booked but that the shop has not heard of.
pub(crate) async fn untold(conn: &mut PgConnection, order: &Order) -> Result<Vec<Parcel>, Failure> {
    if matches!(order.channel, Channel::Api) {
        return Ok(Vec::new());
    }
    let mut untold = Vec::new();
    for parcel in shipment::of_order(conn, &order.order_id).await? {
        if parcel.booked_at.is_some() && parcel.told_shop_at.is_none() {
            let reference = HandOverReference::parse(&parcel.reference)?;
            untold.push(Parcel { reference, shipment_id: parcel.shipment_id });
        }
    }
    Ok(untold)
}

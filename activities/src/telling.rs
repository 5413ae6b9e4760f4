//! What is noted once nothing is left to be said to the shop about a parcel.

use domain::{OrderId, OrderStatus};
use orders::{progress, record, shipment, timeline};
use sqlx::PgPool;
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
    let all_told = shipment::of_order(&mut tx, &order.order_id)
        .await?
        .iter()
        .all(|parcel| parcel.booked_at.is_none() || parcel.told_shop_at.is_some());
    if all_told && order.status >= OrderStatus::Shipped {
        progress::set_story_ended(&mut tx, &order.order_id, true).await?;
    }
    Ok(tx.commit().await?)
}

//! What the shop has not heard of, and what is noted once nothing is left to be said about a parcel.

use domain::{Channel, OrderId, OrderStatus, RequestReference, Step};
use orders::{
    Order, attention, parcel, progress, record,
    timeline::{self, TimelineEvent},
};
use sqlx::{PgConnection, PgPool};
use workflows::contract::Parcel;

use crate::attempt::AttemptError;

/// Notes it in the timeline as `event`. The story of an order that has shipped ends with its
/// last parcel.
pub(crate) async fn settle(
    pool: &PgPool,
    order: &OrderId,
    parcel: &Parcel,
    event: TimelineEvent,
    detail: Option<&str>,
) -> Result<(), AttemptError> {
    let mut tx = pool.begin().await?;
    let order = record::lock(&mut tx, order).await?;
    attention::run_goes_on(&mut tx, &order, Some(Step::TellShop)).await?;
    if parcel::note_shop_notified(&mut tx, &parcel.reference, &parcel.parcel_id).await? {
        timeline::note(&mut tx, &order.order_id, event, detail).await?;
    }
    // One that was added to after it had shipped has more to come.
    let (planned, left) = parcel::pieces(&mut tx, &order.order_id).await?;
    if order.status >= OrderStatus::Shipped
        && left >= planned
        && unnotified(&mut tx, &order).await?.is_empty()
    {
        progress::set_story_ended(&mut tx, &order.order_id, true).await?;
    }
    Ok(tx.commit().await?)
}

/// Parcels that are booked but that the shop has not heard of.
pub(crate) async fn unnotified(conn: &mut PgConnection, order: &Order) -> Result<Vec<Parcel>, AttemptError> {
    if matches!(order.channel, Channel::Api) {
        return Ok(Vec::new());
    }
    let mut unnotified = Vec::new();
    for parcel in parcel::of_order(conn, &order.order_id).await? {
        if parcel.booked_at.is_some() && parcel.shop_notified_at.is_none() {
            let reference = RequestReference::parse(&parcel.reference)?;
            unnotified.push(Parcel { reference, parcel_id: parcel.parcel_id });
        }
    }
    Ok(unnotified)
}

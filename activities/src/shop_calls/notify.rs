//! Notifying the shop of what left, on the fulfilment orders of where it left from.

use domain::ParkReason;
use orders::{
    Order, OrdersError, attention, fulfilment_orders,
    parcel::{self, KeptParcel},
    parcel_lines::{self, Parcel},
    record,
    timeline::TimelineEvent,
};
use shopify::admin::{FulfilmentOrder, LinePieces, ParcelReport, Reported, Tracking};
use sqlx::PgConnection;
use workflows::contract::ParcelForShop;

use super::{ShopCalls, cancel::pieces};
use crate::{attempt::AttemptError, shop_notifications};

impl ShopCalls {
    pub(super) async fn notify(&self, input: &ParcelForShop) -> Result<(), AttemptError> {
        let mut conn = self.pool.acquire().await?;
        let order = record::find(&mut conn, &input.order_id).await?.ok_or(OrdersError::NotFound)?;
        let (client, shopify_order_id) = self.shop_of(&order)?;
        let (reference, parcel_id) = (&input.parcel.reference, &input.parcel.parcel_id);
        let unknown = || AttemptError::permanent("PARCEL_UNKNOWN");
        let kept = parcel::find(&mut conn, reference, parcel_id).await?.ok_or_else(unknown)?;
        if kept.shop_notified_at.is_some() {
            return Ok(());
        }
        let known = parcel_lines::of_order(&mut conn, &order.order_id).await?;
        let is_this = |parcel: &&Parcel| parcel.reference == *reference && parcel.parcel_id == *parcel_id;
        let parcel = known.iter().find(is_this).ok_or_else(unknown)?;
        let others: Vec<i64> = known
            .iter()
            .filter(|parcel| !is_this(parcel))
            .flat_map(|parcel| parcel.fulfilment_ids.iter().copied())
            .collect();
        let lines: Vec<LinePieces> =
            parcel.lines.iter().map(|line| pieces(&line.line_id, line.quantity)).collect::<Result<_, _>>()?;
        let looked = self.looked(&mut conn, &order, &known, input).await?;
        drop(conn);

        let tracking = tracking_of(&kept);
        let shop = self.planner.shops.rules_for(&order.channel);
        let report = ParcelReport {
            order: shopify_order_id,
            tracking: &tracking,
            lines: &lines,
            location_id: shop.location_of(&parcel.warehouse),
            reported_by_others: &others,
            known: looked.as_deref(),
            notify_customer: input.notify_customer,
        };
        let reported = client.report_parcel(&report).await?;
        self.keep_reported(&order, parcel, input, &reported).await?;
        let event = match reported.fulfilment_ids.is_empty() {
            true => TimelineEvent::ShopNotNotified,
            false => TimelineEvent::ShopNotified,
        };
        let detail = tracking.number.as_deref().unwrap_or(parcel_id);
        shop_notifications::settle(&self.pool, &input.order_id, &input.parcel, event, Some(detail)).await
    }

    /// The fulfilment orders as they were seen before the hand-over: good for the very first attempt at
    /// notifying the shop of anything of the order, and for no other.
    async fn looked(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        parcels: &[Parcel],
        input: &ParcelForShop,
    ) -> Result<Option<Vec<FulfilmentOrder>>, AttemptError> {
        let (reference, parcel_id) = (&input.parcel.reference, &input.parcel.parcel_id);
        let before = parcel::count_notification(conn, reference, parcel_id).await?;
        let any_notified = parcel::any_other_notified(conn, &order.order_id, reference, parcel_id).await?;
        if before > 0 || any_notified || order.look_wanted || parcels.is_empty() {
            return Ok(None);
        }
        let kept = fulfilment_orders::of_order(conn, &order.order_id).await?;
        let seen: Vec<FulfilmentOrder> = kept
            .into_iter()
            .map(|kept| serde_json::from_value(kept.content))
            .collect::<Result<_, _>>()
            .map_err(|_| AttemptError::permanent("ORDER_UNREADABLE"))?;
        Ok(Some(seen).filter(|seen| !seen.is_empty()))
    }

    /// Keeps under which ids the shop knows of the parcel, and shows what it has no place for.
    async fn keep_reported(
        &self,
        order: &Order,
        parcel: &Parcel,
        input: &ParcelForShop,
        reported: &Reported,
    ) -> Result<(), AttemptError> {
        let mut tx = self.pool.begin().await?;
        record::lock(&mut tx, &order.order_id).await?;
        let (reference, parcel_id) = (&input.parcel.reference, &input.parcel.parcel_id);
        parcel::keep_fulfilments(&mut tx, reference, parcel_id, &reported.fulfilment_ids).await?;
        if !reported.unmatched.is_empty() {
            let words: Vec<String> = reported
                .unmatched
                .iter()
                .map(|unmatched| {
                    let line = order
                        .facts
                        .lines
                        .iter()
                        .find(|line| line.line_id.as_str() == unmatched.line_item_id.to_string());
                    let sku = line.and_then(|line| line.sku.as_deref()).unwrap_or("unknown SKU");
                    format!("{} × {sku} (line {})", unmatched.quantity, unmatched.line_item_id)
                })
                .collect();
            let words = format!(
                "{}/{}: the shop has no open fulfilment order for {}",
                parcel.reference,
                parcel.parcel_id,
                words.join(", ")
            );
            attention::show_besides(
                &mut tx,
                &order.order_id,
                &ParkReason::new(ParkReason::NOT_REPORTED),
                &words,
            )
            .await?;
        }
        Ok(tx.commit().await?)
    }
}

fn tracking_of(parcel: &KeptParcel) -> Tracking {
    Tracking {
        number: parcel.tracking_number.clone(),
        company: parcel.carrier.clone(),
        url: parcel.tracking_url.clone(),
    }
}

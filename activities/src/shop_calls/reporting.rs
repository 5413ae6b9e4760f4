//! Telling the shop what left, on the fulfilment orders of where it left from.

use domain::Mishap;
use orders::{
    Order, attention, fulfilment_orders,
    parcels::{self, Parcel},
    record,
    shipment::{self, Shipment},
};
use shopify::admin::{FulfilmentOrder, LinePieces, ParcelReport, Reported, Tracking};
use sqlx::PgConnection;
use workflows::contract::ParcelForShop;

use super::{ShopCalls, cancelling::pieces};
use crate::{attempt::Failure, telling};

impl ShopCalls {
    pub(super) async fn tell(&self, input: &ParcelForShop) -> Result<(), Failure> {
        let mut conn = self.pool.acquire().await?;
        let order =
            record::find(&mut conn, &input.order_id).await?.ok_or(Failure::permanent("ORDER_UNKNOWN"))?;
        let (client, shopify_order_id) = self.shop_of(&order)?;
        let (reference, shipment_id) = (&input.parcel.reference, &input.parcel.shipment_id);
        let unknown = || Failure::permanent("PARCEL_UNKNOWN");
        let shipment = shipment::find(&mut conn, reference, shipment_id).await?.ok_or_else(unknown)?;
        if shipment.told_shop_at.is_some() {
            return Ok(());
        }
        let known = parcels::of_order(&mut conn, &order.order_id).await?;
        let is_this = |parcel: &&Parcel| parcel.reference == *reference && parcel.shipment_id == *shipment_id;
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

        let tracking = tracking_of(&shipment);
        let shop = self.planner.shops.rules_for(&order.channel);
        let report = ParcelReport {
            order: shopify_order_id,
            tracking: &tracking,
            lines: &lines,
            location_id: shop.location_of(&shipment.warehouse),
            reported_by_others: &others,
            known: looked.as_deref(),
            notify_customer: input.notify_customer,
        };
        let reported = client.report_parcel(&report).await?;
        self.keep_reported(&order, parcel, input, &reported).await?;
        let event = if reported.fulfilment_ids.is_empty() { "SHOP_NOT_TOLD" } else { "SHOP_TOLD" };
        let detail = tracking.number.as_deref().unwrap_or(shipment_id);
        telling::settle(&self.pool, &input.order_id, &input.parcel, event, Some(detail)).await
    }

    /// The fulfilment orders as they were seen before the hand-over: good for the very first attempt at
    /// telling the shop anything of the order, and for no other.
    async fn looked(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        parcels: &[Parcel],
        input: &ParcelForShop,
    ) -> Result<Option<Vec<FulfilmentOrder>>, Failure> {
        let (reference, shipment_id) = (&input.parcel.reference, &input.parcel.shipment_id);
        let before = shipment::count_telling(conn, reference, shipment_id).await?;
        let any_told = shipment::others_were_told(conn, &order.order_id, reference, shipment_id).await?;
        if before > 0 || any_told || order.look_wanted || parcels.is_empty() {
            return Ok(None);
        }
        let kept = fulfilment_orders::of_order(conn, &order.order_id).await?;
        let seen: Vec<FulfilmentOrder> = kept
            .into_iter()
            .map(|kept| serde_json::from_value(kept.content))
            .collect::<Result<_, _>>()
            .map_err(|_| Failure::permanent("ORDER_UNREADABLE"))?;
        Ok(Some(seen).filter(|seen| !seen.is_empty()))
    }

    /// Keeps under which ids the shop knows of the parcel, and shows what it has no place for.
    async fn keep_reported(
        &self,
        order: &Order,
        parcel: &Parcel,
        input: &ParcelForShop,
        reported: &Reported,
    ) -> Result<(), Failure> {
        let mut tx = self.pool.begin().await?;
        record::lock(&mut tx, &order.order_id).await?;
        let (reference, shipment_id) = (&input.parcel.reference, &input.parcel.shipment_id);
        shipment::keep_fulfilments(&mut tx, reference, shipment_id, &reported.fulfilment_ids).await?;
        if !reported.unplaced.is_empty() {
            let words: Vec<String> = reported
                .unplaced
                .iter()
                .map(|unplaced| {
                    let line = order
                        .facts
                        .lines
                        .iter()
                        .find(|line| line.line_id.as_str() == unplaced.line_item_id.to_string());
                    let sku = line.and_then(|line| line.sku.as_deref()).unwrap_or("unknown SKU");
                    format!("{} × {sku} (line {})", unplaced.quantity, unplaced.line_item_id)
                })
                .collect();
            let words = format!(
                "{}/{}: the shop has no open fulfilment order for {}",
                parcel.reference,
                parcel.shipment_id,
                words.join(", ")
            );
            attention::show_besides(&mut tx, &order.order_id, &Mishap::new(Mishap::NOT_REPORTED), &words)
                .await?;
        }
        Ok(tx.commit().await?)
    }
}

fn tracking_of(shipment: &Shipment) -> Tracking {
    Tracking {
        number: shipment.tracking_number.clone(),
        company: shipment.carrier.clone(),
        url: shipment.tracking_url.clone(),
    }
}

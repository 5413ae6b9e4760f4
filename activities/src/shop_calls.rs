//! Calls to the shop. Each records what it heard before it reports.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::{Actor, Channel, HandOverReference, ShopDomain, ShopifyOrderId, Step};
use orders::{
    Order, hand_over, record,
    shipment::{self, Shipment},
};
use shopify::admin::{AdminClient, CancelReason, EnsureError, LinePieces, Tracking};
use sqlx::{PgConnection, PgPool};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::contract::{self, Cancellation, ParcelForShop};

use crate::{
    attempt::{Failure, attempt},
    telling,
};

/// Fulfilment orders appear some time after the order. One attempt looks for them this often …
const LOOKS: u32 = 8;
/// … with this pause.
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// The Admin API of each configured shop.
pub type AdminClients = HashMap<ShopDomain, AdminClient>;

/// The calls to the shops.
pub struct ShopCalls {
    pool: PgPool,
    clients: AdminClients,
}

#[activities]
impl ShopCalls {
    #[activity(definition = contract::TellShop)]
    pub async fn tell_shop(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: ParcelForShop,
    ) -> Result<(), ActivityError> {
        attempt(&self.pool, Step::TellShop, &input.order_id, || self.tell(&input)).await
    }

    #[activity(definition = contract::CancelInShop)]
    pub async fn cancel_in_shop(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: Cancellation,
    ) -> Result<(), ActivityError> {
        attempt(&self.pool, Step::CancelInShop, &input.order_id, || self.cancel(&input)).await
    }
}

impl ShopCalls {
    /// The calls, to these shops.
    #[must_use]
    pub fn new(pool: PgPool, clients: AdminClients) -> Self {
        Self { pool, clients }
    }

    async fn tell(&self, input: &ParcelForShop) -> Result<(), Failure> {
        let mut conn = self.pool.acquire().await?;
        let order =
            record::find(&mut conn, &input.order_id).await?.ok_or(Failure::permanent("ORDER_UNKNOWN"))?;
        let (client, shopify_order_id) = self.shop_of(&order)?;
        let parcel = shipment::find(&mut conn, &input.parcel.reference, &input.parcel.shipment_id)
            .await?
            .ok_or(Failure::permanent("PARCEL_UNKNOWN"))?;
        if parcel.told_shop_at.is_some() {
            return Ok(());
        }
        let lines = order_lines(&mut conn, &input.parcel.reference, &parcel).await?;
        drop(conn);

        let tracking = Tracking {
            number: parcel
                .tracking_number
                .clone()
                .unwrap_or_else(|| format!("{}/{}", parcel.reference, parcel.shipment_id)),
            company: parcel.carrier.clone(),
            url: parcel.tracking_url.clone(),
        };
        ensure_told(client, shopify_order_id, &tracking, &lines, input.notify_customer).await?;

        telling::settle(&self.pool, &input.order_id, &input.parcel, "SHOP_TOLD", Some(&tracking.number)).await
    }

    async fn cancel(&self, input: &Cancellation) -> Result<(), Failure> {
        let order = {
            let mut conn = self.pool.acquire().await?;
            record::find(&mut conn, &input.order_id).await?.ok_or(Failure::permanent("ORDER_UNKNOWN"))?
        };
        let (client, shopify_order_id) = self.shop_of(&order)?;
        let there = client.cancellation(shopify_order_id).await?;
        if there.cancelled_at.is_some() || !there.found {
            return Ok(());
        }
        let reason = match input.by {
            Actor::Customer => CancelReason::Customer,
            Actor::Operator => CancelReason::Staff,
            Actor::Shopify | Actor::Policy => CancelReason::Other,
        };
        let note = format!("Cancelled in fulfilment, order {}", order.order_number);
        client
            .cancel_order(shopify_order_id, reason, input.restock, input.refund, input.notify_customer, &note)
            .await?;
        Ok(())
    }

    fn shop_of(&self, order: &Order) -> Result<(&AdminClient, ShopifyOrderId), Failure> {
        match &order.channel {
            Channel::Shopify { shop, shopify_order_id } => self
                .clients
                .get(shop)
                .map(|client| (client, *shopify_order_id))
                .ok_or(Failure::permanent("SHOP_NOT_CONFIGURED")),
            Channel::Api => Err(Failure::permanent("ORDER_HAS_NO_SHOP")),
        }
    }
}

/// Tells the shop, looking a few times for fulfilment orders that are not there yet.
async fn ensure_told(
    client: &AdminClient,
    order: ShopifyOrderId,
    tracking: &Tracking,
    lines: &[LinePieces],
    notify_customer: bool,
) -> Result<(), Failure> {
    let mut looks = 1;
    loop {
        match client.ensure_fulfilment(order, tracking, lines, notify_customer).await {
            Ok(_) => return Ok(()),
            Err(EnsureError::NotThereYet) if looks < LOOKS => {
                looks += 1;
                tokio::time::sleep(LOOK_PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// A parcel's pieces by the order's lines. Lines of one SKU are served in the order of the
/// hand-over; what earlier parcels took of them is left out, and which parcels are earlier is
/// decided by when they were booked, so that every attempt decides alike.
async fn order_lines(
    conn: &mut PgConnection,
    reference: &HandOverReference,
    parcel: &Shipment,
) -> Result<Vec<LinePieces>, Failure> {
    let hand_over = hand_over::find(conn, reference).await?.ok_or(Failure::permanent("HAND_OVER_UNKNOWN"))?;
    let order = hand_over.order_id.clone();
    let mut parcels: Vec<Shipment> = shipment::of_order(conn, &order)
        .await?
        .into_iter()
        .filter(|other| other.reference == parcel.reference && other.booked_at.is_some())
        .collect();
    parcels.sort_by_key(|other| (other.booked_at, other.shipment_id.clone()));
    let mut open = hand_over.lines;
    let mut pieces = Vec::new();
    for other in parcels {
        let this_one = other.shipment_id == parcel.shipment_id;
        for sent in &other.lines {
            let mut quantity = sent.quantity;
            for line in open.iter_mut().filter(|line| line.sku == sent.sku) {
                let taken = quantity.min(line.quantity);
                line.quantity -= taken;
                quantity -= taken;
                if this_one && taken > 0 {
                    let line_item_id =
                        line.line_id.parse().map_err(|_| Failure::permanent("ORDER_UNREADABLE"))?;
                    pieces.push(LinePieces { line_item_id, quantity: taken });
                }
            }
        }
        if this_one {
            break;
        }
    }
    Ok(pieces)
}

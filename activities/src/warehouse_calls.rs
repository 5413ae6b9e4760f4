//! Calls to the warehouse. Each records what it heard before it reports.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{HandOverReference, OrderStatus, Step};
use orders::{
    hand_over::{self, HandOver, HandOverStatus, HandedLine},
    inbox::{self, NewMessage, Source},
    progress, record,
};
use serde_json::json;
use sqlx::PgPool;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use warehouse::{
    client::{HandOverState, NewShipment, WarehouseClient},
    shipment::{ShipTo, ShipmentLine},
};
use workflows::contract::{self, HandOverRef, HandedOver, OrderRef, Recalled};

use crate::attempt::{Failure, attempt};

/// Hand-overs asked about in one inquiry.
const INQUIRY_SIZE: i64 = 100;

/// The calls to the warehouse.
pub struct WarehouseCalls {
    pool: PgPool,
    client: WarehouseClient,
    ask_again_after: Duration,
}

#[activities]
impl WarehouseCalls {
    #[activity(definition = contract::CreateShipment)]
    pub async fn create_shipment(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: HandOverRef,
    ) -> Result<HandedOver, ActivityError> {
        attempt(&self.pool, Step::HandOver, &input.order_id, || self.hand_over(&input)).await
    }

    #[activity(definition = contract::RecallShipment)]
    pub async fn recall_shipment(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: HandOverRef,
    ) -> Result<Recalled, ActivityError> {
        attempt(&self.pool, Step::Recall, &input.order_id, || self.recall(&input)).await
    }

    #[activity(definition = contract::AskWarehouse)]
    pub async fn ask_warehouse(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: OrderRef,
    ) -> Result<(), ActivityError> {
        attempt(&self.pool, Step::HandOver, &input.order_id, || self.ask_about_order(&input)).await
    }

    #[activity(definition = contract::AskAboutOverdue)]
    pub async fn ask_about_overdue(self: Arc<Self>, _ctx: ActivityContext) -> Result<u32, ActivityError> {
        let mut conn = self.pool.acquire().await?;
        let overdue = hand_over::take_overdue(&mut conn, INQUIRY_SIZE, self.ask_again_after).await?;
        drop(conn);
        let mut asked = 0;
        for hand_over in &overdue {
            let asking = || self.ask(&hand_over.reference);
            if attempt(&self.pool, Step::HandOver, &hand_over.order_id, asking).await.is_ok() {
                asked += 1;
            }
        }
        Ok(asked)
    }
}

impl WarehouseCalls {
    /// The calls, to this warehouse; an overdue hand-over is asked about again after `ask_again_after`.
    #[must_use]
    pub fn new(pool: PgPool, client: WarehouseClient, ask_again_after: Duration) -> Self {
        Self { pool, client, ask_again_after }
    }

    /// What was committed before the call is acted on before it: the last look at the record and the
    /// note that the warehouse is being called are one transaction.
    async fn hand_over(&self, input: &HandOverRef) -> Result<HandedOver, Failure> {
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &input.order_id).await?;
        let Some(hand_over) = hand_over::find(&mut tx, &input.reference).await? else {
            return Ok(HandedOver::Overtaken); // planned anew
        };
        if hand_over.status == HandOverStatus::Accepted.as_str() {
            return Ok(HandedOver::Accepted);
        }
        if hand_over.status != HandOverStatus::Requested.as_str() {
            return Err(Failure::permanent("HAND_OVER_CALLED_OFF"));
        }
        if !record::plan_stands(&mut tx, &order).await? {
            return Ok(HandedOver::Overtaken);
        }
        let customer = record::customer(&mut tx, &input.order_id).await?;
        let ship_to_digest = record::ship_to_digest(&mut tx, &input.order_id).await?;
        hand_over::calling(&mut tx, &input.reference, ship_to_digest.as_deref()).await?;
        tx.commit().await?;

        let shipment = NewShipment {
            reference: input.reference.clone(),
            lines: by_sku(&hand_over),
            warehouse: hand_over.warehouse.clone(),
            ship_to: customer.as_ref().and_then(ShipTo::from_stored_customer),
        };
        #[cfg(feature = "faults")]
        let shipment = crate::faults::under_a_key_of_chance(shipment);
        let sent = self.client.ensure_shipment(&shipment).await;
        #[cfg(feature = "faults")]
        let sent = crate::faults::hand_over_anew(&self.pool, &self.client, &hand_over, shipment, sent).await;
        sent?;

        let mut tx = self.pool.begin().await?;
        record::lock(&mut tx, &input.order_id).await?;
        hand_over::accepted(&mut tx, &input.reference, Duration::from_millis(input.overdue_after_ms)).await?;
        let detail = Some(input.reference.as_str());
        progress::move_to(&mut tx, &input.order_id, OrderStatus::Processing, "HANDED_OVER", detail).await?;
        tx.commit().await?;
        Ok(HandedOver::Accepted)
    }

    async fn recall(&self, input: &HandOverRef) -> Result<Recalled, Failure> {
        let results = self.client.cancel(&input.reference).await?;
        let mut late = Vec::new();
        if results.iter().any(|result| result.too_late) {
            let state = self.client.shipment(&input.reference).await?;
            let parcels = state.map(|state| state.shipments).unwrap_or_default();
            let is_late = |id: &str| results.iter().any(|result| result.too_late && result.shipment_id == id);
            let parcels = parcels.into_iter().filter(|parcel| is_late(&parcel.shipment_id));
            late = parcels.flat_map(|parcel| parcel.lines).collect();
        }
        let mut tx = self.pool.begin().await?;
        record::lock(&mut tx, &input.order_id).await?;
        let hand_over = hand_over::find(&mut tx, &input.reference).await?;
        let lines = hand_over.map(|hand_over| hand_over.lines).unwrap_or_default();
        let late = by_line(&lines, &late);
        hand_over::recalled(&mut tx, &input.reference, &late).await?;
        record::raise_wish(&mut tx, &input.order_id).await?;
        tx.commit().await?;
        Ok(Recalled { pieces_too_late: late.iter().map(|line| line.quantity).sum() })
    }

    async fn ask_about_order(&self, input: &OrderRef) -> Result<(), Failure> {
        let hand_overs = {
            let mut conn = self.pool.acquire().await?;
            hand_over::of_order(&mut conn, &input.order_id).await?
        };
        for hand_over in hand_overs {
            if hand_over.status == HandOverStatus::Accepted.as_str() {
                self.ask(&hand_over.reference).await?;
            }
        }
        Ok(())
    }

    /// Asks, and leaves the answer in the inbox as if it had been a callback.
    async fn ask(&self, reference: &HandOverReference) -> Result<(), Failure> {
        let Some(state) = self.client.shipment(reference).await? else {
            return Err(Failure::permanent("WAREHOUSE_LOST_REFERENCE"));
        };
        let mut tx = self.pool.begin().await?;
        for (message_id, body) in callbacks(&state) {
            let message = NewMessage {
                source: Source::Warehouse,
                shop: "",
                message_id: &message_id,
                topic: "inquiry",
                subject: None,
                headers: json!({}),
                body: body.as_bytes(),
                sweep_after: Duration::ZERO,
            };
            inbox::insert(&mut tx, &message).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// Which lines of a hand-over these pieces are, the first lines first.
fn by_line(handed: &[HandedLine], pieces: &[ShipmentLine]) -> Vec<HandedLine> {
    let mut left: BTreeMap<&str, u32> = BTreeMap::new();
    for line in pieces {
        *left.entry(&line.sku).or_default() += line.quantity;
    }
    let mut lines = Vec::new();
    for line in handed {
        let Some(pieces) = left.get_mut(line.sku.as_str()) else { continue };
        let quantity = line.quantity.min(*pieces);
        *pieces -= quantity;
        if quantity > 0 {
            lines.push(HandedLine { quantity, ..line.clone() });
        }
    }
    lines
}

/// What a hand-over asks for, added up by SKU.
fn by_sku(hand_over: &HandOver) -> Vec<ShipmentLine> {
    let mut pieces: BTreeMap<&str, u32> = BTreeMap::new();
    for line in &hand_over.lines {
        *pieces.entry(&line.sku).or_default() += line.quantity;
    }
    pieces.into_iter().map(|(sku, quantity)| ShipmentLine { sku: sku.to_owned(), quantity }).collect()
}

/// A warehouse's answer, parcel by parcel, in the shape of its callbacks.
fn callbacks(state: &HandOverState) -> impl Iterator<Item = (String, String)> {
    state.shipments.iter().map(|parcel| {
        let body = json!({
            "type": format!("shipment.{}", parcel.status.as_str()),
            "reference": state.reference,
            "shipmentId": parcel.shipment_id,
            "sequence": parcel.sequence,
            "lines": parcel.lines,
            "carrier": parcel.carrier,
            "trackingNumber": parcel.tracking_number,
            "trackingUrl": parcel.tracking_url,
            "occurredAt": parcel.occurred_at,
        });
        (format!("inquiry/{}/{}", parcel.shipment_id, parcel.sequence), body.to_string())
    })
}

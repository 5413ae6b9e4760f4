//! Steps in our own database: each is one transaction and may run twice.

use std::{collections::HashMap, sync::Arc};

use domain::{Condition, Mishap, OrderStatus, ShopDomain, Step, StockOutRule, WarehouseId};
use inventory::{Reservation as Holding, ReserveOutcome};
use inventory_service::Stock;
use metrics::counter;
use orders::{
    Order, attention,
    progress::{self, Waiting},
    record, shipment,
};
use sqlx::PgPool;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::contract::{
    self, Cancellation, ConditionToRecord, OrderRef, OrderSituation, ParcelBooked, ParcelForShop,
    ParcelToBook, Reservation, Reserved, StepAnswer, StepToPark,
};

use crate::{
    attempt::{Failure, attempt},
    telling,
};

mod parcels;
mod planning;
mod reserving;

/// Which of a shop's locations is which warehouse.
pub type Locations = HashMap<ShopDomain, HashMap<i64, WarehouseId>>;

/// Why the stock of an order that was called off was given back.
const CALLED_OFF: &str = "order called off";

/// The steps in our own database, and at the inventory service where stock is kept by one.
pub struct OrderRecords {
    pool: PgPool,
    locations: Locations,
    stock: Stock,
}

#[activities]
impl OrderRecords {
    #[activity(definition = contract::ReserveStock)]
    pub async fn reserve_stock(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: Reservation,
    ) -> Result<Reserved, ActivityError> {
        attempt(&self.pool, Step::Reserve, &input.order_id, || self.reserve(&input)).await
    }

    #[activity(definition = contract::LookAtOrder)]
    pub async fn look_at_order(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: OrderRef,
    ) -> Result<OrderSituation, ActivityError> {
        attempt(&self.pool, Step::Gate, &input.order_id, || self.look(&input)).await
    }

    #[activity(definition = contract::RecordCondition)]
    pub async fn record_condition(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: ConditionToRecord,
    ) -> Result<(), ActivityError> {
        attempt(&self.pool, Step::Gate, &input.order_id, || self.condition(&input)).await
    }

    #[activity(definition = contract::RecordParcel)]
    pub async fn record_parcel(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: ParcelToBook,
    ) -> Result<ParcelBooked, ActivityError> {
        attempt(&self.pool, Step::RecordParcel, &input.order_id, || self.book_parcel(&input)).await
    }

    #[activity(definition = contract::LeaveUntold)]
    pub async fn leave_untold(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: ParcelForShop,
    ) -> Result<(), ActivityError> {
        let parcel = &input.parcel;
        let leave = || {
            telling::settle(&self.pool, &input.order_id, parcel, "SHOP_NOT_TOLD", Some(&parcel.shipment_id))
        };
        attempt(&self.pool, Step::TellShop, &input.order_id, leave).await
    }

    #[activity(definition = contract::ParkStep)]
    pub async fn park_step(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: StepToPark,
    ) -> Result<(), ActivityError> {
        attempt(&self.pool, Step::Gate, &input.order_id, || self.park(&input)).await
    }

    #[activity(definition = contract::ResolveStep)]
    pub async fn resolve_step(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: StepAnswer,
    ) -> Result<(), ActivityError> {
        attempt(&self.pool, Step::Gate, &input.order_id, || self.resolve(&input)).await
    }

    #[activity(definition = contract::TellOperator)]
    pub async fn tell_operator(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: StepToPark,
    ) -> Result<(), ActivityError> {
        attempt(&self.pool, Step::Gate, &input.order_id, || self.open_row(&input)).await
    }

    #[activity(definition = contract::ReleaseStock)]
    pub async fn release_stock(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: OrderRef,
    ) -> Result<ParcelBooked, ActivityError> {
        attempt(&self.pool, Step::Release, &input.order_id, || self.release(&input)).await
    }

    #[activity(definition = contract::RecordCancelled)]
    pub async fn record_cancelled(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: Cancellation,
    ) -> Result<(), ActivityError> {
        attempt(&self.pool, Step::RecordCancelled, &input.order_id, || self.cancelled(&input)).await
    }
}

impl OrderRecords {
    /// The steps, against this database.
    #[must_use]
    pub fn new(pool: PgPool, locations: Locations, stock: Stock) -> Self {
        Self { pool, locations, stock }
    }

    async fn reserve(&self, input: &Reservation) -> Result<Reserved, Failure> {
        let ahead = self.reserve_ahead(input).await?;
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &input.order_id).await?;
        if is_over(&order) {
            return Ok(Reserved::Over { status: order.status });
        }
        let Some(request) = self.reserve_request(&order, input.stock_out) else {
            return Ok(Reserved::UnknownSku);
        };
        let holding = match self.take_stock(&mut tx, ahead, &order, request).await? {
            ReserveOutcome::Reserved(holding) => holding,
            ReserveOutcome::UnknownSku(_) => return Ok(Reserved::UnknownSku),
            ReserveOutcome::Short(_) => return Ok(Reserved::OutOfStock),
        };
        let waits_whole = !holding.waiting.is_empty() && input.stock_out != StockOutRule::ShipWhatIsThere;
        if waits_whole {
            let waiting = Waiting { condition: Condition::Backordered, reason: None, held_by: None };
            progress::set_condition(&mut tx, &order.order_id, waiting).await?;
        } else {
            let detail = describe(&holding);
            progress::move_to(&mut tx, &order.order_id, OrderStatus::Confirmed, "RESERVED", Some(&detail))
                .await?;
        }
        let hand_overs = planning::hand_overs(&mut tx, &order, &holding, waits_whole).await?;
        let (_, pieces_left) = shipment::pieces(&mut tx, &order.order_id).await?;
        let untold = telling::untold(&mut tx, &order).await?;
        tx.commit().await?;
        Ok(Reserved::Held {
            hand_overs,
            waiting_lines: u32::try_from(holding.waiting.len()).unwrap_or(u32::MAX),
            untold,
            pieces_left: u32::try_from(pieces_left).unwrap_or(u32::MAX),
        })
    }

    async fn look(&self, input: &OrderRef) -> Result<OrderSituation, Failure> {
        let mut conn = self.pool.acquire().await?;
        let order =
            record::find(&mut conn, &input.order_id).await?.ok_or(Failure::permanent("ORDER_UNKNOWN"))?;
        Ok(OrderSituation { status: order.status, facts: order.facts })
    }

    async fn condition(&self, input: &ConditionToRecord) -> Result<(), Failure> {
        let mut tx = self.pool.begin().await?;
        match input.condition {
            Some(condition) => {
                let waiting = Waiting { condition, reason: input.reason.as_deref(), held_by: input.held_by };
                progress::set_condition(&mut tx, &input.order_id, waiting).await?;
            }
            None => progress::clear_condition(&mut tx, &input.order_id).await?,
        }
        if input.condition == Some(Condition::Ignored) {
            progress::set_story_ended(&mut tx, &input.order_id, true).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn park(&self, input: &StepToPark) -> Result<(), Failure> {
        let mut tx = self.pool.begin().await?;
        let mishap = Mishap::new(input.reason.clone());
        let opened = attention::park(&mut tx, &input.order_id, input.step, &mishap, true).await?;
        tx.commit().await?;
        if opened {
            counter!("waybill_parked_total", "step" => input.step.as_str(), "reason" => input.reason.clone())
                .increment(1);
        }
        Ok(())
    }

    async fn resolve(&self, input: &StepAnswer) -> Result<(), Failure> {
        let mut tx = self.pool.begin().await?;
        attention::resolve(
            &mut tx,
            &input.order_id,
            Some(input.step),
            &input.resolution,
            &input.by,
            input.reason.as_deref(),
        )
        .await?;
        Ok(tx.commit().await?)
    }

    async fn open_row(&self, input: &StepToPark) -> Result<(), Failure> {
        let mut tx = self.pool.begin().await?;
        attention::park_once(&mut tx, &input.order_id, input.step, &Mishap::new(input.reason.clone()))
            .await?;
        Ok(tx.commit().await?)
    }

    async fn release(&self, input: &OrderRef) -> Result<ParcelBooked, Failure> {
        let ahead = self.release_ahead(&input.order_id, CALLED_OFF).await?;
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &input.order_id).await?;
        self.give_back(&mut tx, ahead, &order, CALLED_OFF).await?;
        let (_, left) = shipment::pieces(&mut tx, &order.order_id).await?;
        let status = if left > 0 { self.ship(&mut tx, &order, None).await? } else { order.status };
        tx.commit().await?;
        Ok(ParcelBooked { status, pieces_left: u32::try_from(left).unwrap_or(u32::MAX) })
    }

    async fn cancelled(&self, input: &Cancellation) -> Result<(), Failure> {
        // An attempt at reserving that was given up may have come in late, under the next epoch.
        let ahead = self.release_ahead(&input.order_id, CALLED_OFF).await?;
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, &input.order_id).await?;
        if ahead.answer().is_some() {
            self.give_back(&mut tx, ahead, &order, CALLED_OFF).await?;
        }
        progress::note_cancelled_by(&mut tx, &input.order_id, input.by, input.reason.as_deref()).await?;
        let by = format!("by {}", input.by);
        progress::move_to(&mut tx, &input.order_id, OrderStatus::Cancelled, "CANCELLED", Some(&by)).await?;
        progress::set_story_ended(&mut tx, &input.order_id, true).await?;
        Ok(tx.commit().await?)
    }
}

fn is_over(order: &Order) -> bool {
    order.story_ended_at.is_some() || order.status == OrderStatus::Cancelled
}

fn describe(holding: &Holding) -> String {
    let mut warehouses: Vec<&str> = holding.allocations.iter().map(|held| held.warehouse.as_str()).collect();
    warehouses.sort_unstable();
    warehouses.dedup();
    let pieces: u64 = holding.allocations.iter().map(|held| u64::from(held.quantity.get())).sum();
    format!("{pieces} pieces in {}", warehouses.join(", "))
}

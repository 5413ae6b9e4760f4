//! Steps in our own database: each is one transaction and may run twice.

use std::sync::Arc;

use domain::{Actor, Condition, OrderId, OrderStatus, ParkReason, Resolution, Step};
use inventory::ORDER_CANCELLED;
use metrics::counter;
use orders::{
    Order, OrdersError,
    approvals::{self, Decision},
    attention::{self, Given},
    audit::{self, Act, ActKind},
    bulk, command, parcel,
    progress::{self, Waiting},
    record,
    timeline::TimelineEvent,
};
use sqlx::{PgConnection, PgPool};
use stock::StockTransaction;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::contract::{
    self, BulkRef, Cancellation, ConditionToRecord, EditOutcome, EditToMake, LaneWait, NotParked, OrderRef,
    ParcelBooked, ParcelForShop, ParcelToBook, PlanInput, PlanOutcome, Standing, StepAnswer, StepToPark,
    WaitedForLane,
};

use crate::{
    attempt::{AttemptError, Work, attempt},
    planner::Planner,
    shop_notifications,
};

mod edit;
mod lane_wait;
mod parcels;
mod standing;

/// The steps in our own database, and at the inventory service where stock is kept by one.
pub struct OrderRecords {
    pool: PgPool,
    planner: Planner,
}

#[activities]
impl OrderRecords {
    #[activity(definition = contract::ReserveStock)]
    pub async fn reserve_stock(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: PlanInput,
    ) -> Result<PlanOutcome, ActivityError> {
        attempt(&self.pool, Step::Reserve, &input.order_id, || self.planner.plan_now(&input)).await
    }

    #[activity(definition = contract::RecordCondition)]
    pub async fn record_condition(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: ConditionToRecord,
    ) -> Result<(), ActivityError> {
        attempt(&self.pool, Work::Note("record_condition"), &input.order_id, || self.condition(&input)).await
    }

    #[activity(definition = contract::RecordParcel)]
    pub async fn record_parcel(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: ParcelToBook,
    ) -> Result<ParcelBooked, ActivityError> {
        attempt(&self.pool, Step::RecordParcel, &input.order_id, || self.book_parcel(&input)).await
    }

    #[activity(definition = contract::SkipShopNotification)]
    pub async fn skip_shop_notification(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: ParcelForShop,
    ) -> Result<(), ActivityError> {
        let parcel = &input.parcel;
        let leave = || {
            shop_notifications::settle(
                &self.pool,
                &input.order_id,
                parcel,
                TimelineEvent::ShopNotNotified,
                Some(&parcel.parcel_id),
            )
        };
        attempt(&self.pool, Work::Note("skip_shop_notification"), &input.order_id, leave).await
    }

    #[activity(definition = contract::ParkStep)]
    pub async fn park_step(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: StepToPark,
    ) -> Result<Option<NotParked>, ActivityError> {
        attempt(&self.pool, Work::Note("park"), &input.order_id, || self.park(&input)).await
    }

    #[activity(definition = contract::ResolveStep)]
    pub async fn resolve_step(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: StepAnswer,
    ) -> Result<(), ActivityError> {
        attempt(&self.pool, Work::Note("resolve"), &input.order_id, || self.resolve(&input)).await
    }

    #[activity(definition = contract::EditOrder)]
    pub async fn edit_order(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: EditToMake,
    ) -> Result<EditOutcome, ActivityError> {
        attempt(&self.pool, Work::Note("edit"), &input.order_id, || self.edit(&input)).await
    }

    #[activity(definition = contract::OpenAttention)]
    pub async fn open_attention(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: StepToPark,
    ) -> Result<(), ActivityError> {
        attempt(&self.pool, Work::Note("open_attention"), &input.order_id, || self.open_row(&input)).await
    }

    #[activity(definition = contract::AskNextOfBulk)]
    pub async fn ask_next_of_bulk(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: BulkRef,
    ) -> Result<i64, ActivityError> {
        let asking = async {
            let mut tx = self.pool.begin().await?;
            let left = bulk::ask_next(&mut tx, &input.bulk_id, i64::from(input.per_second)).await?;
            tx.commit().await?;
            Ok::<_, AttemptError>(left)
        };
        asking.await.map_err(AttemptError::into_activity_error)
    }

    #[activity(definition = contract::AskAboutLane)]
    pub async fn ask_about_lane(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: WaitedForLane,
    ) -> Result<LaneWait, ActivityError> {
        let asking = || self.waited_for_lane(&input.terms);
        attempt(&self.pool, Work::Note("ask_about_lane"), &input.order_id, asking).await
    }

    #[activity(definition = contract::ReadStanding)]
    pub async fn read_standing(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: OrderRef,
    ) -> Result<Standing, ActivityError> {
        attempt(&self.pool, Work::Note("read_standing"), &input.order_id, || self.standing(&input)).await
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
    /// The steps, by this planner.
    #[must_use]
    pub fn new(planner: Planner) -> Self {
        Self { pool: planner.pool.clone(), planner }
    }

    async fn condition(&self, input: &ConditionToRecord) -> Result<(), AttemptError> {
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

    async fn park(&self, input: &StepToPark) -> Result<Option<NotParked>, AttemptError> {
        let mut tx = self.pool.begin().await?;
        if let Some(known_as) = input.known_as {
            let order = record::find(&mut tx, &input.order_id).await?.ok_or(OrdersError::NotFound)?;
            // That it was delivered no run knows.
            let status =
                if order.status == OrderStatus::Delivered { OrderStatus::Shipped } else { order.status };
            if order.story_ended_at.is_some() || status > known_as {
                return Ok(Some(NotParked::IsFurther));
            }
        }
        let park_reason = ParkReason::new(input.reason.clone());
        let opened = attention::park(&mut tx, &input.order_id, input.step, &park_reason, true).await?;
        tx.commit().await?;
        if opened {
            counter!("waybill_parked_total", "step" => input.step.as_str(), "reason" => input.reason.clone())
                .increment(1);
        }
        Ok(None)
    }

    async fn resolve(&self, input: &StepAnswer) -> Result<(), AttemptError> {
        let mut tx = self.pool.begin().await?;
        let (by, reason) = (self.name_of(&mut tx, input).await?, input.reason.as_deref());
        let opened = attention::open(&mut tx, &input.order_id).await?;
        let is_of_a_person = !["waybill", "policy", "customer", "shopify"].contains(&by.as_str());
        if let Some(row) = opened.iter().find(|row| row.step == input.step)
            && input.message.is_none()
            && is_of_a_person
        {
            let (kind, detail) = (ActKind::OrderResolved, Some(input.resolution.as_str()));
            let act = told_to_the_run(&input.order_id, kind, &by, reason, detail);
            let kinds = [ActKind::OrderResolved, ActKind::OrderRetried, ActKind::OrderCancelled];
            audit::note_if_new(&mut tx, &act, &kinds, row.opened_at).await?;
        }
        let given = Given { resolution: &input.resolution, by: &by, reason, message: input.message };
        attention::resolve(&mut tx, &input.order_id, Some(input.step), given).await?;
        if input.step == Step::Gate {
            let decision = input.resolution.parse::<Resolution>().ok().and_then(Decision::of);
            match decision {
                Some(decision) => approvals::decide(&mut tx, &input.order_id, decision, &by, reason).await?,
                None => approvals::ask_no_more(&mut tx, &input.order_id).await?,
            }
        }
        Ok(tx.commit().await?)
    }

    /// Who answered, by name where the message that brought the answer says so.
    async fn name_of(&self, conn: &mut PgConnection, input: &StepAnswer) -> Result<String, AttemptError> {
        let Some(message) = input.message else { return Ok(input.by.clone()) };
        let answer = command::answer_in(conn, message, &input.order_id).await?;
        Ok(answer.map_or_else(|| input.by.clone(), |answer| answer.by))
    }

    async fn open_row(&self, input: &StepToPark) -> Result<(), AttemptError> {
        let mut tx = self.pool.begin().await?;
        attention::park_once(&mut tx, &input.order_id, input.step, &ParkReason::new(input.reason.clone()))
            .await?;
        Ok(tx.commit().await?)
    }

    async fn release(&self, input: &OrderRef) -> Result<ParcelBooked, AttemptError> {
        self.planner.stock.transaction(async |tx| self.release_within(tx, input).await).await
    }

    async fn release_within(
        &self,
        mut tx: StockTransaction<'_>,
        input: &OrderRef,
    ) -> Result<ParcelBooked, AttemptError> {
        let order = record::lock(&mut tx, &input.order_id).await?;
        attention::run_goes_on(&mut tx, &order, None).await?;
        give_back(&mut tx, &order).await?;
        let (_, left) = parcel::pieces(&mut tx, &order.order_id).await?;
        let status = if left > 0 {
            progress::cancel_the_rest(&mut tx, &order.order_id).await?;
            self.planner.ship(&mut tx, &order, None).await?
        } else {
            order.status
        };
        tx.commit().await?;
        Ok(ParcelBooked { status, pieces_left: left, plan_again: false })
    }

    async fn cancelled(&self, input: &Cancellation) -> Result<(), AttemptError> {
        self.planner.stock.transaction(async |tx| self.cancelled_within(tx, input).await).await
    }

    async fn cancelled_within(
        &self,
        mut tx: StockTransaction<'_>,
        input: &Cancellation,
    ) -> Result<(), AttemptError> {
        let order = record::lock(&mut tx, &input.order_id).await?;
        attention::run_goes_on(&mut tx, &order, None).await?;
        // An attempt at reserving that was given up may have come in late, under the next epoch.
        give_back(&mut tx, &order).await?;
        approvals::ask_no_more(&mut tx, &input.order_id).await?;
        progress::note_cancelled_by(&mut tx, &input.order_id, input.by, input.reason.as_deref()).await?;
        if input.by == Actor::Operator {
            let (kind, reason) = (ActKind::OrderCancelled, input.reason.as_deref());
            let act = told_to_the_run(&input.order_id, kind, input.by.as_str(), reason, None);
            let kinds = [ActKind::OrderCancelled, ActKind::OrderResolved, ActKind::OrderStatusSet];
            audit::note_if_new(&mut tx, &act, &kinds, order.received_at).await?;
        }
        let by = format!("by {}", input.by);
        // One that shipped while it was being cancelled stays shipped, and is not cancelled in silence.
        let (to, event) = (OrderStatus::Cancelled, TimelineEvent::Cancelled);
        progress::move_on(&mut tx, &input.order_id, to, event, Some(&by)).await?;
        progress::set_story_ended(&mut tx, &input.order_id, true).await?;
        Ok(tx.commit().await?)
    }
}

/// What somebody told the order's run from the Temporal Web UI, or by `temporal`, under the name they gave.
fn told_to_the_run<'a>(
    order: &'a OrderId,
    kind: ActKind,
    by: &'a str,
    reason: Option<&'a str>,
    detail: Option<&'a str>,
) -> Act<'a> {
    Act { by, kind, target: order.as_str(), order: Some(order), reason, detail }
}

/// Gives back what the order holds. Of one that awaits its allocation nothing is held, and the service need not be there.
async fn give_back(stock: &mut StockTransaction<'_>, order: &Order) -> Result<(), AttemptError> {
    if order.awaits_allocation {
        let reason = ParkReason::new(ParkReason::ALLOCATION_UNANSWERED);
        return Ok(attention::unshow(stock, &order.order_id, &reason).await?);
    }
    let Order { order_id, epoch, correlation_id, .. } = order;
    Ok(stock.release(order_id, *epoch, ORDER_CANCELLED, correlation_id).await?)
}

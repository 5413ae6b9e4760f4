//! Plans an order: has its reservation follow what is wanted, says what is to be handed over where, and
//! what no longer fits at a warehouse.
//!
//! **Invariant:** a plan and what it was made from are one moment: all of it is read and written under the
//! order's lock, and `planned_version` says for which wish it stands.

use domain::{
    Channel, Condition, Downstream, GateDecision, HeldBy, OrderId, OrderStatus, ParkReason, Promises, Step,
    StockOutRule, Verdict,
};
use inventory::{Reservation as Holding, ReservationStatus, ReserveOutcome, ReserveRequest, Shortage};
use orders::{
    Order, attention, brief, events, fulfilment_request,
    progress::{self, Waiting},
    record,
    timeline::TimelineEvent,
};
use sqlx::{PgConnection, PgPool};
use stock::{Stock, StockTransaction};
use workflows::contract::{Plan, PlanInput, PlanOutcome, Rules};

use crate::{
    attempt::AttemptError,
    shop_notifications,
    shops::{Shops, WarehouseSystems},
};

mod approval;
mod demand;
mod draft;
#[cfg(test)]
mod imagined;
mod mismatches;
mod promise;
mod situation;

pub(crate) use draft::planned;
use draft::{Draft, describe, show_what_came_too_late, write_off_cancelled};
pub(crate) use situation::{Situation, wish_digest};

/// Why the stock of an order that wants nothing any more was given back.
const NOTHING_WANTED: &str = "nothing left to ship";

/// Plans orders. Cheap to clone.
#[derive(Clone)]
pub struct Planner {
    pub(crate) pool: PgPool,
    pub(crate) shops: Shops,
    pub(crate) systems: WarehouseSystems,
    promises: Promises,
    pub(crate) stock: Stock,
}

impl Planner {
    /// Plans by these rules, against this database and stock.
    #[must_use]
    pub fn new(
        pool: PgPool,
        shops: Shops,
        systems: WarehouseSystems,
        promises: Promises,
        stock: Stock,
    ) -> Self {
        Self { pool, shops, systems, promises, stock }
    }

    /// Plans an order by the newest that is known of it, in one transaction.
    pub(crate) async fn plan_now(&self, input: &PlanInput) -> Result<PlanOutcome, AttemptError> {
        let planned = self.stock.transaction(async |tx| self.plan_within(tx, input).await).await;
        if let Err(error) = &planned
            && error.verdict() == (Verdict::Away { downstream: Downstream::Inventory })
        {
            progress::show_inventory_away(&mut *self.pool.acquire().await?, &input.order_id).await?;
        }
        let (planned, shortages) = planned?;
        self.announce_shortage(&input.order_id, &shortages).await?;
        Ok(planned)
    }

    /// Tells what an order was refused for.
    pub(crate) async fn announce_shortage(
        &self,
        order_id: &OrderId,
        shortages: &[Shortage],
    ) -> Result<(), AttemptError> {
        if shortages.is_empty() {
            return Ok(());
        }
        let mut tx = self.pool.begin().await?;
        let order = record::lock(&mut tx, order_id).await?;
        if self.promises.rules_of(&order.channel).is_some() {
            orders::promises::suspend(&mut tx, order_id).await?;
        }
        // Its gate it has passed.
        events::announce_placed(&mut tx, order_id).await?;
        self.stock.announce_shortage(&mut tx, order_id, shortages, &order.correlation_id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// As [`Planner::plan_now`], in a transaction that may be part of the caller's. With it, what is short if the order
    /// is refused: it is to be announced when the caller has committed.
    pub(crate) async fn plan_within(
        &self,
        mut tx: StockTransaction<'_>,
        input: &PlanInput,
    ) -> Result<(PlanOutcome, Vec<Shortage>), AttemptError> {
        let order = record::lock(&mut tx, &input.order_id).await?;
        if order.content_in_doubt && brief::can_be_added_to(&order) {
            // The shop's own order is read, and what is asked for is shown then.
            let draft = Draft::of(&mut tx, &order, &self.shops, &input.rules).await?;
            let plan = draft.plan(&mut tx, &order, None, &input.rules, &self.systems).await?;
            return Ok((PlanOutcome::Planned { plan }, Vec::new()));
        }
        attention::run_goes_on(&mut tx, &order, None).await?;
        if self.is_over(&mut tx, &order, &input.rules).await? {
            let services = self.shops.rules_for(&order.channel).services;
            brief::show_what_a_cancelled_order_is_asked_for(&mut tx, &order, &services).await?;
            tx.commit().await?;
            return Ok((PlanOutcome::Over { status: order.status }, Vec::new()));
        }
        if order.awaits_allocation {
            return Ok((PlanOutcome::AwaitsAllocation, Vec::new()));
        }
        if order.story_ended_at.is_some() {
            progress::take_up_again(&mut tx, &order.order_id).await?;
        }
        if input.rules.rest_is_cancelled {
            progress::cancel_the_rest(&mut tx, &order.order_id).await?;
        }
        let (planned, shortages) = self.plan(&mut tx, &order, &input.rules).await?;
        if matches!(planned, PlanOutcome::Planned { .. }) {
            tx.commit().await?;
        }
        // What is short or unknown leaves nothing behind.
        Ok((planned, shortages))
    }

    /// Whether there is nothing left to do. What was said in an order's last moment is still followed.
    async fn is_over(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        rules: &Rules,
    ) -> Result<bool, AttemptError> {
        if order.status == OrderStatus::Cancelled {
            return Ok(true);
        }
        if order.story_ended_at.is_none() {
            return Ok(false);
        }
        let services = self.shops.rules_for(&order.channel).services;
        Ok(!brief::asks_for_work(conn, order, &services, &rules.gate).await?)
    }

    /// Plans in the caller's transaction; the order is locked. With it, what is short if the order is refused.
    async fn plan(
        &self,
        conn: &mut StockTransaction<'_>,
        order: &Order,
        rules: &Rules,
    ) -> Result<(PlanOutcome, Vec<Shortage>), AttemptError> {
        write_off_cancelled(conn, order).await?;
        conn.book_off_recalled(order).await?;
        if order.look_wanted && !rules.look {
            // Nobody looks: what was said of fulfilment orders changes nothing.
            orders::fulfilment_orders::want_no_look(conn, &order.order_id).await?;
        }
        let draft = Draft::of(conn, order, &self.shops, rules).await?;
        if draft.demand.is_none() && draft.decision == GateDecision::Fulfil {
            return Ok((PlanOutcome::UnknownSku, Vec::new()));
        }
        if draft.asks_the_shop_first() {
            let plan = draft.plan(conn, order, None, rules, &self.systems).await?;
            return Ok((PlanOutcome::Planned { plan }, Vec::new()));
        }
        if !rules.rest_is_cancelled && !order.rest_is_cancelled {
            show_what_came_too_late(conn, order, &draft).await?;
        }
        if let Some(elsewhere) = draft.situation.fulfilled_elsewhere(order) {
            conn.book_fulfilled_elsewhere(order, &elsewhere).await?;
        }
        let holding = match self.hold(conn, order, &draft, rules).await? {
            Some(ReserveOutcome::Reserved(holding)) => Some(holding),
            Some(ReserveOutcome::UnknownSku(_)) => return Ok((PlanOutcome::UnknownSku, Vec::new())),
            Some(ReserveOutcome::Short(shortages)) => return Ok((PlanOutcome::OutOfStock, shortages)),
            None => None,
        };
        let plan = draft.plan(conn, order, holding.as_ref(), rules, &self.systems).await?;
        self.note(conn, order, &draft, holding.as_ref(), &plan, rules).await?;
        let promised_at = self.promise(conn, order, &draft, holding.as_ref(), &plan).await?;
        let now = record::find(conn, &order.order_id).await?;
        let status = now.map_or(plan.status, |now| now.status);
        Ok((PlanOutcome::Planned { plan: Plan { status, promised_at, ..plan } }, Vec::new()))
    }

    /// Has the reservation follow; none if there is none and none is to be made.
    async fn hold(
        &self,
        stock: &mut StockTransaction<'_>,
        order: &Order,
        draft: &Draft,
        rules: &Rules,
    ) -> Result<Option<ReserveOutcome>, AttemptError> {
        let Order { order_id, epoch, correlation_id, .. } = order;
        if draft.wants_nothing() {
            if is_held(stock, order).await? {
                stock.release(order_id, *epoch, NOTHING_WANTED, correlation_id).await?;
            }
            return Ok(None);
        }
        if !draft.takes_stock() && !is_held(stock, order).await? {
            return Ok(None);
        }
        let Some(request) = draft.request(order.into(), rules) else { return Ok(None) };
        let outcome = take_stock(stock, order, request).await?;
        if order.lacks_prices && matches!(outcome, ReserveOutcome::Reserved(_)) {
            stock.describe_lines(order).await?;
        }
        Ok(Some(outcome))
    }

    /// Writes down what the plan comes to: the order's status and condition, and for which wish it stands.
    async fn note(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        draft: &Draft,
        holding: Option<&Holding>,
        plan: &Plan,
        rules: &Rules,
    ) -> Result<(), AttemptError> {
        let goes_on = draft.decision == GateDecision::Fulfil;
        let waits_for_somebody = plan.park_reason.is_some() || plan.awaits_risk;
        if goes_on && draft.mismatches.recalls.is_empty() && !plan.look && !waits_for_somebody {
            record::note_planned(conn, &order.order_id, order.wish_version).await?;
        }
        let at_warehouse = draft.is_at_warehouse();
        // A look may find more that is ours to ship.
        if draft.to_ship() == 0 && !at_warehouse && plan.pieces_left > 0 && !plan.look {
            self.ship(conn, order, None).await?;
            return Ok(());
        }
        if draft.decision != GateDecision::Fulfil {
            return Ok(());
        }
        if let Some((park_reason, words)) =
            draft.demand.as_ref().and_then(|demand| demand.park_reason.as_ref())
        {
            attention::keep_complaint(conn, &order.order_id, Step::LookInShop, park_reason.code(), words)
                .await?;
        }
        let waits = plan.waiting_lines > 0 && rules.stock_out != StockOutRule::ShipWhatIsThere;
        if waits && !at_warehouse {
            let waiting = Waiting { condition: Condition::Backordered, reason: None, held_by: None };
            progress::set_condition(conn, &order.order_id, waiting).await?;
            events::announce_placed(conn, &order.order_id).await?;
            return Ok(());
        }
        if let Some(holding) = holding {
            let detail = describe(holding);
            // An order of our own API was reserved as it was placed; what is over is its hold.
            let event = match order.channel {
                Channel::Api => TimelineEvent::Confirmed,
                Channel::Shopify { .. } => TimelineEvent::Reserved,
            };
            // It is planned again at every stage, and only the first plan moves it.
            let to = OrderStatus::Confirmed;
            progress::move_on(conn, &order.order_id, to, event, Some(&detail)).await?;
        } else {
            events::announce_placed(conn, &order.order_id).await?;
        }
        let planned: u32 = plan.requests.iter().map(|fulfilment_request| fulfilment_request.pieces).sum();
        let all_is_held = plan.held_back > 0 && planned <= plan.pieces_left;
        if all_is_held || plan.awaits_risk {
            let held_by = Some(if plan.awaits_risk { HeldBy::Risk } else { HeldBy::Shopify });
            let waiting = Waiting { condition: Condition::OnHold, reason: None, held_by };
            progress::set_condition(conn, &order.order_id, waiting).await?;
        } else {
            progress::clear_waiting(conn, &order.order_id).await?;
        }
        Ok(())
    }

    /// All that was to leave has left.
    pub(crate) async fn ship(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        tracking_number: Option<&str>,
    ) -> Result<OrderStatus, AttemptError> {
        let order_id = &order.order_id;
        if order.status < OrderStatus::Processing {
            // It left before we heard that the warehouse took it.
            for (to, event) in [
                (OrderStatus::Confirmed, TimelineEvent::Reserved),
                (OrderStatus::Processing, TimelineEvent::HandedOver),
            ] {
                progress::move_on(conn, order_id, to, event, None).await?;
            }
        }
        // The last parcel of an order that was delivered already, or cancelled, does not move it.
        let (to, event) = (OrderStatus::Shipped, TimelineEvent::Shipped);
        progress::move_on(conn, order_id, to, event, tracking_number).await?;
        progress::clear_waiting(conn, order_id).await?;
        // What a count had not found has left: it was on its way out then.
        attention::unshow(conn, order_id, &ParkReason::new(ParkReason::COUNT_BELOW_HANDED_OVER)).await?;
        fulfilment_request::close_accepted(conn, order_id).await?;
        if shop_notifications::unnotified(conn, order).await?.is_empty() {
            progress::set_story_ended(conn, order_id, true).await?;
        }
        Ok(order.status.max(OrderStatus::Shipped))
    }
}

/// Whether the order holds or waits for anything.
async fn is_held(stock: &mut StockTransaction<'_>, order: &Order) -> Result<bool, AttemptError> {
    // Of an order of a shop that never came so far nothing can be held, and nobody has to be asked.
    let is_new = order.status == OrderStatus::Pending
        && order.condition != Some(Condition::Backordered)
        && !order.was_planned;
    if is_new && matches!(order.channel, Channel::Shopify { .. }) {
        return Ok(false);
    }
    let held = stock.reservation(&order.order_id, order.epoch, &order.correlation_id).await?;
    Ok(held.is_some_and(|held| held.status != ReservationStatus::Released))
}

/// The reservation of the order's epoch, made now, adjusted, or as it was. One that was given back makes way for
/// the next.
async fn take_stock(
    stock: &mut StockTransaction<'_>,
    order: &Order,
    mut request: ReserveRequest,
) -> Result<ReserveOutcome, AttemptError> {
    let correlation_id = &order.correlation_id;
    let outcome = stock.reserve(request.clone(), correlation_id).await?;
    if !was_given_back(&outcome) {
        return Ok(outcome);
    }
    request.epoch = progress::next_epoch(stock, &order.order_id).await?.into();
    Ok(stock.reserve(request, correlation_id).await?)
}

fn was_given_back(outcome: &ReserveOutcome) -> bool {
    matches!(outcome, ReserveOutcome::Reserved(Holding { status: ReservationStatus::Released, .. }))
}

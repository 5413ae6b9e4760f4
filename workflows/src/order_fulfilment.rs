//! What happens to an order. Read [`Story::run`] first; each step is one method below it, with its
//! undo beside it. How an order is planned anew whenever something is said of it stands in `planning.rs`.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use domain::{
    Actor, Condition, HeldBy, OrderId, OrderStatus, ParkReason, RequestReference, Step, WarehouseSystem,
};
use temporalio_workflow::WorkflowContext;

use crate::{
    contract::{
        AskWarehouse, NotifyShop, OrderRef, Parcel, ParcelBooked, ParcelForShop, ParcelToBook,
        PlannedRequest, RecallRequest, RecordParcel, ReleaseStock, RequestRef, SkipShopNotification,
    },
    entry::{Ending, OrderFulfilment},
    ledger::{LedgerState, Undo},
    messages::{CancelRequest, WarehouseUpdate, WarehouseUpdateKind},
    saga::{Interrupted, StepOutcome, Wake},
};

/// Tells one order's story on one run.
pub(crate) struct Story {
    pub(crate) ctx: WorkflowContext<OrderFulfilment>,
}

/// What the order waited for came.
enum NextMove {
    /// A parcel left.
    Parcel(Parcel),
    /// The order is to be planned anew: something was said of it, stock came in, pieces came back.
    PlanAgain,
    /// There is nothing left to wait for.
    Nothing,
}

impl Story {
    /// The subject of the step that asks what became of hand-overs; `/{system}` follows but for the first system.
    pub(crate) const INQUIRY: &str = "inquiry";

    pub(crate) fn new(ctx: WorkflowContext<OrderFulfilment>) -> Self {
        Self { ctx }
    }

    /// One order, from arrival to the carrier's van.
    pub(crate) async fn run(&self) -> Result<Ending, Interrupted> {
        self.look_for_interruption()?; // what came as it was about to close
        self.hold().await?;
        loop {
            self.begin_round();
            if self.is_to_be_planned() {
                if let Some(ending) = self.plan().await? {
                    return Ok(ending); // not to be fulfilled, or another run had finished
                } // undo: release
                self.catch_up().await?;
            }
            if !self.more_to_ship() {
                if domain::planted::is_planted("goes_in_circles") {
                    continue;
                }
                return Ok(Ending::Shipped);
            }
            self.hand_over().await?; // undo: recall
            if let NextMove::Parcel(parcel) = self.next_update().await? {
                self.record_parcel(&parcel, false).await?; // past this point nothing of it is undone
                self.notify_shop(&parcel).await?;
            }
        }
    }

    /// The hold window: the order stays `PENDING` so that the customer may withdraw.
    async fn hold(&self) -> Result<(), Interrupted> {
        let past = self.ctx.state(|order| order.progress.past_hold || order.status > OrderStatus::Pending);
        let hold_until = self.ctx.state(|order| order.input.hold_until).filter(|_| !past);
        if let Some(wait) = hold_until.and_then(|until| self.time_left(until.into())) {
            self.record_condition(Some(Condition::OnHold), None, Some(HeldBy::Window)).await;
            self.wait_until(Some(wait), |order| order.go_on).await?;
        }
        self.ctx.state_mut(|order| {
            order.progress.past_hold = true;
            order.go_on = false;
        });
        Ok(())
    }

    /// Undo of [`Story::plan`]: gives back what has not left. An order of our own API was reserved
    /// before its story began, so this is done whether or not the story came to reserving.
    pub(crate) async fn release(&self) -> Result<(), Interrupted> {
        let input = OrderRef { order_id: self.order_id() };
        if let StepOutcome::Done(left) = self.step(Step::Release, "", || ReleaseStock, input).await? {
            self.ctx.state_mut(|order| {
                order.status = left.status;
                order.progress.pieces_left = left.pieces_left;
                order.progress.waiting_lines = 0;
                order.progress.held_back = 0;
                order.progress.note(Step::Reserve, "", LedgerState::Undone);
            });
        }
        self.ctx.state_mut(|order| order.progress.undos.clear());
        Ok(())
    }

    /// A run that took over from another asks what became of the hand-overs, which are its own to
    /// recall now, and notifies the shop of what it has not heard of.
    async fn catch_up(&self) -> Result<(), Interrupted> {
        self.notify_shop_of_the_rest().await?;
        if self.ctx.state_mut(|order| std::mem::replace(&mut order.progress.caught_up, true)) {
            return Ok(());
        }
        let took_over = self.ctx.state_mut(|order| {
            let taken = order.progress.requests.iter().filter(|request| request.accepted);
            let taken: Vec<RequestReference> = taken.map(|request| request.reference.clone()).collect();
            let took_over = !taken.is_empty();
            for reference in taken {
                order.progress.push_undo(Undo::Recall { reference });
            }
            took_over
        });
        if took_over && self.more_to_ship() {
            self.ask_warehouses().await?;
        }
        Ok(())
    }

    pub(crate) async fn notify_shop_of_the_rest(&self) -> Result<(), Interrupted> {
        for parcel in self.ctx.state(|order| order.progress.unnotified.clone()) {
            self.notify_shop(&parcel).await?;
        }
        Ok(())
    }

    /// Asks every warehouse system that has some of the order.
    async fn ask_warehouses(&self) -> Result<(), Interrupted> {
        let systems: BTreeSet<WarehouseSystem> = self.ctx.state(|order| {
            let taken = order.progress.requests.iter().filter(|request| request.accepted);
            taken.map(|request| request.system.clone()).collect()
        });
        for system in systems {
            let input = OrderRef { order_id: self.order_id() };
            let subject = match system.is_first() {
                true => Self::INQUIRY.to_owned(),
                false => format!("{}/{system}", Self::INQUIRY),
            };
            self.step(Step::HandOver, &subject, || AskWarehouse, input).await?;
        }
        Ok(())
    }

    pub(crate) fn more_to_ship(&self) -> bool {
        self.ctx.state(|order| {
            let progress = &order.progress;
            progress.outstanding_pieces() > 0 || progress.waiting_lines > 0 || progress.held_back > 0
        })
    }

    fn is_to_be_planned(&self) -> bool {
        self.ctx.state(|order| order.plan_due || order.content_changed || order.stock_available)
    }

    /// The operator says that it left without the warehouse system. That is first made to refuse the
    /// reference, so that the pieces cannot leave twice; where it was faster, its callback counts.
    pub(crate) async fn left_by_hand(&self, fulfilment_request: &PlannedRequest) -> Result<(), Interrupted> {
        let reference = &fulfilment_request.reference;
        if self.recall(reference).await? > 0 {
            return Ok(());
        }
        let parcel = Parcel { reference: reference.clone(), parcel_id: "by-hand".to_owned() };
        self.record_parcel(&parcel, true).await?;
        self.ctx.state_mut(|order| {
            order.progress.request_mut(reference, |known| known.pieces = fulfilment_request.pieces);
            order.progress.undos.retain(|undo| *undo != Undo::Recall { reference: reference.clone() });
        });
        self.notify_shop(&parcel).await
    }

    /// Undo of [`Story::hand_over`]. Pieces the warehouse could not stop still leave.
    pub(crate) async fn recall(&self, reference: &RequestReference) -> Result<u32, Interrupted> {
        self.ctx.state_mut(|order| {
            order.progress.recalled.insert(reference.clone());
        });
        let input = self.request_ref(reference);
        let pieces_too_late =
            match self.step(Step::Recall, reference.as_str(), || RecallRequest, input).await? {
                StepOutcome::Done(recalled) => recalled.pieces_too_late,
                StepOutcome::Skipped => 0, // the operator says it was stopped by hand
            };
        self.ctx.state_mut(|order| {
            order.progress.request_mut(reference, |known| known.pieces = pieces_too_late);
            order.progress.undos.retain(|undo| *undo != Undo::Recall { reference: reference.clone() });
            if pieces_too_late == 0 {
                order.progress.note(Step::HandOver, reference.as_str(), LedgerState::Undone);
            }
        });
        Ok(pieces_too_late)
    }

    /// Waits for what the warehouse says, for stock that comes in, or for something new of the order.
    async fn next_update(&self) -> Result<NextMove, Interrupted> {
        loop {
            if !self.more_to_ship() {
                return Ok(NextMove::Nothing); // the last of it was booked by hand
            }
            if self.is_to_be_planned() {
                return Ok(NextMove::PlanAgain);
            }
            let look_again = self.time_to_look_again();
            let wake = self
                .wait_until(look_again, |order| {
                    !order.progress.updates.is_empty()
                        || order.stock_available
                        || order.content_changed
                        || order.left_by_hand
                })
                .await?;
            if self.all_left_by_hand().await? {
                continue;
            }
            if wake == Wake::Overdue {
                self.ctx.state_mut(|order| (order.plan_due, order.look_due) = (true, true));
            }
            let Some(update) = self.ctx.state(|order| order.progress.updates.front().cloned()) else {
                return Ok(NextMove::PlanAgain);
            };
            let outcome = self.act_on_update(&update).await?;
            if let Some(NextMove::Parcel(parcel)) = outcome {
                return Ok(NextMove::Parcel(parcel)); // dealt with once it is booked
            }
            self.drop_updates(|other| *other == update);
            if let Some(update) = outcome {
                return Ok(update);
            }
        }
    }

    /// What a message of the warehouse means for the story; on hold and exception are states, not
    /// errors.
    async fn act_on_update(&self, update: &WarehouseUpdate) -> Result<Option<NextMove>, Interrupted> {
        let reference = update.reference.clone();
        let recalled = self.ctx.state(|order| order.progress.recalled.contains(&reference));
        match update.kind {
            WarehouseUpdateKind::Shipped => Ok(update.parcel().map(NextMove::Parcel)),
            WarehouseUpdateKind::OnHold => {
                self.record_condition(Some(Condition::OnHold), None, Some(HeldBy::Warehouse)).await;
                Ok(None)
            }
            WarehouseUpdateKind::Exception => {
                self.park(Step::HandOver, ParkReason::new(ParkReason::WAREHOUSE_EXCEPTION)).await?;
                self.ask_warehouses().await?;
                Ok(None)
            }
            WarehouseUpdateKind::Cancelled if recalled => Ok(None),
            WarehouseUpdateKind::Cancelled => {
                self.park(Step::HandOver, ParkReason::new(ParkReason::CANCELLED_BY_WAREHOUSE)).await?;
                self.ctx.state_mut(|order| order.plan_due = true);
                Ok(Some(NextMove::PlanAgain))
            }
        }
    }

    /// Takes away what the story has dealt with; whatever interrupts it before leaves the news there.
    fn drop_updates(&self, which: impl Fn(&WarehouseUpdate) -> bool) {
        self.ctx.state_mut(|order| order.progress.updates.retain(|update| !which(update)));
    }

    /// Books a parcel: its stock has left, and with the last piece the order is `SHIPPED`.
    async fn record_parcel(&self, parcel: &Parcel, by_hand: bool) -> Result<(), Interrupted> {
        let input = ParcelToBook { order_id: self.order_id(), parcel: parcel.clone(), by_hand };
        if let StepOutcome::Done(booked) =
            self.step(Step::RecordParcel, &subject(parcel), || RecordParcel, input).await?
        {
            self.note_booked(parcel, &booked);
            self.show_stage(Self::FULFILLING);
        }
        self.drop_updates(|update| update.parcel().as_ref() == Some(parcel));
        Ok(())
    }

    pub(crate) fn note_booked(&self, parcel: &Parcel, booked: &ParcelBooked) {
        self.ctx.state_mut(|order| {
            order.status = booked.status;
            order.progress.pieces_left = booked.pieces_left;
            order.progress.unnotified.push(parcel.clone());
            order.plan_due = order.plan_due || booked.plan_again;
        });
        self.drop_updates(|update| update.parcel().as_ref() == Some(parcel));
    }

    /// Notifies the shop of what left, with the tracking number.
    async fn notify_shop(&self, parcel: &Parcel) -> Result<(), Interrupted> {
        if let Some(input) = self.parcel_for_shop(parcel)
            && let StepOutcome::Skipped =
                self.step(Step::TellShop, &subject(parcel), || NotifyShop, input.clone()).await?
        {
            self.record(|| SkipShopNotification, input).await;
        }
        self.ctx.state_mut(|order| order.progress.unnotified.retain(|unnotified| unnotified != parcel));
        Ok(())
    }

    /// None where there is no shop to tell.
    pub(crate) fn parcel_for_shop(&self, parcel: &Parcel) -> Option<ParcelForShop> {
        self.ctx.state(|order| {
            order.input.channel.shop().map(|_| ParcelForShop {
                order_id: order.input.order_id.clone(),
                parcel: parcel.clone(),
                notify_customer: order.input.policy.notify_customer,
            })
        })
    }

    pub(crate) fn request_ref(&self, reference: &RequestReference) -> RequestRef {
        self.ctx.state(|order| RequestRef {
            order_id: order.input.order_id.clone(),
            reference: reference.clone(),
            // What is longer than the number can say is as good as never.
            overdue_after_ms: u64::try_from(order.input.policy.hand_over_overdue.as_millis())
                .unwrap_or(u64::MAX),
        })
    }

    pub(crate) fn order_id(&self) -> OrderId {
        self.ctx.state(|order| order.input.order_id.clone())
    }

    /// Time until `moment`, or none if it has passed.
    pub(crate) fn time_left(&self, moment: SystemTime) -> Option<Duration> {
        let now = self.ctx.workflow_time()?;
        moment.duration_since(now).ok().filter(|left| !left.is_zero())
    }
}

pub(crate) fn cancelled_by_policy(reason: &str) -> Interrupted {
    Interrupted::Cancelled(CancelRequest { actor: Actor::Policy, reason: Some(reason.to_owned()) })
}

fn subject(parcel: &Parcel) -> String {
    format!("{}/{}", parcel.reference, parcel.parcel_id)
}

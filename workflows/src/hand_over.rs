//! Handing over to the warehouses. Its undo, the recall, stands in `order_fulfilment.rs`.

use std::{collections::BTreeMap, time::Duration};

use domain::{RequestReference, Step, WarehouseSystem};
use temporalio_workflow::workflows::join_all;

use crate::{
    OrderFulfilment,
    contract::{HandOverOutcome, OrderRef, PlannedRequest, ReadStanding, RequestFulfilment},
    lane_call::CallEnded,
    ledger::{LedgerState, Undo},
    messages::WarehouseUpdate,
    order_fulfilment::Story,
    saga::{Interrupted, StepOutcome},
};

/// How long a hand-over waits for what was said a moment ago to be understood: at first, and at most.
const OVERTAKEN_PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// How the hand-overs to one system ended that were tried beside those to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tried {
    /// It has them all.
    Accepted,
    /// Something was committed since they were planned.
    Overtaken,
    /// Not all of them: what is left is done one after the other.
    NotAll,
}

impl Story {
    /// Hands everything that is planned over to its warehouse, each under its own reference. What was
    /// committed meanwhile comes first.
    pub(crate) async fn hand_over(&self) -> Result<(), Interrupted> {
        if self.try_each_system().await == Tried::Overtaken {
            return self.plan_after_a_breath().await;
        }
        // Those that failed come first: a person has to see them, whoever else is away.
        let (mut to_hand_over, failed) =
            self.ctx.state(|order| (order.to_hand_over(), order.failed_tries.clone()));
        to_hand_over.sort_by_key(|request| !failed.contains(&request.reference));
        for fulfilment_request in to_hand_over {
            self.look_for_interruption()?;
            if self.ctx.state(|order| order.content_changed) {
                self.plan_again();
                return Ok(());
            }
            let reference = &fulfilment_request.reference;
            self.begin_hand_over(reference);
            let input = self.request_ref(reference).into();
            let is_news = |order: &OrderFulfilment| order.content_changed;
            let subject = reference.as_str();
            let did = self
                .step_unless(Some(&is_news), Step::HandOver, subject, || RequestFulfilment, input)
                .await?;
            self.remember_recall(reference);
            let Some(did) = did else {
                self.plan_again();
                return Ok(());
            };
            if let StepOutcome::Done(HandOverOutcome::Overtaken) = did {
                return self.plan_after_a_breath().await;
            }
            self.note_accepted(reference);
            if let StepOutcome::Skipped = did {
                self.left_by_hand(&fulfilment_request).await?;
            }
        }
        Ok(())
    }

    /// Where several systems ship some of it, each is called on its own lane at once: none waits for another that is
    /// away.
    async fn try_each_system(&self) -> Tried {
        let mut by_system: BTreeMap<WarehouseSystem, Vec<PlannedRequest>> = BTreeMap::new();
        for request in self.ctx.state(OrderFulfilment::to_hand_over) {
            by_system.entry(request.system.clone()).or_default().push(request);
        }
        if by_system.len() < 2 {
            return Tried::NotAll;
        }
        self.ctx.state_mut(|order| {
            order.failed_tries.clear();
            order.try_ended = false;
        });
        let tried = join_all(by_system.values().map(|requests| self.try_system(requests))).await;
        if tried.contains(&Tried::Overtaken) {
            return Tried::Overtaken;
        }
        if tried.contains(&Tried::NotAll) {
            // A call that was called off may never have been made.
            self.forget_what_was_not_called().await;
            return Tried::NotAll;
        }
        Tried::Accepted
    }

    async fn try_system(&self, requests: &[PlannedRequest]) -> Tried {
        for PlannedRequest { reference, .. } in requests {
            self.begin_hand_over(reference);
            self.note(Step::HandOver, reference.as_str(), LedgerState::Pending);
            let input = self.request_ref(reference).into();
            let something_else = |order: &OrderFulfilment| {
                order.try_ended || order.content_changed || order.another_left(reference.as_str())
            };
            let called = self
                .call(Step::HandOver, reference.as_str(), || RequestFulfilment, input, &something_else)
                .await;
            self.remember_recall(reference);
            // Whoever waits for its own lane does not keep what is to be done next waiting.
            self.ctx.state_mut(|order| {
                order.try_ended |= !matches!(called, Ok(HandOverOutcome::Accepted));
                if matches!(called, Err(CallEnded::Failed(_))) {
                    order.failed_tries.push(reference.clone());
                }
            });
            match called {
                Ok(HandOverOutcome::Accepted) => {
                    self.note(Step::HandOver, reference.as_str(), LedgerState::Done);
                    self.note_accepted(reference);
                }
                Ok(HandOverOutcome::Overtaken) => return Tried::Overtaken,
                Err(CallEnded::Failed(_) | CallEnded::CalledOff) => return Tried::NotAll,
            }
        }
        Tried::Accepted
    }

    /// A hand-over that was called off because the order is cancelled may never have been tried.
    pub(crate) async fn forget_if_cancelled(&self, step: Step) {
        self.note_outside_cancel();
        if step == Step::HandOver && self.ctx.state(|order| order.cancel.is_some() && !order.undoing) {
            self.forget_what_was_not_called().await;
        }
    }

    fn plan_again(&self) {
        self.ctx.state_mut(|order| order.plan_due = true);
    }

    /// What may have to be undone is known before it is done.
    fn begin_hand_over(&self, reference: &RequestReference) {
        self.ctx.state_mut(|order| {
            order.handing_over = true;
            order.progress.push_undo(Undo::Recall { reference: reference.clone() });
        });
        self.forget_recall(reference);
    }

    fn note_accepted(&self, reference: &RequestReference) {
        self.ctx.state_mut(|order| {
            order.overtaken = 0;
            order.status = order.status.max(domain::OrderStatus::Processing);
            order.progress.request_mut(reference, |known| known.accepted = true);
        });
    }

    /// A hand-over that was called off may never have been tried: there is nothing to recall then.
    pub(crate) async fn forget_what_was_not_called(&self) {
        let standing = self.record(|| ReadStanding, OrderRef { order_id: self.order_id() }).await;
        self.ctx.state_mut(|order| {
            order.status = order.status.max(standing.status);
            order.progress.undos.retain(|undo| match undo {
                Undo::Recall { reference } => standing.to_recall.contains(reference),
                Undo::Release => true,
            });
            order.handing_over = !standing.to_recall.is_empty();
        });
    }

    /// Something was committed before the hand-over: whoever dispatches it gets a moment to do so.
    async fn plan_after_a_breath(&self) -> Result<(), Interrupted> {
        let overtaken = self.ctx.state_mut(|order| {
            order.plan_due = true;
            order.handing_over = false; // no warehouse was called
            order.overtaken += 1;
            order.overtaken
        });
        let (first, longest) = OVERTAKEN_PAUSE;
        let breath = first.saturating_mul(1 << (overtaken - 1).min(8)).min(longest);
        self.wait_until(Some(breath), |order| order.content_changed).await.map(|_| ())
    }
}

impl OrderFulfilment {
    /// Nothing while the order's risk is read: what is at another warehouse is waited for meanwhile.
    fn to_hand_over(&self) -> Vec<PlannedRequest> {
        if self.awaits_risk {
            return Vec::new();
        }
        let planned = self.progress.requests.iter();
        planned.filter(|request| !request.accepted && request.pieces > 0).cloned().collect()
    }

    /// Whether a parcel of another hand-over left.
    pub(crate) fn another_left(&self, subject: &str) -> bool {
        let mut left = self.progress.updates.iter().filter_map(WarehouseUpdate::parcel);
        left.any(|parcel| parcel.reference.as_str() != subject)
    }
}

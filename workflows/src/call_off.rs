//! Calling an order off: the undo walk, and what is answered to whoever asked. The undo of each step
//! stands beside the step, in `order_fulfilment.rs`.

use domain::{Actor, CancelDecision, Mishap, OrderStatus, Step};

use crate::{
    contract::{CancelInShop, Cancellation, RecordCancelled, StepToPark, TellOperator},
    entry::{CancelOutcome, Ending},
    ledger::Undo,
    messages::{CancelRequest, Refusal, StatusAnswer},
    order_fulfilment::Story,
    saga::Interrupted,
};

impl Story {
    /// The undo walk: last step first. `None` means that the order goes on, because it may not be
    /// called off or because the warehouse was faster.
    pub(crate) async fn call_off(&self, request: &CancelRequest) -> Option<Ending> {
        match self.ctx.state(|order| order.cancel_decision(request.actor)) {
            CancelDecision::Refuse => return self.keep_going(),
            CancelDecision::TellOperator => {
                self.tell_operator(Mishap::CANCELLED_AFTER_SHIPPING).await;
                return self.keep_going();
            }
            CancelDecision::AtOnce
            | CancelDecision::Recall
            | CancelDecision::ReleaseTheRest
            | CancelDecision::AlreadyCancelled => {}
        }
        self.ctx.state_mut(|order| order.undoing = true);
        // Nothing interrupts the walk: while it goes on, waits end by their own condition alone.
        let walked = self.walk_back(request).await;
        self.ctx.state_mut(|order| order.undoing = false);
        match walked {
            Ok(Some(ending)) => {
                self.settle_cancel(CancelOutcome::CalledOff);
                Some(ending)
            }
            Ok(None) | Err(_) => {
                if request.actor == Actor::Shopify {
                    self.tell_operator(Mishap::CANCELLED_AFTER_SHIPPING).await;
                }
                self.keep_going()
            }
        }
    }

    async fn walk_back(&self, request: &CancelRequest) -> Result<Option<Ending>, Interrupted> {
        #[cfg(feature = "faults")]
        self.release_first().await?;
        while let Some(Undo::Recall { reference }) =
            self.ctx.state(|order| order.progress.undos.last().cloned())
        {
            self.recall(&reference).await?;
            self.ctx.state_mut(|order| order.progress.undos.pop());
        }
        #[cfg(feature = "faults")]
        self.believe_what_succeeded();
        if self.ctx.state(|order| order.progress.outstanding_pieces() > 0) {
            return Ok(None);
        }
        self.release().await?;
        if self.ctx.state(|order| order.progress.pieces_left > 0) {
            self.tell_the_untold().await?;
            return Ok(Some(Ending::Shipped)); // what had left stays shipped
        }
        let cancellation = self.cancellation(request);
        let tell_shop =
            request.actor != Actor::Shopify && self.ctx.state(|order| order.input.channel.shop().is_some());
        if tell_shop {
            self.step(Step::CancelInShop, "", || CancelInShop, cancellation.clone()).await?;
        }
        self.step(Step::RecordCancelled, "", || RecordCancelled, cancellation).await?;
        self.ctx.state_mut(|order| order.status = OrderStatus::Cancelled);
        self.show_stage(OrderStatus::Cancelled.as_str());
        Ok(Some(Ending::Cancelled))
    }

    fn keep_going(&self) -> Option<Ending> {
        self.settle_cancel(CancelOutcome::Refused);
        None
    }

    fn settle_cancel(&self, outcome: CancelOutcome) {
        self.ctx.state_mut(|order| {
            order.cancels_settled += 1;
            order.cancel_outcome = Some(outcome);
        });
    }

    async fn tell_operator(&self, reason: &str) {
        let row =
            StepToPark { order_id: self.order_id(), step: Step::CancelInShop, reason: reason.to_owned() };
        self.record(|| TellOperator, row).await;
    }

    /// Asks for the order to be called off, and waits until that is settled.
    pub(crate) async fn called_off(&self, request: CancelRequest) -> Result<StatusAnswer, Refusal> {
        let settled_before = self.ctx.state_mut(|order| {
            if order.cancel_decision(request.actor) != CancelDecision::AlreadyCancelled {
                order.cancel = order.cancel.take().or(Some(request));
            }
            order.cancels_settled
        });
        self.shielded_wait(|order| {
            order.status == OrderStatus::Cancelled || order.cancels_settled > settled_before
        })
        .await;
        self.ctx.state(|order| match order.cancel_outcome {
            Some(CancelOutcome::Refused) => Err(order.cannot_be_cancelled()),
            Some(CancelOutcome::CalledOff) | None => Ok(StatusAnswer { status: order.status }),
        })
    }

    /// Before the run closes: what came too late is answered, and every handler has finished.
    pub(crate) async fn close(&self) {
        loop {
            self.note_outside_cancel();
            let late = self.ctx.state_mut(|order| order.cancel.take());
            let Some(request) = late else { break };
            match self.ctx.state(|order| order.cancel_decision(request.actor)) {
                CancelDecision::TellOperator => {
                    self.tell_operator(Mishap::CANCELLED_AFTER_SHIPPING).await;
                    self.settle_cancel(CancelOutcome::Refused);
                }
                CancelDecision::AlreadyCancelled => self.settle_cancel(CancelOutcome::CalledOff),
                _ => self.settle_cancel(CancelOutcome::Refused),
            }
        }
        self.ctx.state_mut(|order| order.over = true);
        self.shielded_wait(|_| self.ctx.all_handlers_finished()).await;
    }

    fn cancellation(&self, request: &CancelRequest) -> Cancellation {
        self.ctx.state(|order| Cancellation {
            order_id: order.input.order_id.clone(),
            by: request.actor,
            reason: request.reason.clone(),
            restock: order.input.policy.restock_on_cancel,
            refund: order.input.policy.refund_on_cancel,
            notify_customer: order.input.policy.notify_customer,
        })
    }
}

//! Cancelling an order: the undo walk, and what is answered to whoever asked. The undo of each step
//! stands beside the step, in `order_fulfilment.rs`.

use domain::{Actor, CancelDecision, OrderStatus, ParkReason, Step};

use crate::{
    OrderFulfilment,
    contract::{
        CancelInShop, Cancellation, OpenAttention, OrderRef, ReadStanding, RecordCancelled, RefundInShop,
        RefundOfTheRest, StepToPark,
    },
    entry::{CancelOutcome, Ending},
    ledger::{Progress, Undo},
    messages::{BadInput, CancelRequest, StatusAnswer},
    order_fulfilment::Story,
    saga::Interrupted,
};

impl Story {
    /// The undo walk: last step first. `None` means that the order goes on, because it may not be
    /// cancelled or because the warehouse was faster.
    pub(crate) async fn carry_out_cancel(&self, request: &CancelRequest) -> Option<Ending> {
        self.see_what_another_run_did().await;
        match self.ctx.state(|order| order.cancel_decision(request.actor)) {
            CancelDecision::Refuse => return self.keep_going(request),
            CancelDecision::OpenAttention => {
                self.open_attention(ParkReason::CANCELLED_AFTER_SHIPPING).await;
                return self.keep_going(request);
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
                if ending == Ending::Shipped && request.actor == Actor::Shopify {
                    // The shop gave the money back, and some is on its way.
                    self.open_attention(ParkReason::CANCELLED_AFTER_SHIPPING).await;
                }
                self.conclude_cancel(CancelOutcome::Cancelled);
                self.conclude_the_same_again();
                Some(ending)
            }
            Ok(None) | Err(_) => {
                if request.actor == Actor::Shopify {
                    self.open_attention(ParkReason::CANCELLED_AFTER_SHIPPING).await;
                }
                self.keep_going(request)
            }
        }
    }

    async fn walk_back(&self, request: &CancelRequest) -> Result<Option<Ending>, Interrupted> {
        self.release_first().await?;
        let planned = self.ctx.state(|order| order.progress.outstanding_pieces());
        while let Some(Undo::Recall { reference }) =
            self.ctx.state(|order| order.progress.undos.last().cloned())
        {
            self.recall(&reference).await?;
        }
        // What was planned and never handed over does not leave.
        self.ctx.state_mut(|order| {
            let Progress { requests, recalled, .. } = &mut order.progress;
            requests.retain(|fulfilment_request| {
                fulfilment_request.accepted || recalled.contains(&fulfilment_request.reference)
            });
        });
        let stopped = planned.saturating_sub(self.ctx.state(|order| order.progress.outstanding_pieces()));
        self.believe_what_succeeded();
        if self.ctx.state(|order| order.progress.outstanding_pieces() > 0) {
            if stopped > 0 {
                // What was stopped stays here, though the rest leaves.
                self.ctx.state_mut(|order| order.progress.rest_is_cancelled = true);
                self.refund_the_rest(request).await?;
            }
            return Ok(None);
        }
        if self.ctx.state(|order| order.progress.pieces_left > 0) {
            self.notify_shop_of_the_rest().await?;
            self.refund_the_rest(request).await?;
            self.release().await?;
            return Ok(Some(Ending::Shipped)); // what had left stays shipped
        }
        self.release().await?;
        let cancellation = self.cancellation(request);
        let notify_shop =
            request.actor != Actor::Shopify && self.ctx.state(|order| order.input.channel.shop().is_some());
        if notify_shop {
            self.step(Step::CancelInShop, "", || CancelInShop, cancellation.clone()).await?;
        }
        self.step(Step::RecordCancelled, "", || RecordCancelled, cancellation).await?;
        self.ctx.state_mut(|order| order.status = OrderStatus::Cancelled);
        self.show_stage(OrderStatus::Cancelled.as_str());
        Ok(Some(Ending::Cancelled))
    }

    /// A run that has planned nothing yet may have followed on one that had handed over.
    async fn see_what_another_run_did(&self) {
        if self.ctx.state(|order| order.progress.caught_up) {
            return;
        }
        let order_id = self.order_id();
        let standing = self.record(|| ReadStanding, OrderRef { order_id }).await;
        self.ctx.state_mut(|order| {
            order.status = order.status.max(standing.status);
            let progress = &mut order.progress;
            for reference in standing.to_recall {
                if !progress.recalled.contains(&reference) {
                    progress.push_undo(Undo::Recall { reference });
                }
            }
            progress.requests = standing.requests;
            progress.pieces_left = standing.pieces_left;
            progress.unnotified = standing.unnotified;
        });
    }

    /// The order goes on; what the shop said of it is settled then, and does not cancel it again.
    fn keep_going(&self, request: &CancelRequest) -> Option<Ending> {
        let in_part = self.ctx.state(|order| order.progress.rest_is_cancelled);
        self.conclude_cancel(if in_part { CancelOutcome::Cancelled } else { CancelOutcome::Refused });
        self.ctx.state_mut(|order| {
            order.plan_due = true;
            order.progress.shop_cancel_is_concluded |= request.actor == Actor::Shopify;
        });
        None
    }

    /// A second person who asked meanwhile, or the first again, hears what the first did. What the shop says is looked
    /// at by itself: it may have given money back.
    fn conclude_the_same_again(&self) {
        let is_again = |order: &mut OrderFulfilment| {
            order.cancel.take_if(|again| again.actor != Actor::Shopify).is_some()
        };
        if self.ctx.state_mut(is_again) {
            self.conclude_cancel(CancelOutcome::Cancelled);
        }
    }

    /// A second cancellation, while the first is being carried out, is the same one.
    pub(crate) fn conclude_repeated_cancel(&self) {
        if self.ctx.state_mut(|order| order.undoing.then(|| order.cancel.take()).flatten()).is_some() {
            self.ctx.state_mut(|order| order.cancel_outcome = Some(CancelOutcome::Cancelled));
        }
    }

    /// Shopify cancels no order of which some has left: what was paid for the rest is given back instead.
    async fn refund_the_rest(&self, request: &CancelRequest) -> Result<(), Interrupted> {
        let is_of_a_shop = self.ctx.state(|order| order.input.channel.shop().is_some());
        if request.actor == Actor::Shopify || !is_of_a_shop {
            return Ok(());
        }
        let Cancellation { order_id, restock, refund, notify_customer, .. } = self.cancellation(request);
        let input = RefundOfTheRest { order_id, refund, restock, notify_customer };
        self.step(Step::RefundInShop, "", || RefundInShop, input).await.map(|_| ())
    }

    fn conclude_cancel(&self, outcome: CancelOutcome) {
        self.ctx.state_mut(|order| {
            order.cancels_concluded += 1;
            order.cancel_outcome = Some(outcome);
        });
    }

    async fn open_attention(&self, reason: &str) {
        let row = StepToPark {
            order_id: self.order_id(),
            step: Step::CancelInShop,
            reason: reason.to_owned(),
            known_as: None,
        };
        self.record(|| OpenAttention, row).await;
    }

    /// Asks for the order to be cancelled, and waits until that is settled.
    pub(crate) async fn request_cancel(&self, request: CancelRequest) -> Result<StatusAnswer, BadInput> {
        let settled_before = self.ctx.state_mut(|order| {
            if order.cancel_decision(request.actor) != CancelDecision::AlreadyCancelled {
                order.note_cancel(request);
            }
            order.cancels_concluded
        });
        self.shielded_wait(|order| {
            order.status == OrderStatus::Cancelled || order.cancels_concluded > settled_before
        })
        .await;
        self.ctx.state(|order| match order.cancel_outcome {
            Some(CancelOutcome::Refused) => Err(order.cannot_be_cancelled()),
            Some(CancelOutcome::Cancelled) | None => Ok(StatusAnswer { status: order.status }),
        })
    }

    /// Before the run closes: what came too late is answered, and every handler has finished. False if
    /// something was said of the order in its last moment: then it is looked at once more.
    pub(crate) async fn close(&self) -> bool {
        loop {
            self.note_outside_cancel();
            let late = self.ctx.state_mut(|order| order.cancel.take());
            let Some(request) = late else { break };
            match self.ctx.state(|order| order.cancel_decision(request.actor)) {
                CancelDecision::OpenAttention => {
                    self.open_attention(ParkReason::CANCELLED_AFTER_SHIPPING).await;
                    self.conclude_cancel(CancelOutcome::Refused);
                }
                CancelDecision::AlreadyCancelled => self.conclude_cancel(CancelOutcome::Cancelled),
                CancelDecision::Refuse => self.conclude_cancel(CancelOutcome::Refused),
                // Not to be fulfilled, and cancelled in that moment.
                CancelDecision::AtOnce | CancelDecision::Recall | CancelDecision::ReleaseTheRest => {
                    self.ctx.state_mut(|order| order.cancel = Some(request));
                    return false;
                }
            }
        }
        self.ctx.state_mut(|order| order.over = true);
        self.shielded_wait(|_| self.ctx.all_handlers_finished()).await;
        self.ctx.state_mut(|order| {
            order.over = !order.content_changed;
            order.over
        })
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

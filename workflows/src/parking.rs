//! A step that waits for a person, and what goes on meanwhile.

use domain::{Actor, ParkReason, Resolution, Step};

use crate::{
    contract::{NotifyShop, ParcelToBook, ParkStep, RecordParcel, ResolveStep, StepAnswer, StepToPark},
    entry::OrderFulfilment,
    lane_call::SomethingElse,
    ledger::ParkedView,
    messages::{CancelRequest, Resolve, WarehouseUpdate},
    order_fulfilment::Story,
    saga::Interrupted,
};

impl Story {
    /// Parks a step and waits for an answer; `Compensate` comes back as a cancel.
    pub(crate) async fn park(&self, step: Step, reason: ParkReason) -> Result<Resolution, Interrupted> {
        self.park_about(step, "", reason).await
    }

    /// As [`Story::park`], of a step that is done several times: `subject` says which of them. Where that is a
    /// hand-over, only what the warehouse says of it wakes it.
    pub(crate) async fn park_about(
        &self,
        step: Step,
        subject: &str,
        reason: ParkReason,
    ) -> Result<Resolution, Interrupted> {
        let order_id = self.order_id();
        // Before anybody reads of it: whoever sees it parked may answer at once.
        let done_again = (step, subject.to_owned());
        let (mut known_updates, undoing, known_as) = self.ctx.state_mut(|order| {
            order.parked = Some(ParkedView { step, reason: reason.clone() });
            order.answer = None;
            let known_as = (!order.done_again.contains(&done_again)).then_some(order.status);
            (order.progress.updates.len(), order.undoing, known_as)
        });
        let reason_code = reason.code().to_owned();
        let not_parked = self
            .record(
                || ParkStep,
                StepToPark { order_id: order_id.clone(), step, reason: reason_code, known_as },
            )
            .await;
        if not_parked.is_some() && self.ctx.state(|order| order.answer.is_none()) {
            // A run that was reset: the step is done again, once, and the order planned by what is known now.
            self.ctx.state_mut(|order| {
                order.parked = None;
                order.plan_due = true;
                order.done_again.push(done_again);
            });
            return Ok(Resolution::Retry);
        }
        self.show_parked(Some((step, &reason)));

        // What leaves meanwhile is booked, whatever a person has to decide.
        let mut books = !undoing && step != Step::RecordParcel;
        let waited = loop {
            let goes_on = |order: &OrderFulfilment| {
                order.answer.is_some() || is_mended(step, subject, order, known_updates)
            };
            let waited = self
                .wait_until(None, |order| goes_on(order) || (books && order.parcel_that_left().is_some()))
                .await;
            if waited.is_err() || !books || self.ctx.state(goes_on) {
                break waited;
            }
            let known: Vec<WarehouseUpdate> =
                self.ctx.state(|order| order.progress.updates.iter().take(known_updates).cloned().collect());
            books = self.book_what_left(step, &goes_on).await;
            // What was booked is known no more; what came meanwhile may be what mends it.
            let is_known = |update: &&WarehouseUpdate| known.contains(update);
            known_updates = self.ctx.state(|order| order.progress.updates.iter().filter(is_known).count());
        };
        // What was said is used up by waking this step; whatever else it changes is planned for.
        if is_mended_by_content(step) {
            self.ctx.state_mut(|order| order.plan_due |= std::mem::take(&mut order.content_changed));
        }
        if step == Step::CancelInShop {
            self.conclude_repeated_cancel();
        }

        let answer = match &waited {
            Ok(_) => self.ctx.state_mut(|order| order.answer.take()).unwrap_or_else(|| {
                self.ctx.state_mut(|order| order.plan_due = true);
                Resolve {
                    actor: "waybill".to_owned(),
                    reason: Some("something new arrived".to_owned()),
                    ..Resolve::retry()
                }
            }),
            Err(_) => Resolve {
                action: Resolution::Compensate,
                actor: "waybill".to_owned(),
                reason: Some("cancelled".to_owned()),
                ..Resolve::retry()
            },
        };
        self.ctx.state_mut(|order| order.parked = None);
        self.record(
            || ResolveStep,
            StepAnswer {
                order_id,
                step,
                resolution: answer.action.as_str().to_owned(),
                by: answer.actor.clone(),
                reason: answer.reason.clone(),
                message: answer.message,
            },
        )
        .await;
        self.show_parked(None);
        waited?;
        match answer.action {
            Resolution::Compensate | Resolution::Refuse => {
                Err(Interrupted::Cancelled(CancelRequest { actor: Actor::Operator, reason: answer.reason }))
            }
            // A fresh history begins the step anew, which is what a retry asks for. The gate reads
            // what the channel said first.
            Resolution::Retry if step != Step::Gate && self.history_is_long() => {
                Err(Interrupted::HistoryLong)
            }
            decided => Ok(decided),
        }
    }

    /// Books what left while a step waits, and notifies the shop of it, unless that is what waits or there is something
    /// else to do first. False if it cannot be booked now: then it is when the story goes on.
    pub(crate) async fn book_what_left(&self, parked: Step, something_else: SomethingElse<'_>) -> bool {
        while let Some(parcel) = self.ctx.state(OrderFulfilment::parcel_that_left) {
            if self.ctx.state(something_else) {
                return true;
            }
            let input = ParcelToBook { order_id: self.order_id(), parcel: parcel.clone(), by_hand: false };
            let Ok(booked) = self.call_records(Step::RecordParcel, RecordParcel, input).await else {
                return false;
            };
            self.note_booked(&parcel, &booked);
            let notified = match self.parcel_for_shop(&parcel) {
                None => true,
                Some(_) if parked == Step::TellShop => false,
                Some(input) => {
                    let called =
                        self.call(Step::TellShop, "", || NotifyShop, input.into(), something_else).await;
                    called.is_ok()
                }
            };
            self.ctx.state_mut(|order| match notified {
                true => order.progress.unnotified.retain(|unnotified| *unnotified != parcel),
                false => order.plan_due = true, // it is notified then
            });
        }
        true
    }
}

/// Facts mend too: new content may pass the gate or name a SKU that is stocked, stock may have come in, and what
/// the warehouse says of a hand-over shows that it got there. What the shop says of a cancellation, or a second
/// one, shows that it may be done there by now.
fn is_mended(step: Step, subject: &str, order: &OrderFulfilment, known_updates: usize) -> bool {
    let is_about_it = |update: &WarehouseUpdate| {
        subject.is_empty() || subject.starts_with(Story::INQUIRY) || update.reference.as_str() == subject
    };
    (is_mended_by_content(step) && order.content_changed)
        || (step == Step::Reserve && order.stock_available)
        || (step == Step::HandOver && order.progress.updates.iter().skip(known_updates).any(is_about_it))
        || (step == Step::CancelInShop && order.undoing && order.cancel.is_some())
}

fn is_mended_by_content(step: Step) -> bool {
    matches!(
        step,
        Step::Gate
            | Step::ReadOrder
            | Step::Reserve
            | Step::LookInShop
            | Step::HandOver
            | Step::TellShop
            | Step::CancelInShop
            | Step::RefundInShop
    )
}

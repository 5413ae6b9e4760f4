//! What a person may answer to what is parked, and what is changed of the order first where the answer says so.

use domain::{Actor, CancelDecision, Condition, OrderStatus, Resolution, Step, may_skip};

use crate::{
    contract::{EditOrder, EditOutcome, EditToMake},
    entry::OrderFulfilment,
    messages::{BadInput, EditRequest, Resolve, StatusAnswer, WantedEdit},
    order_fulfilment::Story,
};

impl Story {
    /// Takes an answer, and says where the order stands. What it changes of the order is changed first: where that is
    /// refused, nothing is answered.
    pub(crate) async fn take_answer(&self, answer: Resolve) -> Result<StatusAnswer, BadInput> {
        if matches!(answer.action, Resolution::Approve | Resolution::Refuse) {
            // Several may have been let in before the first of them was taken.
            self.ctx.state(|order| order.check_answer(&answer))?;
        }
        if answer.edit.is_some() {
            let Resolve { message, edit, actor, reason, .. } = answer.clone();
            self.edit(message, edit, actor, reason).await?;
            self.ctx.state_mut(|order| order.content_changed = true);
            // While it was changed somebody else may have answered, or it was mended: then it goes on by the change.
            if self.ctx.state(|order| order.check_answer(&answer)).is_err() {
                return Ok(StatusAnswer { status: self.ctx.state(|order| order.status) });
            }
        }
        self.ctx.state_mut(|order| match answer.action {
            Resolution::ReleaseHold => order.go_on = true,
            _ => order.answer = Some(answer),
        });
        Ok(StatusAnswer { status: self.ctx.state(|order| order.status) })
    }

    /// Changes the order, whatever it waits for, and says where it stands.
    pub(crate) async fn take_edit(&self, request: EditRequest) -> Result<StatusAnswer, BadInput> {
        let EditRequest { edit, actor, reason } = request;
        self.edit(None, Some(edit), actor, Some(reason)).await?;
        self.ctx.state_mut(|order| order.content_changed = true);
        Ok(StatusAnswer { status: self.ctx.state(|order| order.status) })
    }

    async fn edit(
        &self,
        message: Option<i64>,
        edit: Option<WantedEdit>,
        by: String,
        reason: Option<String>,
    ) -> Result<(), BadInput> {
        // Of a change that nobody named, the place in the history tells this one from all others.
        let request_id = format!("{}/{}", self.ctx.run_id(), self.ctx.history_length());
        let input = EditToMake { order_id: self.order_id(), request_id, message, edit, by, reason };
        match self.call_records(Step::Follow, EditOrder, input).await {
            Ok(EditOutcome::Made) => Ok(()),
            Ok(EditOutcome::Refused { why }) => Err(BadInput(why)),
            Err(_) => Err(BadInput("edit: could not be made; try again".into())),
        }
    }
}

impl OrderFulfilment {
    /// Whether an answer fits what is parked, or an order that is held.
    pub(crate) fn check_answer(&self, answer: &Resolve) -> Result<(), BadInput> {
        if answer.edit.is_some() && answer.action != Resolution::Retry {
            return Err(BadInput("edit: with retry alone".into()));
        }
        if answer.action == Resolution::ReleaseHold {
            let is_held = self.waits_for_its_window();
            return if is_held {
                Ok(())
            } else {
                Err(BadInput(format!("no hold window is waited for. Current status: {}", self.status)))
            };
        }
        let Some(parked) = &self.parked else {
            return Err(BadInput(format!("nothing is parked. Current status: {}", self.status)));
        };
        if let Some(step) = answer.step.filter(|step| *step != parked.step) {
            return Err(BadInput(format!("{step} is not parked, but {}", parked.step)));
        }
        if answer.action.needs_a_reason() && answer.reason.as_deref().unwrap_or_default().trim().is_empty() {
            return Err(BadInput(format!("reason: {} needs one", answer.action)));
        }
        match (parked.reason.is_approval(), answer.action.decides_approval()) {
            (true, false) => return Err(BadInput("a person has to decide: approve or refuse".into())),
            (false, true) => return Err(BadInput("no approval is waited for, but a step is parked".into())),
            // Of two who decide at once, the first did.
            (true, true) if self.answer.is_some() => return Err(BadInput("it is decided already".into())),
            _ => {}
        }
        match answer.action {
            Resolution::Retry | Resolution::Approve => Ok(()),
            Resolution::Done | Resolution::Recall => {
                Err(BadInput("a step is parked: retry, skip or compensate".into()))
            }
            Resolution::Skip if !may_skip(parked.step, &parked.reason) => Err(BadInput(format!(
                "{} cannot be skipped after {}: mend the cause and retry, or compensate",
                parked.step, parked.reason
            ))),
            Resolution::Compensate if self.undoing => {
                Err(BadInput("the order is being cancelled already: retry, or skip with a reason".into()))
            }
            Resolution::Compensate | Resolution::Refuse
                if self.cancel_decision(Actor::Operator) == CancelDecision::Refuse =>
            {
                Err(self.cannot_be_cancelled())
            }
            Resolution::Skip | Resolution::Compensate | Resolution::Refuse | Resolution::ReleaseHold => {
                Ok(())
            }
        }
    }

    /// Whether the order waits for the end of its hold window.
    pub(crate) fn waits_for_its_window(&self) -> bool {
        !self.progress.past_hold
            && self.status == OrderStatus::Pending
            && self.stage == Condition::OnHold.as_str()
    }
}

//! The workflow as Temporal sees it: its input, its signals, updates and query. What happens to an
//! order stands in `order_fulfilment.rs`.
//!
//! **Invariant:** no handler fails: a message that cannot be read is noted in `status` instead.

use std::{collections::VecDeque, error::Error};

use chrono::{DateTime, Utc};
use domain::{Actor, CancelDecision, OrderStatus, RequestReference, Stage, Step, decide_cancellation};
use serde::{Deserialize, Serialize};
use temporalio_common::data_converters::RawValue;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
};

use crate::{
    contract::{FulfilmentInput, Parcel},
    ledger::{ParkedView, PendingCall, Progress, StatusView},
    messages::{BadInput, CancelRequest, EditRequest, Resolve, StatusAnswer, StatusRequest, WarehouseUpdate},
    names,
    order_fulfilment::Story,
    saga::Interrupted,
};

/// The most refused messages `status` shows.
const REFUSED_SHOWN: usize = 20;

/// How an order's story ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// All that was to leave has left, and the shop knows.
    Shipped,
    /// Cancelled; what was done is undone.
    Cancelled,
    /// Not to be fulfilled.
    Ignored,
    /// Another run had finished before this one began.
    NothingToDo,
}

/// What became of a cancellation, for whoever asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CancelOutcome {
    /// It is cancelled, or what had not left is.
    Cancelled,
    /// It was too late or is not allowed.
    Refused,
}

/// One order, from arrival to the carrier's van.
#[workflow]
pub struct OrderFulfilment {
    pub(crate) input: FulfilmentInput,
    pub(crate) progress: Progress,
    pub(crate) status: OrderStatus,
    pub(crate) stage: String,
    pub(crate) handing_over: bool,
    /// Fulfilment orders that are missing were waited for long enough.
    pub(crate) takes_as_seen: bool,
    /// Nothing more is handed over until the order's risk is known.
    pub(crate) awaits_risk: bool,
    pub(crate) parked: Option<ParkedView>,
    /// Calls that nobody has answered yet.
    pub(crate) pending_calls: Vec<PendingCall>,
    pub(crate) undoing: bool,
    pub(crate) answer: Option<Resolve>,
    pub(crate) cancel: Option<CancelRequest>,
    pub(crate) cancels_concluded: u32,
    pub(crate) cancel_outcome: Option<CancelOutcome>,
    pub(crate) outside_cancel_noted: bool,
    pub(crate) content_changed: bool,
    pub(crate) stock_available: bool,
    /// Hand-overs to several systems that failed while all were tried, and whether one of them ended otherwise than well.
    pub(crate) failed_tries: Vec<RequestReference>,
    pub(crate) try_ended: bool,
    /// The order is to be planned before it goes on.
    pub(crate) plan_due: bool,
    /// The shop's fulfilment orders are to be looked at when it is.
    pub(crate) look_due: bool,
    /// How often in a row something was committed just before a hand-over.
    pub(crate) overtaken: u32,
    /// The promise that operators see.
    pub(crate) shown_promise: Option<DateTime<Utc>>,
    /// Somebody said not to wait any longer.
    pub(crate) go_on: bool,
    /// Somebody said that everything left without the warehouse system.
    pub(crate) left_by_hand: bool,
    /// Steps that were to be parked although the order was further than this run knew: they were done again.
    pub(crate) done_again: Vec<(Step, String)>,
    /// The story has ended; what still waits for it is answered.
    pub(crate) over: bool,
    refused: VecDeque<String>,
    /// The length of the history, and rounds of the story since it became so.
    pub(crate) rounds: (u32, u32),
}

#[workflow_methods]
impl OrderFulfilment {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: FulfilmentInput) -> Self {
        Self {
            progress: input.carried.clone().unwrap_or_default(),
            status: input.status,
            stage: Story::FULFILLING.to_owned(),
            handing_over: false,
            takes_as_seen: false,
            awaits_risk: false,
            parked: None,
            pending_calls: Vec::new(),
            undoing: false,
            answer: None,
            cancel: None,
            cancels_concluded: 0,
            cancel_outcome: None,
            outside_cancel_noted: false,
            content_changed: false,
            stock_available: false,
            failed_tries: Vec::new(),
            try_ended: false,
            plan_due: true,
            look_due: false,
            overtaken: 0,
            shown_promise: None,
            go_on: false,
            left_by_hand: false,
            done_again: Vec::new(),
            over: false,
            refused: VecDeque::new(),
            rounds: (0, 0),
            input,
        }
    }

    /// Tells the story to its end; a cancel turns it into the undo walk, from which it comes back
    /// where the warehouse was faster.
    #[run(name = names::ORDER_FULFILMENT)]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Ending> {
        let story = Story::new(ctx.clone());
        let ending = loop {
            match story.run().await {
                Ok(ending) => {
                    if story.close().await {
                        break ending;
                    }
                }
                Err(Interrupted::Cancelled(request)) => {
                    if let Some(ending) = story.carry_out_cancel(&request).await
                        && story.close().await
                    {
                        break ending;
                    }
                }
                Err(Interrupted::HistoryLong) => {
                    let input = ctx.state(Self::input_for_a_fresh_history);
                    ctx.continue_as_new(input, ContinueAsNewOptions::default())?;
                }
            }
        };
        Ok(ending)
    }

    #[signal(name = names::CANCEL)]
    fn cancel(&mut self, _ctx: &mut SyncWorkflowContext<Self>, input: RawValue) {
        match CancelRequest::read(&input) {
            Ok(request) if self.cancel_decision(request.actor) == CancelDecision::Refuse => {
                self.refuse(names::CANCEL, &self.cannot_be_cancelled());
            }
            Ok(request) => self.note_cancel(request),
            Err(refusal) => self.refuse(names::CANCEL, &refusal),
        }
    }

    #[signal(name = names::RETRY)]
    fn retry(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _input: RawValue) {
        match self.check_answer(&Resolve::retry()) {
            Ok(()) => self.answer = Some(Resolve::retry()),
            // Whoever asks wants the order to be looked at; one that waits for an approval has been, and would be asked
            // about anew.
            Err(refusal) => {
                self.content_changed |=
                    !self.parked.as_ref().is_some_and(|parked| parked.reason.is_approval());
                self.refuse(names::RETRY, &refusal);
            }
        }
    }

    #[signal(name = names::CONTENT_UPDATED)]
    fn content_updated(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _input: RawValue) {
        self.content_changed = true;
    }

    #[signal(name = names::STOCK_AVAILABLE)]
    fn stock_available(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _input: RawValue) {
        self.stock_available = true;
    }

    #[signal(name = names::WAREHOUSE_UPDATE)]
    fn warehouse_update(&mut self, _ctx: &mut SyncWorkflowContext<Self>, input: RawValue) {
        match WarehouseUpdate::read(&input) {
            Ok(update) => {
                if self.progress.seen.insert(update.message_id.clone()) {
                    self.progress.updates.push_back(update);
                }
            }
            Err(refusal) => self.refuse(names::WAREHOUSE_UPDATE, &refusal),
        }
    }

    #[update_validator(cancel_order)]
    fn validate_cancel_order(
        &self,
        _ctx: &WorkflowContextView,
        input: &RawValue,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let request = CancelRequest::read(input)?;
        match self.cancel_decision(request.actor) {
            CancelDecision::Refuse | CancelDecision::OpenAttention => Err(self.cannot_be_cancelled().into()),
            _ => Ok(()),
        }
    }

    /// Cancels the order and answers when it is settled.
    #[update(name = names::CANCEL_ORDER)]
    async fn cancel_order(
        ctx: &mut WorkflowContext<Self>,
        input: RawValue,
    ) -> Result<StatusAnswer, Box<dyn Error + Send + Sync>> {
        let request = CancelRequest::read(&input)?;
        Ok(Story::new(ctx.clone()).request_cancel(request).await?)
    }

    #[update_validator(set_status)]
    fn validate_set_status(
        &self,
        _ctx: &WorkflowContextView,
        input: &RawValue,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(self.check_status(&StatusRequest::read(input)?)?)
    }

    /// Moves the order to the next status and answers when it is there, or cannot come there.
    #[update(name = names::SET_STATUS)]
    async fn set_status(
        ctx: &mut WorkflowContext<Self>,
        input: RawValue,
    ) -> Result<StatusAnswer, Box<dyn Error + Send + Sync>> {
        let request = StatusRequest::read(&input)?;
        Ok(Story::new(ctx.clone()).moved_on(request).await?)
    }

    #[update_validator(resolve)]
    fn validate_resolve(
        &self,
        _ctx: &WorkflowContextView,
        input: &RawValue,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(self.check_answer(&Resolve::read(input)?)?)
    }

    /// Answers the parked step, or ends a hold, and says where the order stands.
    #[update(name = names::RESOLVE)]
    async fn resolve(
        ctx: &mut WorkflowContext<Self>,
        input: RawValue,
    ) -> Result<StatusAnswer, Box<dyn Error + Send + Sync>> {
        let answer = Resolve::read(&input)?;
        Ok(Story::new(ctx.clone()).take_answer(answer).await?)
    }

    #[update_validator(edit)]
    fn validate_edit(
        &self,
        _ctx: &WorkflowContextView,
        input: &RawValue,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        EditRequest::read(input)?;
        Ok(())
    }

    /// Changes lines or the warehouse, and says where the order stands.
    #[update(name = names::EDIT)]
    async fn edit(
        ctx: &mut WorkflowContext<Self>,
        input: RawValue,
    ) -> Result<StatusAnswer, Box<dyn Error + Send + Sync>> {
        let request = EditRequest::read(&input)?;
        Ok(Story::new(ctx.clone()).take_edit(request).await?)
    }

    #[query(name = names::STATUS)]
    fn status(&self, _ctx: &WorkflowContextView) -> StatusView {
        StatusView {
            order_id: self.input.order_id.clone(),
            order_number: self.input.order_number.clone(),
            status: self.status,
            stage: self.stage.clone(),
            story_version: self.input.story_version,
            parked: self.parked.clone(),
            pending_call: self.pending_calls.first().cloned(),
            ledger: self.progress.ledger.clone(),
            refused: self.refused.iter().cloned().collect(),
        }
    }
}

impl OrderFulfilment {
    /// The first parcel that left and is not booked.
    pub(crate) fn parcel_that_left(&self) -> Option<Parcel> {
        self.progress.updates.iter().find_map(WarehouseUpdate::parcel)
    }

    /// Where the order stands for the cancellation table. From the moment a hand-over is begun the
    /// warehouse has to be asked.
    pub(crate) fn cancel_stage(&self) -> Stage {
        match Stage::of(self.status, self.progress.pieces_left > 0) {
            Stage::Pending | Stage::Confirmed if self.handing_over => Stage::Processing,
            stage => stage,
        }
    }

    pub(crate) fn cancel_decision(&self, actor: Actor) -> CancelDecision {
        decide_cancellation(self.cancel_stage(), actor, self.input.policy.cancel_until)
    }

    pub(crate) fn cannot_be_cancelled(&self) -> BadInput {
        BadInput(format!("Order cannot be cancelled. Current status: {}", self.status))
    }

    pub(crate) fn refuse(&mut self, message: &str, why: &BadInput) {
        if self.refused.len() == REFUSED_SHOWN {
            self.refused.pop_front();
        }
        self.refused.push_back(format!("{message}: {why}"));
    }

    /// Of several the first counts, but what the shop has done is done, whoever asks for what.
    pub(crate) fn note_cancel(&mut self, request: CancelRequest) {
        let is_first = self
            .cancel
            .as_ref()
            .is_none_or(|known| known.actor != Actor::Shopify && request.actor == Actor::Shopify);
        if is_first {
            self.cancel = Some(request);
        }
    }

    fn input_for_a_fresh_history(&self) -> FulfilmentInput {
        FulfilmentInput { status: self.status, carried: Some(self.progress.clone()), ..self.input.clone() }
    }
}

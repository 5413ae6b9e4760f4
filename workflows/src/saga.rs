//! How a step is done: the call, its retries, and the ways a story is interrupted.
//!
//! **Invariant:** [`Story::step`] is the only place that decides how a call is made, and the only one where a
//! failed call parks; nothing interrupts a call that is under way. One that waits for its turn may be called off.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use domain::{Actor, ParkReason, Resolution, RetryRule, Step, Verdict};
use temporalio_common::{
    ActivityDefinition, RetryPolicy,
    error::{ActivityExecutionError, IncomingError},
    protos::temporal::api::{common::v1::Payloads, failure::v1::failure::FailureInfo},
};
use temporalio_workflow::{
    ActivityCancellationType, LocalActivityOptions, TimerOptions, WaitConditionOptions,
    WorkflowCancellationToken,
};

use crate::{
    entry::OrderFulfilment,
    lane_call::{CallEnded, NOTHING_ELSE, SomethingElse, StepInput, downstream},
    ledger::LedgerState,
    messages::CancelRequest,
    order_fulfilment::Story,
};

/// What is no fault of the order is waited out with these pauses.
const OUTAGE_PAUSES: RetryRule = RetryRule {
    first_wait: Duration::from_secs(2),
    backoff: 2.0,
    longest_wait: Duration::from_secs(30),
    attempts: u32::MAX,
};

/// Why a story does not go on.
#[derive(Debug)]
pub(crate) enum Interrupted {
    /// Someone cancelled the order.
    Cancelled(CancelRequest),
    /// The history has grown long; the story goes on with a fresh one.
    HistoryLong,
}

/// Rounds of a story within one workflow task, by far more than one ever takes.
const MOST_ROUNDS: u32 = 1_000;

/// What became of a step.
pub(crate) enum StepOutcome<T> {
    /// It is done.
    Done(T),
    /// An operator said to go on without it.
    Skipped,
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// What was waited for is there.
    Ready,
    /// The deadline passed first.
    Overdue,
}

/// A failed call, as far as the story has to know it.
pub(crate) struct StepFailure {
    code: String,
    verdict: Verdict,
}

impl StepFailure {
    pub(crate) fn of(step: Step, error: &ActivityExecutionError) -> Self {
        // Whoever was called did not answer in time. A local activity that ran out of time was held up by our own
        // database.
        let late =
            || Self { code: "TIMEOUT".to_owned(), verdict: Verdict::Away { downstream: downstream(step) } };
        match error.reason() {
            Some(IncomingError::Timeout(_)) => late(),
            Some(IncomingError::Application(failure)) => {
                Self::told(failure.type_name(), failure.details::<Verdict>().ok().flatten())
            }
            Some(_) => Self::told(None, None),
            // The failure of a local activity comes without the wrapper that has a reason.
            None => match error.failure().and_then(|failure| failure.failure_info.as_ref()) {
                Some(FailureInfo::ApplicationFailureInfo(failure)) => Self::told(
                    Some(failure.r#type.as_str()).filter(|code| !code.is_empty()),
                    failure.details.as_ref().and_then(verdict_in),
                ),
                _ => Self::told(None, None),
            },
        }
    }

    /// Its lane was paused for as long as the order may wait.
    pub(crate) fn waited_too_long(code: String) -> Self {
        Self { code, verdict: Verdict::TryAgain }
    }

    fn told(code: Option<&str>, verdict: Option<Verdict>) -> Self {
        Self { code: code.unwrap_or("UNEXPECTED").to_owned(), verdict: verdict.unwrap_or(Verdict::TryAgain) }
    }

    /// No fault of the order: the step is tried again for ever, and never parked. Parking needs our database, and
    /// whoever asks us to come later will have us later.
    fn is_to_be_waited_out(&self) -> bool {
        match self.verdict {
            Verdict::ComeBack { .. } => true,
            Verdict::Away { downstream } => !downstream.has_a_lane(),
            Verdict::TokenRefused { .. } | Verdict::TryAgain | Verdict::Permanent => false,
        }
    }
}

fn verdict_in(details: &Payloads) -> Option<Verdict> {
    serde_json::from_slice(&details.payloads.first()?.data).ok()
}

impl Story {
    /// Does a step: notes it, calls, waits out what is no fault of the order, and parks what
    /// fails for good or too often until an operator answers.
    pub(crate) async fn step<A>(
        &self,
        step: Step,
        subject: &str,
        activity: fn() -> A,
        input: impl Into<A::Input>,
    ) -> Result<StepOutcome<A::Output>, Interrupted>
    where
        A: ActivityDefinition,
        A::Input: StepInput,
    {
        let input = input.into();
        loop {
            let did = self.step_unless(None, step, subject, activity, input.clone()).await?;
            if let Some(outcome) = did {
                return Ok(outcome);
            }
        }
    }

    /// As [`Story::step`], unless there is news that comes first, where that is asked for: then none.
    pub(crate) async fn step_unless<A>(
        &self,
        news: Option<SomethingElse<'_>>,
        step: Step,
        subject: &str,
        activity: fn() -> A,
        input: A::Input,
    ) -> Result<Option<StepOutcome<A::Output>>, Interrupted>
    where
        A: ActivityDefinition,
        A::Input: StepInput,
    {
        let is_news = news.unwrap_or(NOTHING_ELSE);
        self.look_for_interruption()?;
        self.note(step, subject, LedgerState::Pending);
        let (mut pauses, mut books) = (0, step == Step::HandOver && !self.ctx.state(|order| order.undoing));
        // What another warehouse ships meanwhile is booked, however long this one is waited for.
        let another_left = |order: &OrderFulfilment| order.another_left(subject);
        loop {
            let with_books = |order: &OrderFulfilment| is_news(order) || another_left(order);
            let something_else: SomethingElse<'_> = if books { &with_books } else { is_news };
            let failure = match self.call(step, subject, activity, input.clone(), something_else).await {
                Ok(output) => {
                    self.note(step, subject, LedgerState::Done);
                    return Ok(Some(StepOutcome::Done(output)));
                }
                Err(CallEnded::Failed(failure)) => failure,
                Err(CallEnded::CalledOff) => {
                    self.forget_if_cancelled(step).await;
                    self.look_for_interruption()?;
                    if self.ctx.state(is_news) {
                        self.forget_what_was_not_called().await;
                        return Ok(None);
                    }
                    if books && self.ctx.state(another_left) {
                        let first = |order: &OrderFulfilment| order.cancel.is_some() || is_news(order);
                        books = self.book_what_left(step, &first).await;
                        self.forget_if_cancelled(step).await;
                        self.look_for_interruption()?;
                    }
                    continue;
                }
            };
            if failure.is_to_be_waited_out() {
                self.pause(&OUTAGE_PAUSES, pauses).await;
                pauses += 1;
                continue;
            }
            // Whoever cancels has no use for an answer.
            self.look_for_interruption()?;
            if self.ctx.state(is_news) {
                return Ok(None);
            }
            // Whatever else is answered does it again, or shows in what is looked for first.
            if self.park_about(step, subject, ParkReason::new(failure.code)).await? == Resolution::Skip {
                self.note(step, subject, LedgerState::Skipped);
                return Ok(Some(StepOutcome::Skipped));
            }
            // What mended it may have changed where it goes, too.
            if news.is_some() && self.ctx.state(|order| order.plan_due) {
                self.forget_what_was_not_called().await;
                return Ok(None);
            }
        }
    }

    /// Writes something down in our own database that can only fail with it.
    pub(crate) async fn record<A>(&self, activity: fn() -> A, input: A::Input) -> A::Output
    where
        A: ActivityDefinition,
        A::Input: Clone,
    {
        let mut pauses = 0;
        loop {
            match self.call_records(Step::Follow, activity(), input.clone()).await {
                Ok(output) => return output,
                Err(_) => {
                    self.pause(&OUTAGE_PAUSES, pauses).await;
                    pauses += 1;
                }
            }
        }
    }

    /// Waits until `ready`, at most for `deadline`. A cancel ends the wait, unless the order is
    /// being cancelled already; so does a history that has grown long, unless a step is parked: a
    /// fresh one would do the step again unasked.
    pub(crate) async fn wait_until(
        &self,
        deadline: Option<Duration>,
        ready: impl Fn(&OrderFulfilment) -> bool,
    ) -> Result<Wake, Interrupted> {
        self.show_details();
        let timer_token = WorkflowCancellationToken::new();
        let mut timer = deadline.map(|duration| {
            Box::pin(
                self.ctx
                    .timer(TimerOptions::builder(duration).cancellation_token(timer_token.clone()).build()),
            )
        });
        let (undoing, parked) = self.ctx.state(|order| (order.undoing, order.parked.is_some()));
        let renews = || !parked && self.history_is_long();
        let mut condition = pin!(self.ctx.wait_condition_with_options(
            |order| ready(order) || (!undoing && (order.cancel.is_some() || renews())),
            shielded(),
        ));
        let root = self.ctx.cancellation_token();
        let mut cancelled_outside = pin!(root.cancelled());
        let wake = poll_fn(|task| {
            if condition.as_mut().poll(task).is_ready() {
                return Poll::Ready(Wake::Ready);
            }
            if self.is_cancelled_outside(cancelled_outside.as_mut(), task) {
                return Poll::Ready(Wake::Ready);
            }
            match timer.as_mut().map(|timer| timer.as_mut().poll(task)) {
                Some(Poll::Ready(_)) => Poll::Ready(Wake::Overdue),
                Some(Poll::Pending) | None => Poll::Pending,
            }
        })
        .await;
        if wake != Wake::Overdue {
            timer_token.cancel();
        }
        self.look_for_interruption()?;
        if wake == Wake::Ready && !undoing && !self.ctx.state(&ready) && renews() {
            return Err(Interrupted::HistoryLong);
        }
        Ok(wake)
    }

    /// Waits until somebody cancels the order, unless it is being cancelled already, or until there is something else to
    /// do.
    pub(crate) async fn until_cancelled_or(&self, something_else: SomethingElse<'_>) {
        let mut condition = pin!(self.ctx.wait_condition_with_options(
            |order| something_else(order) || (!order.undoing && order.cancel.is_some()),
            shielded(),
        ));
        let root = self.ctx.cancellation_token();
        let mut cancelled_outside = pin!(root.cancelled());
        poll_fn(|task| {
            let is_over = condition.as_mut().poll(task).is_ready()
                || self.is_cancelled_outside(cancelled_outside.as_mut(), task);
            if is_over { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Whether the run was cancelled from outside just now, and its order is not being cancelled already.
    fn is_cancelled_outside<Out>(
        &self,
        cancelled: Pin<&mut impl Future<Output = Out>>,
        task: &mut Context<'_>,
    ) -> bool {
        // Such a future is polled no more once it has said so.
        if self.ctx.state(|order| order.outside_cancel_noted) || cancelled.poll(task).is_pending() {
            return false;
        }
        self.note_outside_cancel();
        !self.ctx.state(|order| order.undoing)
    }

    /// Waits until `ready` whatever else happens.
    pub(crate) async fn shielded_wait(&self, ready: impl Fn(&OrderFulfilment) -> bool) {
        // A shielded wait ends only by its condition.
        let _ended = self.ctx.wait_condition_with_options(ready, shielded()).await;
    }

    /// A cancel from the Temporal Web UI means the same as the signal `cancel`.
    pub(crate) fn note_outside_cancel(&self) {
        if !self.ctx.cancellation_token().is_cancelled() {
            return;
        }
        let reason = self.ctx.cancellation_token().reason();
        self.ctx.state_mut(|order| {
            if !order.outside_cancel_noted {
                order.outside_cancel_noted = true;
                order.note_cancel(CancelRequest { actor: Actor::Operator, reason });
            }
        });
    }

    /// Between steps: has someone cancelled the order?
    pub(crate) fn look_for_interruption(&self) -> Result<(), Interrupted> {
        self.note_outside_cancel();
        let cancelled = self.ctx.state_mut(|order| if order.undoing { None } else { order.cancel.take() });
        cancelled.map_or(Ok(()), |request| Err(Interrupted::Cancelled(request)))
    }

    /// Counts a round of the story. One that goes round with nothing happening in between would keep
    /// the worker from every other order: its task fails instead, which an operator sees, and which is
    /// done again when a mended worker is there.
    ///
    /// # Panics
    ///
    /// After more rounds than any story takes within one task.
    pub(crate) fn begin_round(&self) {
        let history = self.ctx.history_length();
        let rounds = self.ctx.state_mut(|order| {
            let (seen, rounds) = order.rounds;
            order.rounds = (history, if seen == history { rounds + 1 } else { 1 });
            order.rounds.1
        });
        assert!(rounds < MOST_ROUNDS, "the story goes in circles");
    }

    /// An undo walk is never carried over.
    pub(crate) fn history_is_long(&self) -> bool {
        self.ctx.continue_as_new_suggested() && !self.ctx.state(|order| order.undoing)
    }

    pub(crate) fn note(&self, step: Step, subject: &str, state: LedgerState) {
        self.ctx.state_mut(|order| order.progress.note(step, subject, state));
    }

    pub(crate) async fn call_records<A>(
        &self,
        step: Step,
        activity: A,
        input: A::Input,
    ) -> Result<A::Output, StepFailure>
    where
        A: ActivityDefinition,
    {
        let timeout = self.ctx.state(|order| order.input.policy.record_timeout);
        let options = LocalActivityOptions::builder()
            .start_to_close_timeout(timeout)
            .retry_policy(
                RetryPolicy::builder()
                    .initial_interval(Duration::from_millis(100))
                    .maximum_interval(Duration::from_secs(30))
                    .build(),
            )
            .timer_backoff_threshold(Duration::from_secs(2))
            .cancel_type(ActivityCancellationType::Abandon)
            .cancellation_token(WorkflowCancellationToken::new())
            .build();
        self.ctx
            .execute_local_activity(activity, input, options)
            .await
            .map_err(|error| StepFailure::of(step, &error))
    }

    async fn pause(&self, rule: &RetryRule, pauses: i32) {
        let wait = rule.first_wait.mul_f64(rule.backoff.powi(pauses.min(10))).min(rule.longest_wait);
        let timer = TimerOptions::builder(wait).cancellation_token(WorkflowCancellationToken::new()).build();
        self.ctx.timer(timer).await;
    }
}

fn shielded() -> WaitConditionOptions {
    WaitConditionOptions::builder().cancellation_token(WorkflowCancellationToken::new()).build()
}

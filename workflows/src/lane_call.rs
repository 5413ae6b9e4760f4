//! A call on a lane. It waits there for as long as nobody takes it and is repeated by the server; whoever makes it says
//! when it has failed for good.

use std::{future::poll_fn, pin::pin, time::Duration};

use chrono::{DateTime, Utc};
use domain::{Downstream, FulfilmentPolicy, LaneName, RetryRule, Step, WarehouseSystem};
use temporalio_common::{
    ActivityDefinition, RetryPolicy,
    error::{ActivityExecutionError, IncomingError, TimeoutType},
};
use temporalio_workflow::{ActivityCancellationType, ActivityOptions, WorkflowCancellationToken};

use crate::{
    OrderFulfilment,
    contract::{
        AskAboutLane, Call, Cancellation, LaneWait, OrderRef, ParcelToBook, PlanInput, Terms, WaitedForLane,
    },
    ledger::PendingCall,
    order_fulfilment::Story,
    saga::StepFailure,
};

/// The least that a call waits for somebody to take it.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// How a call ended that was not done.
pub(crate) enum CallEnded {
    /// It failed for good.
    Failed(StepFailure),
    /// Somebody cancelled the order, or there is something better to do, before anybody took it or between two attempts.
    CalledOff,
}

/// Says whether there is something better to do than to wait for a call.
pub(crate) type SomethingElse<'a> = &'a dyn Fn(&OrderFulfilment) -> bool;

/// There is not.
pub(crate) const NOTHING_ELSE: SomethingElse<'static> = &|_| false;

/// What a step is asked with.
pub(crate) trait StepInput: Clone {
    /// The same, on these terms, where it is a call on a lane.
    #[must_use]
    fn on_terms(self, _: &Terms) -> Self {
        self
    }
}

impl StepInput for PlanInput {}
impl StepInput for OrderRef {}
impl StepInput for ParcelToBook {}
impl StepInput for Cancellation {}

impl<Asked: Clone> StepInput for Call<Asked> {
    fn on_terms(self, terms: &Terms) -> Self {
        Self { terms: Some(terms.clone()), ..self }
    }
}

impl<Asked> From<Asked> for Call<Asked> {
    fn from(asked: Asked) -> Self {
        Self { asked, terms: None }
    }
}

/// Whom a step calls.
pub(crate) fn downstream(step: Step) -> Downstream {
    match step {
        Step::HandOver | Step::Recall => Downstream::Warehouse,
        Step::TellShop | Step::CancelInShop | Step::LookInShop | Step::ReadOrder | Step::RefundInShop => {
            Downstream::Shop
        }
        Step::Gate
        | Step::Reserve
        | Step::RecordParcel
        | Step::Release
        | Step::RecordCancelled
        | Step::Follow => Downstream::Database,
    }
}

/// The way to whoever is called.
struct Way {
    /// The task queue.
    queue: LaneName,
    /// The lane they would have alone.
    lane: LaneName,
    /// What the call is about, for people.
    summary: Option<String>,
}

impl Story {
    /// Makes a call, or does a step in our own database. A call that waits is called off if the order is cancelled, or
    /// if there is something else to do; one that is under way is let end.
    pub(crate) async fn call<A>(
        &self,
        step: Step,
        subject: &str,
        activity: fn() -> A,
        input: A::Input,
        something_else: SomethingElse<'_>,
    ) -> Result<A::Output, CallEnded>
    where
        A: ActivityDefinition,
        A::Input: StepInput,
    {
        let Some(way) = self.way(step, subject) else {
            return self.call_records(step, activity(), input).await.map_err(CallEnded::Failed);
        };
        let policy = self.ctx.state(|order| order.input.policy.clone());
        let pending = self.come_to(step, &way.lane);
        let terms = Terms {
            lane: way.lane.clone(),
            queue: Some(way.queue.clone()).filter(|queue| *queue != way.lane),
            since: pending.since,
            attempts: retry_of(step, &policy).attempts,
            blame_after_ms: milliseconds(policy.blame_after),
            outage_budget_ms: milliseconds(policy.outage_budget),
        };
        self.ctx.state_mut(|order| order.pending_calls.push(pending.clone()));
        self.show_details();
        let input = input.on_terms(&terms);
        let waited = (self.now() - pending.since).to_std().unwrap_or_default();
        let mut wait = policy.outage_budget.saturating_sub(waited);
        let ended = loop {
            let options = ActivityOptions::with_start_to_close_timeout(policy.call_timeout)
                .schedule_to_start_timeout(wait.max(SHORTEST_WAIT))
                .task_queue(way.queue.to_string())
                .retry_policy(without_end(retry_of(step, &policy)))
                .maybe_summary(way.summary.clone())
                .build();
            let (called, is_called_off) =
                self.call_unless(something_else, activity(), input.clone(), options).await;
            let error = match called {
                Ok(output) => break Ok(output),
                Err(ActivityExecutionError::Cancelled(_)) => break Err(CallEnded::CalledOff),
                // The server repeats nothing that was called off.
                Err(error) if is_called_off && may_be_repeated(&error) => break Err(CallEnded::CalledOff),
                Err(error) => error,
            };
            if !nobody_took_it(&error) {
                break Err(CallEnded::Failed(StepFailure::of(step, &error)));
            }
            let question = WaitedForLane { order_id: self.order_id(), terms: terms.clone() };
            match self.record(|| AskAboutLane, question).await {
                LaneWait::WaitOn { left_ms } => wait = Duration::from_millis(left_ms),
                LaneWait::UsedUp { reason } => {
                    break Err(CallEnded::Failed(StepFailure::waited_too_long(reason)));
                }
            }
        };
        let is_over = !matches!(ended, Err(CallEnded::CalledOff));
        self.ctx.state_mut(|order| {
            order.pending_calls.retain(|known| *known != pending);
            order.progress.calls_begun.retain(|known| !is_over || *known != pending);
        });
        self.show_details();
        ended
    }

    /// Notes since when the order waits for this call: since it came to it first, if it was only called off since.
    fn come_to(&self, step: Step, lane: &LaneName) -> PendingCall {
        let now = self.now();
        self.ctx.state_mut(|order| {
            let begun = &mut order.progress.calls_begun;
            if let Some(known) = begun.iter().find(|known| known.step == step && known.lane == *lane) {
                return known.clone();
            }
            let pending = PendingCall { step, lane: lane.clone(), since: now };
            begun.push(pending.clone());
            pending
        })
    }

    async fn call_unless<A>(
        &self,
        something_else: SomethingElse<'_>,
        activity: A,
        input: A::Input,
        mut options: ActivityOptions,
    ) -> (Result<A::Output, ActivityExecutionError>, bool)
    where
        A: ActivityDefinition,
    {
        let token = WorkflowCancellationToken::new();
        options.cancellation_type = ActivityCancellationType::WaitCancellationCompleted;
        options.cancellation_token = Some(token.clone());
        let mut call = pin!(self.ctx.execute_activity(activity, input, options));
        let mut cancelled = pin!(self.until_cancelled_or(something_else));
        let mut is_called_off = false;
        let called = poll_fn(|task| {
            if !is_called_off && cancelled.as_mut().poll(task).is_ready() {
                is_called_off = true;
                token.cancel();
            }
            call.as_mut().poll(task)
        })
        .await;
        (called, is_called_off)
    }

    /// The way to the shop, or to the warehouse system that has the hand-over. None for steps in our own database,
    /// which are local activities.
    fn way(&self, step: Step, subject: &str) -> Option<Way> {
        match downstream(step) {
            Downstream::Database | Downstream::Inventory => None,
            Downstream::Shop => self.ctx.state(|order| {
                let input = &order.input;
                let lane = input.channel.shop().map(LaneName::of_shop)?;
                let queue = input.shop_lane.clone().unwrap_or_else(|| lane.clone());
                Some(Way { queue, lane, summary: None })
            }),
            Downstream::Warehouse => {
                let asked = subject
                    .strip_prefix(Self::INQUIRY)
                    .map(|system| WarehouseSystem::parse(system.trim_start_matches('/')).unwrap_or_default());
                let request = self.ctx.state(|order| {
                    let mut known = order.progress.requests.iter();
                    known.find(|request| request.reference.as_str() == subject).cloned()
                });
                let of_request = || request.as_ref().map(|known| known.system.clone()).unwrap_or_default();
                let lane = LaneName::of_system(&asked.unwrap_or_else(of_request));
                let summary = request.filter(|known| !known.what.is_empty());
                let summary = summary.map(|known| format!("{} at {}", known.what, known.warehouse));
                Some(Way { queue: lane.clone(), lane, summary })
            }
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.ctx.workflow_time().map_or_else(|| self.ctx.state(|order| order.input.received_at), Into::into)
    }
}

/// Whether it waited for its turn until the time for that was over.
fn nobody_took_it(error: &ActivityExecutionError) -> bool {
    error.as_timeout().is_some_and(|timeout| timeout.timeout_type() == TimeoutType::ScheduleToStart)
}

fn retry_of(step: Step, policy: &FulfilmentPolicy) -> &RetryRule {
    match step {
        Step::Recall | Step::CancelInShop | Step::RefundInShop => &policy.undo_retry,
        _ => &policy.call_retry,
    }
}

/// Whether the server would have repeated it.
fn may_be_repeated(error: &ActivityExecutionError) -> bool {
    match error.reason() {
        Some(IncomingError::Timeout(_)) => true,
        Some(IncomingError::Application(failure)) => !failure.is_non_retryable(),
        _ => false,
    }
}

/// What is longer than the number can say is as good as for ever.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn without_end(rule: &RetryRule) -> RetryPolicy {
    RetryPolicy::builder()
        .initial_interval(rule.first_wait)
        .backoff_coefficient(rule.backoff)
        .maximum_interval(rule.longest_wait)
        .build()
}

//! One attempt at a call on a lane: whether it is made now, what it says of whoever was called, and whether its failure
//! is the order's fault.
//!
//! The server repeats a call without end. Which failure ends it is decided here, as the server does not know whose
//! fault it is: a failure that means down counts against an order only if somebody else was served meanwhile.

use std::{
    collections::{BTreeSet, HashMap},
    future::Future,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use domain::{Downstream, LaneName, OrderId, ParkReason, Step, Verdict};
use orders::lanes::{
    self, PauseCause,
    attempts::{self, Attempts, FailedAttempt},
    health::{ProbeWaits, Reading, Says},
};
use parking_lot::Mutex;
use sqlx::PgPool;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tokio::{sync::watch, time::timeout};
use tracing::warn;
use workflows::contract::Terms;

use crate::{
    attempt::{AttemptError, Work, tried},
    callee::Callee,
};

mod told;

/// How often a process writes down that a lane's calls are done.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// When a call comes back that came while its lane was paused: so much later with each attempt, so much at most, and
/// up to how much later than that.
const TURNED_BACK_FOR: (Duration, Duration, Duration) =
    (Duration::from_secs(5), Duration::from_secs(60), Duration::from_secs(5));
/// What of an attempt's time is left for judging it, at most; and how long a cheap read may take.
const TO_JUDGE: Duration = Duration::from_secs(8);
const TO_READ: Duration = Duration::from_secs(5);

/// The lanes that are paused, as far as this process knows.
pub type PausedLanes = watch::Receiver<BTreeSet<LaneName>>;

/// What calls on lanes share. Cheap to clone.
#[derive(Clone)]
pub struct LaneCalls {
    pool: PgPool,
    callees: Arc<HashMap<LaneName, Callee>>,
    paused: PausedLanes,
    waits: ProbeWaits,
    done: Arc<Mutex<HashMap<LaneName, Done>>>,
}

/// The latest call of this process that was done, and when it last wrote one down.
struct Done {
    order: OrderId,
    at: Instant,
    told: Instant,
}

/// One attempt at a call.
pub(crate) struct LaneCall<'a> {
    pub(crate) ctx: &'a ActivityContext,
    pub(crate) lane: &'a LaneName,
    pub(crate) step: Step,
    pub(crate) order: &'a OrderId,
    /// Where somebody counts how often it fails.
    pub(crate) terms: Option<&'a Terms>,
}

impl LaneCall<'_> {
    /// The same for all attempts at it.
    fn id(&self) -> String {
        let info = self.ctx.info();
        format!("{}/{}", info.workflow_run_id.as_deref().unwrap_or_default(), info.activity_id)
    }

    /// The server lets go of an attempt that takes too long, whatever comes of it: it has to be judged before that.
    fn time_for_it(&self) -> Duration {
        let left =
            self.ctx.info().deadline.and_then(|deadline| deadline.duration_since(SystemTime::now()).ok());
        let left = left.unwrap_or(Duration::from_secs(3600));
        left - if left > TO_JUDGE * 2 { (left / 4).min(TO_JUDGE) } else { left / 10 }
    }

    fn failed<'b>(&'b self, call: &'b str, code: &'b str) -> FailedAttempt<'b> {
        FailedAttempt { call, order: self.order, step: self.step, code }
    }
}

impl LaneCalls {
    /// Calls to these, paused as this says.
    #[must_use]
    pub fn new(
        pool: PgPool,
        callees: impl IntoIterator<Item = Callee>,
        paused: PausedLanes,
        waits: ProbeWaits,
    ) -> Self {
        let callees = callees.into_iter().map(|callee| (callee.lane(), callee)).collect();
        Self { pool, callees: Arc::new(callees), paused, waits, done: Arc::default() }
    }

    /// Whom they call.
    pub fn callees(&self) -> impl Iterator<Item = (&LaneName, &Callee)> {
        self.callees.iter()
    }

    /// Makes one attempt, unless its lane is paused.
    pub(crate) async fn attempt<T, Attempt>(
        &self,
        call: LaneCall<'_>,
        body: impl Fn() -> Attempt,
    ) -> Result<T, ActivityError>
    where
        Attempt: Future<Output = Result<T, AttemptError>>,
    {
        if self.is_paused(call.lane) {
            return Err(self.turn_back(&call).await.into_activity_error());
        }
        let begun = Instant::now();
        let downstream = self.callees.get(call.lane).map_or(Downstream::Shop, Callee::downstream);
        let in_time = || within(call.time_for_it(), downstream, body());
        let (result, answered) =
            calls::listening(tried(&self.pool, Work::Step(call.step), call.order, in_time)).await;
        match result {
            Ok(output) => {
                // What came to its end without a call says nothing of anybody.
                if answered {
                    self.succeeded(call.lane, call.order).await;
                }
                if call.ctx.info().attempt > 1 {
                    self.forget(&call).await;
                }
                Ok(output)
            }
            Err(failure) => {
                if answered && !matches!(failure.verdict(), Verdict::Away { .. }) {
                    not_vital(self.note_answer(call.lane).await);
                }
                Err(self.judge(&call, begun, failure).await.into_activity_error())
            }
        }
    }

    /// Whether nobody is to call on the lane now.
    pub(crate) fn is_paused(&self, lane: &LaneName) -> bool {
        self.paused.borrow().contains(lane)
    }

    /// What a call that nobody counts says of whoever was called.
    pub(crate) async fn heard(&self, lane: &LaneName, order: &OrderId, result: Result<(), AttemptError>) {
        let failure = match result {
            Ok(()) => return self.succeeded(lane, order).await,
            Err(failure) => failure,
        };
        let Verdict::Away { downstream } = failure.verdict() else { return };
        if downstream.has_a_lane() {
            let told = async {
                let mut tx = self.pool.begin().await?;
                let (_, says, _) = self.note_failure(&mut tx, lane, order).await?;
                tx.commit().await?;
                match says {
                    Says::Down => self.trip(lane, PauseCause::Down, failure.code()).await,
                    Says::OneFailsAlone | Says::Nothing => Ok(()),
                }
            };
            not_vital(told.await);
        }
    }

    /// A call of no order comes back later.
    pub(crate) fn turn_back_if_paused(&self, lane: &LaneName, attempt: u32) -> Result<(), ActivityError> {
        if self.is_paused(lane) { Err(turned_back(attempt).into_activity_error()) } else { Ok(()) }
    }

    /// The call comes back later; it does not count, unless its order has waited for as long as it may.
    async fn turn_back(&self, call: &LaneCall<'_>) -> AttemptError {
        let failure = turned_back(call.ctx.info().attempt);
        match self.budget_is_used_up(call).await {
            Ok(Some(code)) => AttemptError::transient(&code).finally(),
            Ok(None) | Err(_) => failure,
        }
    }

    /// Whether a failure is the last one of its call.
    async fn judge(&self, call: &LaneCall<'_>, begun: Instant, failure: AttemptError) -> AttemptError {
        let judged = match failure.verdict() {
            Verdict::Away { downstream } if !downstream.has_a_lane() => return failure,
            Verdict::Permanent | Verdict::ComeBack { .. } => return failure,
            Verdict::Away { .. } => self.is_down(call, begun, failure.code()).await,
            Verdict::TokenRefused { .. } => self.does_not_know_us(call, failure.code()).await,
            Verdict::TryAgain => self.count(call, failure.code()).await,
        };
        match judged {
            Ok(true) => failure.finally(),
            Ok(false) => failure,
            Err(error) => {
                // It is tried again, and judged then.
                not_vital(Err(error));
                failure
            }
        }
    }

    async fn is_down(&self, call: &LaneCall<'_>, begun: Instant, code: &str) -> Result<bool, AttemptError> {
        let id = call.id();
        let mut tx = self.pool.begin().await?;
        let (health, says, now) = self.note_failure(&mut tx, call.lane, call.order).await?;
        let before = attempts::of(&mut tx, &id).await?;
        let since = before.map_or_else(|| now - begun.elapsed(), |before| before.last_failed_at);
        let counts = health.another_succeeded_since(call.order, since);
        let mut known = attempts::failed(&mut tx, call.failed(&id, code), counts).await?;
        tx.commit().await?;
        if says == Says::Down {
            self.trip(call.lane, PauseCause::Down, code).await?;
        }
        let is_long = self.has_failed_long(call, &known, says).await?;
        if !counts && (is_long || says == Says::OneFailsAlone) {
            match self.read(call.lane).await {
                Reading::Answered if is_long => {
                    attempts::count_last(&mut *self.pool.acquire().await?, &id).await?;
                    known.counted += 1;
                }
                Reading::Answered => {}
                Reading::Down if says == Says::OneFailsAlone => {
                    self.trip(call.lane, PauseCause::Down, code).await?;
                }
                Reading::Down => {}
                Reading::TokenRefused => self.trip(call.lane, PauseCause::TokenRefused, code).await?,
            }
        }
        self.is_the_last(call, &known).await
    }

    /// One refused call may be about what was asked; only whoever refuses a cheap read does not know us.
    async fn does_not_know_us(&self, call: &LaneCall<'_>, code: &str) -> Result<bool, AttemptError> {
        let reading = self.read(call.lane).await;
        if reading == Reading::Answered {
            return self.count(call, code).await;
        }
        if reading == Reading::TokenRefused {
            self.trip(call.lane, PauseCause::TokenRefused, code).await?;
        }
        let id = call.id();
        let known = attempts::failed(&mut *self.pool.acquire().await?, call.failed(&id, code), false).await?;
        self.is_the_last(call, &known).await
    }

    /// Whether it fails alone for so long that a cheap read says whose fault it is. Time in which the lane was paused does
    /// not count, nor does anything while others fail as well; but for a policy that does not wait at all.
    async fn has_failed_long(
        &self,
        call: &LaneCall<'_>,
        known: &Attempts,
        says: Says,
    ) -> Result<bool, AttemptError> {
        let Some(blame_after) = call.terms.map(Terms::blame_after) else { return Ok(false) };
        if blame_after.is_zero() {
            return Ok(true);
        }
        let failed_for = (known.last_failed_at - known.first_failed_at).to_std().unwrap_or_default();
        if says != Says::OneFailsAlone || failed_for < blame_after {
            return Ok(false);
        }
        let mut conn = self.pool.acquire().await?;
        let (paused_for, _) = lanes::paused_for(&mut conn, &[call.lane], known.first_failed_at).await?;
        Ok(failed_for.saturating_sub(paused_for) >= blame_after)
    }

    /// What somebody who looks is told. Whom nobody can ask here is taken to be there.
    async fn read(&self, lane: &LaneName) -> Reading {
        let Some(callee) = self.callees.get(lane) else { return Reading::Answered };
        timeout(TO_READ, callee.read()).await.map_or(Reading::Down, |(reading, _)| reading)
    }

    /// A failure that is the order's own.
    async fn count(&self, call: &LaneCall<'_>, code: &str) -> Result<bool, AttemptError> {
        let id = call.id();
        let known = attempts::failed(&mut *self.pool.acquire().await?, call.failed(&id, code), true).await?;
        self.is_the_last(call, &known).await
    }

    async fn is_the_last(&self, call: &LaneCall<'_>, known: &Attempts) -> Result<bool, AttemptError> {
        let Some(terms) = call.terms else { return Ok(false) };
        if known.counted >= i32::try_from(terms.attempts).unwrap_or(i32::MAX) {
            return Ok(true);
        }
        Ok(self.budget_is_used_up(call).await?.is_some())
    }

    /// Why its lane was paused, if that was for as long as the order may wait.
    async fn budget_is_used_up(&self, call: &LaneCall<'_>) -> Result<Option<String>, AttemptError> {
        let Some(terms) = call.terms else { return Ok(None) };
        let mut conn = self.pool.acquire().await?;
        let (paused_for, last) = lanes::paused_for(&mut conn, &terms.lanes(), terms.since).await?;
        Ok(if paused_for >= terms.outage_budget() { last.map(park_code) } else { None })
    }

    async fn forget(&self, call: &LaneCall<'_>) {
        let forgotten = async {
            let mut conn = self.pool.acquire().await?;
            Ok::<_, AttemptError>(attempts::done(&mut conn, &call.id()).await?)
        };
        not_vital(forgotten.await);
    }
}

fn turned_back(attempt: u32) -> AttemptError {
    let (step, longest, spread) = TURNED_BACK_FOR;
    let least = step.saturating_mul(attempt).min(longest);
    // What came together does not come back together.
    let later = spread.mul_f64(f64::from(uuid::Uuid::now_v7().as_bytes()[15]) / 255.0);
    AttemptError::new(ParkReason::LANE_PAUSED, Verdict::come_back(least + later))
}

/// Lets go of what takes longer: it may have worked.
async fn within<T>(
    time: Duration,
    downstream: Downstream,
    doing: impl Future<Output = Result<T, AttemptError>>,
) -> Result<T, AttemptError> {
    timeout(time, doing)
        .await
        .unwrap_or_else(|_| Err(AttemptError::new("TIMEOUT", Verdict::Away { downstream })))
}

/// Why an order is parked that has waited for as long as it may.
pub(crate) fn park_code(last: lanes::LastPause) -> String {
    match last.cause {
        PauseCause::Person => ParkReason::LANE_PAUSED.to_owned(),
        PauseCause::Down | PauseCause::TokenRefused => last.reason,
    }
}

/// The call ended as it did; what it says of others is said by the next.
fn not_vital(told: Result<(), AttemptError>) {
    if let Err(error) = told {
        warn!(code = error.code(), "what a call says of its lane was not written down");
    }
}

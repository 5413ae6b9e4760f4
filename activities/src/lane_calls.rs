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

use chrono::{DateTime, Utc};
use domain::{LaneName, OrderId, ParkReason, Step, Verdict};
use orders::lanes::{
    self, PauseCause,
    attempts::{self, Attempts, FailedAttempt},
    health::{self, ProbeWaits, Reading, Says, Seen},
};
use parking_lot::Mutex;
use sqlx::PgPool;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tokio::sync::watch;
use tracing::warn;
use workflows::contract::Terms;

use crate::{
    attempt::{AttemptError, Work, tried},
    callee::Callee,
};

/// How often a process writes down that a lane's calls are done.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// When a call comes back that came while its lane was paused, and up to how much later.
const TURNED_BACK_FOR: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(5));

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

    fn scheduled(&self) -> DateTime<Utc> {
        self.ctx.info().scheduled_time.unwrap_or_else(SystemTime::now).into()
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
        if self.paused.borrow().contains(call.lane) {
            return Err(self.turn_back(&call).await.into_activity_error());
        }
        match tried(&self.pool, Work::Step(call.step), call.order, body).await {
            Ok(output) => {
                self.succeeded(call.lane, call.order).await;
                if call.ctx.info().attempt > 1 {
                    self.forget(&call).await;
                }
                Ok(output)
            }
            Err(failure) => Err(self.judge(&call, failure).await.into_activity_error()),
        }
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
                let (_, says) = self.note_failure(&mut tx, lane, order).await?;
                tx.commit().await?;
                match says {
                    Says::Down => self.trip(lane, PauseCause::Down, failure.code()).await,
                    Says::OneFailsAlone | Says::Nothing => Ok(()),
                }
            };
            not_vital(told.await);
        }
    }

    /// The call comes back later; it does not count, unless its order has waited for as long as it may.
    async fn turn_back(&self, call: &LaneCall<'_>) -> AttemptError {
        let (least, spread) = TURNED_BACK_FOR;
        // What came together does not come back together.
        let later = spread.mul_f64(f64::from(uuid::Uuid::now_v7().as_bytes()[15]) / 255.0);
        let failure = AttemptError::new(ParkReason::LANE_PAUSED, Verdict::come_back(least + later));
        match self.budget_is_used_up(call).await {
            Ok(Some(code)) => AttemptError::transient(&code).finally(),
            Ok(None) | Err(_) => failure,
        }
    }

    /// Whether a failure is the last one of its call.
    async fn judge(&self, call: &LaneCall<'_>, failure: AttemptError) -> AttemptError {
        let judged = match failure.verdict() {
            Verdict::Away { downstream } if !downstream.has_a_lane() => return failure,
            Verdict::Permanent | Verdict::ComeBack { .. } => return failure,
            Verdict::Away { .. } => self.is_down(call, failure.code()).await,
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

    async fn is_down(&self, call: &LaneCall<'_>, code: &str) -> Result<bool, AttemptError> {
        let id = call.id();
        let mut tx = self.pool.begin().await?;
        let (health, says) = self.note_failure(&mut tx, call.lane, call.order).await?;
        let before = attempts::of(&mut tx, &id).await?;
        let since = before.map_or_else(|| call.scheduled(), |before| before.last_failed_at);
        let counts = health.another_succeeded_since(call.order, since);
        let mut known = attempts::failed(&mut tx, call.failed(&id, code), counts).await?;
        tx.commit().await?;
        if says == Says::Down {
            self.trip(call.lane, PauseCause::Down, code).await?;
        }
        let is_long = call.terms.is_some_and(|terms| has_failed_for(&known, terms.blame_after()));
        if !counts && (is_long || says == Says::OneFailsAlone) {
            let reading = match self.callees.get(call.lane) {
                Some(callee) => callee.read().await.0,
                None => Reading::Answered,
            };
            match reading {
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
        let reading = match self.callees.get(call.lane) {
            Some(callee) => callee.read().await.0,
            None => Reading::Answered,
        };
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
        let (paused_for, last) = lanes::paused_for(&mut conn, call.lane, terms.since).await?;
        Ok(if paused_for >= terms.outage_budget() { last.map(park_code) } else { None })
    }

    async fn note_failure(
        &self,
        conn: &mut sqlx::PgConnection,
        lane: &LaneName,
        order: &OrderId,
    ) -> Result<(health::Health, Says), AttemptError> {
        let (mut health, now) = health::lock(&mut *conn, lane).await?;
        // What this process knows better than the row.
        if let Some(done) = self.done.lock().get(lane) {
            health.succeeded(seen(&done.order, now, done.at));
        }
        health.failed(Seen { order: order.as_str().to_owned(), at: now });
        health::keep(conn, lane, &health).await?;
        let says = health.says(now);
        Ok((health, says))
    }

    async fn trip(&self, lane: &LaneName, cause: PauseCause, code: &str) -> Result<(), AttemptError> {
        let mut tx = self.pool.begin().await?;
        let is_new = health::trip(&mut tx, lane, cause, code, self.waits).await?;
        tx.commit().await?;
        if is_new {
            warn!(%lane, %cause, code, "the lane is paused until a probe is answered");
        }
        Ok(())
    }

    async fn succeeded(&self, lane: &LaneName, order: &OrderId) {
        let now = Instant::now();
        {
            let mut done = self.done.lock();
            if let Some(known) = done.get_mut(lane) {
                (known.order, known.at) = (order.clone(), now);
                if now.saturating_duration_since(known.told) < TELL_EVERY {
                    return;
                }
                known.told = now;
            } else {
                done.insert(lane.clone(), Done { order: order.clone(), at: now, told: now });
            }
        }
        let told = async {
            let mut tx = self.pool.begin().await?;
            let (mut health, at) = health::lock(&mut tx, lane).await?;
            health.succeeded(seen(order, at, now));
            health::keep(&mut tx, lane, &health).await?;
            Ok::<_, AttemptError>(tx.commit().await?)
        };
        not_vital(told.await);
    }

    async fn forget(&self, call: &LaneCall<'_>) {
        let forgotten = async {
            let mut conn = self.pool.acquire().await?;
            Ok::<_, AttemptError>(attempts::done(&mut conn, &call.id()).await?)
        };
        not_vital(forgotten.await);
    }
}

/// The moment of a call by the database's clock.
fn seen(order: &OrderId, now: DateTime<Utc>, at: Instant) -> Seen {
    Seen { order: order.as_str().to_owned(), at: now - at.elapsed() }
}

fn has_failed_for(known: &Attempts, time: Duration) -> bool {
    (known.last_failed_at - known.first_failed_at).to_std().unwrap_or_default() >= time
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

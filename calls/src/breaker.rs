//! The circuit breaker: after some failures in a row nobody is kept waiting for a service that does
//! not answer. Written here because those that are published let every call through while they are
//! half open, and ask no clock but their own.
//!
//! Every client tells one how its calls went. Whether it keeps calls back is for whoever asks [`Breaker::allows`].
//!
//! **Invariant:** while it is half open there is one trial at a time.

use std::time::{Duration, Instant};

use metrics::gauge;
use parking_lot::Mutex;
use tracing::{info, warn};

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failed calls in a row that open it.
    pub failures: u32,
    /// How long it stays open before one call may try.
    pub open_for: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 3, open_for: Duration::from_secs(30) }
    }
}

#[derive(Debug)]
enum State {
    Closed { failures: u32 },
    Open { since: Instant },
    HalfOpen { trial_since: Instant },
}

/// A circuit breaker. It is told the time.
#[derive(Debug)]
pub struct Breaker {
    /// Whose, in logs and metrics.
    of: String,
    settings: BreakerSettings,
    state: Mutex<State>,
}

impl Breaker {
    /// Closed. `of` says whose it is, in logs and in the gauge `waybill_breaker_open`.
    #[must_use]
    pub fn new(of: &str, settings: BreakerSettings) -> Self {
        gauge!("waybill_breaker_open", "of" => of.to_owned()).set(0.0);
        Self { of: of.to_owned(), settings, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Whether a call may be made now. Whoever may has to tell how it went; a trial that nobody tells
    /// of, because its caller hung up, makes way for another after the same time.
    #[must_use]
    pub fn allows(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        let since = match *state {
            State::Closed { .. } => return true,
            State::Open { since } | State::HalfOpen { trial_since: since } => since,
        };
        let over = now.saturating_duration_since(since) >= self.settings.open_for;
        if over {
            *state = State::HalfOpen { trial_since: now };
        }
        over
    }

    /// Whether it keeps calls back, but for a trial now and then.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(*self.state.lock(), State::Closed { .. })
    }

    /// A call was answered.
    pub fn succeeded(&self) {
        let before = std::mem::replace(&mut *self.state.lock(), State::Closed { failures: 0 });
        if !matches!(before, State::Closed { .. }) {
            info!(of = self.of, "answers again");
            self.show(0.0);
        }
    }

    /// A call was not answered.
    pub fn failed(&self, now: Instant) {
        let mut state = self.state.lock();
        let failures = match *state {
            State::Closed { failures } => failures + 1,
            State::HalfOpen { .. } => self.settings.failures,
            // A call from before it opened.
            State::Open { .. } => return,
        };
        if failures < self.settings.failures {
            *state = State::Closed { failures };
            return;
        }
        if matches!(*state, State::Closed { .. }) {
            warn!(of = self.of, failures, "does not answer");
            self.show(1.0);
        }
        *state = State::Open { since: now };
    }

    fn show(&self, open: f64) {
        gauge!("waybill_breaker_open", "of" => self.of.clone()).set(open);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALMOST: Duration = Duration::from_millis(29_999);
    const OVER: Duration = Duration::from_secs(30);

    fn failed_times(times: u32, now: Instant) -> Breaker {
        let breaker = Breaker::new("a test", BreakerSettings::default());
        for _ in 0..times {
            assert!(breaker.allows(now));
            breaker.failed(now);
        }
        breaker
    }

    #[test]
    fn it_opens_after_three_failures_in_a_row() {
        let now = Instant::now();
        assert!(failed_times(2, now).allows(now));
        assert!(!failed_times(3, now).allows(now));
        let breaker = failed_times(2, now);
        breaker.succeeded();
        breaker.failed(now);
        breaker.failed(now);
        assert!(breaker.allows(now), "a success between them begins the count anew");
    }

    #[test]
    fn after_thirty_seconds_one_call_may_try_and_no_other() {
        let now = Instant::now();
        let breaker = failed_times(3, now);
        assert!(!breaker.allows(now + ALMOST));
        assert!(breaker.allows(now + OVER));
        assert!(!breaker.allows(now + OVER), "one trial at a time");
        breaker.succeeded();
        assert!(breaker.allows(now + OVER) && breaker.allows(now + OVER));
    }

    #[test]
    fn a_trial_that_fails_opens_it_again_and_one_nobody_tells_of_makes_way() {
        let now = Instant::now();
        let breaker = failed_times(3, now);
        assert!(breaker.allows(now + OVER));
        breaker.failed(now + OVER);
        assert!(!breaker.allows(now + OVER + ALMOST));
        assert!(breaker.allows(now + OVER + OVER));
        assert!(breaker.allows(now + OVER + OVER + OVER));
    }

    #[test]
    fn a_call_from_before_it_opened_does_not_keep_it_open_longer() {
        let now = Instant::now();
        let breaker = failed_times(3, now);
        breaker.failed(now + ALMOST);
        assert!(breaker.allows(now + OVER));
    }
}

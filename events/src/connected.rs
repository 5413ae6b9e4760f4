//! What is asked of a broker once and then used by all: one asks, the others wait for its answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use outbox::SinkError;
use tokio::{sync::Mutex, time::timeout};

/// How long a broker may take to answer; below the relay's own limit, so that a silent broker counts as away.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Whoever comes so soon after a failed attempt hears of that one: a thousand streams are one attempt.
const FAILED_FOR: Duration = Duration::from_millis(200);

/// Something of a broker's, as long as it holds.
pub(crate) struct Connected<T>(Mutex<State<T>>);

enum State<T> {
    Nothing,
    Here(Arc<T>, Instant),
    Failed(String, Instant),
}

impl<T> Connected<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State::Nothing))
    }

    /// What there is, if it is younger than this; else it is asked for.
    pub(crate) async fn get(
        &self,
        younger_than: Duration,
        connect: impl Future<Output = Result<T, String>>,
    ) -> Result<Arc<T>, SinkError> {
        let mut state = self.0.lock().await;
        match &*state {
            State::Here(known, since) if since.elapsed() < younger_than => return Ok(Arc::clone(known)),
            State::Failed(why, at) if at.elapsed() < FAILED_FOR => return Err(SinkError::Away(why.clone())),
            State::Here(..) | State::Failed(..) | State::Nothing => {}
        }
        let answer = timeout(ANSWER_WITHIN, connect).await;
        match answer.unwrap_or_else(|_| Err("no answer".to_owned())) {
            Ok(new) => {
                let new = Arc::new(new);
                *state = State::Here(Arc::clone(&new), Instant::now());
                Ok(new)
            }
            Err(why) => {
                *state = State::Failed(why.clone(), Instant::now());
                Err(SinkError::Away(why))
            }
        }
    }

    /// Has it asked for anew, unless that was done already.
    pub(crate) async fn give_up(&self, broken: &Arc<T>) {
        let mut state = self.0.lock().await;
        if matches!(&*state, State::Here(known, _) if Arc::ptr_eq(known, broken)) {
            *state = State::Nothing;
        }
    }
}

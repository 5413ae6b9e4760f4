//! Kafka refuses the whole batch of a record that is too large. Whoever meets such a refusal goes once more, with nobody
//! beside it.

use outbox::SinkError;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Lets many publish together, and one alone.
#[derive(Default)]
pub(crate) struct Alone(RwLock<()>);

impl Alone {
    /// A place beside others.
    pub(crate) async fn beside_others(&self) -> RwLockReadGuard<'_, ()> {
        self.0.read().await
    }

    /// The place with nobody beside it.
    pub(crate) async fn alone(&self) -> RwLockWriteGuard<'_, ()> {
        self.0.write().await
    }
}

/// Why an attempt failed.
pub(crate) enum Failed {
    /// For this.
    For(SinkError),
    /// With this refusal, which another that was under way may have caused.
    PerhapsForAnother(String),
}

impl From<Failed> for SinkError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::For(error) => error,
            Failed::PerhapsForAnother(why) => Self::Refused(why),
        }
    }
}

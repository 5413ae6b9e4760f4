//! Bodies whose senders have not proved who they are.
//!
//! **Invariant:** over all connections no more than a fixed number of their bytes is held at once, and
//! none of them is waited for that comes more slowly than the pace asks for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use http_body_util::BodyExt;
use metrics::gauge;
use tokio::time::{Instant, timeout_at};

use crate::{extract, problem::Problem, telemetry::UNVERIFIED_BYTES};

/// What is borne of those who have not proved who they are.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The most bytes held at once, over all bodies.
    pub most_bytes: usize,
    /// The least bytes that have to come in each window.
    pub least_window_bytes: usize,
    /// How long a window is.
    pub window: Duration,
    /// How much longer the first window is, for a connection to get going.
    pub grace: Duration,
}

impl Default for Bounds {
    /// 64 MiB in all; 16 KiB a second in any two seconds after the first two.
    fn default() -> Self {
        Self {
            most_bytes: 64 * 1024 * 1024,
            least_window_bytes: 2 * 16 * 1024,
            window: Duration::from_secs(2),
            grace: Duration::from_secs(2),
        }
    }
}

/// Reads bodies within the bounds. Cheap to clone; clones share the bounds.
#[derive(Debug, Clone, Default)]
pub struct Unverified {
    bounds: Bounds,
    held: Arc<AtomicUsize>,
}

/// A body that came whole. Its bytes count until it is let go of.
pub(crate) struct UnverifiedBody {
    bytes: Bytes,
    _held: Held,
}

impl UnverifiedBody {
    /// What a signature is over.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes of a sender who has proved who it is; they count no more.
    pub(crate) fn verified(self) -> Bytes {
        self.bytes
    }
}

impl Unverified {
    /// Reads within these bounds.
    #[must_use]
    pub fn within(bounds: Bounds) -> Self {
        Self { bounds, held: Arc::default() }
    }

    /// Reads a body of at most `most` bytes. What counts is what has come, not what was announced, so
    /// that nobody takes room by a header alone.
    ///
    /// # Errors
    /// [`Problem::TooLarge`], [`Problem::NoRoom`], [`Problem::TooSlow`], or that it ended early.
    pub(crate) async fn read(
        &self,
        headers: &HeaderMap,
        mut body: Body,
        most: usize,
    ) -> Result<UnverifiedBody, Problem> {
        if announced(headers).is_some_and(|bytes| bytes > most) {
            self.discard(body, most).await;
            return Err(Problem::TooLarge(most));
        }
        let mut held = Held { all: Arc::clone(&self.held), bytes: 0 };
        let mut bytes = Vec::new();
        let mut pace = Pace::new(self.bounds);
        loop {
            let frame = match timeout_at(pace.window_ends, body.frame()).await {
                Ok(Some(frame)) => frame.map_err(|_| extract::cut_short())?,
                Ok(None) => return Ok(UnverifiedBody { bytes: bytes.into(), _held: held }),
                // What is here is read before anybody is judged, so a busy machine blames no sender.
                Err(_) => {
                    pace.next_window()?;
                    continue;
                }
            };
            let Some(data) = frame.data_ref() else { continue };
            if data.len() > most - bytes.len() {
                drop((bytes, held));
                self.discard(body, most).await;
                return Err(Problem::TooLarge(most));
            }
            held.grow(data.len(), self.bounds.most_bytes)?;
            pace.came += data.len();
            // Copied, as a small piece would hold on to all of the buffer it was read into.
            bytes.extend_from_slice(data);
        }
    }

    /// Lets what still comes go by, as far as `most` bytes and one window, so that a sender who writes
    /// all before it reads sees the answer and no connection that broke.
    async fn discard(&self, mut body: Body, most: usize) {
        let until = Instant::now() + self.bounds.window;
        let mut passed = 0;
        while passed < most
            && let Ok(Some(Ok(frame))) = timeout_at(until, body.frame()).await
        {
            passed += frame.data_ref().map_or(0, Bytes::len);
        }
    }
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Room that one body takes, given back when it is dropped.
#[derive(Debug)]
struct Held {
    all: Arc<AtomicUsize>,
    bytes: usize,
}

impl Held {
    fn grow(&mut self, by: usize, most: usize) -> Result<(), Problem> {
        let grown = |held: usize| held.checked_add(by).filter(|held| *held <= most);
        self.all.fetch_update(Ordering::AcqRel, Ordering::Acquire, grown).map_err(|_| Problem::NoRoom)?;
        self.bytes += by;
        gauge!(UNVERIFIED_BYTES).increment(by as f64);
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::AcqRel);
        gauge!(UNVERIFIED_BYTES).decrement(self.bytes as f64);
    }
}

/// How much has come in the window that runs.
struct Pace {
    bounds: Bounds,
    window_ends: Instant,
    came: usize,
}

impl Pace {
    fn new(bounds: Bounds) -> Self {
        Self { bounds, window_ends: Instant::now() + bounds.grace + bounds.window, came: 0 }
    }

    fn next_window(&mut self) -> Result<(), Problem> {
        if self.came < self.bounds.least_window_bytes {
            return Err(Problem::TooSlow);
        }
        self.came = 0;
        self.window_ends = Instant::now() + self.bounds.window;
        Ok(())
    }
}

#[cfg(test)]
impl Unverified {
    /// Bytes that are held now.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Acquire)
    }
}

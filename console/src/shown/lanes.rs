//! How a lane stands, and stood.

use super::{Lane, PastPause};
use crate::{moments::mark, words};

impl Lane {
    pub(crate) fn is_paused(&self) -> bool {
        !self.pauses.is_empty()
    }

    /// The pause of the last 24 hours for which the most waited, if any did.
    pub(crate) fn worst_lately(&self) -> Option<&PastPause> {
        self.lately.iter().filter(|past| past.waited.unwrap_or_default() > 0).max_by_key(|past| past.waited)
    }

    /// Calls that were not answered, since the latest that was done.
    pub(crate) fn unanswered(&self) -> u64 {
        self.failures.len() as u64
    }

    pub(crate) fn is_paused_by_a_person(&self) -> bool {
        self.pauses.iter().any(|pause| pause.cause == "PERSON")
    }
}

impl PastPause {
    /// What it came to, as a sentence; moments in it are marked.
    pub(crate) fn told(&self) -> String {
        let (cause, since, until) = (words::cause_past(&self.cause), mark(&self.since), mark(&self.until));
        let waited = match self.waited {
            None | Some(0) => return format!("{cause} from {since} to {until}; no order waited for it."),
            Some(waited) => words::count(&waited, "order", "orders"),
        };
        match self.left {
            0 => {
                format!("{cause} from {since} to {until}; {waited} waited for it and went on by themselves.")
            }
            left => format!(
                "{cause} from {since} to {until}; {waited} waited for it, {} still to go on.",
                words::count(&left, "order is", "orders are")
            ),
        }
    }
}

//! Lines of the log at a bounded pace: whoever floods us with what is refused does not fill the disk with it.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Lines in a second, and as many at once.
const LINES_PER_S: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// Lets some lines through and counts the others.
pub(crate) struct PacedLog {
    limit: DefaultDirectRateLimiter,
    left_out: AtomicU64,
}

impl PacedLog {
    pub(crate) fn new() -> Self {
        Self { limit: RateLimiter::direct(Quota::per_second(LINES_PER_S)), left_out: AtomicU64::new(0) }
    }

    /// Whether a line may be written now, and how many were left out since the last.
    pub(crate) fn turn(&self) -> Option<u64> {
        if self.limit.check().is_ok() {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_writes_a_few_lines_and_the_next_one_says_how_many_were_left_out() {
        let paced = PacedLog::new();
        let written = (0..1_000).filter(|_| paced.turn().is_some()).count();
        assert!((5..50).contains(&written), "{written}");
        std::thread::sleep(std::time::Duration::from_millis(300));
        let left_out = paced.turn().expect("its turn has come");
        assert!(left_out > 0 && left_out + 50 > 1_000 - 50, "{left_out}");
    }
}

//! How much one caller may ask for.
//!
//! **Invariant:** what is kept of callers is bounded by what they ask for in a few seconds: who has
//! been quiet for that long is forgotten.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock, DefaultClock},
};

use crate::connection_slots::network_of;

/// Seconds' worth of requests that may come at once.
const BURST_S: u32 = 2;
/// Callers that went quiet are forgotten every so many requests.
const FORGET_EVERY: u32 = 4096;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Who {
    Subject(String),
    At(IpAddr),
}

impl Who {
    pub(super) fn at(address: IpAddr) -> Self {
        Self::At(network_of(address))
    }
}

pub(super) struct Limits {
    limiter: DefaultKeyedRateLimiter<Who>,
    clock: DefaultClock,
    counted: AtomicU32,
}

impl Limits {
    pub(super) fn new(requests_per_s: NonZeroU32) -> Self {
        let burst = requests_per_s.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_S - 1));
        let quota = Quota::per_second(requests_per_s).allow_burst(burst);
        Self {
            limiter: DefaultKeyedRateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            counted: AtomicU32::new(0),
        }
    }

    /// Counts a request; the error is when the caller may go on, in whole seconds.
    pub(super) fn count(&self, who: &Who) -> Result<(), Duration> {
        if self.counted.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        self.limiter.check_key(who).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(requests_per_s: u32) -> Limits {
        Limits::new(NonZeroU32::new(requests_per_s).unwrap())
    }

    #[test]
    fn a_caller_over_its_burst_hears_when_to_go_on_and_others_are_not_held_up() {
        let limits = limits(1);
        let (one, other) = (Who::Subject("one".into()), Who::Subject("other".into()));
        assert_eq!([limits.count(&one), limits.count(&one)], [Ok(()), Ok(())]);
        assert_eq!(limits.count(&one), Err(Duration::from_secs(1)));
        assert_eq!(limits.count(&other), Ok(()));
    }

    #[test]
    fn addresses_of_one_network_are_one_caller_and_so_are_both_ways_to_write_one() {
        let at = |address: &str| Who::at(address.parse().unwrap());
        assert_eq!(at("2001:db8:1:2::1"), at("2001:db8:1:2:ffff::9"));
        assert_ne!(at("2001:db8:1:2::1"), at("2001:db8:1:3::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
        assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
    }

    #[test]
    fn callers_that_went_quiet_are_forgotten() {
        // At this rate a caller is as good as new after a microsecond.
        let limits = limits(1_000_000);
        for caller in 0..20 * FORGET_EVERY {
            limits.count(&Who::At(IpAddr::from(caller.to_be_bytes()))).unwrap();
        }
        assert!(limits.limiter.len() <= 2 * FORGET_EVERY as usize, "{}", limits.limiter.len());
    }
}

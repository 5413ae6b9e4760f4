//! Which fault a test planted into this process, to see that the checker of the proof finds it. The one place of this
//! crate that reads anything, and it does so in debug builds with the feature `faults` only.

/// Whether the environment variable `WAYBILL_PLANTED` names this fault. Never without the feature `faults`.
#[must_use]
pub fn is_planted(fault: &str) -> bool {
    cfg!(feature = "faults") && std::env::var("WAYBILL_PLANTED").is_ok_and(|planted| planted == fault)
}

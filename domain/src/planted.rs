//! Which fault a test planted into this process, to see that the checker of the proof finds it.
//! Debug builds with the feature `faults` only; the one place of this crate that reads anything.

/// Whether the environment variable `WAYBILL_PLANTED` names this fault.
#[must_use]
pub fn is_planted(fault: &str) -> bool {
    std::env::var("WAYBILL_PLANTED").is_ok_and(|planted| planted == fault)
}

//! Times and spans as people read them.

use chrono::{DateTime, Local, TimeDelta, TimeZone, Utc};

/// Units and their seconds, the largest first.
const UNITS: [(i64, &str); 4] = [(24 * 60 * 60, "d"), (60 * 60, "h"), (60, "min"), (1, "s")];

/// How long ago it was, in its largest unit: `12 s`, `3 min`, `2 h`, `5 d`. Two clocks may disagree,
/// so what seems to come is now.
pub fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - at).num_seconds().max(0);
    let (unit_s, unit) = UNITS.into_iter().find(|(unit_s, _)| seconds >= *unit_s).unwrap_or((1, "s"));
    format!("{} {unit}", seconds / unit_s)
}

/// What passed between two things that happened: `+0.042 s` or, when it was longer, as an age.
pub fn after(earlier: DateTime<Utc>, later: DateTime<Utc>) -> String {
    let passed = (later - earlier).max(TimeDelta::zero());
    if passed < TimeDelta::seconds(10) {
        let milliseconds = passed.num_milliseconds();
        return format!("+{}.{:03} s", milliseconds / 1000, milliseconds % 1000);
    }
    format!("+{}", age(earlier, later))
}

/// Date and time on this machine's clock: `2026-11-21 15:05:09`.
pub fn here(at: DateTime<Utc>) -> String {
    shown(at, &Local)
}

/// How far this machine's clock is from UTC: `+01:00`.
pub fn zone(at: DateTime<Utc>) -> String {
    at.with_timezone(&Local).format("%:z").to_string()
}

fn shown<Z: TimeZone<Offset: std::fmt::Display>>(at: DateTime<Utc>, zone: &Z) -> String {
    at.with_timezone(zone).format("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-11-21T12:00:00Z".parse().expect("a time")
    }

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        for (seconds, expected) in [
            (-5, "0 s"),
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (86_399, "23 h"),
            (86_400, "1 d"),
            (40 * 86_400, "40 d"),
        ] {
            assert_eq!(age(noon(), noon() + TimeDelta::seconds(seconds)), expected);
        }
    }

    #[test]
    fn short_spans_are_told_to_the_millisecond_and_never_run_backwards() {
        for (milliseconds, expected) in
            [(-3, "+0.000 s"), (42, "+0.042 s"), (9_999, "+9.999 s"), (10_000, "+10 s"), (90_000, "+1 min")]
        {
            assert_eq!(after(noon(), noon() + TimeDelta::milliseconds(milliseconds)), expected);
        }
    }

    #[test]
    fn a_time_is_shown_on_the_clock_of_its_reader() {
        let two_hours_east = FixedOffset::east_opt(7_200).expect("a zone");
        assert_eq!(shown(noon(), &two_hours_east), "2026-11-21 14:00:00");
    }
}

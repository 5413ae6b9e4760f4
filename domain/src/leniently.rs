//! What is written otherwise than agreed and can mean one thing only.
//!
//! Shops and warehouses put numbers in texts, leave out offsets, or say `2.0` for two pieces. What such
//! a text plainly means is read here, once for all of them; `None` means that it is not plain.

mod json;
mod repeated;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde_json::Value;

pub use json::sound_json;
pub use repeated::{repeated_members, repeated_of};

/// Beyond it a number with a point may have been rounded on its way.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// A whole number: digits with a sign at most, and zeros behind a point (`2`, ` 2 `, `2.0`).
///
/// An exponent is none: whoever wrote one has rounded already.
#[must_use]
pub fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.contains(['e', 'E', '_']) {
        return None;
    }
    text.parse().ok().or_else(|| {
        let number = text.parse::<Decimal>().ok()?;
        number.is_integer().then(|| number.to_i64()).flatten()
    })
}

/// A whole number, whether JSON has it as a number or as a text; one that was rounded on its way here is
/// none.
#[must_use]
pub fn whole_value(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let exact = number.as_f64().is_some_and(|number| number.abs() <= LARGEST_EXACT);
            exact.then(|| whole(&number.to_string())).flatten()
        }),
        Value::String(text) => whole(text),
        _ => None,
    }
}

/// Yes or no, in any letters.
#[must_use]
pub fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// A moment in the manner of ISO 8601: a date, then perhaps a time after `T` or white space, then
/// perhaps an offset (`Z`, `UTC`, `+01:00`, `+0100`, `+01`). Without an offset it is UTC; 24:00 and
/// the second 60 belong to the next day and minute.
#[must_use]
pub fn moment(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let (date, rest) = text.split_at_checked(10)?;
    let date = date_of(date)?;
    let (since_midnight, offset) = match rest.strip_prefix(['T', 't', ' ']) {
        None if rest.is_empty() => (TimeDelta::zero(), ""),
        None => return None,
        Some(rest) => {
            let rest = rest.trim_start();
            let end = rest.find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.' || c == ','));
            let (time, offset) = rest.split_at(end.unwrap_or(rest.len()));
            (time_of(time)?, offset.trim_start())
        }
    };
    let local = date.and_hms_opt(0, 0, 0)?.checked_add_signed(since_midnight)?;
    Some(local.checked_sub_signed(offset_of(offset)?)?.and_utc())
}

/// Whether a moment in that manner says from which offset it counts.
#[must_use]
pub fn names_an_offset(text: &str) -> bool {
    let is_of_one = |c: char| matches!(c, '+' | '-') || (c.is_ascii_alphabetic() && !matches!(c, 'T' | 't'));
    text.trim().get(10..).is_some_and(|rest| rest.contains(is_of_one))
}

fn date_of(text: &str) -> Option<NaiveDate> {
    let mut parts = text.split('-');
    let (year, month, day) =
        (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day).filter(|_| parts.next().is_none())
}

/// `HH:MM`, `HH:MM:SS` or `HH:MM:SS.fraction`, as the time since midnight.
fn time_of(text: &str) -> Option<TimeDelta> {
    let (clock, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let mut parts = clock.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |second| digits(second, 2))?;
    if parts.next().is_some() || hour > 24 || minute > 59 || second > 60 || hour == 24 && minute + second > 0
    {
        return None;
    }
    let whole = TimeDelta::seconds(i64::from(hour * 3600 + minute * 60 + second));
    Some(whole + TimeDelta::nanoseconds(nanoseconds(fraction)?))
}

fn nanoseconds(fraction: &str) -> Option<i64> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{fraction:0<9}").get(..9)?.parse().ok()
}

fn offset_of(text: &str) -> Option<TimeDelta> {
    let text = text.trim();
    if ["", "z", "utc", "gmt"].iter().any(|zulu| text.eq_ignore_ascii_case(zulu)) {
        return Some(TimeDelta::zero());
    }
    // A true minus sign is what some locales write.
    let (sign, clock) = match (text.strip_prefix('+'), text.strip_prefix(['-', '\u{2212}'])) {
        (Some(clock), _) => (1, clock),
        (_, Some(clock)) => (-1, clock),
        _ => return None,
    };
    let (hours, minutes) = match clock.split_once(':') {
        Some(parts) => parts,
        None => clock.split_at_checked(2)?,
    };
    let minutes = if minutes.is_empty() { 0 } else { digits(minutes, 2).filter(|minutes| *minutes < 60)? };
    let hours = digits(hours, 2).filter(|hours| *hours < 24)?;
    Some(TimeDelta::seconds(sign * i64::from(hours * 3600 + minutes * 60)))
}

/// Exactly so many digits.
fn digits(text: &str, many: usize) -> Option<u32> {
    let plain = text.len() == many && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_whole_number_may_be_written_in_several_ways() {
        for (text, number) in [("2", 2), (" 2 ", 2), ("2.0", 2), ("2.000", 2), ("-3", -3), ("+4", 4)] {
            assert_eq!(whole(text), Some(number), "{text}");
        }
        assert_eq!(whole("820982911946154508.0"), Some(820_982_911_946_154_508));
        for text in ["", " ", "two", "1.5", "1e3", "1_000", "0x10", "9223372036854775808", "1,000", "--1"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn a_whole_number_may_be_a_number_or_a_text() {
        use serde_json::json;
        for (value, number) in [(json!(3), 3), (json!(2.0), 2), (json!(-7.0), -7), (json!("4"), 4)] {
            assert_eq!(whole_value(&value), Some(number), "{value}");
        }
        let rounded = json!(9_007_199_254_740_994.0);
        for value in [json!(1.5), rounded, json!("two"), json!(null), json!(true), json!([2])] {
            assert_eq!(whole_value(&value), None, "{value}");
        }
    }

    #[test]
    fn yes_and_no_have_several_words() {
        assert_eq!(["true", "TRUE", "1", "yes"].map(flag), [Some(true); 4]);
        assert_eq!(["false", " False ", "0", "no"].map(flag), [Some(false); 4]);
        assert_eq!(["", "2", "perhaps"].map(flag), [None; 3]);
    }

    #[test]
    fn whether_a_moment_names_an_offset() {
        for text in [
            "2026-11-25T12:00:00Z",
            "2026-11-25 12:00 UTC",
            "2026-11-25T12:00:00+0100",
            "2026-11-25T12:00-01",
        ] {
            assert!(names_an_offset(text), "{text}");
        }
        for text in ["2026-11-25T12:00:00", "2026-11-25 12:00", "2026-11-25", "2026-11-25t12:00:00.5"] {
            assert!(!names_an_offset(text), "{text}");
        }
    }

    #[test]
    fn a_moment_without_an_offset_is_utc() {
        for text in [
            "2026-11-25T12:00:00Z",
            "2026-11-25T12:00:00",
            "2026-11-25 12:00:00",
            "2026-11-25 12:00",
            " 2026-11-25t12:00:00z ",
            "2026-11-25 12:00:00 UTC",
            "2026-11-25T13:00:00+01:00",
            "2026-11-25T13:00:00 +0100",
            "2026-11-25T07:00:00-05",
            "2026-11-25T12:00:00.000",
            "2026-11-25T11:59:60",
        ] {
            assert_eq!(
                moment(text).map(|at| at.to_rfc3339()).as_deref(),
                Some("2026-11-25T12:00:00+00:00"),
                "{text}"
            );
        }
        let midnight = moment("2026-11-26");
        assert!(midnight.is_some());
        assert_eq!(moment("2026-11-25T24:00"), midnight);
        assert_eq!(moment("2026-11-25T23:59:60Z"), midnight);
        for (text, same) in [
            ("2026-11-25T10:00:00.5+01:00", "2026-11-25T09:00:00.500+00:00"),
            ("2026-11-25T10:00:00+05:30", "2026-11-25T04:30:00+00:00"),
            ("2026-11-25T10:00:00-03:30", "2026-11-25T13:30:00+00:00"),
        ] {
            assert_eq!(moment(text).map(|at| at.to_rfc3339()).as_deref(), Some(same), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "today",
            "2026-11-25X12:00",
            "2026-13-01",
            "2026-02-30",
            "2026-11-25T25:00",
            "2026-11-25T24:01",
            "2026-11-25T24:01:01",
            "2026-11-25T12:00:00.",
            "2026-11-25T12:00:00+01:60",
            "2026-11-25T12:00:00+24:00",
            "2026-1-025",
            "2026-11-25T12",
            "2026-11-25T12:00:00+",
            "2026-11-25T12:00:00 CET",
            "2026-11-25T12:00:61",
            "25.11.2026 12:00",
            "1764072000",
            "2026-11-2é",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_moment_is_read_as_it_was_written(seconds in -62_000_000_000_i64..253_000_000_000) {
            let at = DateTime::from_timestamp(seconds, 0).unwrap();
            prop_assert_eq!(moment(&at.to_rfc3339()), Some(at));
            prop_assert_eq!(moment(&at.format("%Y-%m-%d %H:%M:%S").to_string()), Some(at));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9TZ:. +\\-é−]{0,40}|.{0,40}") {
            let _ = (moment(&text), whole(&text), flag(&text));
        }
    }
}

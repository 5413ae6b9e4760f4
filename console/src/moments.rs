//! Times as people say them. Pages say them in UTC; the script puts them into the reader's own zone.

use chrono::{DateTime, Utc};

/// How long ago, or on which day.
pub(crate) fn ago(at: &DateTime<Utc>, now: &DateTime<Utc>) -> String {
    let minutes = (*now - *at).num_minutes();
    match minutes {
        ..-1 => format!("in {}", span(-minutes)),
        -1..1 => "just now".to_owned(),
        1..1440 => format!("{} ago", span(minutes)),
        _ if at.date_naive() == now.date_naive().pred_opt().unwrap_or_default() => {
            format!("yesterday {}", at.format("%H:%M"))
        }
        _ => at.format("%-d %b %H:%M").to_string(),
    }
}

/// How long something has been so.
pub(crate) fn since(at: &DateTime<Utc>, now: &DateTime<Utc>) -> String {
    if at.date_naive() == now.date_naive() {
        at.format("%H:%M").to_string()
    } else {
        at.format("%-d %b %H:%M").to_string()
    }
}

fn span(minutes: i64) -> String {
    match minutes {
        ..60 => format!("{minutes} min"),
        60..1440 => format!("{} h {:02} min", minutes / 60, minutes % 60),
        _ => format!("{} days", minutes / 1440),
    }
}

/// For programs.
pub(crate) fn exact(at: &DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// To the second, for whoever points at it.
pub(crate) fn whole(at: &DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The time of a day, for a timeline.
pub(crate) fn clock(at: &DateTime<Utc>) -> String {
    at.format("%H:%M:%S").to_string()
}

/// The day, for a timeline.
pub(crate) fn day(at: &DateTime<Utc>) -> String {
    at.format("%A, %-d %B %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_as_people_say_it() {
        let now: DateTime<Utc> = "2026-11-27T10:00:00Z".parse().unwrap();
        for (at, said) in [
            ("2026-11-27T09:59:40Z", "just now"),
            ("2026-11-27T09:48:00Z", "12 min ago"),
            ("2026-11-27T07:12:00Z", "2 h 48 min ago"),
            ("2026-11-26T09:12:00Z", "yesterday 09:12"),
            ("2026-11-26T10:12:00Z", "23 h 48 min ago"),
            ("2026-11-01T08:00:00Z", "1 Nov 08:00"),
            ("2026-11-27T10:30:00Z", "in 30 min"),
        ] {
            assert_eq!(ago(&at.parse().unwrap(), &now), said);
        }
        assert_eq!(since(&"2026-11-27T02:10:00Z".parse().unwrap(), &now), "02:10");
        assert_eq!(since(&"2026-11-26T02:10:00Z".parse().unwrap(), &now), "26 Nov 02:10");
    }
}

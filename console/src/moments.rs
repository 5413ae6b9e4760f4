//! Times as people say them. Pages say them in UTC, each in a `time` of its own that the script writes anew in the reader's
//! zone: a page shows one zone, and says which.

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

/// Encloses a moment in a sentence.
const MARKS: [char; 2] = ['\u{2}', '\u{3}'];

/// A moment in a sentence that a page tells (`told` in `macros.html`), which makes a `time` of it.
pub(crate) fn mark(at: &DateTime<Utc>) -> String {
    format!("{}{}{}", MARKS[0], exact(at), MARKS[1])
}

/// What a sentence is made of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Words(&'a str),
    At(DateTime<Utc>),
}

/// A sentence in pieces.
pub(crate) fn pieces(sentence: &str) -> Vec<Piece<'_>> {
    let pieces = sentence.split(MARKS).filter(|piece| !piece.is_empty());
    pieces.map(|piece| piece.parse().map_or(Piece::Words(piece), Piece::At)).collect()
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
    fn a_sentence_falls_into_words_and_moments() {
        let at: DateTime<Utc> = "2026-11-27T02:10:00Z".parse().unwrap();
        let told = format!("It is down since {}; 6 wait.", mark(&at));
        assert_eq!(
            pieces(&told),
            [Piece::Words("It is down since "), Piece::At(at), Piece::Words("; 6 wait.")]
        );
        assert_eq!(pieces(&mark(&at)), [Piece::At(at)]);
        assert_eq!(pieces("All lanes run."), [Piece::Words("All lanes run.")]);
    }

    /// What stands outside of one stays in UTC while the rest of the page goes by the reader's clock.
    #[test]
    fn a_page_says_no_time_outside_of_an_element_for_it() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let (mut folders, mut files) = (vec![folder.join("templates"), folder.join("src/pages")], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        let mut seen = 0;
        for path in files {
            let (path, text) = (path.display().to_string(), std::fs::read_to_string(&path).unwrap());
            for word in ["ago", "since", "clock", "day"] {
                let said = format!("moments::{word}(");
                for (before, kind) in text.match_indices(&said).map(|(at, _)| (&text[..at], word)) {
                    let opened = before.rsplit_once("<time ").map(|(_, element)| element).unwrap_or_default();
                    let is_inside = !opened.contains("</time>") && opened.contains(&format!("data-{kind}>"));
                    assert!(is_inside, "{path}: {said} is in no <time data-{kind}>");
                    seen += 1;
                }
            }
        }
        assert!(seen >= 5, "{seen}");
    }

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

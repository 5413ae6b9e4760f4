//! The one list of what happened: by days, with repeats folded.

use chrono::{DateTime, Utc};

use crate::{shown::Happened, words};

/// Entries that are shown unless all are asked for.
const MOST_SHOWN: usize = 50;
/// Of a fold so many are told one by one.
const MOST_FOLDED: usize = 10;

/// One line: an entry, or several alike that came one after the other.
pub(super) struct Line {
    /// The newest of them.
    pub(super) last: Happened,
    /// When the first came, where there are several.
    pub(super) first_at: Option<DateTime<Utc>>,
    pub(super) times: u64,
    /// What the others said, oldest first, as far as it is told.
    pub(super) before: Vec<String>,
}

/// Lines of one day.
pub(super) struct Day {
    pub(super) first: DateTime<Utc>,
    pub(super) lines: Vec<Line>,
}

/// What is shown of a story.
pub(super) struct Timeline {
    pub(super) days: Vec<Day>,
    /// Lines that are left out until all are asked for.
    pub(super) left_out: usize,
}

impl Timeline {
    /// The newest, or all; the newest last, as everything else.
    pub(super) fn of(story: Vec<Happened>, is_whole: bool) -> Self {
        let mut lines = folded(story);
        let left_out = if is_whole { 0 } else { lines.len().saturating_sub(MOST_SHOWN) };
        lines.drain(..left_out);
        let mut days: Vec<Day> = Vec::new();
        for line in lines {
            let at = line.last.at;
            match days.last_mut() {
                Some(day) if day.first.date_naive() == at.date_naive() => day.lines.push(line),
                _ => days.push(Day { first: at, lines: vec![line] }),
            }
        }
        Self { days, left_out }
    }
}

/// What people did is never folded: each of them had a reason.
fn is_alike(one: &Happened, other: &Happened) -> bool {
    let same = |entry: &Happened| {
        (entry.kind.clone(), entry.code.clone(), entry.actor.clone(), entry.by.clone(), entry.reason.clone())
    };
    one.kind != "ACT" && same(one) == same(other) && one.at.date_naive() == other.at.date_naive()
}

fn folded(story: Vec<Happened>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for entry in story {
        match lines.last_mut() {
            Some(line) if is_alike(&line.last, &entry) => {
                line.first_at.get_or_insert(line.last.at);
                line.times += attempts(&entry);
                let said = line.last.remark().unwrap_or(&line.last.code).to_owned();
                if line.before.len() < MOST_FOLDED {
                    line.before.push(said);
                }
                line.last = entry;
            }
            _ => {
                lines.push(Line { times: attempts(&entry), last: entry, first_at: None, before: Vec::new() })
            }
        }
    }
    lines
}

/// A failed call is kept once, with how often it failed.
fn attempts(entry: &Happened) -> u64 {
    let failures = entry.facts.iter().find(|fact| fact.name == "failures");
    failures.and_then(|fact| fact.value.parse().ok()).unwrap_or(1)
}

impl Line {
    /// What happened, as a sentence without its end.
    pub(super) fn sentence(&self) -> String {
        let entry = &self.last;
        let fact = |name: &str| {
            let found = entry.facts.iter().find(|fact| fact.name == name);
            found.map(|fact| fact.value.as_str())
        };
        if entry.kind == "CALL" && entry.code.chars().any(char::is_uppercase) && fact("failures").is_some() {
            let (what, _) = words::reason(&entry.code);
            return format!("{} failed: {what}", capital(words::the_step(fact("step").unwrap_or("a call"))));
        }
        if entry.kind != "ACT" {
            return words::entry(&entry.kind, &entry.code);
        }
        let step = words::the_step(fact("step").unwrap_or_default());
        match (entry.code.as_str(), fact("member")) {
            ("EDITED", Some("ADDRESS")) => "Corrected the address".to_owned(),
            ("EDITED", Some("SKU")) => format!(
                "Said that line {} is {}",
                fact("lineId").unwrap_or("?"),
                fact("value").unwrap_or("another SKU")
            ),
            ("EDITED", Some("WAREHOUSE")) => {
                format!("Had it shipped from {}", fact("value").unwrap_or("elsewhere"))
            }
            ("retry", _) => format!("Retried {step}"),
            ("skip", _) => format!("Went on without {step}"),
            ("compensate", _) => "Cancelled the order".to_owned(),
            ("approve", _) => "Approved it".to_owned(),
            ("refuse", _) => "Refused it".to_owned(),
            ("recall", _) => "Had it recalled".to_owned(),
            ("release_hold", _) => "Ended the hold".to_owned(),
            ("done", _) => "Dealt with it".to_owned(),
            (code, _) => words::entry(&entry.kind, code),
        }
    }

    /// `3 attempts, the last at` is said where there are several.
    pub(super) fn repeats(&self) -> Option<String> {
        let many = if self.last.kind == "CALL" { "attempts" } else { "times" };
        (self.times > 1).then(|| format!("{} {many}", words::number(&self.times)))
    }
}

fn capital(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(initial) = text.get_mut(..1) {
        initial.make_ascii_uppercase();
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(minute: u32, kind: &str, code: &str, facts: &[(&str, &str)]) -> Happened {
        let facts: Vec<_> = facts.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        serde_json::from_value(json!({
            "at": format!("2026-11-27T02:{minute:02}:00Z"), "actor": "WAYBILL", "kind": kind, "code": code,
            "detail": "hand_over failed", "by": null, "reason": null, "facts": facts,
        }))
        .unwrap()
    }

    #[test]
    fn repeats_are_one_line_that_says_how_many_and_when_the_last_was() {
        let failed = [("step", "hand_over"), ("failures", "3")];
        let story = vec![
            entry(1, "STOCK", "RESERVATION", &[]),
            entry(2, "STOCK", "RESERVATION", &[]),
            entry(14, "CALL", "WMS_UNREACHABLE", &failed),
            entry(15, "STOCK", "RELEASE", &[]),
        ];
        let lines = folded(story);
        let said: Vec<_> = lines.iter().map(|line| (line.sentence(), line.repeats())).collect();
        assert_eq!(
            said,
            [
                ("Pieces were reserved".to_owned(), Some("2 times".to_owned())),
                (
                    "The hand-over failed: The warehouse system could not be reached".to_owned(),
                    Some("3 attempts".to_owned())
                ),
                ("Pieces were given back".to_owned(), None),
            ]
        );
        assert_eq!(lines[0].last.at, entry(2, "", "", &[]).at);
        assert_eq!(lines[0].first_at, Some(entry(1, "", "", &[]).at));
    }

    #[test]
    fn what_a_person_did_says_what_was_changed_and_is_never_folded() {
        let edit =
            |minute| entry(minute, "ACT", "EDITED", &[("member", "SKU"), ("lineId", "1"), ("value", "TEA")]);
        let lines = folded(vec![edit(1), edit(2), entry(3, "ACT", "approve", &[("step", "gate")])]);
        let said: Vec<_> = lines.iter().map(Line::sentence).collect();
        assert_eq!(said, ["Said that line 1 is TEA", "Said that line 1 is TEA", "Approved it"]);
    }

    #[test]
    fn the_newest_are_shown_and_the_rest_is_counted_until_all_are_asked_for() {
        let codes = ["SHIPPED", "DELIVERED"];
        let story: Vec<_> =
            (0..60).map(|minute| entry(minute, "STEP", codes[usize::from(minute % 2 == 0)], &[])).collect();
        let newest = Timeline::of(story.clone(), false);
        assert_eq!((newest.left_out, newest.days[0].lines.len()), (10, 50));
        assert_eq!(newest.days[0].lines[49].last.at, story[59].at);
        assert_eq!(Timeline::of(story, true).left_out, 0);
    }
}

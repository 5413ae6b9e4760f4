//! Nothing is told twice: where two records say the same, the one that says more stands.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Happened, Kind};

/// How much later than its answer a message may have been kept: both are read off one database's clock, one of them as
/// its transaction began.
const SAME_MOMENT: TimeDelta = TimeDelta::seconds(1);

/// The story with each thing once.
pub(super) fn each(mut story: Vec<Happened>) -> Vec<Happened> {
    let is_edited = story.iter().any(|entry| entry.kind == Kind::Act && entry.code == "EDITED");
    let came = story.iter().filter(|entry| brings_an_order(entry)).map(|entry| entry.at).min();
    story.retain(|entry| match entry.kind {
        // The message that brought it says that it came.
        Kind::Step => entry.code != "RECEIVED" || came.is_none_or(|came| came > entry.at),
        // It has the run look; what was changed stands for itself.
        Kind::Message => entry.code != "edited" || !is_edited,
        _ => true,
    });
    for at in asked_as_messages(&story) {
        story.remove(at);
    }
    story
}

fn brings_an_order(entry: &Happened) -> bool {
    entry.kind == Kind::Message && (entry.code.starts_with("orders/") || entry.code == "order-placed")
}

/// Where the messages stand by which people asked for what is an answer in the story: the answer has who and why. The
/// last comes first. What was answered in one moment was asked for by one message.
fn asked_as_messages(story: &[Happened]) -> Vec<usize> {
    let mut answers: Vec<(DateTime<Utc>, &str)> = story
        .iter()
        .filter(|entry| entry.kind == Kind::Act && entry.fact("attentionId").is_some())
        .map(|entry| (entry.at, entry.code.as_str()))
        .collect();
    answers.sort_unstable();
    answers.dedup();
    let mut found = Vec::new();
    for (at, action) in answers {
        let asks = |entry: &Happened| {
            entry.kind == Kind::Message
                && entry.at <= at + SAME_MOMENT
                && match entry.code.as_str() {
                    "resolve" => entry.fact("action") == Some(action),
                    "retry" => action == "retry",
                    _ => false,
                }
        };
        let newest = (0..story.len())
            .filter(|index| asks(&story[*index]) && !found.contains(index))
            .max_by_key(|index| story[*index].at);
        found.extend(newest);
    }
    found.sort_unstable_by(|one, other| other.cmp(one));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Doer;

    fn entry(second: i64, kind: Kind, code: &str, facts: &[(&str, &str)]) -> Happened {
        Happened {
            at: DateTime::from_timestamp(second, 0).unwrap(),
            actor: Doer::Person,
            kind,
            code: code.to_owned(),
            detail: None,
            by: None,
            reason: None,
            facts: facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    fn told(story: Vec<Happened>) -> Vec<String> {
        each(story).into_iter().map(|entry| format!("{} {}", entry.kind, entry.code)).collect()
    }

    #[test]
    fn the_message_that_brought_an_order_says_that_it_came_and_where_there_is_none_the_timeline_does() {
        let received = || entry(5, Kind::Step, "RECEIVED", &[]);
        for topic in ["orders/create", "order-placed"] {
            assert_eq!(
                told(vec![entry(4, Kind::Message, topic, &[]), received()]),
                [format!("MESSAGE {topic}")]
            );
        }
        assert_eq!(
            told(vec![received(), entry(6, Kind::Message, "orders/updated", &[])]),
            ["STEP RECEIVED", "MESSAGE orders/updated"]
        );
        assert_eq!(told(vec![received()]), ["STEP RECEIVED"]);
    }

    #[test]
    fn an_answer_stands_for_the_message_that_gave_it_and_for_no_other() {
        let answer = |second, action| entry(second, Kind::Act, action, &[("attentionId", "1")]);
        let asked = |second, action| entry(second, Kind::Message, "resolve", &[("action", action)]);
        assert_eq!(told(vec![asked(4, "skip"), answer(5, "skip")]), ["ACT skip"]);
        assert_eq!(told(vec![entry(4, Kind::Message, "retry", &[]), answer(5, "retry")]), ["ACT retry"]);
        // Another answer, a later one, and the second of two that did nothing.
        assert_eq!(told(vec![asked(4, "skip"), answer(5, "retry")]), ["MESSAGE resolve", "ACT retry"]);
        assert_eq!(told(vec![answer(5, "skip"), asked(9, "skip")]), ["ACT skip", "MESSAGE resolve"]);
        assert_eq!(
            told(vec![asked(3, "skip"), asked(4, "skip"), answer(5, "skip")]),
            ["MESSAGE resolve", "ACT skip"]
        );
        // One message may answer several rows.
        assert_eq!(
            told(vec![asked(3, "skip"), asked(4, "skip"), answer(5, "skip"), answer(5, "skip")]),
            ["MESSAGE resolve", "ACT skip", "ACT skip"]
        );
    }

    #[test]
    fn an_edit_stands_for_the_message_that_has_the_run_look() {
        let message = || entry(4, Kind::Message, "edited", &[]);
        assert_eq!(told(vec![message()]), ["MESSAGE edited"]);
        assert_eq!(told(vec![entry(3, Kind::Act, "EDITED", &[]), message()]), ["ACT EDITED"]);
    }
}

//! Who did what?

use askama::Template;
use axum::{
    Form, Router,
    extract::{Query, rejection::FormRejection},
    response::Response,
    routing::{get, post},
};
use chrono::{Days, NaiveDate};
use serde::Deserialize;

use super::{ROWS, next_page, plainly, unreadable, with_query};
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    shown::Act,
};

pub(super) fn router() -> Router<Console> {
    Router::new().route("/audit", get(list)).route("/audit/export", post(export))
}

/// What people do, as the API calls it.
const KINDS: [&str; 25] = [
    "ORDER_CANCELLED",
    "ORDER_RETRIED",
    "ORDER_RESOLVED",
    "ORDER_STATUS_SET",
    "ORDER_EDITED",
    "ATTENTION_RESOLVED",
    "BULK_ANSWER_STOPPED",
    "LANE_PAUSED",
    "LANE_RESUMED",
    "ITEM_ADDED",
    "STOCK_RECEIVED",
    "STOCK_REDUCED",
    "STOCK_COUNTED",
    "WAREHOUSE_ADDED",
    "WAREHOUSE_CHANGED",
    "RETURN_ANNOUNCED",
    "RETURN_RECEIVED",
    "MESSAGE_REPLAYED",
    "DEAD_LETTERS_REDRIVEN",
    "DEAD_LETTERS_SKIPPED",
    "SUBSCRIPTION_ADDED",
    "SUBSCRIPTION_REMOVED",
    "SUBSCRIPTION_SECRET_ROTATED",
    "CUSTOMER_DATA_FETCHED",
    "AUDIT_EXPORTED",
];

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wanted {
    actor: String,
    target: String,
    kind: String,
    /// A day, as a field for one says it.
    from: String,
    to: String,
    cursor: String,
}

impl Wanted {
    fn pairs<'a>(&'a self, from: &'a str, to: &'a str) -> [(&'static str, &'a str); 5] {
        let (actor, target) = (self.actor.trim(), self.target.trim());
        [("actor", actor), ("target", target), ("kind", &self.kind), ("from", from), ("to", to)]
    }
}

/// The beginning of a day, or what was given where that is none, which is refused with the reason.
fn beginning(day: &str, after: u64) -> String {
    let Ok(parsed) = day.parse::<NaiveDate>() else { return day.to_owned() };
    let first = parsed.checked_add_days(Days::new(after)).unwrap_or(parsed);
    format!("{first}T00:00:00Z")
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    wanted: Wanted,
    rows: Vec<Act>,
    next: Option<String>,
}

async fn list(visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Refusal> {
    let (from, to) = (beginning(&wanted.from, 0), beginning(&wanted.to, 1));
    let mut asked = wanted.pairs(&from, &to).to_vec();
    asked.extend([("cursor", wanted.cursor.as_str()), ("limit", ROWS)]);
    let found = visitor.client.list::<Act>(&with_query("/api/audit", &asked)).await?;
    let filter = wanted.pairs(&wanted.from, &wanted.to);
    let next = next_page("/console/audit", &filter, found.next.as_deref());
    let shell = Shell::of(&visitor, "audit", "Audit").await;
    Ok(page::show(&AuditPage { shell, rows: found.rows, next, wanted }))
}

/// The same as a table, however much it is. That it was taken is an entry itself, hence no link.
async fn export(visitor: Visitor, form: Result<Form<Wanted>, FormRejection>) -> Result<Response, Refusal> {
    let Form(wanted) = form.map_err(unreadable)?;
    let (from, to) = (beginning(&wanted.from, 0), beginning(&wanted.to, 1));
    let path = with_query("/api/audit/export", &wanted.pairs(&from, &to));
    visitor.client.download(&path).await.map_err(plainly)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_act_can_be_asked_for() {
        let source = include_str!("../../../orders/src/audit.rs");
        let (_, kinds) = source.split_once("pub enum ActKind {").expect("the kinds");
        let (kinds, _) = kinds.split_once('}').expect("their end");
        let of_code = |line: &str| {
            let mut code = String::new();
            for letter in line.trim().strip_suffix(',')?.chars() {
                if letter.is_ascii_uppercase() && !code.is_empty() {
                    code.push('_');
                }
                code.push(letter.to_ascii_uppercase());
            }
            Some(code)
        };
        let mut known: Vec<String> =
            kinds.lines().filter(|line| !line.contains("//")).filter_map(of_code).collect();
        let mut asked_for = KINDS.to_vec();
        known.sort();
        asked_for.sort_unstable();
        assert_eq!(asked_for, known);
    }

    #[test]
    fn a_day_is_meant_as_a_whole() {
        assert_eq!(beginning("2026-11-30", 0), "2026-11-30T00:00:00Z");
        assert_eq!(beginning("2026-11-30", 1), "2026-12-01T00:00:00Z");
        assert_eq!(beginning("", 1), "");
        assert_eq!(beginning("yesterday", 0), "yesterday");
    }
}

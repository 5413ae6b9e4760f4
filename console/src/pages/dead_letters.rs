//! Which events did not get through?

use askama::Template;
use axum::{
    Form, Router,
    extract::{Query, rejection::FormRejection},
    response::Response,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};

use super::{back, given, listed, part, plainly, unreadable, with_query};
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    session::back_to,
    shown::{Anything, DeadLetter, DeadLetterDetail, Overview},
};

pub(super) fn router() -> Router<Console> {
    Router::new().route("/dead-letters", get(list)).route("/dead-letters/answer", post(answer))
}

/// Characters of a dead letter's content: one may be too large for its broker just because of it.
const MOST_SHOWN: usize = 4000;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Wanted {
    sink: String,
    event_type: String,
    key: String,
    error: String,
    dead_for: String,
    cursor: String,
    /// Which is looked at, with what it says and what can be done.
    open: String,
}

impl Wanted {
    fn filter(&self) -> [(&'static str, &str); 5] {
        [
            ("sink", self.sink.trim()),
            ("eventType", self.event_type.trim()),
            ("key", self.key.trim()),
            ("error", self.error.trim()),
            ("deadFor", self.dead_for.trim()),
        ]
    }

    /// This page, with or without what is open on it.
    fn address(&self, page: &str, open: &str) -> String {
        let mut pairs = self.filter().to_vec();
        pairs.extend([("cursor", self.cursor.as_str()), ("open", open)]);
        with_query(page, &pairs)
    }
}

#[derive(Template)]
#[template(path = "dead_letters.html")]
struct DeadLettersPage {
    shell: Shell,
    wanted: Wanted,
    all: u64,
    rows: Vec<DeadLetter>,
    content: Option<String>,
    next: Option<String>,
}

impl DeadLettersPage {
    fn is_open(&self, row: &DeadLetter) -> bool {
        self.wanted.open == row.dead_letter_id
    }

    fn opened(&self, row: &DeadLetter) -> String {
        self.wanted.address("/console/dead-letters", &row.dead_letter_id)
    }

    /// Where an act leads back to.
    fn here(&self) -> String {
        self.wanted.address("/dead-letters", "")
    }
}

async fn list(visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Refusal> {
    let addresses = ("/api/dead-letters", "/console/dead-letters");
    let (rows, next) = listed::<DeadLetter>(&visitor, addresses, &wanted.filter(), &wanted.cursor).await?;
    let is_there = rows.iter().any(|row| row.dead_letter_id == wanted.open);
    let content = if is_there { content(&visitor, &wanted.open).await? } else { None };
    let overview: Overview = visitor.client.get("/api/overview").await?;
    let shell = Shell::counting(&visitor, "dead-letters", "Dead letters", overview.wanted());
    let page = DeadLettersPage { shell, all: overview.dead_letters, rows, content, next, wanted };
    Ok(page::show(&page))
}

/// What a dead letter says, for whoever may read it.
async fn content(visitor: &Visitor, id: &str) -> Result<Option<String>, Refusal> {
    let detail: DeadLetterDetail = visitor.client.get(&format!("/api/dead-letters/{}", part(id))).await?;
    Ok(detail.payload.map(|payload| format!("{payload:#}").chars().take(MOST_SHOWN).collect()))
}

#[derive(Deserialize)]
struct AnswerForm {
    /// `redrive` or `skip`.
    action: String,
    id: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    from: String,
}

#[derive(Serialize)]
struct Meant<'a> {
    ids: [&'a str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

async fn answer(
    visitor: Visitor,
    form: Result<Form<AnswerForm>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(form) = form.map_err(unreadable)?;
    let (path, said) = match form.action.as_str() {
        "skip" => ("/api/dead-letters/skip", "It is given up, and what waited behind it goes on."),
        _ => ("/api/dead-letters/redrive", "It is sent again."),
    };
    let meant = Meant { ids: [&form.id], reason: given(&form.reason) };
    let answered = visitor.client.post::<Anything>(path, &meant).await;
    let said = answered.map(|_| said.to_owned()).map_err(plainly);
    Ok(back_to(&back(&form.from, "/dead-letters"), said))
}

//! Which events did not get through?

use askama::Template;
use axum::{
    Form, Router,
    extract::{Query, rejection::FormRejection},
    response::Response,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};

use super::{given, listed, unreadable};
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    session::back_to,
    shown::{Anything, DeadLetter},
};

pub(super) fn router() -> Router<Console> {
    Router::new().route("/dead-letters", get(list)).route("/dead-letters/answer", post(answer))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wanted {
    cursor: String,
}

#[derive(Template)]
#[template(path = "dead_letters.html")]
struct DeadLettersPage {
    shell: Shell,
    rows: Vec<DeadLetter>,
    next: Option<String>,
}

async fn list(visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Refusal> {
    let addresses = ("/api/dead-letters", "/console/dead-letters");
    let (rows, next) = listed(&visitor, addresses, &[], &wanted.cursor).await?;
    let shell = Shell::of(&visitor, "dead-letters", "Dead letters").await;
    Ok(page::show(&DeadLettersPage { shell, rows, next }))
}

#[derive(Deserialize)]
struct AnswerForm {
    /// `redrive` or `skip`.
    action: String,
    id: String,
    #[serde(default)]
    reason: String,
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
    Ok(back_to("/dead-letters", answered.map(|_| said.to_owned())))
}

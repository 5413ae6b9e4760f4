//! What do I do next?

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, Query, rejection::FormRejection},
    response::Response,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};

use super::{given, next_page, part, unreadable, with_query};
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    session::back_to,
    shown::{Answer, Attention, Because, Cause, Overview},
};

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/attention", get(queue))
        .route("/attention/{id}/done", post(done))
        .route("/orders/{id}/answer", post(answer))
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Wanted {
    step: String,
    reason: String,
    cursor: String,
}

#[derive(Template)]
#[template(path = "attention.html")]
struct AttentionPage {
    shell: Shell,
    causes: Vec<Cause>,
    rows: Vec<Attention>,
    step: String,
    reason: String,
    next: Option<String>,
}

impl AttentionPage {
    fn is_of(&self, cause: &Cause) -> bool {
        self.reason == cause.reason && self.step == cause.step
    }

    /// Where only the rows of one cause are.
    fn only(&self, cause: &Cause) -> String {
        with_query("/console/attention", &[("step", &cause.step), ("reason", &cause.reason)])
    }

    fn in_bulk(&self, cause: &Cause, action: &str) -> String {
        let pairs = [("action", action), ("step", cause.step.as_str()), ("reason", cause.reason.as_str())];
        with_query("/console/bulk/new", &pairs)
    }
}

async fn queue(visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Refusal> {
    let overview: Overview = visitor.client.get("/api/overview").await?;
    let filter = [("step", wanted.step.as_str()), ("reason", wanted.reason.as_str())];
    let mut pairs = filter.to_vec();
    // What was promised first is to be dealt with first.
    pairs.extend([("sort", "PROMISE"), ("cursor", wanted.cursor.as_str())]);
    let found = visitor.client.list::<Attention>(&with_query("/api/attention", &pairs)).await?;
    let shell = Shell::counting(&visitor, "attention", "Needs attention", overview.wanted());
    let next = next_page("/console/attention", &filter, found.next.as_deref());
    let page = AttentionPage {
        shell,
        causes: overview.attention,
        rows: found.rows,
        next,
        step: wanted.step,
        reason: wanted.reason,
    };
    Ok(page::show(&page))
}

#[derive(Deserialize)]
struct AnswerForm {
    action: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    attention_id: Option<i64>,
    /// Which page it was pressed on.
    #[serde(default)]
    from: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resolve<'a> {
    action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attention_id: Option<i64>,
}

async fn answer(
    visitor: Visitor,
    Path(id): Path<String>,
    form: Result<Form<AnswerForm>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(form) = form.map_err(unreadable)?;
    let body = Resolve { action: &form.action, reason: given(&form.reason), attention_id: form.attention_id };
    let path = format!("/api/orders/{}/resolve", part(&id));
    let answered = visitor.client.post::<Answer>(&path, &body).await;
    let said = answered.map(|_| match form.action.as_str() {
        "retry" => "It is tried again.".to_owned(),
        "skip" => "It goes on without that step.".to_owned(),
        "compensate" | "refuse" => "It is being cancelled.".to_owned(),
        "approve" => "It is approved and goes on.".to_owned(),
        "release_hold" => "It is held no more.".to_owned(),
        _ => "Noted.".to_owned(),
    });
    let back =
        if form.from == "attention" { "/attention".to_owned() } else { format!("/orders/{}", part(&id)) };
    Ok(back_to(&back, said))
}

#[derive(Deserialize)]
struct DoneForm {
    #[serde(default)]
    reason: String,
}

/// Rows that are of no order.
async fn done(
    visitor: Visitor,
    Path(id): Path<i64>,
    form: Result<Form<DoneForm>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(form) = form.map_err(unreadable)?;
    let path = format!("/api/attention/{id}/resolve");
    let answered = visitor.client.post::<Answer>(&path, &Because { reason: form.reason.trim() }).await;
    Ok(back_to("/attention", answered.map(|_| "Noted.".to_owned())))
}

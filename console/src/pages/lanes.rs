//! Whom do we reach, and who waits for whom?

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, rejection::FormRejection},
    response::Response,
    routing::{get, post},
};
use serde::Deserialize;

use super::{part, unreadable};
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    session::back_to,
    shown::{Anything, Because, Lane},
};

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/lanes", get(list))
        .route("/lanes/{lane}/pause", post(pause))
        .route("/lanes/{lane}/resume", post(resume))
}

#[derive(Template)]
#[template(path = "lanes.html")]
struct LanesPage {
    shell: Shell,
    lanes: Vec<Lane>,
}

async fn list(visitor: Visitor) -> Result<Response, Refusal> {
    let lanes: Vec<Lane> = visitor.client.get("/api/lanes").await?;
    let shell = Shell::of(&visitor, "lanes", "Lanes").await;
    Ok(page::show(&LanesPage { shell, lanes }))
}

#[derive(Deserialize)]
struct LaneForm {
    #[serde(default)]
    reason: String,
}

async fn pause(
    visitor: Visitor,
    Path(lane): Path<String>,
    form: Result<Form<LaneForm>, FormRejection>,
) -> Result<Response, Refusal> {
    change(&visitor, &lane, form, "pause", "It is paused. Calls under way still end.").await
}

async fn resume(
    visitor: Visitor,
    Path(lane): Path<String>,
    form: Result<Form<LaneForm>, FormRejection>,
) -> Result<Response, Refusal> {
    change(&visitor, &lane, form, "resume", "It goes on.").await
}

async fn change(
    visitor: &Visitor,
    lane: &str,
    form: Result<Form<LaneForm>, FormRejection>,
    verb: &str,
    said: &str,
) -> Result<Response, Refusal> {
    let Form(form) = form.map_err(unreadable)?;
    let path = format!("/api/lanes/{}/{verb}", part(lane));
    let answered = visitor.client.post::<Anything>(&path, &Because { reason: form.reason.trim() }).await;
    Ok(back_to("/lanes", answered.map(|_| said.to_owned())))
}

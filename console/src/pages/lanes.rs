//! Whom do we reach, and who waits for whom?

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, Query, rejection::FormRejection},
    response::Response,
    routing::{get, post},
};
use serde::Deserialize;

use super::{part, plainly, unreadable, with_query};
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

/// Of so many lanes each is told whole.
const MOST_TOLD: usize = 20;

#[derive(Template)]
#[template(path = "lanes.html")]
struct LanesPage {
    shell: Shell,
    lanes: Vec<Lane>,
    /// `PAUSED` or `RUNS`; empty for all.
    state: String,
    open: String,
    paused: u64,
    running: u64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wanted {
    state: String,
    /// Which is to be paused or resumed.
    open: String,
}

impl LanesPage {
    /// A shop each, there may be a hundred: the forms of one are a link away.
    fn is_open(&self, lane: &Lane) -> bool {
        self.open == lane.lane
    }

    /// Whether all that is known of it is told: of many lanes only of the one that is open.
    fn is_told(&self, lane: &Lane) -> bool {
        self.lanes.len() <= MOST_TOLD || self.is_open(lane)
    }

    fn opened(&self, lane: &Lane) -> String {
        with_query("/console/lanes", &[("state", self.state.as_str()), ("open", &lane.lane)])
    }
}

async fn list(visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Refusal> {
    let mut lanes: Vec<Lane> = visitor.client.get("/api/lanes").await?;
    let (paused, running) = lanes.iter().fold((0, 0), |(paused, running), lane| {
        if lane.is_paused() { (paused + 1, running) } else { (paused, running + 1) }
    });
    match wanted.state.as_str() {
        "PAUSED" => lanes.retain(Lane::is_paused),
        "RUNS" => lanes.retain(|lane| !lane.is_paused()),
        _ => {}
    }
    let shell = Shell::of(&visitor, "lanes", "Lanes").await;
    let Wanted { state, open } = wanted;
    Ok(page::show(&LanesPage { shell, lanes, state, open, paused, running }))
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
    Ok(back_to("/lanes", answered.map(|_| said.to_owned()).map_err(plainly)))
}

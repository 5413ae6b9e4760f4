//! What arrived, and what of it had no effect?

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query},
    response::Response,
    routing::{get, post},
};
use serde::Deserialize;

use super::listed;
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    session::back_to,
    shown::{Answer, Message},
};

pub(super) fn router() -> Router<Console> {
    Router::new().route("/inbox", get(list)).route("/inbox/{id}/replay", post(replay))
}

const STATES: [&str; 6] = ["RECEIVED", "WAITING", "DONE", "SKIPPED", "STORED", "UNREADABLE"];

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wanted {
    state: String,
    cursor: String,
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    shell: Shell,
    state: String,
    rows: Vec<Message>,
    next: Option<String>,
}

async fn list(visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Refusal> {
    let filter = [("state", wanted.state.as_str())];
    let (rows, next) = listed(&visitor, ("/api/inbox", "/console/inbox"), &filter, &wanted.cursor).await?;
    let shell = Shell::of(&visitor, "inbox", "Inbox").await;
    Ok(page::show(&InboxPage { shell, rows, next, state: wanted.state }))
}

async fn replay(visitor: Visitor, Path(id): Path<i64>) -> Result<Response, Refusal> {
    let answered = visitor.client.post::<Answer>(&format!("/api/inbox/{id}/replay"), &()).await;
    Ok(back_to("/inbox?state=UNREADABLE", answered.map(|_| "It is looked at again.".to_owned())))
}

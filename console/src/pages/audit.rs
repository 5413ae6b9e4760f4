//! Who did what?

use askama::Template;
use axum::{Router, extract::Query, response::Response, routing::get};
use serde::Deserialize;

use super::listed;
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    shown::Act,
};

pub(super) fn router() -> Router<Console> {
    Router::new().route("/audit", get(list))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wanted {
    actor: String,
    target: String,
    cursor: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    actor: String,
    target: String,
    rows: Vec<Act>,
    next: Option<String>,
}

async fn list(visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Refusal> {
    let filter = [("actor", wanted.actor.trim()), ("target", wanted.target.trim())];
    let (rows, next) = listed(&visitor, ("/api/audit", "/console/audit"), &filter, &wanted.cursor).await?;
    let shell = Shell::of(&visitor, "audit", "Audit").await;
    Ok(page::show(&AuditPage { shell, rows, next, actor: wanted.actor, target: wanted.target }))
}

//! Who did what?

use askama::Template;
use axum::{Router, extract::Query, response::Response, routing::get};
use serde::Deserialize;

use super::{next_page, with_query};
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
    let mut pairs = filter.to_vec();
    pairs.push(("cursor", &wanted.cursor));
    let found = visitor.client.list::<Act>(&with_query("/api/audit", &pairs)).await?;
    let shell = Shell::of(&visitor, "audit", "Audit").await;
    let next = next_page("/console/audit", &filter, found.next.as_deref());
    Ok(page::show(&AuditPage { shell, rows: found.rows, next, actor: wanted.actor, target: wanted.target }))
}

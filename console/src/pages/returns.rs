//! What comes back?

use askama::Template;
use axum::{Router, extract::Query, response::Response, routing::get};
use serde::Deserialize;

use super::listed;
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    shown::Return,
};

pub(super) fn router() -> Router<Console> {
    Router::new().route("/returns", get(list))
}

const STATES: [&str; 4] = ["ANNOUNCED", "PARTLY_RECEIVED", "RECEIVED", "CANCELLED"];

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Wanted {
    state: String,
    order_id: String,
    cursor: String,
}

#[derive(Template)]
#[template(path = "returns.html")]
struct ReturnsPage {
    shell: Shell,
    wanted: Wanted,
    rows: Vec<Return>,
    next: Option<String>,
}

async fn list(visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Refusal> {
    let filter = [("state", wanted.state.as_str()), ("orderId", wanted.order_id.trim())];
    let (rows, next) =
        listed(&visitor, ("/api/returns", "/console/returns"), &filter, &wanted.cursor).await?;
    let shell = Shell::of(&visitor, "returns", "Returns").await;
    Ok(page::show(&ReturnsPage { shell, rows, next, wanted }))
}

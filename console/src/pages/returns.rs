//! What comes back?

use askama::Template;
use axum::{Router, extract::Query, response::Response, routing::get};
use serde::Deserialize;

use super::listed;
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    shown::{Awaited, Overview, Return},
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
    awaited: Awaited,
    rows: Vec<Return>,
    next: Option<String>,
}

async fn list(visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Refusal> {
    let filter = [("state", wanted.state.as_str()), ("orderId", wanted.order_id.trim())];
    let (rows, next) =
        listed(&visitor, ("/api/returns", "/console/returns"), &filter, &wanted.cursor).await?;
    let overview: Overview = visitor.client.get("/api/overview").await?;
    let shell = Shell::counting(&visitor, "returns", "Returns", overview.wanted());
    Ok(page::show(&ReturnsPage { shell, awaited: overview.returns, rows, next, wanted }))
}

//! What arrived, and what of it had no effect?

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, Query, rejection::FormRejection},
    response::Response,
    routing::{get, post},
};
use serde::Deserialize;

use super::{back, listed, plainly, unreadable, with_query};
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    session::back_to,
    shown::{Answer, InboxLag, Message, Overview},
};

pub(super) fn router() -> Router<Console> {
    Router::new().route("/inbox", get(list)).route("/inbox/{id}/replay", post(replay))
}

const STATES: [&str; 6] = ["RECEIVED", "WAITING", "DONE", "SKIPPED", "STORED", "UNREADABLE"];
const SOURCES: [&str; 4] = ["shopify", "warehouse", "api", "inventory"];

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Wanted {
    state: String,
    source: String,
    order_id: String,
    cursor: String,
}

impl Wanted {
    fn filter(&self) -> [(&'static str, &str); 3] {
        [("state", &self.state), ("source", &self.source), ("orderId", self.order_id.trim())]
    }
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    shell: Shell,
    wanted: Wanted,
    counts: InboxLag,
    rows: Vec<Message>,
    next: Option<String>,
}

impl InboxPage {
    /// Where an act leads back to.
    fn here(&self) -> String {
        let mut pairs = self.wanted.filter().to_vec();
        pairs.push(("cursor", &self.wanted.cursor));
        with_query("/inbox", &pairs)
    }
}

async fn list(visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Refusal> {
    let addresses = ("/api/inbox", "/console/inbox");
    let (rows, next) = listed(&visitor, addresses, &wanted.filter(), &wanted.cursor).await?;
    let overview: Overview = visitor.client.get("/api/overview").await?;
    let shell = Shell::counting(&visitor, "inbox", "Inbox", overview.wanted());
    Ok(page::show(&InboxPage { shell, counts: overview.inbox, rows, next, wanted }))
}

#[derive(Deserialize)]
struct ReplayForm {
    #[serde(default)]
    from: String,
}

async fn replay(
    visitor: Visitor,
    Path(id): Path<i64>,
    form: Result<Form<ReplayForm>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(form) = form.map_err(unreadable)?;
    let answered = visitor.client.post::<Answer>(&format!("/api/inbox/{id}/replay"), &()).await;
    let said = answered.map(|_| "It is looked at again.".to_owned()).map_err(plainly);
    Ok(back_to(&back(&form.from, "/inbox?state=UNREADABLE"), said))
}

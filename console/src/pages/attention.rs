//! What do I do next?

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, Query, rejection::FormRejection},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};

use super::{
    back, given, next_page,
    order::difference::{self, Difference},
    part, plainly, unreadable, with_query,
};
use crate::{
    Console,
    client::{Refusal, Visitor},
    moments,
    page::{self, Shell},
    session::back_to,
    shown::{Answer, Attention, Because, Cause, CauseOfShop, Happened, OrderDetail, Overview},
    words,
};

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/attention", get(queue))
        .route("/attention/{id}/done", post(done))
        .route("/orders/{id}/answer", post(answer))
}

/// Rows of the queue: a page has the causes as well.
const ROWS: &str = "18";

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Wanted {
    step: String,
    reason: String,
    shop: String,
    cursor: String,
    /// Which row is to be answered; by default the first.
    open: Option<i64>,
}

impl Wanted {
    fn filter(&self) -> [(&'static str, &str); 3] {
        [("step", &self.step), ("reason", &self.reason), ("shop", &self.shop)]
    }

    /// This page, without what is open on it.
    fn here(&self) -> Vec<(&'static str, &str)> {
        self.filter().into_iter().chain([("cursor", self.cursor.as_str())]).collect()
    }
}

#[derive(Template)]
#[template(path = "attention.html")]
struct AttentionPage {
    shell: Shell,
    causes: Vec<Cause>,
    rows: Vec<Attention>,
    wanted: Wanted,
    next: Option<String>,
    /// The order of the row whose forms are there; none where it is of none, or is gone.
    order: Option<OrderDetail>,
}

impl AttentionPage {
    /// The difference that an answer to the row with its forms makes.
    fn if_answered(&self, action: &str, row: &Attention) -> Vec<Difference> {
        self.order.as_ref().map_or_else(Vec::new, |order| difference::of_answer(action, row, order))
    }

    fn is_of(&self, cause: &Cause) -> bool {
        self.wanted.reason == cause.reason && self.wanted.step == cause.step
    }

    /// Where only the rows of one cause are, or those of one shop's orders among them.
    fn only(&self, cause: &Cause, shop: &str) -> String {
        let pairs = [("step", cause.step.as_str()), ("reason", cause.reason.as_str()), ("shop", shop)];
        with_query("/console/attention", &pairs)
    }

    /// The shops of a cause that has more than one; orders of our own interface are of none.
    fn shops<'a>(&self, cause: &'a Cause) -> &'a [CauseOfShop] {
        if cause.shops.len() > 1 { &cause.shops } else { &[] }
    }

    /// How many of them are named: more where the cause is chosen.
    fn named(&self, cause: &Cause) -> usize {
        if self.is_of(cause) { 40 } else { 3 }
    }

    /// Rows of a cause as far as they are shown, which are answered at once.
    fn meant(&self, cause: &Cause) -> u64 {
        if self.wanted.shop.is_empty() || !self.is_of(cause) {
            return cause.rows;
        }
        let of_it = cause.shops.iter().filter(|of_shop| of_shop.shop == self.wanted.shop);
        of_it.map(|of_shop| of_shop.rows).sum()
    }

    fn in_bulk(&self, cause: &Cause, action: &str) -> String {
        let shop = if self.is_of(cause) { self.wanted.shop.as_str() } else { "" };
        let pairs = [("action", action), ("step", &cause.step), ("reason", &cause.reason), ("shop", shop)];
        with_query("/console/bulk/new", &pairs)
    }

    /// Forms of fifty rows would be a page of 200 kB: one row has its forms, the others the way to them.
    fn is_open(&self, row: &Attention) -> bool {
        match self.wanted.open.filter(|open| self.rows.iter().any(|row| row.attention_id == *open)) {
            Some(open) => row.attention_id == open,
            None => self.rows.first().is_some_and(|first| first.attention_id == row.attention_id),
        }
    }

    /// This page with the forms of a row.
    fn opened(&self, row: &Attention) -> String {
        let id = row.attention_id.to_string();
        let mut pairs = self.wanted.here();
        pairs.push(("open", &id));
        format!("{}#row-{id}", with_query("/console/attention", &pairs))
    }

    /// Where an answer leads back to.
    fn here(&self) -> String {
        with_query("/attention", &self.wanted.here())
    }
}

async fn queue(visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Refusal> {
    let overview: Overview = visitor.client.get("/api/overview").await?;
    let filter = wanted.filter();
    let mut asked = filter.to_vec();
    // What was promised first is to be dealt with first.
    asked.extend([("sort", "PROMISE"), ("cursor", &wanted.cursor), ("limit", ROWS)]);
    let found = visitor.client.list::<Attention>(&with_query("/api/attention", &asked)).await?;
    let next = next_page("/console/attention", &filter, found.next.as_deref());
    let shell = Shell::counting(&visitor, "attention", "Needs attention", overview.wanted());
    let (causes, rows) = (overview.attention, found.rows);
    let mut page = AttentionPage { shell, causes, rows, next, wanted, order: None };
    let open = page.rows.iter().find(|row| page.is_open(row)).and_then(|row| row.order_id.as_deref());
    if let Some(order_id) = open {
        page.order = visitor.client.get(&format!("/api/orders/{}", part(order_id))).await.ok();
    }
    Ok(page::show(&page))
}

#[derive(Deserialize)]
struct AnswerForm {
    action: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    attention_id: Option<i64>,
    /// Which page it was pressed on; the order's own unless it is said.
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
    let order = format!("/orders/{}", part(&id));
    let answered = visitor.client.post::<Answer>(&format!("/api{order}/resolve"), &body).await;
    let said = match answered {
        Ok(answer) if answer.message == "Answer requested" => {
            Ok("It is asked for, and nobody has done it yet. The order shows when it is done.".to_owned())
        }
        Ok(_) => Ok(done_so(&form.action).to_owned()),
        Err(refusal) => Err(who_was_first(&visitor, &order, form.attention_id, refusal).await),
    };
    Ok(back_to(&back(&form.from, &order), said))
}

fn done_so(action: &str) -> &'static str {
    match action {
        "retry" => "It is tried again.",
        "skip" => "It goes on without that step.",
        "compensate" | "refuse" => "It is being cancelled.",
        "approve" => "It is approved and goes on.",
        "release_hold" => "It is held no more.",
        "recall" => "The warehouse is asked to stop it.",
        _ => "Noted.",
    }
}

/// Who answered before, where somebody did; else why it was refused.
async fn who_was_first(visitor: &Visitor, order: &str, row: Option<i64>, refusal: Refusal) -> Refusal {
    if refusal.status != StatusCode::CONFLICT {
        return plainly(refusal);
    }
    let story = visitor.client.get::<Vec<Happened>>(&format!("/api{order}/story")).await;
    let first = story.ok().zip(row).and_then(|(story, row)| first_answer(&story, row));
    match first {
        Some(sentence) => Refusal { sentence, ..refusal },
        None => plainly(refusal),
    }
}

/// What was answered to a row, by whom, when and why.
fn first_answer(story: &[Happened], row: i64) -> Option<String> {
    let row = row.to_string();
    let is_of_it = |act: &&Happened| {
        act.kind == "ACT" && act.facts.iter().any(|fact| fact.name == "attentionId" && fact.value == row)
    };
    let act = story.iter().find(is_of_it)?;
    let who = act.by.as_deref().unwrap_or_else(|| words::actor(&act.actor));
    let (did, when) = (words::answered(&act.code), moments::mark(&act.at));
    let why = act.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    Some(format!("{who} {did}, {when}{why}"))
}

#[derive(Deserialize)]
struct DoneForm {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    from: String,
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
    let said = answered.map(|_| "Noted.".to_owned()).map_err(plainly);
    Ok(back_to(&back(&form.from, "/attention"), said))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_second_hears_what_the_first_did() {
        let act = |row: &str, code: &str, by: Option<&str>| {
            json!({"at": "2026-11-27T10:00:00Z", "actor": "PERSON", "kind": "ACT", "code": code, "detail": null, "by": by,
                   "reason": by.map(|_| "the street is right"), "facts": [{"name": "attentionId", "value": row}]})
        };
        let story =
            json!([act("16", "skip", Some("bob")), act("17", "retry", Some("ada")), act("18", "done", None)]);
        let story: Vec<Happened> = serde_json::from_value(story).unwrap();
        let first = first_answer(&story, 17);
        let at = moments::mark(&"2026-11-27T10:00:00Z".parse().unwrap());
        assert_eq!(first, Some(format!("ada had it tried again, {at}: the street is right")));
        assert_eq!(first_answer(&story, 18), Some(format!("A person answered it, {at}")));
        assert_eq!(first_answer(&story, 1), None);
    }
}

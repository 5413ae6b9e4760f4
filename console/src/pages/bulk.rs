//! One answer to many: what it would do, and how far it is.

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, Query, rejection::FormRejection},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{listed, part, unreadable, with_query};
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    session::back_to,
    shown::{Bulk, BulkRow, BulkTaken},
};

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/bulk", get(list).merge(post(answer)))
        .route("/bulk/new", get(try_out))
        .route("/bulk/{id}", get(report))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Meant {
    action: String,
    step: String,
    reason: String,
    shop: String,
}

#[derive(Serialize)]
struct Where<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    step: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    shop: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewBulk<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    action: &'a str,
    r#where: Where<'a>,
    reason: &'a str,
    dry_run: bool,
}

#[derive(Template)]
#[template(path = "bulk_new.html")]
struct TryOutPage {
    shell: Shell,
    meant: Meant,
    taken: BulkTaken,
    /// So that a double click is one answer.
    request_id: String,
}

/// A dry run: it names what would be answered.
async fn try_out(visitor: Visitor, Query(meant): Query<Meant>) -> Result<Response, Refusal> {
    let body = NewBulk {
        request_id: None,
        action: &meant.action,
        r#where: Where { step: &meant.step, reason: &meant.reason, shop: &meant.shop },
        reason: "a dry run",
        dry_run: true,
    };
    let taken: BulkTaken = visitor.client.post("/api/bulk-answers", &body).await?;
    let shell = Shell::of(&visitor, "attention", "Answer many at once").await;
    let request_id = format!("console-{}", Uuid::now_v7());
    Ok(page::show(&TryOutPage { shell, meant, taken, request_id }))
}

#[derive(Deserialize)]
struct AnswerForm {
    request_id: String,
    action: String,
    #[serde(default)]
    step: String,
    #[serde(default)]
    parked_for: String,
    #[serde(default)]
    shop: String,
    #[serde(default)]
    reason: String,
}

async fn answer(
    visitor: Visitor,
    form: Result<Form<AnswerForm>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(form) = form.map_err(unreadable)?;
    let body = NewBulk {
        request_id: Some(&form.request_id),
        action: &form.action,
        r#where: Where { step: &form.step, reason: &form.parked_for, shop: &form.shop },
        reason: form.reason.trim(),
        dry_run: false,
    };
    match visitor.client.post::<BulkTaken>("/api/bulk-answers", &body).await {
        Ok(taken) => {
            let id = taken.bulk_id.unwrap_or(form.request_id);
            Ok(back_to(&format!("/bulk/{}", part(&id)), Ok("They are being answered, ten a second.".into())))
        }
        // Whoever may not answer may not try it out either.
        Err(refusal) if refusal.status == StatusCode::FORBIDDEN => Ok(back_to("/attention", Err(refusal))),
        Err(refusal) => {
            let again =
                [("action", form.action.as_str()), ("step", &form.step), ("reason", &form.parked_for)];
            Ok(back_to(&with_query("/bulk/new", &again), Err(refusal)))
        }
    }
}

#[derive(Template)]
#[template(path = "bulk_list.html")]
struct ListPage {
    shell: Shell,
    rows: Vec<Bulk>,
}

async fn list(visitor: Visitor) -> Result<Response, Refusal> {
    let rows: Vec<Bulk> = visitor.client.get("/api/bulk-answers").await?;
    let shell = Shell::of(&visitor, "attention", "Answers to many").await;
    Ok(page::show(&ListPage { shell, rows }))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PageOf {
    cursor: String,
}

#[derive(Template)]
#[template(path = "bulk.html")]
struct ReportPage {
    shell: Shell,
    bulk: Bulk,
    rows: Vec<BulkRow>,
    next: Option<String>,
}

async fn report(
    visitor: Visitor,
    Path(id): Path<String>,
    Query(page_of): Query<PageOf>,
) -> Result<Response, Refusal> {
    let path = format!("/api/bulk-answers/{}", part(&id));
    let bulk: Bulk = visitor.client.get(&path).await?;
    let (api, page) = (format!("{path}/rows"), format!("/console/bulk/{}", part(&id)));
    let (rows, next) = listed(&visitor, (&api, &page), &[], &page_of.cursor).await?;
    let shell = Shell::of(&visitor, "attention", "One answer to many").await;
    Ok(page::show(&ReportPage { shell, bulk, rows, next }))
}

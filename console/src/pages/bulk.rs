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

use super::{listed, part, plainly, unreadable, with_query};
use crate::{
    Console,
    client::{Refusal, Visitor},
    page::{self, Shell},
    session::back_to,
    shown::{Because, Bulk, BulkRow, BulkTaken},
    words,
};

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/bulk", get(list).merge(post(answer)))
        .route("/bulk/new", get(try_out))
        .route("/bulk/{id}", get(report))
        .route("/bulk/{id}/stop", post(stop))
}

/// How many of the newest answers to many are listed.
const NEWEST: usize = 50;

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
    /// What the dry run named, beyond which nothing is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    up_to: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<u64>,
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
        up_to: None,
        expected: None,
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
    #[serde(default)]
    up_to: Option<i64>,
    #[serde(default)]
    expected: Option<u64>,
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
        up_to: form.up_to,
        expected: form.expected,
    };
    match visitor.client.post::<BulkTaken>("/api/bulk-answers", &body).await {
        Ok(taken) => {
            let said = begun(&taken, form.expected);
            let id = taken.bulk_id.unwrap_or(form.request_id);
            Ok(back_to(&format!("/bulk/{}", part(&id)), Ok(said)))
        }
        // Whoever may not answer may not try it out either.
        Err(refusal) if refusal.status == StatusCode::FORBIDDEN => {
            Ok(back_to("/attention", Err(plainly(refusal))))
        }
        Err(refusal) => {
            let again = [
                ("action", form.action.as_str()),
                ("step", &form.step),
                ("reason", &form.parked_for),
                ("shop", &form.shop),
            ];
            Ok(back_to(&with_query("/bulk/new", &again), Err(plainly(refusal))))
        }
    }
}

/// What is answered, and how that differs from what the dry run named.
fn begun(taken: &BulkTaken, expected: Option<u64>) -> String {
    let mut said = "They are being answered, ten a second.".to_owned();
    if taken.later > 0 {
        said += &format!(" {} came since you looked and stay out of it.", words::number(&taken.later));
    }
    let gone = expected.unwrap_or(taken.orders).saturating_sub(taken.orders);
    if gone > 0 {
        said += &format!(" {} no more.", words::count(&gone, "waits", "wait"));
    }
    said
}

#[derive(Template)]
#[template(path = "bulk_list.html")]
struct ListPage {
    shell: Shell,
    rows: Vec<Bulk>,
}

async fn list(visitor: Visitor) -> Result<Response, Refusal> {
    let mut rows: Vec<Bulk> = visitor.client.get("/api/bulk-answers").await?;
    rows.truncate(NEWEST);
    let shell = Shell::of(&visitor, "attention", "Answers to many").await;
    Ok(page::show(&ListPage { shell, rows }))
}

#[derive(Deserialize)]
struct StopForm {
    #[serde(default)]
    reason: String,
}

async fn stop(
    visitor: Visitor,
    Path(id): Path<String>,
    form: Result<Form<StopForm>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(form) = form.map_err(unreadable)?;
    let path = format!("/bulk-answers/{}/stop", part(&id));
    let body = Because { reason: form.reason.trim() };
    let stopped = visitor.client.post::<Bulk>(&format!("/api{path}"), &body).await;
    let said = stopped.map(|bulk| {
        let left = bulk.orders.saturating_sub(bulk.asked);
        format!("It is stopped. {} not asked.", words::count(&left, "order was", "orders were"))
    });
    Ok(back_to(&format!("/bulk/{}", part(&id)), said.map_err(plainly)))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_came_since_and_what_is_gone_is_said() {
        let taken = |orders: u64, later: u64| -> BulkTaken {
            let body = json!({"bulkId": "monday", "orders": orders, "first": [], "upTo": 48, "later": later, "except": 0,
                              "exceptions": []});
            serde_json::from_value(body).unwrap()
        };
        let plain = "They are being answered, ten a second.";
        assert_eq!(begun(&taken(37, 0), Some(37)), plain);
        assert_eq!(begun(&taken(37, 0), None), plain);
        assert_eq!(
            begun(&taken(36, 2), Some(37)),
            format!("{plain} 2 came since you looked and stay out of it. 1 waits no more.")
        );
    }
}

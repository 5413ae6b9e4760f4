//! One answer to many parked steps.

use axum::{Json, extract::State, http::StatusCode, http::Uri};
use chrono::{DateTime, Utc};
use dispatch::Dispatcher;
use domain::{Resolution, ShopDomain};
use orders::bulk::{self, Bulk, NewBulk, Parked, RowReport, Where};
use serde::{Deserialize, Serialize};
use tracing::warn;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    extract::{JsonBody, PathPart, QueryPart},
    field,
    page::{self, Page},
    problem::Problem,
    routes::attention::code,
    state::{Api, Asked},
};

/// The most parked steps that are answered at once.
const MOST: i64 = 10_000;
/// How many of them a dry run names.
const NAMED: usize = 50;
/// How many bulk answers are listed.
const LISTED: i64 = 100;

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(answer))
        .routes(routes!(list))
        .routes(routes!(find))
        .routes(routes!(rows))
}

/// Which parked steps are answered, and how.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = BulkAnswerForm, example = json!({
    "action": "retry", "where": {"step": "hand_over", "reason": "WMS_UNREACHABLE"},
    "reason": "the warehouse is back", "dryRun": true
}))]
struct BulkForm {
    /// The caller's own id of the request: sent again, it is the same answer.
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9._-]{1,64}$", example = "outage-of-monday")]
    request_id: Option<String>,
    /// What is decided.
    #[schema(pattern = "^(retry|skip|compensate)$", example = "retry")]
    action: String,
    /// Which are meant. At least one member has to say it.
    r#where: WhereForm,
    /// Why, in the caller's words; it is kept, so name no person.
    #[schema(max_length = 255, example = "the warehouse is back")]
    reason: String,
    /// Only says which are meant.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = BulkAnswerWhere)]
struct WhereForm {
    /// Only those of this step.
    #[schema(max_length = 64, example = "hand_over")]
    step: Option<String>,
    /// Only those for this reason.
    #[schema(pattern = "^[A-Z0-9_]{1,64}$", example = "WMS_UNREACHABLE")]
    reason: Option<String>,
    /// Only those of this shop's orders; `api` for those without one.
    #[schema(max_length = 255, example = "anyx-demo.myshopify.com")]
    shop: Option<String>,
}

/// A bulk answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BulkAnswer)]
struct BulkBody {
    #[schema(example = "outage-of-monday")]
    bulk_id: String,
    #[schema(example = "retry")]
    action: String,
    by: String,
    reason: String,
    at: DateTime<Utc>,
    /// When the last of them was asked; null while some are still to be.
    finished_at: Option<DateTime<Utc>>,
    /// Parked steps that it is for.
    #[schema(minimum = 0, example = 37)]
    orders: i64,
    /// Those of them that were asked.
    #[schema(minimum = 0, example = 12)]
    asked: i64,
}

impl From<Bulk> for BulkBody {
    fn from(bulk: Bulk) -> Self {
        Self {
            bulk_id: bulk.bulk_id,
            action: bulk.action,
            by: bulk.asked_by,
            reason: bulk.reason,
            at: bulk.asked_at,
            finished_at: bulk.finished_at,
            orders: bulk.orders,
            asked: bulk.sent,
        }
    }
}

/// What a bulk answer is for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BulkAnswerTaken)]
struct TakenBody {
    /// Null of a dry run.
    #[schema(example = "outage-of-monday")]
    bulk_id: Option<String>,
    /// Parked steps that are meant and may be answered like this.
    #[schema(minimum = 0, example = 37)]
    orders: i64,
    /// The first of them.
    first: Vec<MeantBody>,
}

/// A parked step that is meant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BulkAnswerMeant)]
struct MeantBody {
    #[schema(example = 11)]
    attention_id: i64,
    #[schema(example = "ORD-20261121-CED0A867")]
    order_number: String,
    #[schema(example = "hand_over")]
    step: String,
    #[schema(example = "WMS_UNREACHABLE")]
    reason: String,
}

impl From<&Parked> for MeantBody {
    fn from(parked: &Parked) -> Self {
        Self {
            attention_id: parked.attention_id,
            order_number: parked.order_number.clone(),
            step: parked.step.clone(),
            reason: parked.reason.clone(),
        }
    }
}

/// What became of one parked step.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BulkAnswerRow)]
struct RowBody {
    #[schema(example = 11)]
    attention_id: i64,
    order_id: String,
    #[schema(example = "ORD-20261121-CED0A867")]
    order_number: Option<String>,
    /// `WAITS` to be asked, `ASKED`, `ANSWERED`, `REFUSED`, or `ANSWERED_BEFORE` by somebody else.
    #[schema(example = "ANSWERED")]
    outcome: &'static str,
    /// Why it was refused.
    refused: Option<String>,
    /// Where the order stands now.
    #[schema(example = "PROCESSING")]
    status: Option<String>,
}

impl From<RowReport> for RowBody {
    fn from(row: RowReport) -> Self {
        let outcome = match (&row.sent_at, row.state.as_deref()) {
            (None, _) => "WAITS",
            (Some(_), None) => "ANSWERED_BEFORE",
            (Some(_), Some("DONE")) => "ANSWERED",
            (Some(_), Some("SKIPPED" | "STORED" | "UNREADABLE")) => "REFUSED",
            (Some(_), Some(_)) => "ASKED",
        };
        Self {
            attention_id: row.attention_id,
            order_id: row.order_id,
            order_number: row.order_number,
            outcome,
            refused: row.refused.filter(|_| outcome == "REFUSED"),
            status: row.status,
        }
    }
}

/// Give one answer to many parked steps
///
/// Which are meant is fixed now; a dry run only says which. Then a workflow of its own, `bulk-answer/{bulkId}`, asks ten of
/// them a second. 10,000 at once at most, who has waited longest first.
#[utoipa::path(
    post, path = "/api/bulk-answers", tag = "operations", operation_id = "answerInBulk",
    request_body = BulkForm,
    responses(
        (status = 200, description = "A dry run: they would be answered", body = TakenBody),
        (status = 202, description = "They will be answered", body = TakenBody),
    )
)]
async fn answer(
    Asked { api, caller, .. }: Asked,
    JsonBody(form): JsonBody<BulkForm>,
) -> Result<(StatusCode, Json<TakenBody>), Problem> {
    let reason = field::text("reason", &form.reason)?;
    let action: Resolution = Problem::of_field("action", form.action.parse())?;
    if !matches!(action, Resolution::Retry | Resolution::Skip | Resolution::Compensate) {
        return Err(Problem::invalid("action", "one of retry, skip, compensate"));
    }
    let meant = meant(form.r#where)?;
    let bulk_id = form
        .request_id
        .map(|given| id("requestId", given))
        .transpose()?
        .unwrap_or_else(|| Uuid::now_v7().to_string());
    let new = NewBulk { bulk_id: &bulk_id, action, by: caller.name(), reason: &reason, meant: &meant };
    let mut tx = api.pool.begin().await?;
    if let Some(known) = bulk::find(&mut tx, &bulk_id).await?.filter(|_| !form.dry_run) {
        if !known.is_as(&new) {
            return Err(Problem::invalid(
                "requestId",
                "new for every bulk answer; it stands for another one",
            ));
        }
        let taken = TakenBody { bulk_id: Some(known.bulk_id), orders: known.orders, first: Vec::new() };
        return Ok((StatusCode::ACCEPTED, Json(taken)));
    }
    let rows = bulk::meant(&mut tx, &meant, action, MOST).await?;
    let first = rows.iter().take(NAMED).map(MeantBody::from).collect();
    let orders = i64::try_from(rows.len()).unwrap_or(MOST);
    if form.dry_run {
        return Ok((StatusCode::OK, Json(TakenBody { bulk_id: None, orders, first })));
    }
    bulk::keep(&mut tx, new, &rows).await?;
    tx.commit().await?;
    begin(api.dispatcher.clone(), bulk_id.clone());
    Ok((StatusCode::ACCEPTED, Json(TakenBody { bulk_id: Some(bulk_id), orders, first })))
}

/// Nobody waits for Temporal: a sweeper begins what this does not.
fn begin(dispatcher: Dispatcher, bulk_id: String) {
    tokio::spawn(async move {
        if let Err(error) = dispatcher.begin_bulk(&bulk_id).await {
            warn!(%error, "a bulk answer is begun by a sweeper");
        }
    });
}

/// List the newest bulk answers
#[utoipa::path(
    get, path = "/api/bulk-answers", tag = "operations", operation_id = "listBulkAnswers",
    responses((status = 200, description = "The newest, 100 at most", body = Vec<BulkBody>))
)]
async fn list(State(api): State<Api>) -> Result<Json<Vec<BulkBody>>, Problem> {
    let newest = bulk::newest(&mut *api.pool.acquire().await?, LISTED).await?;
    Ok(Json(newest.into_iter().map(BulkBody::from).collect()))
}

/// Show how far a bulk answer is
#[utoipa::path(
    get, path = "/api/bulk-answers/{id}", tag = "operations", operation_id = "getBulkAnswer",
    params(("id" = String, Path, description = "Its `bulkId`", pattern = "^[A-Za-z0-9._-]{1,64}$", example = "outage-of-monday")),
    responses(
        (status = 200, description = "How far it is", body = BulkBody),
        (status = 404, description = "No such bulk answer"),
    )
)]
async fn find(State(api): State<Api>, PathPart(given): PathPart<String>) -> Result<Json<BulkBody>, Problem> {
    let given = id("id", given)?;
    let known = bulk::find(&mut *api.pool.acquire().await?, &given).await?;
    Ok(Json(known.ok_or(Problem::NoSuchBulkAnswer(given))?.into()))
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RowsQuery {
    /// Entries of the page; 50 unless you say otherwise.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// Where the page begins: from the `Link` header of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// What became of each parked step of a bulk answer
#[utoipa::path(
    get, path = "/api/bulk-answers/{id}/rows", tag = "operations", operation_id = "listBulkAnswerRows",
    params(
        ("id" = String, Path, description = "Its `bulkId`", pattern = "^[A-Za-z0-9._-]{1,64}$", example = "outage-of-monday"),
        RowsQuery,
    ),
    responses(
        (status = 200, description = "A page of them", body = Vec<RowBody>,
         headers(("Link" = String, description = "The next page, where there is one: `<…>; rel=\"next\"`"))),
        (status = 404, description = "No such bulk answer"),
    )
)]
async fn rows(
    State(api): State<Api>,
    uri: Uri,
    PathPart(given): PathPart<String>,
    QueryPart(query): QueryPart<RowsQuery>,
) -> Result<Page<RowBody>, Problem> {
    let (given, limit) = (id("id", given)?, page::limit(query.limit)?);
    let after = page::after(query.cursor.as_deref())?;
    let mut conn = api.pool.acquire().await?;
    if bulk::find(&mut conn, &given).await?.is_none() {
        return Err(Problem::NoSuchBulkAnswer(given));
    }
    let rows = bulk::report(&mut conn, &given, after, limit + 1).await?;
    Ok(Page::new(rows, limit, &uri, |last| last.attention_id).map(RowBody::from))
}

fn id(field: &'static str, given: String) -> Result<String, Problem> {
    let is_of_an_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=64).contains(&given.len()) && given.bytes().all(is_of_an_id) {
        return Ok(given);
    }
    Err(Problem::invalid(field, "1 to 64 letters, digits, dots, hyphens and underscores"))
}

fn meant(form: WhereForm) -> Result<Where, Problem> {
    let shop = match form.shop.as_deref() {
        None | Some("api") => form.shop,
        Some(given) => Some(Problem::of_field("where.shop", ShopDomain::parse(given))?.to_string()),
    };
    let meant = Where {
        step: form.step.as_deref().map(|step| Problem::of_field("where.step", step.parse())).transpose()?,
        reason: form.reason.map(|reason| code("where.reason", reason)).transpose()?,
        shop,
    };
    if meant.step.is_none() && meant.reason.is_none() && meant.shop.is_none() {
        return Err(Problem::invalid("where", "at least one of step, reason and shop"));
    }
    Ok(meant)
}

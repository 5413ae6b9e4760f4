//! One answer to many parked steps.

use axum::{Json, extract::State, http::StatusCode, http::Uri};
use dispatch::Dispatcher;
use domain::{Resolution, ShopDomain};
use orders::{
    audit::{self, Act, ActKind},
    bulk::{self, NewBulk, Where},
};
use serde::Deserialize;
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
/// How many bulk answers are listed.
const LISTED: i64 = 100;
/// What many may be answered at once.
pub(super) const ANSWERS: [Resolution; 5] =
    [Resolution::Retry, Resolution::Skip, Resolution::Compensate, Resolution::Approve, Resolution::Refuse];

mod view;

use view::{BulkBody, RowBody, TakenBody};

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(answer))
        .routes(routes!(list))
        .routes(routes!(find))
        .routes(routes!(rows))
        .routes(routes!(stop))
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
    #[schema(pattern = "^(retry|skip|compensate|approve|refuse)$", example = "retry")]
    action: String,
    /// Which are meant. At least one member has to say it.
    r#where: WhereForm,
    /// Why, in the caller's words; it is kept, so name no person.
    #[schema(max_length = 255, example = "the warehouse is back")]
    reason: String,
    /// Only says which are meant.
    #[serde(default)]
    dry_run: bool,
    /// The newest row that the dry run knew, its `upTo`: what parked since is left out, and counted as `later`.
    #[schema(minimum = 1, example = 48)]
    up_to: Option<i64>,
    /// How many the dry run said. Fewer may be left by now; more are refused.
    #[schema(minimum = 0, example = 37)]
    expected: Option<i64>,
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

/// Give one answer to many parked steps
///
/// Which are meant is fixed now; a dry run only says which, and `upTo` with `expected` holds to what it said. Then a workflow of its own, `bulk-answer/{bulkId}`, asks ten of
/// them a second. 10,000 at once at most, who has waited longest first.
#[utoipa::path(
    post, path = "/api/bulk-answers", tag = "operations", operation_id = "answerInBulk",
    request_body = BulkForm,
    responses(
        (status = 200, description = "A dry run: they would be answered", body = TakenBody),
        (status = 202, description = "They will be answered", body = TakenBody),
        (status = 409, description = "More are meant than `expected`"),
    )
)]
async fn answer(
    Asked { api, caller, .. }: Asked,
    JsonBody(form): JsonBody<BulkForm>,
) -> Result<(StatusCode, Json<TakenBody>), Problem> {
    let reason = field::text("reason", &form.reason)?;
    let action: Resolution = Problem::of_field("action", form.action.parse())?;
    if !ANSWERS.contains(&action) {
        return Err(Problem::invalid("action", "one of retry, skip, compensate, approve, refuse"));
    }
    if form.up_to.is_some_and(|row| row < 1) {
        return Err(Problem::invalid("upTo", "the id of a row, from 1 on, as a dry run names it"));
    }
    if form.expected.is_some_and(|orders| orders < 0) {
        return Err(Problem::invalid("expected", "how many a dry run named, from 0 on"));
    }
    let wanted = meant(form.r#where)?;
    let bulk_id = form
        .request_id
        .map(|given| id("requestId", given))
        .transpose()?
        .unwrap_or_else(|| Uuid::now_v7().to_string());
    let new = NewBulk { bulk_id: &bulk_id, action, by: caller.name(), reason: &reason, meant: &wanted };
    let mut tx = api.pool.begin().await?;
    if let Some(known) = bulk::find(&mut tx, &bulk_id).await?.filter(|_| !form.dry_run) {
        if !known.is_as(&new) {
            return Err(Problem::invalid(
                "requestId",
                "new for every bulk answer; it stands for another one",
            ));
        }
        return Ok((StatusCode::ACCEPTED, Json(TakenBody::known(known))));
    }
    let meant = bulk::meant(&mut tx, &wanted, action, form.up_to, MOST).await?;
    if form.dry_run {
        return Ok((StatusCode::OK, Json(TakenBody::new(None, &meant))));
    }
    let taken = TakenBody::new(Some(bulk_id.clone()), &meant);
    if let Some(expected) = form.expected.filter(|expected| taken.orders > *expected) {
        let why =
            format!("expected: {expected}, and {} would be answered now; try it out again", taken.orders);
        return Err(Problem::AnswerRefused(why));
    }
    bulk::keep(&mut tx, new, &meant.rows).await?;
    tx.commit().await?;
    begin(api.dispatcher.clone(), bulk_id.clone());
    Ok((StatusCode::ACCEPTED, Json(taken)))
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
    let Some(bulk) = bulk::find(&mut conn, &given).await? else {
        return Err(Problem::NoSuchBulkAnswer(given));
    };
    let is_stopped = bulk.stopped_at.is_some();
    let rows = bulk::report(&mut conn, &given, after, limit + 1).await?;
    Ok(Page::new(rows, limit, &uri, |last| last.attention_id).map(|row| RowBody::new(row, is_stopped)))
}

/// Why a bulk answer is stopped.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = BulkAnswerStopForm, example = json!({"reason": "the wrong warehouse"}))]
struct StopForm {
    /// Why, in the caller's words; it is kept, so name no person.
    #[schema(max_length = 255, example = "the wrong warehouse")]
    reason: String,
}

/// Stop a bulk answer
///
/// What was not asked yet is not asked any more, and waits on as before. What was asked is not taken back.
#[utoipa::path(
    post, path = "/api/bulk-answers/{id}/stop", tag = "operations", operation_id = "stopBulkAnswer",
    params(("id" = String, Path, description = "Its `bulkId`", pattern = "^[A-Za-z0-9._-]{1,64}$", example = "outage-of-monday")),
    request_body = StopForm,
    responses(
        (status = 200, description = "It is stopped; also if it was before", body = BulkBody),
        (status = 404, description = "No such bulk answer"),
        (status = 409, description = "All were asked before"),
    )
)]
async fn stop(
    Asked { api, caller, .. }: Asked,
    PathPart(given): PathPart<String>,
    JsonBody(form): JsonBody<StopForm>,
) -> Result<Json<BulkBody>, Problem> {
    let (given, reason) = (id("id", given)?, field::text("reason", &form.reason)?);
    let mut tx = api.pool.begin().await?;
    let is_stopped = bulk::stop(&mut tx, &given, caller.name(), &reason).await?;
    let Some(known) = bulk::find(&mut tx, &given).await? else {
        return Err(Problem::NoSuchBulkAnswer(given));
    };
    if known.stopped_at.is_none() {
        return Err(Problem::AnswerRefused("all of them were asked before; nothing is left to stop".into()));
    }
    if is_stopped {
        let left = format!("{} of {} were asked", known.sent, known.orders);
        let act = Act {
            by: caller.acts_as(),
            kind: ActKind::BulkAnswerStopped,
            target: &given,
            order: None,
            reason: Some(&reason),
            detail: Some(&left),
        };
        audit::note(&mut tx, &act).await?;
        tx.commit().await?;
    }
    Ok(Json(known.into()))
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

//! What waits for a person, across all orders, and the answers to rows that are of no order.

use axum::{Json, extract::State, http::Uri};
use chrono::{DateTime, Utc};
use domain::{LaneName, OrderId, ParkReason, Resolution, ShopDomain, Step};
use orders::{
    attention::{self, Filter, Given, Listed},
    audit::{self, Act, ActKind},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    extract::{JsonBody, PathPart, QueryPart},
    field,
    page::{self, Moment, Page},
    problem::Problem,
    state::{Api, Asked},
};

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(count)).routes(routes!(resolve))
}

/// Which rows are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those of this step.
    #[param(example = "hand_over")]
    step: Option<String>,
    /// Only those for this reason.
    #[param(pattern = "^[A-Z0-9_]{1,64}$", example = "WMS_BAD_ADDRESS")]
    reason: Option<String>,
    /// Only those of the order with this id or order number.
    #[param(pattern = "^[A-Za-z0-9._-]{1,64}$", example = "ORD-20261121-CED0A867")]
    order_id: Option<String>,
    /// Only those of orders of this shop, by its permanent domain.
    #[param(max_length = 253, example = "anyx-demo.myshopify.com")]
    shop: Option<String>,
    /// Only those about this lane.
    #[param(pattern = "^[A-Za-z0-9._-]{1,128}$", example = "warehouse")]
    lane: Option<String>,
    /// `SINCE`: who has waited longest comes first, which is what you get unless you say otherwise. `PROMISE`: what was
    /// promised to leave first comes first, and what no promise stands for last.
    #[param(pattern = "^(SINCE|PROMISE)$", default = "SINCE")]
    sort: Option<String>,
    /// Entries of the page; 50 unless you say otherwise.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// Where the page begins: from the `Link` header of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// What comes first.
#[derive(Clone, Copy, PartialEq, Eq, strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
enum Sort {
    Since,
    Promise,
}

domain::words!(Sort, "sort");

/// A row that waits for a person.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Attention)]
struct AttentionBody {
    #[schema(example = 11)]
    attention_id: i64,
    /// The order it is about, unless it is about a message or a lane.
    order_id: Option<String>,
    #[schema(example = "ORD-20261121-CED0A867")]
    order_number: Option<String>,
    /// The shop that order came from; none for one of our own API.
    #[schema(example = "anyx-demo.myshopify.com")]
    shop: Option<String>,
    /// What the shop calls it.
    #[schema(example = "#1001")]
    name: Option<String>,
    /// Where that order stands.
    #[schema(example = "PROCESSING")]
    status: Option<String>,
    /// The message it is about, where nobody knows whose order it is of.
    inbox_id: Option<i64>,
    /// The lane it is about.
    lane: Option<String>,
    #[schema(example = "hand_over")]
    step: String,
    /// Why, as a code.
    #[schema(example = "WMS_BAD_ADDRESS")]
    reason: String,
    /// What differs, in our words.
    detail: Option<String>,
    /// What the shop or the warehouse said, in its own words; it may quote an address.
    vendor_text: Option<String>,
    since: DateTime<Utc>,
    /// By when that order was promised to leave.
    promised_at: Option<DateTime<Utc>>,
    /// What may be answered.
    #[schema(value_type = Vec<String>, example = json!(["retry", "skip", "compensate"]))]
    answers: Vec<Resolution>,
}

impl AttentionBody {
    fn of(row: Listed) -> Self {
        let step: Result<Step, _> = row.step.parse();
        let reason = ParkReason::new(row.reason.as_str());
        Self {
            // A step of a later version is answered by that version.
            answers: step.map(|step| Resolution::answers_to(step, &reason, row.has_run)).unwrap_or_default(),
            attention_id: row.attention_id,
            order_id: row.order_id,
            order_number: row.order_number,
            shop: row.shop,
            name: row.name,
            status: row.status,
            inbox_id: row.inbox_id,
            lane: row.lane,
            step: row.step,
            reason: row.reason,
            detail: row.detail,
            vendor_text: row.vendor_text,
            since: row.opened_at,
            promised_at: row.promised_at,
        }
    }
}

/// How much waits for a person.
#[derive(Serialize, ToSchema)]
#[schema(as = AttentionCount)]
struct CountBody {
    /// Open rows.
    #[schema(minimum = 0, example = 3)]
    rows: i64,
}

/// That a row was dealt with.
#[derive(Deserialize, ToSchema)]
#[schema(as = AttentionForm, example = json!({"reason": "the sender was told"}))]
struct DoneForm {
    /// What was done about it. It is kept, so name no person.
    #[schema(max_length = 255, example = "the sender was told")]
    reason: String,
}

/// A row is answered.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AnsweredBody {
    #[schema(example = "Answered")]
    message: &'static str,
    #[schema(example = 11)]
    attention_id: i64,
}

/// What waits for a person, across all orders, who has waited longest first or what was promised first
#[utoipa::path(
    get, path = "/api/attention", tag = "operations", operation_id = "listAttention", params(ListQuery),
    responses((
        status = 200, description = "A page of open rows", body = Vec<AttentionBody>,
        headers(("Link" = String, description = "The next page, where there is one: `<…>; rel=\"next\"`"))
    ))
)]
async fn list(
    State(api): State<Api>,
    uri: Uri,
    QueryPart(query): QueryPart<ListQuery>,
) -> Result<Page<AttentionBody>, Problem> {
    let limit = page::limit(query.limit)?;
    let order = query.order_id.as_deref().map(|id| Problem::of_field("orderId", OrderId::parse(id)));
    let sort = query.sort.as_deref().map(|sort| Problem::of_field("sort", sort.parse::<Sort>()));
    let sort = sort.transpose()?.unwrap_or(Sort::Since);
    let mut filter = Filter {
        step: query.step.as_deref().map(|step| Problem::of_field("step", step.parse())).transpose()?,
        reason: query.reason.map(|reason| code("reason", reason)).transpose()?,
        order: order.transpose()?.map(|order| order.to_string()),
        shop: query
            .shop
            .as_deref()
            .map(|shop| Problem::of_field("shop", ShopDomain::parse(shop)))
            .transpose()?,
        lane: query
            .lane
            .as_deref()
            .map(|lane| Problem::of_field("lane", LaneName::parse(lane)))
            .transpose()?,
        after: None,
        limit: limit + 1,
    };
    let cursor = query.cursor.as_deref();
    let page = match sort {
        Sort::Since => {
            filter.after = page::after(cursor)?;
            let mut conn = api.pool.acquire().await?;
            let rows = attention::list(&mut conn, &filter).await?;
            Page::new(rows, limit, &uri, |last| last.attention_id)
        }
        Sort::Promise => {
            let after = page::after::<(Option<Moment>, i64)>(cursor)?;
            let after = after.map(|(promised_at, row)| (promised_at.map(Into::into), row));
            let mut conn = api.pool.acquire().await?;
            let rows = attention::list_by_promise(&mut conn, &filter, after).await?;
            Page::new(rows, limit, &uri, |last| (last.promised_at.map(Moment::of), last.attention_id))
        }
    };
    Ok(page.map(AttentionBody::of))
}

/// How much waits for a person, for whoever asks often
#[utoipa::path(
    get, path = "/api/attention/count", tag = "operations", operation_id = "countAttention",
    responses((status = 200, description = "How many rows are open", body = CountBody))
)]
async fn count(State(api): State<Api>) -> Result<Json<CountBody>, Problem> {
    let mut conn = api.pool.acquire().await?;
    let open = attention::count_open(&mut conn).await?;
    Ok(Json(CountBody { rows: open.iter().map(|(_, _, rows)| rows).sum() }))
}

/// A reason as it is kept.
pub(super) fn code(field: &'static str, reason: String) -> Result<String, Problem> {
    let is_of_a_code = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=64).contains(&reason.len()) && reason.bytes().all(is_of_a_code) {
        return Ok(reason);
    }
    Err(Problem::invalid(
        field,
        "1 to 64 capital letters, digits and underscores, for example WMS_BAD_ADDRESS",
    ))
}

/// Say that a row was dealt with that is of no order
///
/// For messages of which nobody knows whose they are, and for lanes. What is of an order is answered by
/// `/api/orders/{id}/resolve`.
#[utoipa::path(
    post, path = "/api/attention/{id}/resolve", tag = "operations", operation_id = "resolveAttention",
    params(("id" = i64, Path, description = "The row's `attentionId`", minimum = 1, example = 11)),
    request_body = DoneForm,
    responses(
        (status = 200, description = "It waits no more", body = AnsweredBody),
        (status = 404, description = "No such open row"),
        (status = 409, description = "It is of an order"),
    )
)]
async fn resolve(
    Asked { api, caller, .. }: Asked,
    PathPart(attention_id): PathPart<i64>,
    JsonBody(form): JsonBody<DoneForm>,
) -> Result<Json<AnsweredBody>, Problem> {
    let reason = field::text("reason", &form.reason)?;
    let mut tx = api.pool.begin().await?;
    let row = attention::find_open(&mut tx, attention_id).await?;
    let row = row.ok_or(Problem::NoSuchAttention(attention_id))?;
    if let Some(order) = row.order_id {
        return Err(Problem::AnswerRefused(format!(
            "row {attention_id} is of order {order}: resolve it there"
        )));
    }
    let given = Given {
        resolution: Resolution::Done.as_str(),
        by: caller.name(),
        reason: Some(&reason),
        message: None,
    };
    attention::answer(&mut tx, attention_id, given).await?;
    let act = Act {
        by: caller.acts_as(),
        kind: ActKind::AttentionResolved,
        target: &attention_id.to_string(),
        order: None,
        reason: Some(&reason),
        detail: Some(&row.reason),
    };
    audit::note(&mut tx, &act).await?;
    tx.commit().await?;
    Ok(Json(AnsweredBody { message: "Answered", attention_id }))
}

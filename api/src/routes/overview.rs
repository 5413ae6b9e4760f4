//! What somebody sees at a glance, and whether anything changed since.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use domain::{Condition, OrderStatus, ParkReason, Resolution, Step};
use orders::{
    changes,
    overview::{self, Hour, InboxFigures, Oldest, Overview, Standing, Waiting},
    promises,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{bulk_answers, orders::lookup::named};
use crate::{
    extract::QueryPart,
    problem::Problem,
    state::{Api, Asked},
};

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(look)).routes(routes!(compare))
}

/// How everything stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Overview)]
struct OverviewBody {
    /// Open orders, by where they stand.
    orders: Vec<StandingBody>,
    /// What waits for a person, the most first.
    attention: Vec<WaitingBody>,
    /// How many orders that is; what is of no order apart.
    #[schema(minimum = 0, example = 36)]
    orders_waiting: i64,
    /// The last 24 hours, the one that has begun among them, oldest first; each is there.
    hours: Vec<HourBody>,
    /// The open order that came first; none if none is open.
    oldest_open: Option<OldestBody>,
    inbox: InboxBody,
    returns: ReturnsBody,
    /// Events that a person decides about.
    #[schema(example = 2)]
    dead_letters: u64,
    /// How they stand to what was promised of them.
    promised: PromisedBody,
    /// When it was looked at.
    now: DateTime<Utc>,
}

/// Open orders that stand at the same place.
#[derive(Serialize, ToSchema)]
#[schema(as = OverviewOrders)]
struct StandingBody {
    #[schema(value_type = String, example = "CONFIRMED")]
    status: OrderStatus,
    #[schema(value_type = Option<String>, example = "BACKORDERED")]
    condition: Option<Condition>,
    #[schema(minimum = 1, example = 12)]
    orders: i64,
}

/// Rows that wait for a person at the same step for the same reason.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OverviewAttention)]
struct WaitingBody {
    #[schema(example = "hand_over")]
    step: String,
    #[schema(example = "WMS_UNREACHABLE")]
    reason: String,
    #[schema(minimum = 1, example = 37)]
    rows: i64,
    oldest_since: DateTime<Utc>,
    /// What many of them may be answered at once (`POST /api/bulk-answers`); none where each is answered by itself.
    #[schema(value_type = Vec<String>, example = json!(["retry", "skip", "compensate"]))]
    answers: Vec<Resolution>,
    /// Of whose orders they are, the most first.
    shops: Vec<WaitingOfShopBody>,
}

/// How many of them are of one shop's orders.
#[derive(Serialize, ToSchema)]
#[schema(as = OverviewAttentionOfShop)]
struct WaitingOfShopBody {
    /// By its permanent domain; `api` for orders of our own API.
    #[schema(example = "anyx-demo.myshopify.com")]
    shop: String,
    #[schema(minimum = 1, example = 35)]
    rows: i64,
}

impl From<Waiting> for WaitingBody {
    fn from(waiting: Waiting) -> Self {
        let Waiting { step, reason, rows, oldest_since, has_run, shops } = waiting;
        let parsed: Option<Step> = step.parse().ok();
        let mut answers = match parsed {
            None | Some(Step::Follow) => Vec::new(),
            Some(step) => Resolution::answers_to(step, &ParkReason::new(reason.as_str()), has_run),
        };
        answers.retain(|answer| bulk_answers::ANSWERS.contains(answer));
        let shops = shops.into_iter().map(|(shop, rows)| WaitingOfShopBody { shop, rows }).collect();
        Self { step, reason, rows, oldest_since, answers, shops }
    }
}

/// What came and left within an hour.
#[derive(Serialize, ToSchema)]
#[schema(as = OverviewHour)]
struct HourBody {
    /// Its beginning.
    hour: DateTime<Utc>,
    /// Orders that reached us.
    #[schema(minimum = 0, example = 5)]
    received: i64,
    /// Orders all of which has left.
    #[schema(minimum = 0, example = 3)]
    shipped: i64,
}

/// An open order that nobody has waited longer for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OverviewOldest)]
struct OldestBody {
    #[schema(example = "0190a0b0-0000-7000-8000-000000000000")]
    order_id: String,
    #[schema(example = "ORD-20261121-6BA0A415")]
    order_number: String,
    received_at: DateTime<Utc>,
}

/// How open orders stand to what was promised of them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OverviewPromised)]
struct PromisedBody {
    /// Orders that should have left.
    #[schema(minimum = 0, example = 2)]
    late: i64,
    /// Orders that are to leave on the day that it is now at their warehouse, the late ones apart.
    #[schema(minimum = 0, example = 40)]
    due_today: i64,
}

/// How the inbox stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OverviewInbox)]
struct InboxBody {
    /// Messages that did not come to an end yet.
    #[schema(minimum = 0, example = 3)]
    waiting: i64,
    /// Messages that nobody could read.
    #[schema(minimum = 0, example = 1)]
    unreadable: i64,
    /// When the oldest of those that wait came; none if none waits.
    oldest_received_at: Option<DateTime<Utc>>,
}

/// Returns that are still to come.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OverviewReturns)]
struct ReturnsBody {
    /// Nothing of them is here.
    #[schema(minimum = 0, example = 3)]
    announced: i64,
    /// Some of them is.
    #[schema(minimum = 0, example = 1)]
    partly_received: i64,
}

impl OverviewBody {
    fn new(seen: Overview, dead_letters: u64, promised: &[promises::Standing]) -> Self {
        let standing =
            |Standing { status, condition, orders }: Standing| StandingBody { status, condition, orders };
        let hour = |Hour { hour, received, shipped }: Hour| HourBody { hour, received, shipped };
        let oldest = |Oldest { order_id, order_number, received_at }: Oldest| OldestBody {
            order_id,
            order_number,
            received_at,
        };
        let InboxFigures { waiting: inbox_waiting, unreadable, oldest_received_at } = seen.inbox;
        Self {
            orders: seen.orders.into_iter().map(standing).collect(),
            attention: seen.attention.into_iter().map(WaitingBody::from).collect(),
            orders_waiting: seen.orders_waiting,
            hours: seen.hours.into_iter().map(hour).collect(),
            oldest_open: seen.oldest_open.map(oldest),
            inbox: InboxBody { waiting: inbox_waiting, unreadable, oldest_received_at },
            returns: ReturnsBody {
                announced: seen.returns.announced,
                partly_received: seen.returns.partly_received,
            },
            dead_letters,
            promised: promised.iter().fold(PromisedBody { late: 0, due_today: 0 }, |sum, standing| {
                PromisedBody { late: sum.late + standing.late, due_today: sum.due_today + standing.due_today }
            }),
            now: seen.now,
        }
    }
}

/// Of what changes are asked for.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ChangesQuery {
    /// Only of the order with this id or order number.
    #[param(pattern = "^[A-Za-z0-9._-]{1,64}$", example = "ORD-20261121-CED0A867")]
    order_id: Option<String>,
}

/// Whether anything changed.
#[derive(Serialize, ToSchema)]
#[schema(as = Changes)]
struct ChangesBody {
    /// Another text than before once anything changed. It says no more than that.
    #[schema(example = "9d1e6c0f4b8a2d3754e1f0a9c8b7d6e5")]
    version: String,
}

/// How many orders stand where, what waits for a person, and what came and left by the hour
#[utoipa::path(
    get, path = "/api/overview", tag = "operations", operation_id = "getOverview",
    responses((status = 200, description = "How everything stands", body = OverviewBody))
)]
async fn look(State(api): State<Api>) -> Result<Json<OverviewBody>, Problem> {
    let mut conn = api.pool.acquire().await?;
    let seen = overview::look(&mut conn).await?;
    let dead_letters = outbox::count_dead(&mut conn, &outbox::Filter::default()).await?;
    let promised = promises::standing(&mut conn).await?;
    Ok(Json(OverviewBody::new(seen, dead_letters, &promised)))
}

/// Whether anything changed since it was last asked
///
/// For whoever shows orders, stock, lanes or messages and asks again and again: as long as the version is the same, there
/// is nothing new to be fetched.
#[utoipa::path(
    get, path = "/api/changes", tag = "operations", operation_id = "getChanges", params(ChangesQuery),
    responses(
        (status = 200, description = "The version", body = ChangesBody),
        (status = 404, description = "No such order"),
    )
)]
async fn compare(
    asked: Asked,
    QueryPart(query): QueryPart<ChangesQuery>,
) -> Result<Json<ChangesBody>, Problem> {
    let (mut conn, order) = match query.order_id {
        Some(id) => {
            let (conn, order) = named(&asked, id).await?;
            (conn, Some(order.order_id))
        }
        None => (asked.api.pool.acquire().await?, None),
    };
    let seen = match &order {
        Some(order) => changes::of_order(&mut conn, order).await?,
        None => changes::of_all(&mut conn).await?,
    };
    let stock = inventory::version(&mut conn, order.as_ref()).await?;
    let events = outbox::version(&mut conn, order.as_ref()).await?;
    Ok(Json(ChangesBody { version: format!("{seen}{stock}{events}") }))
}

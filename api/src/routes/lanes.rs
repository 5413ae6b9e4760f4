//! The lanes: what waits for whom, and pausing one by hand.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use domain::LaneName;
use orders::lanes::{
    self, By, PauseCause,
    health::{self, Seen},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    extract::{JsonBody, PathPart},
    field,
    problem::Problem,
    state::{Api, Asked},
    word::Word,
};

/// Pauses that are over and told of.
const MOST_PAST: i64 = 50;

type CauseName = Word<PauseCause>;

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(pause)).routes(routes!(resume))
}

/// A lane: the calls to one warehouse system, or to the shops that share it. A shop that shares one is shown by itself
/// while it is paused.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Lane)]
struct LaneBody {
    #[schema(example = "warehouse")]
    lane: String,
    /// Open orders that may need it.
    #[schema(example = 12)]
    orders: i64,
    /// Orders whose next call waits for it; 0 while it runs.
    #[schema(example = 12)]
    waiting: i64,
    /// What keeps it from being worked on; none while it runs.
    pauses: Vec<PauseBody>,
    /// Pauses that ended within the last 24 hours, newest first; of all lanes together the newest fifty.
    lately: Vec<PastPauseBody>,
    /// The latest call that was done; null if none was, or nobody remembers.
    last_done: Option<CallBody>,
    /// The latest calls that say whoever is called is down, since that one; three at most.
    failures: Vec<CallBody>,
}

impl LaneBody {
    /// One that runs, and that nobody waits for.
    fn of(name: &LaneName) -> Self {
        Self {
            lane: name.to_string(),
            orders: 0,
            waiting: 0,
            pauses: Vec::new(),
            lately: Vec::new(),
            last_done: None,
            failures: Vec::new(),
        }
    }
}

/// A pause that is over.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PastLanePause)]
struct PastPauseBody {
    #[schema(value_type = CauseName, example = "DOWN")]
    cause: &'static str,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    /// Who ended it, by name; `waybill` where a call was answered again.
    #[schema(example = "waybill")]
    resumed_by: String,
    /// Orders that waited for it when it ended; null where nobody counted.
    #[schema(minimum = 0, example = 2000)]
    waited: Option<i64>,
    /// Orders of before its end whose next call is one of this lane still.
    #[schema(minimum = 0, example = 0)]
    left: i64,
}

/// A call for an order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LaneCall)]
struct CallBody {
    order_id: String,
    at: DateTime<Utc>,
}

impl From<Seen> for CallBody {
    fn from(call: Seen) -> Self {
        Self { order_id: call.order, at: call.at }
    }
}

/// Why a lane is paused.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LanePause)]
struct PauseBody {
    #[schema(value_type = CauseName, example = "PERSON")]
    cause: &'static str,
    since: DateTime<Utc>,
    /// Who paused it, by name; `waybill` where a call was not answered or our token was refused.
    #[schema(example = "anna")]
    by: String,
    #[schema(example = "the warehouse moves its system tonight")]
    reason: String,
}

/// Why a lane is paused or resumed.
#[derive(Deserialize, ToSchema)]
#[schema(as = LaneForm, example = json!({"reason": "the warehouse moves its system tonight"}))]
struct LaneForm {
    /// It is kept with who asked.
    #[schema(max_length = 255, example = "the warehouse moves its system tonight")]
    reason: String,
}

/// The lanes, with what is paused
#[utoipa::path(
    get, path = "/api/lanes", tag = "operations", operation_id = "listLanes",
    responses((status = 200, description = "Every lane that is configured, paused or waited for", body = Vec<LaneBody>))
)]
async fn list(State(api): State<Api>) -> Result<Json<Vec<LaneBody>>, Problem> {
    let mut conn = api.pool.acquire().await?;
    let mut found: BTreeMap<String, LaneBody> = BTreeMap::new();
    for name in api.lanes.iter() {
        found.insert(name.to_string(), LaneBody::of(name));
    }
    for waited in lanes::of_open_orders(&mut conn).await? {
        let lane = found.entry(waited.name.to_string()).or_insert_with(|| LaneBody::of(&waited.name));
        lane.orders += waited.orders;
    }
    for (name, waiting) in lanes::waiting(&mut conn).await?.into_iter().filter(|(_, waiting)| *waiting > 0) {
        found.entry(name.to_string()).or_insert_with(|| LaneBody::of(&name)).waiting = waiting;
    }
    for pause in lanes::on(&mut conn).await? {
        let lane = found.entry(pause.lane.to_string()).or_insert_with(|| LaneBody::of(&pause.lane));
        lane.pauses.push(PauseBody {
            cause: pause.cause.as_str(),
            since: pause.since,
            by: pause.paused_by,
            reason: pause.reason,
        });
    }
    for past in lanes::lately(&mut conn, MOST_PAST).await? {
        if let Some(lane) = found.get_mut(past.lane.as_str()) {
            lane.lately.push(PastPauseBody {
                cause: past.cause.as_str(),
                since: past.since,
                until: past.until,
                resumed_by: past.resumed_by,
                waited: past.waited,
                left: past.left,
            });
        }
    }
    for (name, failures, done) in health::latest_calls(&mut conn).await? {
        // Of a lane that is configured no more and that nobody waits for, nobody asks.
        if let Some(lane) = found.get_mut(name.as_str()) {
            lane.failures = failures.into_iter().map(CallBody::from).collect();
            lane.last_done = done.map(CallBody::from);
        }
    }
    Ok(Json(found.into_values().collect()))
}

/// Pause a lane by hand
///
/// Every worker stops taking its calls within five seconds; calls under way end. What waits keeps its place and its
/// attempts. Pausing it again changes nothing.
#[utoipa::path(
    post, path = "/api/lanes/{lane}/pause", tag = "operations", operation_id = "pauseLane",
    params(("lane" = String, Path, description = "The lane", pattern = "^[A-Za-z0-9._-]{1,128}$", example = "warehouse")),
    request_body = LaneForm,
    responses((status = 200, description = "It is paused", body = LaneBody), (status = 404, description = "No such lane"))
)]
async fn pause(
    asked: Asked,
    PathPart(lane): PathPart<String>,
    JsonBody(form): JsonBody<LaneForm>,
) -> Result<Json<LaneBody>, Problem> {
    change(asked, &lane, &form, true).await
}

/// Resume a lane, whatever paused it
///
/// Where whoever it calls is still down, or still refuses our token, the next calls pause it again.
#[utoipa::path(
    post, path = "/api/lanes/{lane}/resume", tag = "operations", operation_id = "resumeLane",
    params(("lane" = String, Path, description = "The lane", pattern = "^[A-Za-z0-9._-]{1,128}$", example = "warehouse")),
    request_body = LaneForm,
    responses((status = 200, description = "It goes on", body = LaneBody), (status = 404, description = "No such lane"))
)]
async fn resume(
    asked: Asked,
    PathPart(lane): PathPart<String>,
    JsonBody(form): JsonBody<LaneForm>,
) -> Result<Json<LaneBody>, Problem> {
    change(asked, &lane, &form, false).await
}

async fn change(
    Asked { api, caller, .. }: Asked,
    lane: &str,
    form: &LaneForm,
    is_to_pause: bool,
) -> Result<Json<LaneBody>, Problem> {
    let reason = field::text("reason", &form.reason)?;
    let name = Problem::of_field("lane", LaneName::parse(lane))?;
    let by = By { name: caller.name(), reason: &reason };
    let is_of_a_shop = api.shops.iter().any(|shop| LaneName::of_shop(&shop.domain) == name);
    let is_listed = async || {
        let listed = list(State(api.clone())).await?.0;
        Ok::<_, Problem>(listed.into_iter().any(|known| known.lane == name.as_str()))
    };
    if !is_of_a_shop && !is_listed().await? {
        return Err(Problem::NoSuchLane(name));
    }
    let mut tx = api.pool.begin().await?;
    if is_to_pause {
        lanes::pause(&mut tx, &name, PauseCause::Person, by).await?;
    } else {
        lanes::resume_whatever_paused(&mut tx, &name, by).await?;
    }
    tx.commit().await?;
    let now = list(State(api)).await?.0.into_iter().find(|known| known.lane == name.as_str());
    // A shop that shares a lane is listed while it is paused alone.
    Ok(Json(now.unwrap_or_else(|| LaneBody::of(&name))))
}

//! Dead letters: events of ours that a broker refused until they were given up, events of other systems on which nobody
//! could act, and what a person decides of them.

use std::time::Duration;

use axum::{Json, extract::State, http::Uri};
use chrono::{DateTime, Utc};
use orders::audit::{self, Act, ActKind};
use outbox::{Dead, Filter};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    caller::Caller,
    extract::{JsonBody, PathPart, QueryPart},
    field,
    page::{self, Page},
    problem::Problem,
    state::{Api, Asked},
};

/// The most that may be named at once.
const MOST_IDS: usize = 200;
/// Events are kept for less.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(find))
        .routes(routes!(redrive))
        .routes(routes!(skip))
}

/// Which dead letters are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those that this broker refused or brought.
    #[param(max_length = 255, example = "kafka")]
    sink: Option<String>,
    /// Only those of this type.
    #[param(max_length = 255, example = "ORDER_PLACED")]
    event_type: Option<String>,
    /// Only those of this order, by its id, or of this SKU.
    #[param(max_length = 255, example = "web-17")]
    key: Option<String>,
    /// Only those of which the broker said this, among other words.
    #[param(max_length = 255, example = "TOO_LARGE")]
    error: Option<String>,
    /// Only those that have been dead for so long.
    #[param(max_length = 255, example = "1h")]
    dead_for: Option<String>,
    /// Entries of the page; 50 unless you say otherwise.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// Where the page begins: from the `Link` header of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// Which dead letters are meant. At least one member has to say it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = DeadLetterForm, example = json!({"sink": "kafka", "error": "TOO_LARGE", "dryRun": true}))]
struct MeantForm {
    /// These, by their `deadLetterId`.
    #[schema(max_items = 200)]
    ids: Option<Vec<String>>,
    #[schema(max_length = 255)]
    sink: Option<String>,
    #[schema(max_length = 255)]
    event_type: Option<String>,
    #[schema(max_length = 255)]
    key: Option<String>,
    #[schema(max_length = 255)]
    error: Option<String>,
    #[schema(max_length = 255)]
    dead_for: Option<String>,
    /// Only says how many are meant.
    #[serde(default)]
    dry_run: bool,
    /// Why; it is kept, so name no person. Needed to skip.
    #[schema(max_length = 255)]
    reason: Option<String>,
}

/// An event that a broker refused until it was given up, or one of another system on which nobody could act. What comes
/// after it in its stream, or of its order, waits.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetter)]
struct DeadLetterBody {
    #[schema(example = "kafka:1017")]
    dead_letter_id: String,
    /// `OUT` for an event of ours, `IN` for one of another system.
    #[schema(value_type = String, example = "OUT")]
    direction: &'static str,
    /// Where it was going, or what brought it.
    #[schema(example = "kafka")]
    sink: String,
    #[schema(example = "0190a0b0-1111-7000-8000-000000000001")]
    event_id: String,
    #[schema(example = "ORDER_PLACED")]
    event_type: String,
    /// The order's id, or the SKU; of one that came in, as it says.
    #[schema(example = "web-17")]
    key: Option<String>,
    /// Which of its stream it is, from 1; of ours alone.
    #[schema(minimum = 1)]
    sequence: Option<i64>,
    /// When it happened, or when it came in.
    occurred_at: DateTime<Utc>,
    #[schema(minimum = 0)]
    attempts: i32,
    /// What the broker said last, or why nobody could act on it.
    #[schema(example = "TOO_LARGE: 1200000 bytes, order-events takes 1048588")]
    error: Option<String>,
    dead_since: DateTime<Utc>,
    /// Events of its stream, or of its order, that wait behind it.
    #[schema(minimum = 0)]
    waiting: i64,
    /// Who had it tried again before.
    redriven_by: Option<String>,
}

/// A dead letter with what it says.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetterDetail)]
struct DeadLetterDetailBody {
    #[serde(flatten)]
    letter: DeadLetterBody,
    /// Of ours: no personal data. Of another system's: the message as it came, for the role `admin` alone; a text
    /// where it is no JSON.
    payload: Option<Value>,
}

/// What was done.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLettersDone)]
struct DoneBody {
    #[schema(example = "Tried again")]
    message: &'static str,
    /// How many it was, or would have been.
    #[schema(minimum = 0, example = 3)]
    count: u64,
    dry_run: bool,
}

impl DoneBody {
    fn new(done: &'static str, count: u64, dry_run: bool) -> Json<Self> {
        let message = if dry_run { "Nothing was changed" } else { done };
        Json(Self { message, count, dry_run })
    }
}

impl From<Dead> for DeadLetterBody {
    fn from(dead: Dead) -> Self {
        Self {
            dead_letter_id: dead.id,
            direction: dead.direction.into(),
            sink: dead.sink,
            event_id: dead.event_id,
            event_type: dead.event_type,
            key: dead.key,
            sequence: dead.sequence,
            occurred_at: dead.occurred_at,
            attempts: dead.attempts,
            error: dead.last_error,
            dead_since: dead.dead_at,
            waiting: dead.waiting,
            redriven_by: dead.redriven_by,
        }
    }
}

/// Events that died, on their way out or in, those that died first before the others
#[utoipa::path(
    get, path = "/api/dead-letters", tag = "operations", operation_id = "listDeadLetters", params(ListQuery),
    responses((
        status = 200, description = "A page of dead letters", body = Vec<DeadLetterBody>,
        headers(("Link" = String, description = "The next page, where there is one: `<…>; rel=\"next\"`"))
    ))
)]
async fn list(
    State(api): State<Api>,
    uri: Uri,
    QueryPart(query): QueryPart<ListQuery>,
) -> Result<Page<DeadLetterBody>, Problem> {
    let limit = page::limit(query.limit)?;
    let filter = Filter {
        ids: None,
        sink: text("sink", query.sink)?,
        event_type: text("eventType", query.event_type)?,
        key: text("key", query.key)?,
        error: text("error", query.error)?,
        dead_for: query.dead_for.as_deref().map(time).transpose()?,
    };
    let after = page::after::<(DateTime<Utc>, String)>(query.cursor.as_deref())?;
    let mut conn = api.pool.acquire().await?;
    let dead = outbox::dead(&mut conn, &filter, after.as_ref(), limit + 1).await?;
    Ok(Page::new(dead, limit, &uri, |last| (last.dead_at, last.id.clone())).map(DeadLetterBody::from))
}

/// A dead letter with what it says
#[utoipa::path(
    get, path = "/api/dead-letters/{id}", tag = "operations", operation_id = "getDeadLetter",
    params(("id" = String, Path, description = "Its `deadLetterId`", max_length = 255, example = "kafka:1017")),
    responses(
        (status = 200, description = "The dead letter", body = DeadLetterDetailBody),
        (status = 404, description = "No such dead letter"),
    )
)]
async fn find(
    Asked { api, caller, .. }: Asked,
    PathPart(id): PathPart<String>,
) -> Result<Json<DeadLetterDetailBody>, Problem> {
    let filter = Filter { ids: Some(vec![field::text("id", &id)?]), ..Filter::default() };
    let mut conn = api.pool.acquire().await?;
    let dead = outbox::dead(&mut conn, &filter, None, 1).await?.pop();
    let dead = dead.ok_or(Problem::NoSuchDeadLetter(id))?;
    // Another system may say whose order it is.
    let came = dead.body.as_deref().filter(|_| caller.sees_all()).map(|body| {
        serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned().into())
    });
    Ok(Json(DeadLetterDetailBody { payload: dead.payload.clone().or(came), letter: dead.into() }))
}

/// Try dead letters again
///
/// From the beginning, and with them what waits behind them. With `dryRun` it only says how many are meant.
#[utoipa::path(
    post, path = "/api/dead-letters/redrive", tag = "operations", operation_id = "redriveDeadLetters",
    request_body = MeantForm,
    responses((status = 200, description = "They are tried again", body = DoneBody))
)]
async fn redrive(
    Asked { api, caller, .. }: Asked,
    JsonBody(form): JsonBody<MeantForm>,
) -> Result<Json<DoneBody>, Problem> {
    let (filter, dry_run, reason) = form.check()?;
    let reason = reason.map(|reason| field::text("reason", &reason)).transpose()?;
    if dry_run {
        let count = outbox::count_dead(&mut *api.pool.acquire().await?, &filter).await?;
        return Ok(DoneBody::new("Tried again", count, dry_run));
    }
    let mut tx = api.pool.begin().await?;
    let count = outbox::redrive(&mut tx, &filter, caller.name()).await?;
    note(&mut tx, &caller, ActKind::DeadLettersRedriven, &filter, count, reason.as_deref()).await?;
    tx.commit().await?;
    Ok(DoneBody::new("Tried again", count, dry_run))
}

/// Give dead letters up
///
/// They are not published, and what waits behind them goes on. Who decided so and why is kept. With `dryRun` it only
/// says how many are meant.
#[utoipa::path(
    post, path = "/api/dead-letters/skip", tag = "operations", operation_id = "skipDeadLetters",
    request_body = MeantForm,
    responses((status = 200, description = "They are given up", body = DoneBody))
)]
async fn skip(
    Asked { api, caller, .. }: Asked,
    JsonBody(form): JsonBody<MeantForm>,
) -> Result<Json<DoneBody>, Problem> {
    let (filter, dry_run, reason) = form.check()?;
    let reason = field::text("reason", &reason.unwrap_or_default())?;
    if dry_run {
        let count = outbox::count_dead(&mut *api.pool.acquire().await?, &filter).await?;
        return Ok(DoneBody::new("Given up", count, dry_run));
    }
    let mut tx = api.pool.begin().await?;
    let count = outbox::skip(&mut tx, &filter, caller.name(), &reason).await?;
    note(&mut tx, &caller, ActKind::DeadLettersSkipped, &filter, count, Some(&reason)).await?;
    tx.commit().await?;
    Ok(DoneBody::new("Given up", count, dry_run))
}

/// What a person decided of which dead letters.
async fn note(
    conn: &mut PgConnection,
    caller: &Caller,
    kind: ActKind,
    filter: &Filter,
    count: u64,
    reason: Option<&str>,
) -> Result<(), Problem> {
    let meant = [
        ("sink", filter.sink.clone()),
        ("eventType", filter.event_type.clone()),
        ("key", filter.key.clone()),
        ("error", filter.error.clone()),
        ("deadFor", filter.dead_for.map(|time| humantime::format_duration(time).to_string())),
        ("ids", filter.ids.as_ref().map(|ids| ids.join(" "))),
    ];
    let meant = meant.into_iter().filter_map(|(name, meant)| Some(format!("{name}={}", meant?)));
    let detail = format!("{count} of {}", meant.collect::<Vec<_>>().join(", "));
    let (by, target) = (caller.acts_as(), filter.sink.as_deref().unwrap_or("dead letters"));
    let act = Act { by, kind, target, order: None, reason, detail: Some(&detail) };
    Ok(audit::note(conn, &act).await?)
}

impl MeantForm {
    /// Whoever means all of them says so by a member that fits all.
    fn check(self) -> Result<(Filter, bool, Option<String>), Problem> {
        let ids = self.ids.map(|ids| {
            let fits = (1..=MOST_IDS).contains(&ids.len());
            fits.then_some(ids).ok_or_else(|| Problem::invalid("ids", "1 to 200 of them"))
        });
        let ids = ids.transpose()?;
        let ids = ids.map(|ids| ids.iter().map(|id| field::text("ids", id)).collect()).transpose()?;
        let filter = Filter {
            ids,
            sink: text("sink", self.sink)?,
            event_type: text("eventType", self.event_type)?,
            key: text("key", self.key)?,
            error: text("error", self.error)?,
            dead_for: self.dead_for.as_deref().map(time).transpose()?,
        };
        let says_which = filter.ids.is_some()
            || filter.dead_for.is_some()
            || [&filter.sink, &filter.event_type, &filter.key, &filter.error]
                .into_iter()
                .any(Option::is_some);
        if !says_which {
            return Err(Problem::invalid("ids", "say which: ids, sink, eventType, key, error or deadFor"));
        }
        Ok((filter, self.dry_run, self.reason))
    }
}

fn text(name: &str, given: Option<String>) -> Result<Option<String>, Problem> {
    given.map(|given| field::text(name, &given)).transpose()
}

fn time(text: &str) -> Result<Duration, Problem> {
    let time = humantime::parse_duration(text).ok().filter(|time| *time <= LONGEST);
    time.ok_or_else(|| Problem::invalid("deadFor", "a time of a year at most, for example 30m or 2h"))
}

//! The inbox for operators: what came in and what became of it, and taking a message up again.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, Uri},
};
use chrono::{DateTime, Utc};
use dispatch::SWEEP_AFTER;
use domain::OrderId;
use orders::{
    audit::{self, Act, ActKind},
    inbox::{self, Filter, Listed, ReplayOutcome, Source, State as MessageState},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    extract::{PathPart, QueryPart},
    page::{self, Page},
    problem::Problem,
    state::{Api, Asked},
    word::Word,
};

type StateName = Word<MessageState>;
type SourceName = Word<Source>;

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(replay))
}

/// Which messages are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those in this state.
    #[param(value_type = Option<StateName>, example = "WAITING")]
    state: Option<String>,
    /// Only those from there.
    #[param(value_type = Option<SourceName>, example = "shopify")]
    source: Option<String>,
    /// Only those about the order with this id or order number.
    #[param(pattern = "^[A-Za-z0-9._-]{1,64}$", example = "ORD-20261121-CED0A867")]
    order_id: Option<String>,
    /// Entries of the page; 50 unless you say otherwise.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// Where the page begins: from the `Link` header of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// A message, without its body, which may hold personal data.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InboxMessage)]
struct MessageBody {
    /// The inbox's own id: the newer, the larger.
    #[schema(example = 17)]
    inbox_id: i64,
    #[schema(value_type = SourceName)]
    source: &'static str,
    /// The shop it came from; empty unless the source is `shopify`.
    #[schema(example = "anyx-demo.myshopify.com")]
    shop: String,
    /// The sender's id, which a repeated delivery has as well.
    message_id: String,
    /// What it is about.
    #[schema(example = "orders/create")]
    topic: String,
    #[schema(value_type = StateName)]
    state: &'static str,
    /// Why it is in that state.
    reason: Option<String>,
    /// The order it is about, once that is known.
    order_id: Option<String>,
    received_at: DateTime<Utc>,
    /// How often it was taken up again.
    #[schema(minimum = 0)]
    attempts: i32,
    /// When it came to an end; null while it is `RECEIVED` or `WAITING`.
    settled_at: Option<DateTime<Utc>>,
}

impl From<Listed> for MessageBody {
    fn from(message: Listed) -> Self {
        Self {
            inbox_id: message.inbox_id,
            source: message.source.as_str(),
            shop: message.shop,
            message_id: message.message_id,
            topic: message.topic,
            state: message.state.as_str(),
            reason: message.reason,
            order_id: message.order_id,
            received_at: message.received_at,
            attempts: message.attempts,
            settled_at: message.settled_at,
        }
    }
}

/// A message is looked at again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReplayBody {
    #[schema(example = "Message taken up again")]
    message: &'static str,
    #[schema(example = 17)]
    inbox_id: i64,
}

/// What came in, newest first
#[utoipa::path(
    get, path = "/api/inbox", tag = "operations", operation_id = "listMessages", params(ListQuery),
    responses((
        status = 200, description = "A page of messages, without their bodies", body = Vec<MessageBody>,
        headers(("Link" = String, description = "The next page, where there is one: `<…>; rel=\"next\"`"))
    ))
)]
async fn list(
    State(api): State<Api>,
    uri: Uri,
    QueryPart(query): QueryPart<ListQuery>,
) -> Result<Page<MessageBody>, Problem> {
    let limit = page::limit(query.limit)?;
    let filter = Filter {
        state: query.state.map(|state| Problem::of_field("state", state.parse())).transpose()?,
        source: query.source.map(|source| Problem::of_field("source", source.parse())).transpose()?,
        order: query.order_id.as_deref().map(order).transpose()?,
        before: page::after(query.cursor.as_deref())?,
        limit: limit + 1,
    };
    let mut conn = api.pool.acquire().await?;
    let messages = inbox::list(&mut conn, &filter).await?;
    Ok(Page::new(messages, limit, &uri, |last| last.inbox_id).map(MessageBody::from))
}

/// Take a message up again
///
/// As if it had just come in. Not possible for what is `DONE`: it had its effect.
#[utoipa::path(
    post, path = "/api/inbox/{id}/replay", tag = "operations", operation_id = "replayMessage",
    params(("id" = i64, Path, description = "The message's `inboxId`", minimum = 1, example = 17)),
    responses(
        (status = 202, description = "It is looked at again", body = ReplayBody),
        (status = 404, description = "No such message"),
        (status = 409, description = "It had its effect"),
    )
)]
async fn replay(
    Asked { api, caller, .. }: Asked,
    PathPart(inbox_id): PathPart<i64>,
) -> Result<(StatusCode, Json<ReplayBody>), Problem> {
    let mut tx = api.pool.begin().await?;
    let message = match inbox::replay(&mut tx, inbox_id, SWEEP_AFTER).await? {
        ReplayOutcome::TakenUp(message) => message,
        ReplayOutcome::Done(order) => return Err(Problem::MessageDone { inbox_id, order }),
        ReplayOutcome::Unknown => return Err(Problem::NoSuchMessage(inbox_id)),
    };
    let act = Act {
        by: caller.acts_as(),
        kind: ActKind::MessageReplayed,
        target: &inbox_id.to_string(),
        order: None,
        reason: None,
        detail: Some(&format!("{} of {}", message.topic, message.source)),
    };
    audit::note(&mut tx, &act).await?;
    tx.commit().await?;
    api.queue.offer(message);
    Ok((StatusCode::ACCEPTED, Json(ReplayBody { message: "Message taken up again", inbox_id })))
}

/// An id or an order number; every order number is a well-formed order id too.
fn order(id: &str) -> Result<String, Problem> {
    Ok(Problem::of_field("orderId", OrderId::parse(id))?.as_str().to_owned())
}

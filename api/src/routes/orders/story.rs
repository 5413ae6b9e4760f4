//! Everything that is kept of an order, in one sequence.

use axum::{
    Json,
    http::HeaderName,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use inventory::OrderMovement;
use orders::story::{self, Doer, Happened, Kind};
use outbox::Told;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::lookup::{OrderPath, named};
use crate::{
    extract::PathPart,
    problem::Problem,
    state::{Api, Asked},
    word::Word,
};

/// The most entries that are shown; the newest are.
const MOST: u16 = 500;
/// Says that there are older ones.
const TRUNCATED: HeaderName = HeaderName::from_static("x-truncated");

type DoerName = Word<Doer>;
type KindName = Word<Kind>;

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(tell))
}

/// One thing that happened to an order.
#[derive(Serialize, ToSchema)]
#[schema(as = StoryEntry)]
struct EntryBody {
    at: DateTime<Utc>,
    #[schema(value_type = DoerName)]
    actor: &'static str,
    #[schema(value_type = KindName)]
    kind: &'static str,
    /// What, as a code: a message's topic, a timeline's event, a person's answer, why a call failed, why stock was booked,
    /// an event's type.
    #[schema(example = "orders/create")]
    code: String,
    /// More about it, in words.
    detail: Option<String>,
    /// Which of our people, by name.
    #[schema(example = "anna")]
    by: Option<String>,
    /// Why they did it.
    reason: Option<String>,
    /// What belongs to it.
    facts: Vec<FactBody>,
}

/// A name and a value.
#[derive(Serialize, ToSchema)]
#[schema(as = StoryFact)]
struct FactBody {
    #[schema(example = "inboxId")]
    name: String,
    #[schema(example = "17")]
    value: String,
}

impl From<Happened> for EntryBody {
    fn from(happened: Happened) -> Self {
        let fact = |(name, value)| FactBody { name, value };
        Self {
            at: happened.at,
            actor: happened.actor.as_str(),
            kind: happened.kind.as_str(),
            code: happened.code,
            detail: happened.detail,
            by: happened.by,
            reason: happened.reason,
            facts: happened.facts.into_iter().map(fact).collect(),
        }
    }
}

/// Tell the whole story of an order
///
/// Messages, steps, failed calls, stock, events, what people did, parcels and returns in one list, oldest first: the
/// newest 500 entries. It has no personal data. What is kept of a call that fails goes once it is done, and stock that a
/// service of its own keeps is not in it.
#[utoipa::path(
    get, path = "/api/orders/{id}/story", operation_id = "getOrderStory", tag = "orders",
    params(OrderPath),
    responses(
        (status = 200, description = "The story", body = Vec<EntryBody>,
         headers(("X-Truncated" = String, description = "`true` where there are older entries"))),
        (status = 404, description = "No such order"),
    ),
)]
async fn tell(asked: Asked, PathPart(path): PathPart<OrderPath>) -> Result<Response, Problem> {
    let (mut conn, order) = named(&asked, path.id).await?;
    // One more, which tells whether there are more.
    let most = i64::from(MOST) + 1;
    let moved = inventory::movements_of_order(&mut conn, &order.order_id, most).await?;
    let told = outbox::of_order(&mut conn, &order.order_id, most).await?;
    let besides = moved.into_iter().map(moved_in_words).chain(told.into_iter().map(told_in_words));
    let (story, is_truncated) = story::of(&mut conn, &order.order_id, besides.collect(), MOST.into()).await?;
    let body = Json(story.into_iter().map(EntryBody::from).collect::<Vec<_>>());
    Ok(if is_truncated { ([(TRUNCATED, "true")], body).into_response() } else { body.into_response() })
}

fn moved_in_words(moved: OrderMovement) -> Happened {
    let OrderMovement { movement_id, at, sku, warehouse, kind, on_hand_change, reserved_change } = moved;
    Happened {
        at,
        actor: Doer::Waybill,
        kind: Kind::Stock,
        code: kind,
        detail: Some(format!(
            "{sku} in {warehouse}: on hand {on_hand_change:+}, reserved {reserved_change:+}"
        )),
        by: None,
        reason: None,
        facts: facts([
            ("movementId", movement_id.to_string()),
            ("sku", sku),
            ("warehouse", warehouse),
            ("onHandDelta", on_hand_change.to_string()),
            ("reservedDelta", reserved_change.to_string()),
        ]),
    }
}

fn told_in_words(told: Told) -> Happened {
    Happened {
        at: told.occurred_at,
        actor: Doer::Waybill,
        kind: Kind::Event,
        code: told.event_type,
        detail: Some(told.state.clone()),
        by: None,
        reason: None,
        facts: facts([
            ("eventId", told.event_id),
            ("sequence", told.sequence.to_string()),
            ("state", told.state),
        ]),
    }
}

fn facts<const N: usize>(facts: [(&str, String); N]) -> Vec<(String, String)> {
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

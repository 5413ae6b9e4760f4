//! What was booked of an item, and who waits for it.

use std::collections::HashMap;

use axum::{extract::State, http::Uri};
use chrono::{DateTime, Utc};
use inventory::{AllocationId, Held, Movement, Queued};
use orders::record;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::item_id;
use crate::{
    extract::{PathPart, QueryPart},
    page::{self, Moment, Page},
    problem::Problem,
    state::Api,
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(waiting)).routes(routes!(holders))
}

/// Which page is wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// Entries of the page; 50 unless you say otherwise.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// Where the page begins: from the `Link` header of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// A booking. Figures are pieces.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Movement)]
struct MovementBody {
    /// The ledger's own id: the newer, the larger.
    #[schema(example = 4711)]
    movement_id: i64,
    at: DateTime<Utc>,
    #[schema(example = "main")]
    warehouse_id: String,
    /// What was booked, as a code.
    #[schema(example = "RECEIPT")]
    kind: String,
    /// Pieces that came to lie there, or went.
    #[schema(example = 24)]
    on_hand_delta: i64,
    /// Pieces that came to be held, or were given back.
    #[schema(example = 0)]
    reserved_delta: i64,
    /// Pieces that lay in that warehouse just after it.
    #[schema(example = 524)]
    on_hand: i64,
    /// Pieces of those that were held.
    #[schema(example = 24)]
    reserved: i64,
    /// The order it was for, ours or another system's.
    order_id: Option<String>,
    /// The number people use; none for another system's.
    #[schema(example = "ORD-20261121-CED0A867")]
    order_number: Option<String>,
    /// What whoever booked it gave as the reason.
    #[schema(example = "delivery note 4711")]
    reason: Option<String>,
}

impl MovementBody {
    fn new(movement: Movement, numbers: &HashMap<String, String>) -> Self {
        Self {
            order_number: movement.order_id.as_ref().and_then(|order| numbers.get(order).cloned()),
            movement_id: movement.movement_id,
            at: movement.at,
            warehouse_id: movement.warehouse,
            kind: movement.kind,
            on_hand_delta: movement.on_hand_change,
            reserved_delta: movement.reserved_change,
            on_hand: movement.on_hand,
            reserved: movement.reserved,
            order_id: movement.order_id,
            reason: movement.reference,
        }
    }
}

/// Somebody who waits.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WaitingOrder)]
struct WaitingBody {
    /// Its turn in that warehouse; 1 is served next.
    #[schema(minimum = 1, example = 1)]
    place: i64,
    /// The order, ours or another system's.
    order_id: String,
    /// The number people use; none for another system's.
    #[schema(example = "ORD-20261121-CED0A867")]
    order_number: Option<String>,
    #[schema(example = "main")]
    warehouse_id: String,
    /// Pieces it waits for.
    #[schema(minimum = 1, example = 2)]
    quantity: i64,
    since: DateTime<Utc>,
}

/// Somebody who holds pieces.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HoldingOrder)]
struct HeldBody {
    /// The order, ours or another system's.
    order_id: String,
    /// The number people use; none for another system's.
    #[schema(example = "ORD-20261121-CED0A867")]
    order_number: Option<String>,
    #[schema(example = "main")]
    warehouse_id: String,
    /// Pieces it holds that have not left.
    #[schema(minimum = 1, example = 2)]
    quantity: i64,
    since: DateTime<Utc>,
}

/// What was booked of an item, newest first
///
/// With the figures of the warehouse just after each booking.
#[utoipa::path(
    get, path = "/api/inventory/{id}/movements", tag = "inventory", operation_id = "listMovements",
    params(
        ("id" = String, Path, description = "The item's id, percent-encoded", max_length = 255, example = "TEA-EARL-GREY-100"),
        PageQuery
    ),
    responses(
        (status = 200, description = "A page of movements", body = Vec<MovementBody>,
         headers(("Link" = String, description = "The next page, where there is one: `<…>; rel=\"next\"`"))),
        (status = 404, description = "No such item"),
    )
)]
async fn list(
    State(api): State<Api>,
    uri: Uri,
    PathPart(id): PathPart<String>,
    QueryPart(query): QueryPart<PageQuery>,
) -> Result<Page<MovementBody>, Problem> {
    let sku = item_id(&id)?;
    let limit = page::limit(query.limit)?;
    let before = page::after(query.cursor.as_deref())?;
    let mut conn = api.pool.acquire().await?;
    let movements = inventory::movements(&mut conn, &sku, before, limit + 1).await?;
    if movements.is_empty() && inventory::item(&mut conn, &sku).await?.is_none() {
        return Err(Problem::NoSuchItem(sku));
    }
    let orders: Vec<&str> = movements.iter().filter_map(|movement| movement.order_id.as_deref()).collect();
    let numbers = record::numbers_of(&mut conn, &orders).await?;
    Ok(Page::new(movements, limit, &uri, |last| last.movement_id)
        .map(|movement| MovementBody::new(movement, &numbers)))
}

/// Who waits for an item, in the order in which they are served
///
/// Each warehouse has a queue of its own: whoever has place 1 there gets its next pieces.
#[utoipa::path(
    get, path = "/api/inventory/{id}/waiting", tag = "inventory", operation_id = "listWaiting",
    params(
        ("id" = String, Path, description = "The item's id, percent-encoded", max_length = 255, example = "TEA-EARL-GREY-100"),
        PageQuery
    ),
    responses(
        (status = 200, description = "A page of those who wait", body = Vec<WaitingBody>,
         headers(("Link" = String, description = "The next page, where there is one: `<…>; rel=\"next\"`"))),
        (status = 404, description = "No such item"),
    )
)]
async fn waiting(
    State(api): State<Api>,
    uri: Uri,
    PathPart(id): PathPart<String>,
    QueryPart(query): QueryPart<PageQuery>,
) -> Result<Page<WaitingBody>, Problem> {
    let sku = item_id(&id)?;
    let limit = page::limit(query.limit)?;
    let after =
        page::after::<(Moment, i64)>(query.cursor.as_deref())?.map(|(since, row)| (since.into(), row));
    let mut conn = api.pool.acquire().await?;
    let queue = inventory::queue_of(&mut conn, &sku, after, limit + 1).await?;
    if queue.is_empty() && inventory::item(&mut conn, &sku).await?.is_none() {
        return Err(Problem::NoSuchItem(sku));
    }
    let orders: Vec<&str> = queue.iter().map(|waits| waits.order_id.as_str()).collect();
    let numbers: HashMap<String, String> = record::numbers_of(&mut conn, &orders).await?;
    Ok(Page::new(queue, limit, &uri, |last| (Moment::of(last.since), last.waiting_id)).map(
        |waits: Queued| WaitingBody {
            place: waits.place,
            order_number: numbers.get(&waits.order_id).cloned(),
            order_id: waits.order_id,
            warehouse_id: waits.warehouse,
            quantity: waits.quantity,
            since: waits.since,
        },
    ))
}

/// Who holds an item, who took hold of it first at the top
///
/// Pieces that have left are held no more.
#[utoipa::path(
    get, path = "/api/inventory/{id}/holders", tag = "inventory", operation_id = "listHolders",
    params(
        ("id" = String, Path, description = "The item's id, percent-encoded", max_length = 255, example = "TEA-EARL-GREY-100"),
        PageQuery
    ),
    responses(
        (status = 200, description = "A page of those who hold", body = Vec<HeldBody>,
         headers(("Link" = String, description = "The next page, where there is one: `<…>; rel=\"next\"`"))),
        (status = 404, description = "No such item"),
    )
)]
async fn holders(
    State(api): State<Api>,
    uri: Uri,
    PathPart(id): PathPart<String>,
    QueryPart(query): QueryPart<PageQuery>,
) -> Result<Page<HeldBody>, Problem> {
    let sku = item_id(&id)?;
    let limit = page::limit(query.limit)?;
    let after: Option<AllocationId> = page::after(query.cursor.as_deref())?;
    let mut conn = api.pool.acquire().await?;
    let held = inventory::held_of(&mut conn, &sku, after.as_ref(), limit + 1).await?;
    if held.is_empty() && inventory::item(&mut conn, &sku).await?.is_none() {
        return Err(Problem::NoSuchItem(sku));
    }
    let orders: Vec<&str> = held.iter().map(|held| held.order_id.as_str()).collect();
    let numbers: HashMap<String, String> = record::numbers_of(&mut conn, &orders).await?;
    Ok(Page::new(held, limit, &uri, |last| last.allocation_id.clone()).map(|held: Held| HeldBody {
        order_number: numbers.get(&held.order_id).cloned(),
        order_id: held.order_id,
        warehouse_id: held.warehouse,
        quantity: held.quantity,
        since: held.since,
    }))
}

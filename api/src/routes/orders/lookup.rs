//! Looking at one order, by any of its names.

use axum::Json;
use domain::{OrderId, UserId};
use orders::{Order, parcel, record, timeline};
use serde::Deserialize;
use sqlx::{Postgres, pool::PoolConnection};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    for_staff::ForStaff,
    view::{OrderDetailBody, TimelineBody},
};
use crate::{
    extract::PathPart,
    problem::Problem,
    state::{Api, Asked},
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(look_at)).routes(routes!(look_back))
}

/// Which order a path names.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::routes) struct OrderPath {
    /// The order's id, its number, or the caller's own id
    #[param(max_length = 64, pattern = "^[A-Za-z0-9._-]+$", example = "ORD-20261121-6BA0A415")]
    pub(in crate::routes) id: String,
}

/// Show an order
///
/// With what happened to it and its parcels.
#[utoipa::path(
    get, path = "/api/orders/{id}", operation_id = "getOrder", tag = "orders",
    params(OrderPath),
    responses(
        (status = 200, description = "The order", body = OrderDetailBody),
        (status = 404, description = "No such order"),
    ),
)]
async fn look_at(
    asked: Asked,
    PathPart(path): PathPart<OrderPath>,
) -> Result<Json<OrderDetailBody>, Problem> {
    let (mut conn, order) = named(&asked, path.id).await?;
    let timeline = timeline::of(&mut conn, &order.order_id).await?;
    let parcels = parcel::of_order(&mut conn, &order.order_id).await?;
    let for_staff = ForStaff::of(&asked, &mut conn, &order, &timeline).await?;
    let held = asked.api.stock.line_allocations(&mut conn, &order).await?;
    Ok(Json(OrderDetailBody::new(order, &held, &asked.caller, timeline, parcels, for_staff)))
}

/// Show what happened to an order
///
/// Oldest first.
#[utoipa::path(
    get, path = "/api/orders/{id}/timeline", operation_id = "getOrderTimeline", tag = "orders",
    params(OrderPath),
    responses(
        (status = 200, description = "What happened", body = Vec<TimelineBody>),
        (status = 404, description = "No such order"),
    ),
)]
async fn look_back(
    asked: Asked,
    PathPart(path): PathPart<OrderPath>,
) -> Result<Json<Vec<TimelineBody>>, Problem> {
    let (mut conn, order) = named(&asked, path.id).await?;
    let entries = timeline::of(&mut conn, &order.order_id).await?;
    Ok(Json(entries.into_iter().map(TimelineBody::from).collect()))
}

/// The order with this id or number, and the connection it was found with. For a customer its own id of it comes
/// first, and the orders of others are not there.
pub(in crate::routes) async fn named(
    Asked { api, caller, .. }: &Asked,
    id: String,
) -> Result<(PoolConnection<Postgres>, Order), Problem> {
    let order_id = Problem::of_field("orderId", OrderId::parse(&id))?;
    let mut conn = api.pool.acquire().await?;
    if let Some(subject) = caller.confined_to()
        && let Ok(user) = UserId::parse(subject)
        && let Some(order) = record::find_by_client_id(&mut conn, &user, &order_id).await?
    {
        return Ok((conn, order));
    }
    let order = record::find_by_id_or_number(&mut conn, &order_id).await?;
    order
        .filter(|order| caller.confined_to().is_none_or(|subject| order.is_of(subject)))
        .map(|order| (conn, order))
        .ok_or(Problem::NoSuchOrder(id))
}

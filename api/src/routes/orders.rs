//! Orders: placing one, finding some, looking at one, retrying one that is stuck.

use axum::{
    Json,
    extract::{Extension, State},
    http::StatusCode,
    routing::{get, post},
};
use domain::{OrderId, OrderNumber, ShopDomain};
use orders::{
    Order,
    record::{self, Filter},
    shipment, timeline,
};
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, pool::PoolConnection};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    caller::Caller,
    correlation::CorrelationId,
    extract::{JsonBody, PathPart, QueryPart},
    problem::Problem,
    server::Api,
};

mod commands;
mod form;
mod placing;
mod retry;
mod view;

use form::OrderForm;
use view::{OrderBody, OrderDetailBody};

/// Orders of a page, unless the caller says otherwise, and at most.
const USUAL_PAGE: i64 = 50;
const MOST_OF_A_PAGE: i64 = 200;

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .route("/api/orders", get(list).post(place))
        .route("/api/orders/{id}", get(look_at))
        .route("/api/orders/{id}/retry", post(retry))
        .merge(commands::router())
}

/// A filter this version does not know is refused: ignoring it would show the wrong orders.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListQuery {
    shop: Option<String>,
    shopify_order_id: Option<i64>,
    limit: Option<i64>,
}

#[derive(Serialize)]
struct PlacedBody {
    message: &'static str,
    #[serde(flatten)]
    order: OrderBody,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RetryBody {
    message: &'static str,
    order_id: OrderId,
}

async fn list(
    State(api): State<Api>,
    QueryPart(query): QueryPart<ListQuery>,
) -> Result<Json<Vec<OrderBody>>, Problem> {
    let limit = query.limit.unwrap_or(USUAL_PAGE);
    if !(1..=MOST_OF_A_PAGE).contains(&limit) {
        return Err(Problem::invalid("limit", "a whole number from 1 to 200"));
    }
    let shop = query.shop.map(|shop| Problem::of_field("shop", ShopDomain::parse(&shop))).transpose()?;
    let filter = Filter { shop, shopify_order_id: query.shopify_order_id, limit };
    let mut conn = api.pool.acquire().await?;
    let orders = record::list(&mut conn, &filter).await?;
    Ok(Json(orders.into_iter().map(OrderBody::from).collect()))
}

async fn look_at(
    State(api): State<Api>,
    caller: Caller,
    PathPart(id): PathPart<String>,
) -> Result<Json<OrderDetailBody>, Problem> {
    let (mut conn, order) = named(&api, &caller, id).await?;
    let timeline = timeline::of(&mut conn, &order.order_id).await?;
    let shipments = shipment::of_order(&mut conn, &order.order_id).await?;
    Ok(Json(OrderDetailBody::new(order, timeline, shipments)))
}

async fn place(
    State(api): State<Api>,
    Extension(correlation_id): Extension<CorrelationId>,
    JsonBody(form): JsonBody<OrderForm>,
) -> Result<(StatusCode, Json<PlacedBody>), Problem> {
    let wanted = form.check()?;
    let (order, message) = placing::place(&api.pool, &wanted, &correlation_id).await?;
    if let Some(message) = message {
        api.queue.offer(message);
    }
    let body = PlacedBody { message: "Order placed successfully", order: order.into() };
    Ok((StatusCode::CREATED, Json(body)))
}

/// Leaves the wish in the inbox; the run, or a new one where it is gone, does the stuck step again.
async fn retry(
    State(api): State<Api>,
    caller: Caller,
    PathPart(id): PathPart<String>,
) -> Result<(StatusCode, Json<RetryBody>), Problem> {
    let (mut conn, Order { order_id, .. }) = named(&api, &caller, id).await?;
    if let Some(message) = retry::leave_message(&mut conn, &order_id).await? {
        api.queue.offer(message);
    }
    Ok((StatusCode::ACCEPTED, Json(RetryBody { message: "Retry requested", order_id })))
}

/// The order with this id or number, and the connection it was found with.
async fn named(api: &Api, _caller: &Caller, id: String) -> Result<(PoolConnection<Postgres>, Order), Problem> {
    let order_id = Problem::of_field("orderId", OrderId::parse(&id))?;
    let mut conn = api.pool.acquire().await?;
    let mut order = record::find(&mut conn, &order_id).await?;
    // Every order number is a well-formed order id too.
    if order.is_none()
        && let Ok(number) = OrderNumber::parse(&id)
    {
        order = record::find_by_number(&mut conn, &number).await?;
    }
    order.map(|order| (conn, order)).ok_or(Problem::NoSuchOrder(id))
}

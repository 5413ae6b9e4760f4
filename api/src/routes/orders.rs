//! Orders: placing one, finding some, looking at one.

use axum::{
    Json,
    extract::{Extension, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{OrderId, UserId};
use orders::{Order, idempotency::KeptAnswer, parcel, record, timeline};
use serde_json::value::RawValue;
use sqlx::{Postgres, pool::PoolConnection};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    caller::Caller,
    correlation::CorrelationId,
    extract::{JsonBody, PathPart},
    problem::{Problem, ProblemBody},
    server::Api,
};

mod commands;
mod content;
mod create;
mod form;
pub(super) mod idempotency_key;
mod listing;
mod remote_stock;
mod stock;
mod view;

use form::PlaceForm;
use view::{OrderDetailBody, PlacedBody, TimelineBody};

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(place))
        .routes(routes!(look_at))
        .routes(routes!(look_back))
        .merge(listing::router())
        .merge(commands::router())
}

/// Place an order
///
/// Order, lines and stock are one: whole or nothing. It is safe to repeat under the caller's own `orderId`
/// (for a customer one among its own orders, whatever others call theirs), and with an `Idempotency-Key`, which is kept for 24 hours: the same key with the same body hears the very
/// same answer. Customers place for themselves and do not choose prices.
#[utoipa::path(
    post, path = "/api/orders", operation_id = "placeOrder", tag = "orders",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]+$",
            description = "1 to 255 printable ASCII characters, new for every order",
            example = "6f1f6c1e-4c3a-4a52-9d0a-8f0a2f9f2a11")),
    request_body(content = PlaceForm, examples(
        ("flat" = (summary = "With name and e-mail address", value = json!({
            "customer_name": "Yash Vyas", "customer_email": "yash@example.com",
            "items": [{"product_id": "item1", "product_name": "Laptop 15 Pro", "quantity": 2, "price": "999.99"}]
        }))),
        ("wrapped" = (summary = "Of a registered user, held for ten minutes", value = json!({
            "order": {"orderId": "order-1", "userId": "user11", "hold": "10m",
                      "items": [{"itemId": "item1", "quantity": 3}]}
        }))),
    )),
    responses(
        (status = 201, description = "It is placed and has its stock", body = PlacedBody),
        (status = 200, description = "The same order was placed before, under the caller's own id",
         body = PlacedBody),
        (status = 409, description = "The id is taken by another order, or the key came with another body",
         body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
async fn place(
    State(api): State<Api>,
    caller: Caller,
    Extension(correlation_id): Extension<CorrelationId>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Box<RawValue>>,
) -> Result<Response, Problem> {
    let key = idempotency_key::of(&headers)?;
    let form = PlaceForm::read(&body, &caller, api.customers)?.into_order();
    let request = create::Request {
        form: &form,
        caller: &caller,
        key: key.as_deref(),
        hold_window: api.hold_window,
        correlation_id: &correlation_id,
    };
    let (KeptAnswer { status, body }, message) = create::place(&api, &request).await?;
    if let Some(message) = message {
        api.queue.offer(message);
    }
    let status = StatusCode::from_u16(status).map_err(|error| Problem::Internal(error.into()))?;
    Ok((status, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Show an order
///
/// With what happened to it and its parcels.
#[utoipa::path(
    get, path = "/api/orders/{id}", operation_id = "getOrder", tag = "orders",
    params(("id" = String, Path, description = "The order's id, its number, or the caller's own id",
            max_length = 64, pattern = "^[A-Za-z0-9._-]+$", example = "ORD-20261121-6BA0A415")),
    responses(
        (status = 200, description = "The order", body = OrderDetailBody),
        (status = 404, description = "No such order", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
async fn look_at(
    State(api): State<Api>,
    caller: Caller,
    PathPart(id): PathPart<String>,
) -> Result<Json<OrderDetailBody>, Problem> {
    let (mut conn, order) = named(&api, &caller, id).await?;
    let timeline = timeline::of(&mut conn, &order.order_id).await?;
    let parcels = parcel::of_order(&mut conn, &order.order_id).await?;
    Ok(Json(OrderDetailBody::new(order, &caller, timeline, parcels)))
}

/// Show what happened to an order
///
/// Oldest first.
#[utoipa::path(
    get, path = "/api/orders/{id}/timeline", operation_id = "getOrderTimeline", tag = "orders",
    params(("id" = String, Path, description = "The order's id, its number, or the caller's own id",
            max_length = 64, pattern = "^[A-Za-z0-9._-]+$", example = "ORD-20261121-6BA0A415")),
    responses(
        (status = 200, description = "What happened", body = Vec<TimelineBody>),
        (status = 404, description = "No such order", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
async fn look_back(
    State(api): State<Api>,
    caller: Caller,
    PathPart(id): PathPart<String>,
) -> Result<Json<Vec<TimelineBody>>, Problem> {
    let (mut conn, order) = named(&api, &caller, id).await?;
    let entries = timeline::of(&mut conn, &order.order_id).await?;
    Ok(Json(entries.into_iter().map(TimelineBody::from).collect()))
}

/// The order with this id or number, and the connection it was found with. For a customer its own id of it comes
/// first, and the orders of others are not there.
pub(super) async fn named(
    api: &Api,
    caller: &Caller,
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

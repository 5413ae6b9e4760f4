//! Orders: placing one, and what else is done with them.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use domain::OrderId;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    caller::Caller,
    extract::{JsonBody, PathPart},
    idempotency,
    problem::Problem,
    state::{Api, Asked},
};

mod commands;
mod content;
mod create;
mod form;
mod listing;
pub(super) mod lookup;
mod remote_stock;
mod request;
mod retry;
mod stock;
mod view;

use form::PlaceForm;
use lookup::named;
use request::Request;
use view::PlacedBody;

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(place))
        .merge(lookup::router())
        .routes(routes!(retry))
        .merge(listing::router())
        .merge(commands::router())
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RetryAnswer)]
struct RetryBody {
    #[schema(example = "Retry requested")]
    message: &'static str,
    #[schema(value_type = String, example = "0190a0b0-0000-7000-8000-000000000000")]
    order_id: OrderId,
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
        (status = 409, description = "The id is taken by another order, or the key came with another body"),
    ),
)]
async fn place(
    asked: Asked,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Box<RawValue>>,
) -> Result<Response, Problem> {
    let key = idempotency::key(&headers)?;
    let form = PlaceForm::read(&body, &asked.caller, asked.api.customers)?.into_order();
    let request = Request::new(&asked, &form, key.as_deref())?;
    let (answer, message) = create::place(&request).await?;
    if let Some(message) = message {
        asked.api.queue.offer(message);
    }
    idempotency::answered(answer)
}

/// Do the stuck step of an order again
///
/// Leaves the wish in the inbox; the run, or a new one where it is gone, does the step.
#[utoipa::path(
    post, path = "/api/orders/{id}/retry", operation_id = "retryOrder", tag = "operations",
    params(("id" = String, Path, description = "The order's id, its number, or the caller's own id",
            max_length = 64, pattern = "^[A-Za-z0-9._-]+$", example = "ORD-20261121-6BA0A415")),
    responses(
        (status = 202, description = "It will be tried", body = RetryBody),
        (status = 404, description = "No such order"),
    ),
)]
async fn retry(
    State(api): State<Api>,
    caller: Caller,
    PathPart(id): PathPart<String>,
) -> Result<(StatusCode, Json<RetryBody>), Problem> {
    let (mut conn, order) = named(&api, &caller, id).await?;
    let order_id = order.order_id;
    if let Some(message) = retry::leave_message(&mut conn, &order_id).await? {
        api.queue.offer(message);
    }
    Ok((StatusCode::ACCEPTED, Json(RetryBody { message: "Retry requested", order_id })))
}

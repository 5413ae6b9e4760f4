//! Orders: placing one, and what else is done with them.

use axum::{http::HeaderMap, response::Response};
use serde_json::value::RawValue;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    extract::JsonBody,
    idempotency,
    problem::Problem,
    state::{Api, Asked},
};

mod acts;
mod approval;
mod awaits;
mod commands;
mod content;
mod create;
mod edit;
mod for_staff;
mod form;
mod listing;
pub(super) mod lookup;
mod request;
mod reservation;
mod story;
pub(super) mod view;

use form::PlaceForm;
use request::Request;
use view::PlacedBody;

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(place))
        .merge(lookup::router())
        .merge(listing::router())
        .merge(commands::router())
        .merge(edit::router())
        .merge(story::router())
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
    asked.api.queue.offer_all(message);
    idempotency::answered(answer)
}

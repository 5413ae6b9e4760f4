//! Booking pieces in and out. Whoever waits for pieces that come in is served in the same
//! transaction, and told once it is committed.
//!
//! **Invariant:** a booking and the idempotency key it came with are committed together, so that a
//! booking sent again under its key is answered and not booked.

use axum::{
    http::{HeaderMap, StatusCode},
    response::Response,
};
use database::retried;
use dispatch::SWEEP_AFTER;
use inventory::{Availability, Received};
use orders::{
    audit::{self, Act, ActKind},
    command,
    inbox::Message,
};
use serde::Serialize;
use sqlx::PgConnection;
use stock::StepError as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    form::{Booking, BookingForm},
    view::StockBody,
};
use crate::{
    extract::{JsonBody, PathPart},
    idempotency::{self, Begun},
    problem::Problem,
    state::{Api, Asked},
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(receive)).routes(routes!(reduce))
}

/// Book pieces in
///
/// Orders that wait for them are served first, in the order in which they came. Sent twice, it is
/// booked twice, unless it has an `Idempotency-Key`, which is kept for 24 hours: the same key with
/// the same booking hears the very same answer.
#[utoipa::path(
    post, path = "/api/inventory/{id}/receive", tag = "inventory", operation_id = "receiveStock",
    params(
        ("id" = String, Path, description = "The item's id, percent-encoded", max_length = 255, example = "TEA-EARL-GREY-100"),
        ("Idempotency-Key" = Option<String>, Header, description = "New for every booking", min_length = 1,
         max_length = 255, pattern = "^[ -~]+$", example = "6f1f6c1e-4c3a-4a52-9d0a-8f0a2f9f2a11"),
    ),
    request_body = BookingForm,
    responses(
        (status = 200, description = "What is there now", body = StockBody),
        (status = 404, description = "No such item"),
        (status = 409, description = "The key came with another booking"),
    )
)]
async fn receive(
    asked: Asked,
    headers: HeaderMap,
    PathPart(id): PathPart<String>,
    JsonBody(form): JsonBody<BookingForm>,
) -> Result<Response, Problem> {
    book(&asked, &headers, Direction::In, &form.check(&id)?).await
}

/// Book pieces out that nobody holds
///
/// For what was lost, broken or counted less. Sent twice, it is booked twice, unless it has an
/// `Idempotency-Key`, which is kept for 24 hours: the same key with the same booking hears the very
/// same answer.
#[utoipa::path(
    patch, path = "/api/inventory/{id}/reduce", tag = "inventory", operation_id = "reduceStock",
    params(
        ("id" = String, Path, description = "The item's id, percent-encoded", max_length = 255, example = "TEA-EARL-GREY-100"),
        ("Idempotency-Key" = Option<String>, Header, description = "New for every booking", min_length = 1,
         max_length = 255, pattern = "^[ -~]+$", example = "6f1f6c1e-4c3a-4a52-9d0a-8f0a2f9f2a11"),
    ),
    request_body = BookingForm,
    responses(
        (status = 200, description = "What is there now", body = StockBody),
        (status = 404, description = "No such item"),
        (status = 409, description = "More than lies there and nobody holds, or the key came with another booking; nothing was booked"),
    )
)]
async fn reduce(
    asked: Asked,
    headers: HeaderMap,
    PathPart(id): PathPart<String>,
    JsonBody(form): JsonBody<BookingForm>,
) -> Result<Response, Problem> {
    book(&asked, &headers, Direction::Out, &form.check(&id)?).await
}

#[derive(Clone, Copy, Serialize)]
enum Direction {
    In,
    Out,
}

impl Direction {
    fn kind(self) -> ActKind {
        match self {
            Self::In => ActKind::StockReceived,
            Self::Out => ActKind::StockReduced,
        }
    }
}

async fn book(
    Asked { api, caller, correlation_id }: &Asked,
    headers: &HeaderMap,
    direction: Direction,
    booking: &Booking,
) -> Result<Response, Problem> {
    let key = idempotency::key(headers)?;
    let Booking { sku, warehouse, quantity, reason } = booking;
    let content = ("booking", direction, sku, warehouse, quantity, reason);
    let fingerprint = idempotency::fingerprint(&content)?;
    let (answer, messages) = retried(Problem::met_another_transaction, async || {
        let mut tx = api.pool.begin().await?;
        let keyed = match idempotency::begin(&mut tx, caller, key.as_deref(), &fingerprint).await? {
            Begun::New(keyed) => keyed,
            Begun::Answered(answer) => return Ok((answer, Vec::new())),
        };
        let (stock, messages) = move_pieces(&mut tx, direction, booking, correlation_id.as_str()).await?;
        let act = Act {
            by: caller.acts_as(),
            kind: direction.kind(),
            target: sku.as_str(),
            order: None,
            reason: Some(reason),
            detail: Some(&format!("{} in {warehouse}", quantity.get())),
        };
        audit::note(&mut tx, &act).await?;
        let answer = keyed.keep(&mut tx, StatusCode::OK, &StockBody::from(stock)).await?;
        tx.commit().await?;
        Ok::<_, Problem>((answer, messages))
    })
    .await?;
    api.queue.offer_all(messages);
    idempotency::answered(answer)
}

async fn move_pieces(
    conn: &mut PgConnection,
    direction: Direction,
    Booking { sku, warehouse, quantity, reason }: &Booking,
    cause: &str,
) -> Result<(Availability, Vec<Message>), Problem> {
    match direction {
        Direction::In => {
            let Received { availability, served } =
                inventory::receive(conn, sku, warehouse, *quantity, Some(reason), cause).await?;
            let messages = command::keep_served(conn, inventory::ours(&served), SWEEP_AFTER).await?;
            Ok((availability, messages))
        }
        Direction::Out => {
            let left = inventory::reduce(conn, sku, warehouse, *quantity, reason, cause).await?;
            Ok((left, Vec::new()))
        }
    }
}

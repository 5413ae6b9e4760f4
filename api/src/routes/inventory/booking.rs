//! Booking pieces in and out. Whoever waits for pieces that come in is served in the same
//! transaction, and told once it is committed.
//!
//! **Invariant:** a booking and the idempotency key it came with are committed together, so that a
//! booking sent again under its key is answered and not booked.

use axum::{
    extract::{Extension, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use dispatch::SWEEP_AFTER;
use inventory::{Availability, Received};
use inventory_service::wake;
use orders::{
    idempotency::{self, Claim, KeptAnswer, Key},
    inbox::Message,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    form::{Booking, BookingForm},
    view::StockBody,
};
use crate::{
    caller::Caller,
    correlation::CorrelationId,
    extract::{JsonBody, PathPart},
    problem::{Problem, ProblemBody},
    routes::orders::idempotency_key,
    server::Api,
    transaction,
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
        (status = 404, description = "No such item", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The key came with another booking", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn receive(
    State(api): State<Api>,
    caller: Caller,
    Extension(correlation_id): Extension<CorrelationId>,
    headers: HeaderMap,
    PathPart(id): PathPart<String>,
    JsonBody(form): JsonBody<BookingForm>,
) -> Result<Response, Problem> {
    let (direction, booking) = (Direction::In, form.check(&id)?);
    let key = idempotency_key::of(&headers)?;
    book(&api, Request { direction, booking, caller, key, correlation_id }).await
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
        (status = 404, description = "No such item", body = ProblemBody, content_type = "application/problem+json"),
        (
            status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "More than lies there and nobody holds, or the key came with another booking; nothing was booked"
        ),
    )
)]
async fn reduce(
    State(api): State<Api>,
    caller: Caller,
    Extension(correlation_id): Extension<CorrelationId>,
    headers: HeaderMap,
    PathPart(id): PathPart<String>,
    JsonBody(form): JsonBody<BookingForm>,
) -> Result<Response, Problem> {
    let (direction, booking) = (Direction::Out, form.check(&id)?);
    let key = idempotency_key::of(&headers)?;
    book(&api, Request { direction, booking, caller, key, correlation_id }).await
}

/// Which way pieces go.
#[derive(Clone, Copy, Serialize)]
enum Direction {
    In,
    Out,
}

/// A booking as it was sent.
struct Request {
    direction: Direction,
    booking: Booking,
    caller: Caller,
    key: Option<String>,
    correlation_id: CorrelationId,
}

impl Request {
    /// SHA-256 of what is to be booked.
    fn fingerprint(&self) -> Result<Vec<u8>, Problem> {
        let Booking { sku, warehouse, quantity, reason } = &self.booking;
        let content = serde_json::to_vec(&("booking", self.direction, sku, warehouse, quantity, reason));
        Ok(Sha256::digest(content.map_err(|error| Problem::Internal(error.into()))?).to_vec())
    }
}

async fn book(api: &Api, request: Request) -> Result<Response, Problem> {
    let fingerprint = request.fingerprint()?;
    let (KeptAnswer { status, body }, messages) =
        transaction::retried(|| book_once(api, &request, &fingerprint)).await?;
    messages.into_iter().for_each(|message| api.queue.offer(message));
    let status = StatusCode::from_u16(status).map_err(|error| Problem::Internal(error.into()))?;
    Ok((status, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

async fn book_once(
    api: &Api,
    request: &Request,
    fingerprint: &[u8],
) -> Result<(KeptAnswer, Vec<Message>), Problem> {
    let key = request.key.as_deref().map(|key| Key { caller: request.caller.key(), key, fingerprint });
    let mut tx = api.pool.begin().await?;
    if let Some(key) = &key {
        match idempotency::claim(&mut tx, key).await? {
            Claim::New => {}
            Claim::Answered(answer) => return Ok((answer, Vec::new())),
            Claim::OtherContent => return Err(Problem::IdempotencyKeyReused),
        }
    }
    let (stock, messages) = move_pieces(&mut tx, request).await?;
    let body = serde_json::to_string(&StockBody::from(stock));
    let body = body.map_err(|error| Problem::Internal(error.into()))?;
    let answer = KeptAnswer { status: StatusCode::OK.as_u16(), body };
    if let Some(key) = &key {
        idempotency::remember(&mut tx, key, &answer).await?;
    }
    tx.commit().await?;
    Ok((answer, messages))
}

async fn move_pieces(
    conn: &mut PgConnection,
    request: &Request,
) -> Result<(Availability, Vec<Message>), Problem> {
    let Booking { sku, warehouse, quantity, reason } = &request.booking;
    let cause = request.correlation_id.as_str();
    match request.direction {
        Direction::In => {
            let Received { availability, served } =
                inventory::receive(conn, sku, warehouse, *quantity, Some(reason), cause).await?;
            let messages = wake(conn, &served, SWEEP_AFTER).await?;
            Ok((availability, messages))
        }
        Direction::Out => {
            let left = inventory::reduce(conn, sku, warehouse, *quantity, reason, cause).await?;
            Ok((left, Vec::new()))
        }
    }
}

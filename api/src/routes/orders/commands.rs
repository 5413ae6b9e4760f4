//! What people want done with an order: cancelling it, and moving it to its next status.
//!
//! **Invariant:** a command is committed to the inbox before the order's run hears of it, so a 202
//! means that it will be done or refused, whatever crashes.

use axum::{Json, extract::State, http::StatusCode};
use domain::{Actor, OrderId, OrderStatus};
use intake::{
    dispatch::commands::{ANSWER_WITHIN, CommandOutcome, topics},
    settings::SWEEP_AFTER,
};
use orders::{
    Order,
    inbox::{self, Message, NewMessage, Source},
    progress::{self, StatusMove},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::lookup::named;
use crate::{
    caller::Caller,
    extract::{JsonBody, OptionalJsonBody, PathPart},
    field,
    problem::{Problem, ProblemBody},
    state::Api,
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(cancel)).routes(routes!(cancel_by_patch)).routes(routes!(set_status))
}

/// Why an order is cancelled.
#[derive(Deserialize, Default, ToSchema)]
#[serde(default)]
#[schema(as = CancelForm)]
struct CancelForm {
    /// In the caller's words; an operator's are kept with the order.
    #[schema(max_length = 255, example = "changed my mind")]
    reason: Option<String>,
}

/// Where an order is to be moved.
#[derive(Deserialize, ToSchema)]
#[schema(as = StatusForm, example = json!({"status": "SHIPPED", "reason": "the customer fetched it"}))]
struct StatusForm {
    /// The next status.
    #[schema(example = "SHIPPED", pattern = "^(PENDING|CONFIRMED|PROCESSING|SHIPPED|DELIVERED|CANCELLED)$")]
    status: String,
    /// In the caller's words; kept with the order.
    #[schema(max_length = 255, example = "the customer fetched it")]
    reason: Option<String>,
}

/// What became of a command.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CommandAnswer)]
struct CommandBody {
    #[schema(example = "Order cancelled successfully")]
    message: &'static str,
    #[schema(value_type = String, example = "0190a0b0-0000-7000-8000-000000000000")]
    order_id: OrderId,
    /// Where the order stands now.
    #[schema(value_type = String, example = "CANCELLED")]
    status: OrderStatus,
}

type CommandResult = Result<(StatusCode, Json<CommandBody>), Problem>;

/// Cancel an order
///
/// Before the hand-over at once; while `PROCESSING` by a recall at the warehouse, which may refuse.
/// What has not left is given back. Cancelling what is cancelled is a success. An answer 202 means
/// that nobody has settled it within five seconds: it is kept and will be done or refused.
#[utoipa::path(
    post, path = "/api/orders/{id}/cancel", operation_id = "cancelOrder", tag = "orders",
    params(("id" = String, Path, description = "The order's id, its number, or the caller's own id",
            max_length = 64, pattern = "^[A-Za-z0-9._-]+$", example = "ORD-20261121-6BA0A415")),
    request_body(content = Option<CancelForm>, description = "May be left out",
                 example = json!({"reason": "changed my mind"})),
    responses(
        (status = 200, description = "It is cancelled, or what had not left is", body = CommandBody),
        (status = 202, description = "It is being cancelled", body = CommandBody),
        (status = 404, description = "No such order", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    PathPart(id): PathPart<String>,
    OptionalJsonBody(form): OptionalJsonBody<CancelForm>,
) -> CommandResult {
    carry_out_cancel(&api, &caller, id, &form).await
}

/// Cancel an order, as a change of it
///
/// The same as `POST`.
#[utoipa::path(
    patch, path = "/api/orders/{id}/cancel", operation_id = "cancelOrderByPatch", tag = "orders",
    params(("id" = String, Path, description = "The order's id, its number, or the caller's own id",
            max_length = 64, pattern = "^[A-Za-z0-9._-]+$", example = "ORD-20261121-6BA0A415")),
    request_body(content = Option<CancelForm>, description = "May be left out",
                 example = json!({"reason": "changed my mind"})),
    responses(
        (status = 200, description = "It is cancelled, or what had not left is", body = CommandBody),
        (status = 202, description = "It is being cancelled", body = CommandBody),
        (status = 404, description = "No such order", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
async fn cancel_by_patch(
    State(api): State<Api>,
    caller: Caller,
    PathPart(id): PathPart<String>,
    OptionalJsonBody(form): OptionalJsonBody<CancelForm>,
) -> CommandResult {
    carry_out_cancel(&api, &caller, id, &form).await
}

/// Move an order to its next status
///
/// Along the status table only, and through the order's workflow: `CONFIRMED` ends a hold or a wait
/// for payment, `PROCESSING` waits for the hand-over, `SHIPPED` says that everything left without the
/// warehouse system (which is first made to refuse the hand-over), `DELIVERED` that it arrived, and
/// `CANCELLED` cancels the order. An answer 202 means that it is kept and will be done or refused.
#[utoipa::path(
    patch, path = "/api/orders/{id}/status", operation_id = "setOrderStatus", tag = "orders",
    params(("id" = String, Path, description = "The order's id, its number, or the caller's own id",
            max_length = 64, pattern = "^[A-Za-z0-9._-]+$", example = "ORD-20261121-6BA0A415")),
    request_body = StatusForm,
    responses(
        (status = 200, description = "It has that status", body = CommandBody),
        (status = 202, description = "It is on its way there", body = CommandBody),
        (status = 404, description = "No such order", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The status may not follow, or something stands in the way",
            body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
async fn set_status(
    State(api): State<Api>,
    caller: Caller,
    PathPart(id): PathPart<String>,
    JsonBody(form): JsonBody<StatusForm>,
) -> CommandResult {
    let to: OrderStatus = Problem::of_field("status", form.status.parse())?;
    let reason = form.reason.as_deref().map(|reason| field::text("reason", reason)).transpose()?;
    let (mut conn, order) = named(&api, &caller, id).await?;
    let order_id = caller.id_of(&order);
    if to == OrderStatus::Delivered && order.status == OrderStatus::Shipped {
        return delivered(&mut conn, order, order_id).await;
    }
    let wanted = json!({
        "orderId": order.order_id, "status": to, "actor": caller.actor(), "reason": reason
    });
    let message = keep(&mut conn, topics::SET_STATUS, &wanted).await?;
    drop(conn);
    match api.dispatcher.command_now(&message).await {
        CommandOutcome::Done(status) => Ok(answer(StatusCode::OK, "Order status updated", order_id, status)),
        CommandOutcome::Refused(sentence) => Err(Problem::StatusRefused(sentence)),
        CommandOutcome::Later => {
            let status = order.status;
            Ok(answer(StatusCode::ACCEPTED, "Status change requested", order_id, status))
        }
    }
}

async fn carry_out_cancel(api: &Api, caller: &Caller, id: String, form: &CancelForm) -> CommandResult {
    let reason = form.reason.as_deref().map(|reason| field::text("reason", reason)).transpose()?;
    let (mut conn, order) = named(api, caller, id).await?;
    let order_id = caller.id_of(&order);
    let actor = caller.actor();
    // A customer's own words may name anybody; they stay in the inbox and out of histories.
    let shown = reason.as_ref().filter(|_| actor != Actor::Customer);
    let mut wanted = json!({"orderId": order.order_id, "actor": actor, "reason": shown});
    if let (Actor::Customer, Some(reason)) = (actor, &reason) {
        wanted["customersWords"] = json!(reason);
    }
    let message = keep(&mut conn, topics::CANCEL, &wanted).await?;
    drop(conn);
    match api.dispatcher.command_now(&message).await {
        CommandOutcome::Done(OrderStatus::Cancelled) => {
            Ok(answer(StatusCode::OK, "Order cancelled successfully", order_id, OrderStatus::Cancelled))
        }
        CommandOutcome::Done(status) => {
            Ok(answer(StatusCode::OK, "What had not left was cancelled", order_id, status))
        }
        CommandOutcome::Refused(_) => Err(Problem::CannotBeCancelled(current(api, &order).await?)),
        CommandOutcome::Later => {
            let status = order.status;
            Ok(answer(StatusCode::ACCEPTED, "Cancellation requested", order_id, status))
        }
    }
}

/// Days after it shipped no run is there any more; the record alone is moved.
async fn delivered(conn: &mut PgConnection, order: Order, order_id: OrderId) -> CommandResult {
    let to = OrderStatus::Delivered;
    match progress::move_to(conn, &order.order_id, to, "DELIVERED", Some("said by an operator")).await? {
        StatusMove::Now | StatusMove::Already => {
            Ok(answer(StatusCode::OK, "Order status updated", order_id, to))
        }
        StatusMove::Refused(status) => {
            Err(Problem::StatusRefused(format!("Status cannot become {to}. Current status: {status}")))
        }
    }
}

/// Commits the command. Its id is its own: asking twice is two commands, of which the second finds
/// the first one's effect.
async fn keep(conn: &mut PgConnection, topic: &str, wanted: &Value) -> Result<Message, Problem> {
    let body = wanted.to_string();
    let message = NewMessage {
        source: Source::Api,
        shop: "",
        message_id: &format!("{topic}/{}", Uuid::now_v7()),
        topic,
        subject: wanted["orderId"].as_str(),
        headers: json!({}),
        body: body.as_bytes(),
        // No sweeper takes it while its sender still waits.
        sweep_after: SWEEP_AFTER + ANSWER_WITHIN,
    };
    inbox::insert(conn, &message).await?.ok_or_else(|| Problem::Internal("a drawn id is taken".into()))
}

async fn current(api: &Api, order: &Order) -> Result<OrderStatus, Problem> {
    let mut conn = api.pool.acquire().await?;
    let now = orders::record::find(&mut conn, &order.order_id).await?;
    Ok(now.map_or(order.status, |order| order.status))
}

fn answer(
    code: StatusCode,
    message: &'static str,
    order_id: OrderId,
    status: OrderStatus,
) -> (StatusCode, Json<CommandBody>) {
    (code, Json(CommandBody { message, order_id, status }))
}

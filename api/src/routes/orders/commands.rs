//! What people want done with an order: cancelling it, moving it to its next status, and answering what waits for them.
//!
//! **Invariant:** a command is committed to the inbox before the order's run hears of it, so a 202
//! means that it will be done or refused, whatever crashes.

use axum::{Json, http::StatusCode};
use dispatch::{
    SWEEP_AFTER,
    commands::{ANSWER_WITHIN, CommandOutcome, WAITS_FOR_APPROVAL},
};
use domain::{Actor, OrderId, OrderStatus, ParkReason, Resolution};
use orders::{
    Order, attention,
    command::{self, Answer, Command},
    progress::{self, StatusMove},
    timeline::TimelineEvent,
};
use serde::{Deserialize, Serialize};
use sqlx::{Connection as _, PgConnection, Postgres, pool::PoolConnection};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    acts::note,
    edit::{self, EditedForm},
    lookup::{OrderPath, named},
};
use crate::{
    extract::{JsonBody, OptionalJsonBody, PathPart},
    field,
    problem::Problem,
    state::{Api, Asked},
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(cancel))
        .routes(routes!(cancel_by_patch))
        .routes(routes!(set_status))
        .routes(routes!(retry))
        .routes(routes!(resolve))
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

/// An answer to what waits for a person.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ResolveForm, example = json!({"action": "skip", "reason": "sent by hand"}))]
struct ResolveForm {
    /// What is decided. `retry`, `skip` and `compensate` answer the parked step; `approve` and `refuse` one that waits
    /// for an approval; `release_hold` ends the hold window; `recall` has the hand-over recalled that a row offers;
    /// `done` says that what a row shows was dealt with.
    #[schema(
        pattern = "^(retry|skip|compensate|approve|refuse|release_hold|recall|done)$",
        example = "retry"
    )]
    action: String,
    /// Why, in the caller's words; `skip`, `refuse` and `done` need one. It is kept, so name no person.
    #[schema(max_length = 255, example = "sent by hand")]
    reason: Option<String>,
    /// Which row of `/api/attention`; by default the step that is parked.
    #[schema(minimum = 1, example = 11)]
    attention_id: Option<i64>,
    /// What is changed of the order before its step is done again; with `retry` alone.
    edit: Option<EditedForm>,
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
    params(OrderPath),
    request_body(content = Option<CancelForm>, description = "May be left out",
                 example = json!({"reason": "changed my mind"})),
    responses(
        (status = 200, description = "It is cancelled, or what had not left is", body = CommandBody),
        (status = 202, description = "It is being cancelled", body = CommandBody),
        (status = 404, description = "No such order"),
    ),
)]
async fn cancel(
    asked: Asked,
    PathPart(path): PathPart<OrderPath>,
    OptionalJsonBody(form): OptionalJsonBody<CancelForm>,
) -> CommandResult {
    carry_out_cancel(&asked, path, form).await
}

/// Cancel an order, as a change of it
///
/// The same as `POST`.
#[utoipa::path(
    patch, path = "/api/orders/{id}/cancel", operation_id = "cancelOrderByPatch", tag = "orders",
    params(OrderPath),
    request_body(content = Option<CancelForm>, description = "May be left out",
                 example = json!({"reason": "changed my mind"})),
    responses(
        (status = 200, description = "It is cancelled, or what had not left is", body = CommandBody),
        (status = 202, description = "It is being cancelled", body = CommandBody),
        (status = 404, description = "No such order"),
    ),
)]
async fn cancel_by_patch(
    asked: Asked,
    PathPart(path): PathPart<OrderPath>,
    OptionalJsonBody(form): OptionalJsonBody<CancelForm>,
) -> CommandResult {
    carry_out_cancel(&asked, path, form).await
}

/// Move an order to its next status
///
/// Along the status table only, and through the order's workflow: `CONFIRMED` ends a hold or a wait
/// for payment, `PROCESSING` waits for the hand-over, `SHIPPED` says that everything left without the
/// warehouse system (which is first made to refuse the hand-over), `DELIVERED` that it arrived, and
/// `CANCELLED` cancels the order. An answer 202 means that it is kept and will be done or refused.
#[utoipa::path(
    patch, path = "/api/orders/{id}/status", operation_id = "setOrderStatus", tag = "orders",
    params(OrderPath),
    request_body = StatusForm,
    responses(
        (status = 200, description = "It has that status", body = CommandBody),
        (status = 202, description = "It is on its way there", body = CommandBody),
        (status = 404, description = "No such order"),
        (status = 409, description = "The status may not follow, or something stands in the way"),
    ),
)]
async fn set_status(
    asked: Asked,
    PathPart(path): PathPart<OrderPath>,
    JsonBody(form): JsonBody<StatusForm>,
) -> CommandResult {
    let status: OrderStatus = Problem::of_field("status", form.status.parse())?;
    let reason = form.reason.as_deref().map(|reason| field::text("reason", reason)).transpose()?;
    let (mut conn, order) = named(&asked, path.id).await?;
    let order_id = asked.caller.id_of(&order);
    if status == OrderStatus::Delivered && order.status == OrderStatus::Shipped {
        return delivered(&asked, &mut conn, order, order_id, reason.as_deref()).await;
    }
    let command = Command::SetStatus { status, actor: asked.caller.actor(), reason };
    match carry_out(&asked, conn, &order, &command).await? {
        CommandOutcome::Done(status) => Ok(answer(StatusCode::OK, "Order status updated", order_id, status)),
        CommandOutcome::Refused(sentence) => Err(Problem::StatusRefused(sentence)),
        CommandOutcome::Later => {
            Ok(answer(StatusCode::ACCEPTED, "Status change requested", order_id, order.status))
        }
    }
}

/// Do the stuck step of an order again
///
/// Leaves the wish in the inbox; the run, or a new one where it is gone, does the step.
#[utoipa::path(
    post, path = "/api/orders/{id}/retry", operation_id = "retryOrder", tag = "operations",
    params(OrderPath),
    responses(
        (status = 202, description = "It will be tried", body = RetryBody),
        (status = 404, description = "No such order"),
        (status = 409, description = "It waits for an approval"),
    ),
)]
async fn retry(
    asked: Asked,
    PathPart(path): PathPart<OrderPath>,
) -> Result<(StatusCode, Json<RetryBody>), Problem> {
    let (mut conn, Order { order_id, .. }) = named(&asked, path.id).await?;
    if attention::waits_for_approval(&mut conn, &order_id).await? {
        return Err(Problem::AnswerRefused(WAITS_FOR_APPROVAL.to_owned()));
    }
    let command = Command::Retry { actor: asked.caller.actor() };
    let mut tx = conn.begin().await?;
    let message = command::keep(&mut tx, &order_id, &command, SWEEP_AFTER).await?;
    note(&asked, &mut tx, &order_id, &command).await?;
    tx.commit().await?;
    asked.api.queue.offer_all(message);
    Ok((StatusCode::ACCEPTED, Json(RetryBody { message: "Retry requested", order_id })))
}

/// Answer what waits for a person
///
/// As the Update `resolve` of the order's workflow, and for rows that no workflow waits for. What may be answered to a
/// row stands in `/api/attention`. An answer 202 means that nobody has taken it within five seconds: it is kept and
/// will be done or refused.
#[utoipa::path(
    post, path = "/api/orders/{id}/resolve", operation_id = "resolveOrder", tag = "operations",
    params(OrderPath),
    request_body = ResolveForm,
    responses(
        (status = 200, description = "It is answered", body = CommandBody),
        (status = 202, description = "It will be answered", body = CommandBody),
        (status = 404, description = "No such order, or no such item"),
        (status = 409, description = "It is not what the order waits for, or it cannot be edited any more"),
    ),
)]
async fn resolve(
    asked: Asked,
    PathPart(path): PathPart<OrderPath>,
    JsonBody(form): JsonBody<ResolveForm>,
) -> CommandResult {
    let action: Resolution = Problem::of_field("action", form.action.parse())?;
    let reason = form.reason.as_deref().map(|reason| field::text("reason", reason)).transpose()?;
    if action.needs_a_reason() && reason.is_none() {
        return Err(Problem::invalid("reason", &format!("{action} needs one")));
    }
    if form.attention_id.is_some_and(|id| id < 1) {
        return Err(Problem::invalid("attentionId", "the id of a row, from 1 on"));
    }
    let (mut conn, mut order) = named(&asked, path.id).await?;
    let (mut wanted, mut is_edited) = (None, false);
    if let Some(form) = &form.edit {
        if action != Resolution::Retry {
            return Err(Problem::invalid("edit", "with retry alone"));
        }
        drop(conn);
        let inside = |problem: Problem| problem.inside("edit");
        let edit = form.wanted().map_err(inside)?;
        (order, is_edited) = edit::may_be_made(&asked, &order, &edit).await.map_err(inside)?;
        wanted = Some(edit);
        conn = asked.api.pool.acquire().await?;
    }
    let actor = asked.caller.actor();
    let open = attention::open(&mut conn, &order.order_id).await?;
    let is_gone = open.iter().any(|row| {
        row.reason == ParkReason::RUN_GONE && form.attention_id.is_none_or(|id| id == row.attention_id)
    });
    if is_gone && let Some(edit) = wanted.take() {
        let reason = reason.as_deref().unwrap_or(edit::WITH_AN_ANSWER);
        drop(conn);
        edit::make_for_the_next_run(&asked, &order, &edit, reason).await?;
        conn = asked.api.pool.acquire().await?;
    }
    let command = match action {
        Resolution::ReleaseHold => Command::ReleaseHold { actor, reason },
        // No run is there to answer to: another one begins, or is cancelled at once.
        Resolution::Retry if is_gone => Command::Retry { actor },
        Resolution::Compensate if is_gone => Command::Cancel { actor, reason, customers_words: None },
        _ => Command::Resolve(Answer {
            action,
            actor,
            by: asked.caller.name().to_owned(),
            reason,
            attention_id: form.attention_id,
            edit: wanted,
        }),
    };
    let order_id = asked.caller.id_of(&order);
    match carry_out(&asked, conn, &order, &command).await? {
        CommandOutcome::Done(status) => Ok(answer(StatusCode::OK, "Answered", order_id, status)),
        // It was answered with this very edit before, whose sender did not hear so.
        CommandOutcome::Refused(_) if is_edited && open.is_empty() => {
            Ok(answer(StatusCode::OK, "Answered", order_id, order.status))
        }
        CommandOutcome::Refused(sentence) => Err(Problem::AnswerRefused(sentence)),
        CommandOutcome::Later => Ok(answer(StatusCode::ACCEPTED, "Answer requested", order_id, order.status)),
    }
}

async fn carry_out_cancel(asked: &Asked, path: OrderPath, form: CancelForm) -> CommandResult {
    let reason = form.reason.as_deref().map(|reason| field::text("reason", reason)).transpose()?;
    let (conn, order) = named(asked, path.id).await?;
    let order_id = asked.caller.id_of(&order);
    let actor = asked.caller.actor();
    // A customer's own words may name anybody; they stay in the inbox and out of histories.
    let (reason, customers_words) = if actor == Actor::Customer { (None, reason) } else { (reason, None) };
    let command = Command::Cancel { actor, reason, customers_words };
    let (code, message, status) = match carry_out(asked, conn, &order, &command).await? {
        CommandOutcome::Done(status @ OrderStatus::Cancelled) => {
            (StatusCode::OK, "Order cancelled successfully", status)
        }
        CommandOutcome::Done(status) => (StatusCode::OK, "What had not left was cancelled", status),
        CommandOutcome::Refused(_) => {
            return Err(Problem::CannotBeCancelled(current(&asked.api, &order).await?));
        }
        CommandOutcome::Later => (StatusCode::ACCEPTED, "Cancellation requested", order.status),
    };
    Ok(answer(code, message, order_id, status))
}

/// Days after it shipped no run is there any more; the record alone is moved.
async fn delivered(
    asked: &Asked,
    conn: &mut PgConnection,
    order: Order,
    order_id: OrderId,
    reason: Option<&str>,
) -> CommandResult {
    let to = OrderStatus::Delivered;
    let mut tx = conn.begin().await?;
    let event = TimelineEvent::Delivered;
    let moved = progress::move_to(&mut tx, &order.order_id, to, event, Some("said by an operator")).await?;
    match moved {
        StatusMove::Now | StatusMove::Already => {
            let command = Command::SetStatus {
                status: to,
                actor: asked.caller.actor(),
                reason: reason.map(str::to_owned),
            };
            note(asked, &mut tx, &order.order_id, &command).await?;
            tx.commit().await?;
            Ok(answer(StatusCode::OK, "Order status updated", order_id, to))
        }
        StatusMove::Refused(status) => {
            Err(Problem::StatusRefused(format!("Status cannot become {to}. Current status: {status}")))
        }
    }
}

/// Commits a command and waits for what becomes of it, without a connection. No sweeper takes it meanwhile.
async fn carry_out(
    asked: &Asked,
    mut conn: PoolConnection<Postgres>,
    order: &Order,
    command: &Command,
) -> Result<CommandOutcome, Problem> {
    let mut tx = conn.begin().await?;
    let kept = command::keep(&mut tx, &order.order_id, command, SWEEP_AFTER + ANSWER_WITHIN).await?;
    let message = kept.ok_or_else(|| Problem::Internal("a drawn id is taken".into()))?;
    note(asked, &mut tx, &order.order_id, command).await?;
    tx.commit().await?;
    drop(conn);
    Ok(asked.api.dispatcher.command_now(&message).await)
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

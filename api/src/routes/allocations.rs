//! Allocations for other services: stock held for an item of somebody else's order until it is
//! confirmed, cancelled, fulfilled, or expires.

use axum::{Json, http::StatusCode};
use database::retried;
use dispatch::SWEEP_AFTER;
use inventory::{
    AllocateRequest, AllocationId, AllocationRecord, AllocationStatus, AllocationTransition, Holder,
    InventoryError, Shortage,
};
use orders::command;
use stock::StepError as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    envelope::Success,
    extract::{JsonBody, PathPart},
    problem::Problem,
    state::{Api, Asked},
};

mod form;
mod view;

use form::{AllocationForm, BulkForm, order_id};
use view::AllocationBody;

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(allocate))
        .routes(routes!(allocate_together))
        .routes(routes!(of_order))
        .routes(routes!(confirm))
        .routes(routes!(cancel))
        .routes(routes!(fulfil))
}

/// Hold stock for an order item
///
/// Asked for again with the same quantity, item and warehouse, it is the same allocation.
#[utoipa::path(
    post, path = "/allocations", tag = "allocations", operation_id = "allocate",
    request_body = AllocationForm,
    responses(
        (status = 201, description = "It is held", body = Success<AllocationBody>),
        (status = 200, description = "It was held already", body = Success<AllocationBody>),
        (status = 404, description = "`INVENTORY_ITEM_NOT_FOUND`: no such item"),
        (status = 409, description = "`INSUFFICIENT_STOCK` with the figures, `ALLOCATION_EXISTS` with another content, or \
                           `OWNED_BY_ORDER`: the order is one of ours, which alone holds stock for it"),
    )
)]
async fn allocate(
    asked: Asked,
    JsonBody(form): JsonBody<AllocationForm>,
) -> Result<(StatusCode, Json<Success<AllocationBody>>), Problem> {
    let (status, mut allocations) = hold(&asked, form.check()?).await?;
    let allocation = allocations.pop().ok_or_else(|| Problem::Internal("nothing was allocated".into()))?;
    Ok((status, Success::new(allocation)))
}

/// Hold stock for several order items
///
/// All of them or none.
#[utoipa::path(
    post, path = "/allocations/bulk", tag = "allocations", operation_id = "allocateTogether",
    request_body = BulkForm,
    responses(
        (status = 201, description = "They are held, in the order of the items", body = Success<Vec<AllocationBody>>),
        (status = 200, description = "They all were held already", body = Success<Vec<AllocationBody>>),
        (status = 404, description = "`INVENTORY_ITEM_NOT_FOUND`: no such item"),
        (status = 409, description = "`INSUFFICIENT_STOCK` with the figures, `ALLOCATION_EXISTS` with another content, or \
                           `OWNED_BY_ORDER`: the order is one of ours, which alone holds stock for it"),
    )
)]
async fn allocate_together(
    asked: Asked,
    JsonBody(form): JsonBody<BulkForm>,
) -> Result<(StatusCode, Json<Success<Vec<AllocationBody>>>), Problem> {
    let (status, allocations) = hold(&asked, form.check()?).await?;
    Ok((status, Success::new(allocations)))
}

/// What an order holds and held
///
/// Of an order of ours all of it, and of another what the caller holds. An order nothing was ever held
/// for has none.
#[utoipa::path(
    get, path = "/allocations/by-order/{orderId}", tag = "allocations", operation_id = "allocationsOfOrder",
    params(("orderId" = String, Path, description = "The order", pattern = "^[A-Za-z0-9._-]{1,64}$", example = "ord_123")),
    responses((status = 200, description = "Its allocations, oldest first", body = Success<Vec<AllocationBody>>))
)]
async fn of_order(
    asked: Asked,
    PathPart(id): PathPart<String>,
) -> Result<Json<Success<Vec<AllocationBody>>>, Problem> {
    let order_id = order_id(&id)?;
    let holder = whose(&asked).await?;
    let mut conn = asked.api.pool.acquire().await?;
    let allocations = inventory::allocations_of_order(&mut conn, &order_id, holder).await?;
    Ok(Success::new(shown(allocations)))
}

/// Hold an allocation for good
///
/// It no longer expires. Confirming it again changes nothing.
#[utoipa::path(
    put, path = "/allocations/{id}/confirm", tag = "allocations", operation_id = "confirmAllocation",
    params(("id" = String, Path, description = "The allocation", example = "alloc_0190a0b0000070008000000000000000")),
    responses(
        (status = 200, description = "It is confirmed", body = Success<AllocationBody>),
        (status = 404, description = "`ALLOCATION_NOT_FOUND`: no such allocation"),
        (status = 409, description = "`ALLOCATION_EXPIRED`, `INVALID_STATE_TRANSITION`, or `OWNED_BY_ORDER`"),
    )
)]
async fn confirm(
    asked: Asked,
    PathPart(id): PathPart<String>,
) -> Result<Json<Success<AllocationBody>>, Problem> {
    change(&asked, &id, AllocationStatus::Confirmed).await
}

/// Give an allocation's stock back
///
/// Whoever waits for it is served. Cancelling it again changes nothing.
#[utoipa::path(
    put, path = "/allocations/{id}/cancel", tag = "allocations", operation_id = "cancelAllocation",
    params(("id" = String, Path, description = "The allocation", example = "alloc_0190a0b0000070008000000000000000")),
    responses(
        (status = 200, description = "It is cancelled", body = Success<AllocationBody>),
        (status = 404, description = "`ALLOCATION_NOT_FOUND`: no such allocation"),
        (status = 409, description = "`INVALID_STATE_TRANSITION`: it is fulfilled; or `OWNED_BY_ORDER`"),
    )
)]
async fn cancel(
    asked: Asked,
    PathPart(id): PathPart<String>,
) -> Result<Json<Success<AllocationBody>>, Problem> {
    change(&asked, &id, AllocationStatus::Cancelled).await
}

/// Book an allocation's pieces out, as they have left
///
/// It has to be confirmed first. Fulfilling it again changes nothing.
#[utoipa::path(
    put, path = "/allocations/{id}/fulfill", tag = "allocations", operation_id = "fulfillAllocation",
    params(("id" = String, Path, description = "The allocation", example = "alloc_0190a0b0000070008000000000000000")),
    responses(
        (status = 200, description = "It is fulfilled", body = Success<AllocationBody>),
        (status = 404, description = "`ALLOCATION_NOT_FOUND`: no such allocation"),
        (status = 409, description = "`INVALID_STATE_TRANSITION`: it is not confirmed; or `OWNED_BY_ORDER`"),
    )
)]
async fn fulfil(
    asked: Asked,
    PathPart(id): PathPart<String>,
) -> Result<Json<Success<AllocationBody>>, Problem> {
    change(&asked, &id, AllocationStatus::Fulfilled).await
}

/// Whose allocations the caller sees; all where none is named.
async fn whose(Asked { api, caller, .. }: &Asked) -> Result<Option<Holder>, Problem> {
    if caller.sees_all() {
        return Ok(None);
    }
    let mut conn = api.pool.acquire().await?;
    Ok(Some(inventory::holder_of(&mut conn, caller.holds_as(api.shared_allocations)).await?))
}

/// Holds all of it or nothing, for the caller. The status tells whether any of it is new.
async fn hold(
    Asked { api, caller, correlation_id }: &Asked,
    mut request: AllocateRequest,
) -> Result<(StatusCode, Vec<AllocationBody>), Problem> {
    let mut conn = api.pool.acquire().await?;
    request.holder = inventory::become_holder(&mut conn, caller.holds_as(api.shared_allocations)).await?;
    drop(conn);
    let cause = correlation_id.as_str();
    let (allocated, messages) = retried(Problem::met_another_transaction, async || {
        let mut tx = api.pool.begin().await?;
        let allocated = match inventory::allocate(&mut tx, &request, cause).await {
            Ok(allocated) => allocated,
            Err(refusal) => {
                if let InventoryError::NotEnough { sku, warehouse, requested, available } = &refusal {
                    tx.rollback().await?;
                    let mut tx = api.pool.begin().await?;
                    let short = [Shortage { sku: sku.clone(), requested: *requested, available: *available }];
                    let (order, asked) = (&request.order_id, Some(warehouse));
                    inventory::announce_shortage(&mut tx, order, asked, &short, cause).await?;
                    tx.commit().await?;
                }
                return Err(Problem::from(refusal));
            }
        };
        let messages = command::keep_served(&mut tx, inventory::ours(&allocated.served), SWEEP_AFTER).await?;
        tx.commit().await?;
        Ok((allocated, messages))
    })
    .await?;
    api.queue.offer_all(messages);
    let status = if allocated.any_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, shown(allocated.allocations)))
}

async fn change(
    asked: &Asked,
    id: &str,
    to: AllocationStatus,
) -> Result<Json<Success<AllocationBody>>, Problem> {
    // An id of another form is the id of nothing here.
    let id = AllocationId::parse(id).map_err(|_| Problem::NoSuchAllocation(id.to_owned()))?;
    let holder = whose(asked).await?;
    let Asked { api, correlation_id, .. } = asked;
    let cause = correlation_id.as_str();
    let (record, messages) = retried(Problem::met_another_transaction, async || {
        let mut tx = api.pool.begin().await?;
        let AllocationTransition { record, served, .. } =
            inventory::change_allocation(&mut tx, &id, holder, to, cause).await?;
        let messages = command::keep_served(&mut tx, inventory::ours(&served), SWEEP_AFTER).await?;
        tx.commit().await?;
        Ok::<_, Problem>((record, messages))
    })
    .await?;
    api.queue.offer_all(messages);
    Ok(Success::new(record.into()))
}

fn shown(records: Vec<AllocationRecord>) -> Vec<AllocationBody> {
    records.into_iter().map(AllocationBody::from).collect()
}

//! Counting: what is found is what is there.

use axum::Json;
use database::retried;
use dispatch::SWEEP_AFTER;
use domain::Sku;
use inventory::KeptCount;
use serde::{Deserialize, Serialize};
use stock::{Count, CountOutcome, StepError as _};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::form::{item_id, warehouse};
use crate::{
    extract::{JsonBody, PathPart},
    field,
    problem::Problem,
    state::{Api, Asked},
};

/// As many as an item may start with.
const MOST_FOUND: u64 = 1_000_000_000;

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(count))
}

/// What was found of an item in a warehouse.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CountForm, example = json!({
    "requestId": "count-2026-11-27-main-17", "warehouseId": "main", "onHand": 412, "reason": "yearly count"
}))]
struct CountForm {
    /// The caller's own id of the count: sent again, it is answered the same and books nothing.
    #[schema(min_length = 1, max_length = 255, example = "count-2026-11-27-main-17")]
    request_id: Option<String>,
    /// Where was counted; `main` unless you say otherwise.
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$", example = "main")]
    warehouse_id: Option<String>,
    /// Pieces that lie there, those that are held for orders and have not left counted in.
    #[schema(minimum = 0, maximum = 1_000_000_000, example = 412)]
    on_hand: i64,
    /// Why was counted, as it is to stand in the ledger; it is kept with the caller's name, so name nobody else.
    #[schema(min_length = 1, max_length = 255, example = "yearly count")]
    reason: String,
}

/// What a count led to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CountAnswer)]
struct CountBody {
    #[schema(example = "Counted")]
    message: &'static str,
    #[schema(value_type = String, example = "TEA-EARL-GREY-100")]
    item_id: Sku,
    #[schema(example = "main")]
    warehouse_id: String,
    /// Pieces that were found.
    #[schema(example = 412)]
    counted: u64,
    /// Pieces on hand before, by the books.
    #[schema(example = 415)]
    on_hand_before: u64,
    /// Pieces on hand now: what was found, or where that is less than was handed over to a warehouse system, or is held
    /// for another system, that.
    #[schema(example = 412)]
    on_hand: u64,
    /// Pieces of those on hand that were not found. They are booked off with the first that come free; rows of
    /// `/api/attention` offer to recall the newest hand-overs.
    #[schema(example = 0)]
    missing: u64,
    /// Orders that wait now for pieces they held before: the youngest that had not handed theirs over.
    #[schema(minimum = 0, example = 1)]
    backordered: i32,
    /// Orders that waited and were served from what was found besides.
    #[schema(minimum = 0, example = 0)]
    served: i32,
}

impl CountBody {
    fn new(item_id: Sku, kept: KeptCount) -> Json<Self> {
        Json(Self {
            message: "Counted",
            item_id,
            warehouse_id: kept.warehouse.into(),
            counted: kept.counted,
            on_hand_before: kept.on_hand_before,
            on_hand: kept.on_hand_after,
            missing: kept.missing,
            backordered: kept.backordered,
            served: kept.served,
        })
    }
}

/// Count an item in a warehouse
///
/// What is found is what is there from then on. More than was there serves the orders that wait. Where less is found
/// than is held, the youngest orders that have not handed theirs over wait again, each where its age has it in the
/// queue. What was handed over is not taken from anybody: the rest is shown as missing, and a person is offered to
/// recall the newest hand-overs. A warehouse that never had the item has it from then on.
#[utoipa::path(
    post, path = "/api/inventory/{id}/count", tag = "inventory", operation_id = "countStock",
    params(("id" = String, Path, description = "The item's id, percent-encoded", max_length = 255, example = "TEA-EARL-GREY-100")),
    request_body = CountForm,
    responses(
        (status = 200, description = "It is booked", body = CountBody),
        (status = 404, description = "No such item"),
    )
)]
async fn count(
    Asked { api, caller, correlation_id }: Asked,
    PathPart(id): PathPart<String>,
    JsonBody(form): JsonBody<CountForm>,
) -> Result<Json<CountBody>, Problem> {
    let sku = item_id(&id)?;
    let warehouse = warehouse(form.warehouse_id.as_deref())?;
    let reason = field::text("reason", &form.reason)?;
    let request_id = match &form.request_id {
        Some(given) => field::text("requestId", given)?,
        None => Uuid::now_v7().to_string(),
    };
    let found = u64::try_from(form.on_hand).ok().filter(|found| *found <= MOST_FOUND);
    let found = found.ok_or_else(|| Problem::invalid("onHand", "a whole number from 0 to 1000000000"))?;
    let asked = Count {
        sku: &sku,
        warehouse: &warehouse,
        found,
        request_id: &request_id,
        by: caller.acts_as(),
        reason: &reason,
    };
    let outcome = retried(Problem::met_another_transaction, async || {
        let mut tx = api.pool.begin().await?;
        let outcome = stock::count(&mut tx, &asked, SWEEP_AFTER, correlation_id.as_str()).await?;
        tx.commit().await?;
        Ok::<_, Problem>(outcome)
    })
    .await?;
    match outcome {
        CountOutcome::Booked(kept, messages) => {
            api.queue.offer_all(messages);
            Ok(CountBody::new(sku, kept))
        }
        CountOutcome::Again(kept) => Ok(CountBody::new(sku, kept)),
        CountOutcome::Another => {
            Err(Problem::invalid("requestId", "new for every count; it stands for another one"))
        }
    }
}

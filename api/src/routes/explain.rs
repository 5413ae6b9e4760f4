//! Why the planner chooses as it does, for an order that is there or an imagined one. Changes
//! nothing.

use std::collections::BTreeMap;

use axum::Json;
use domain::{LineId, OrderStatus, Quantity, Sku, WarehouseId};
use inventory::{AllocationRecord, DemandLine, Holder};
use orders::Order;
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::orders::lookup::named;
use crate::{
    extract::JsonBody,
    problem::Problem,
    state::{Api, Asked},
};

mod form;
mod view;

use form::{ExplainForm, Question};
use view::{ExplanationBody, HoldingBody, LineBody};

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(explain))
}

/// Which warehouse would serve an order, and why not the others
///
/// Of an order that is there it explains what is open, and tells what it holds and waits for. Nothing
/// is changed, and nothing is promised: the next order may be faster.
#[utoipa::path(
    post, path = "/api/allocations/explain", tag = "allocations", operation_id = "explain",
    request_body = ExplainForm,
    responses(
        (status = 200, description = "The explanation", body = ExplanationBody),
        (status = 404, description = "No such order"),
    )
)]
async fn explain(
    asked: Asked,
    JsonBody(form): JsonBody<ExplainForm>,
) -> Result<Json<ExplanationBody>, Problem> {
    let body = match form.check()? {
        Question::Imagined { lines, preferred } => {
            let mut conn = asked.api.pool.acquire().await?;
            explained(&mut conn, lines.into_iter().map(Open::Named).collect(), preferred.as_ref()).await?
        }
        Question::Order(id) => {
            let (mut conn, order) = named(&asked, id).await?;
            explained_order(&mut conn, &order).await?
        }
    };
    Ok(Json(body))
}

/// Pieces of a line that are asked for, not held and not gone.
enum Open {
    Named(DemandLine),
    /// The shop named no item, or one that cannot be one.
    Nameless(LineBody),
}

async fn explained_order(conn: &mut PgConnection, order: &Order) -> Result<ExplanationBody, Problem> {
    let allocations = inventory::allocations_of_order(conn, &order.order_id, Some(Holder::OURS)).await?;
    let reservation = inventory::latest_reservation(conn, &order.order_id).await?;
    let body = explained(conn, open_lines(order, &allocations), None).await?;
    let held = allocations.iter().map(|record| &record.allocation).filter(|held| held.held() > 0);
    let waiting = reservation.iter().flat_map(|reservation| &reservation.waiting);
    Ok(ExplanationBody {
        order_id: Some(order.order_id.clone()),
        holds: held
            .map(|held| HoldingBody::new(&held.line_id, &held.sku, &held.warehouse, held.held()))
            .collect(),
        waits: waiting
            .map(|line| {
                HoldingBody::new(&line.line_id, &line.sku, &line.warehouse, line.quantity.get().into())
            })
            .collect(),
        ..body
    })
}

/// The answer has the lines in the order in which they were asked for.
async fn explained(
    conn: &mut PgConnection,
    open: Vec<Open>,
    preferred: Option<&WarehouseId>,
) -> Result<ExplanationBody, Problem> {
    let named = open.iter().filter_map(|line| match line {
        Open::Named(line) => Some(line.clone()),
        Open::Nameless(_) => None,
    });
    let explanation = inventory::explain(conn, &named.collect::<Vec<_>>(), preferred).await?;
    let every_line_is_named = explanation.lines.len() == open.len();
    let mut explained = explanation.lines.into_iter();
    let lines = open.into_iter().filter_map(|line| match line {
        Open::Named(_) => explained.next().map(LineBody::from),
        Open::Nameless(line) => Some(line),
    });
    Ok(ExplanationBody {
        order_id: None,
        complete: explanation.complete && every_line_is_named,
        parcels: explanation.parcels,
        lines: lines.collect(),
        holds: Vec::new(),
        waits: Vec::new(),
    })
}

/// What an order that may still ship asks for and neither holds nor was sent.
fn open_lines(order: &Order, allocations: &[AllocationRecord]) -> Vec<Open> {
    if !matches!(order.status, OrderStatus::Pending | OrderStatus::Confirmed | OrderStatus::Processing) {
        return Vec::new();
    }
    let mut settled = BTreeMap::<&LineId, u64>::new();
    for AllocationRecord { allocation, .. } in allocations {
        *settled.entry(&allocation.line_id).or_default() += allocation.held() + allocation.fulfilled_quantity;
    }
    let to_fulfil =
        order.facts.lines.iter().filter(|line| line.requires_shipping && line.fulfillable_quantity > 0);
    let open = to_fulfil.filter_map(|line| {
        let settled = settled.get(&line.line_id).copied().unwrap_or_default();
        // Nothing is left of a line that is settled, and nothing is no quantity.
        let pieces = u64::from(line.fulfillable_quantity).checked_sub(settled)?;
        let quantity = Quantity::new(i64::try_from(pieces).ok()?).ok()?;
        let (line_id, sku) = (line.line_id.clone(), line.sku.clone());
        Some(match sku.as_deref().map(Sku::parse) {
            Some(Ok(sku)) => Open::Named(DemandLine { line_id, sku, quantity }),
            _ => Open::Nameless(LineBody::nameless(line_id, sku, quantity)),
        })
    });
    open.collect()
}

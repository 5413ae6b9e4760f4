//! Placing an order: record, reservation, events and message are one transaction, so that the
//! caller hears at once whether it has its stock. Where stock is kept by a service of its own, the reservation comes
//! first, under the order's own key: it is confirmed when the order's message is dispatched, given back at once when the
//! order is refused, and given back by the service where we crash or cannot say whether the order was kept. While that
//! service is away, the order is kept without, and waits for its turn.
//!
//! **Invariant:** whatever is refused leaves nothing behind, no key either; whatever is answered with
//! 201 has its message in the inbox, and its stock or a place in the queue for it.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use chrono::{SubsecRound, Utc};
use database::retried;
use dispatch::SWEEP_AFTER;
use domain::{AwayRule, Condition, OrderId, Sku};
use inventory::Shortage;
use orders::{
    Order, awaiting,
    command::{self, Command},
    idempotency::KeptAnswer,
    inbox::Message,
    progress,
    record::{self, NewOrder, PlaceOutcome},
};
use sqlx::PgConnection;
use stock::{StepError as _, StockTransaction, warehouses_of};
use tracing::{info, warn};

use super::{content, form::USUAL_CURRENCY, request::Request, reservation, view::PlacedBody};
use crate::{idempotency::Begun, problem::Problem, state::Asked};

/// Places the order, and tells what is answered and which message has to be dispatched.
///
/// # Errors
/// Every [`Problem`] of an order that is not placed.
pub(super) async fn place(request: &Request<'_>) -> Result<(KeptAnswer, Option<Message>), Problem> {
    let Asked { api, correlation_id, .. } = request.asked;
    let new_id = request.new_id()?;
    let place_with =
        async |service| api.stock.transaction(|tx| place_within(tx, request, &new_id, service)).await;
    let mut placed = place_with(Service::Asked).await;
    if let Err(problem) = &placed
        && problem.is_inventory_away()
        && may_wait(request)
    {
        info!(correlation.id = correlation_id.as_str(), %problem, "an order is taken without its stock");
        placed = place_with(Service::Away).await;
    }
    if let Err(Problem::InsufficientStock(shortages)) = &placed {
        let told = announce_shortage(request, shortages).await;
        if let Err(problem) = told {
            warn!(correlation.id = correlation_id.as_str(), %problem, "what was short is told nobody");
        }
    }
    placed
}

/// Whether the inventory service is there to be asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Service {
    Asked,
    Away,
}

/// Whether the order may be taken without its stock. The prices that a customer names, or another currency than the items
/// usually have, cannot be held against the items' own prices now.
fn may_wait(request: &Request<'_>) -> bool {
    let form = request.form;
    let says_what_it_costs =
        form.currency.as_str() != USUAL_CURRENCY || form.items.iter().any(|line| line.unit_price.is_some());
    request.asked.api.when_inventory_is_away == AwayRule::Accept
        && !(request.is_by_customer() && says_what_it_costs)
}

/// What was short is told, though the order is not kept: once, however often the same is asked for.
async fn announce_shortage(request: &Request<'_>, shortages: &[Shortage]) -> Result<(), Problem> {
    let Asked { api, correlation_id, .. } = request.asked;
    let order_id = match &request.form.order_id {
        Some(own_id) if !request.is_by_customer() => own_id.clone(),
        _ => id_of(&request.fingerprint)?,
    };
    retried(Problem::met_another_transaction, async || {
        let mut tx = api.pool.begin().await?;
        api.stock.announce_shortage(&mut tx, &order_id, shortages, correlation_id.as_str()).await?;
        tx.commit().await?;
        Ok(())
    })
    .await
}

/// The id of an order that is not kept, the same for the same content.
fn id_of(fingerprint: &[u8]) -> Result<OrderId, Problem> {
    let bytes = fingerprint.first_chunk().copied().unwrap_or_default();
    let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
    Problem::of_field("orderId", OrderId::parse(&id.to_string()))
}

async fn place_within(
    mut tx: StockTransaction<'_>,
    request: &Request<'_>,
    new_id: &OrderId,
    service: Service,
) -> Result<(KeptAnswer, Option<Message>), Problem> {
    let keyed = match request.begin(&mut tx).await? {
        Begun::New(keyed) => keyed,
        Begun::Answered(answer) => return Ok((answer, None)),
    };
    // Of an order that is known nobody has to be asked.
    let mut known = request.find_known(&mut tx).await?;
    let kept = if known.is_none() { keep(&mut tx, request, new_id, service).await? } else { None };
    let (status, told, order, message) = match kept {
        Some(order) => {
            let (order, message) = fill(&mut tx, request, order, service).await?;
            (StatusCode::CREATED, "Order placed successfully", order, message)
        }
        None => {
            if known.is_none() {
                // Somebody else kept it a moment ago.
                known = request.find_known(&mut tx).await?;
            }
            (StatusCode::OK, "Order was placed before", as_asked_for(&mut tx, request, known).await?, None)
        }
    };
    let body = PlacedBody::new(told, order, &request.asked.caller);
    let answer = keyed.keep(&mut tx, status, &body).await?;
    tx.commit().await?;
    Ok((answer, message))
}

/// Keeps the order; none if its id is taken.
async fn keep(
    conn: &mut StockTransaction<'_>,
    request: &Request<'_>,
    order_id: &OrderId,
    service: Service,
) -> Result<Option<Order>, Problem> {
    let form = request.form;
    let items = match service {
        Service::Asked => reservation::items(conn, &skus_of(request), &request.asked.correlation_id).await?,
        // What they are called and cost is known when it is back.
        Service::Away => BTreeMap::new(),
    };
    let customer = content::customer(conn, request).await?;
    let facts = content::facts(order_id, request, &items)?;
    // As exact as the database keeps it, so that every answer shows the same.
    let received_at = Utc::now().trunc_subsecs(6);
    let hold = form.hold.unwrap_or(request.asked.api.hold_window);
    let placement = NewOrder {
        order_id: order_id.clone(),
        user_id: form.user_id.clone(),
        client_order_id: form.order_id.clone().filter(|_| request.is_by_customer()),
        facts: &facts,
        customer,
        content_fingerprint: &request.fingerprint,
        received_at,
        hold_until: (!hold.is_zero()).then(|| received_at + hold),
        correlation_id: request.asked.correlation_id.as_str(),
    };
    Ok(match record::place(conn, &placement).await? {
        PlaceOutcome::New(order) => Some(*order),
        PlaceOutcome::IdTaken => None,
    })
}

/// The order that has the id already, if it is the one that is asked for.
async fn as_asked_for(
    conn: &mut PgConnection,
    request: &Request<'_>,
    known: Option<Order>,
) -> Result<Order, Problem> {
    let taken = || Problem::Internal("an id of ours is taken".into());
    let order = known.ok_or_else(taken)?;
    if !record::has_content(conn, &order.order_id, &request.fingerprint).await? {
        let own_id = request.form.order_id.clone().ok_or_else(taken)?;
        return Err(Problem::OrderExists { field: request.form.order_id_place, order_id: own_id });
    }
    Ok(order)
}

/// Takes hold of the stock, and leaves the message that starts the order's run. Stock comes as late
/// as can be: from then on others who want the same wait for the commit.
async fn fill(
    conn: &mut StockTransaction<'_>,
    request: &Request<'_>,
    mut order: Order,
    service: Service,
) -> Result<(Order, Option<Message>), Problem> {
    let message = command::keep(conn, &order.order_id, &Command::OrderPlaced, SWEEP_AFTER).await?;
    if waits(conn, request, service).await? {
        let lines = order.facts.lines.iter().zip(&request.form.items);
        let unpriced = lines.filter(|(_, wanted)| service == Service::Away && wanted.unit_price.is_none());
        let unpriced: Vec<_> = unpriced.map(|(line, _)| line.line_id.clone()).collect();
        awaiting::begin(conn, &order.order_id, &unpriced).await?;
        order.condition = Some(Condition::AwaitingAllocation);
        return Ok((order, message));
    }
    let lines = request.demand(&order.facts);
    let correlation_id = &request.asked.correlation_id;
    let reservation = reservation::reserve(conn, &order.order_id, &lines, correlation_id).await?;
    let is_held = order.hold_until.is_some();
    let order = progress::note_reserved(conn, order, is_held, &warehouses_of(&reservation)).await?;
    Ok((order, message))
}

/// Whether it has to wait for its stock: the service is away, or was, and others that came first want the same.
async fn waits(
    conn: &mut StockTransaction<'_>,
    request: &Request<'_>,
    service: Service,
) -> Result<bool, Problem> {
    if service == Service::Away {
        return Ok(true);
    }
    Ok(!conn.is_here() && awaiting::is_wanted(conn, &skus_of(request)).await?)
}

/// What is ordered, each SKU once.
fn skus_of<'a>(request: &'a Request<'_>) -> Vec<&'a Sku> {
    let skus: BTreeSet<&Sku> = request.form.items.iter().map(|line| &line.sku).collect();
    skus.into_iter().collect()
}

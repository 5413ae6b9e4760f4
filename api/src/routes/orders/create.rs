//! Placing an order: record, reservation, events and message are one transaction, so that the
//! caller hears at once whether it has its stock. `remote_stock` says what happens where stock is kept by a
//! service of its own.
//!
//! **Invariant:** whatever is refused leaves nothing behind, no key either; whatever is answered with
//! 201 has its stock and its message in the inbox.

use std::{collections::BTreeSet, time::Duration};

use axum::http::StatusCode;
use chrono::{SubsecRound, Utc};
use dispatch::SWEEP_AFTER;
use domain::{Condition, HeldBy, OrderFacts, OrderId, OrderStatus};
use inventory::{DemandLine, Reservation, Shortage};
use inventory_service::Stock;
use orders::{
    Order,
    command::{self, Command},
    events,
    idempotency::{self, Claim, KeptAnswer, Key},
    inbox::Message,
    progress::{self, StatusMove, Waiting},
    record::{self, NewOrder, PlaceOutcome},
    timeline::{self, TimelineEvent},
};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use tracing::warn;
use uuid::Uuid;

use super::{
    content,
    form::OrderForm,
    remote_stock::{self, RemoteAnswer},
    stock,
    view::PlacedBody,
};
use crate::{
    caller::Caller, correlation::CorrelationId, problem::Problem, server::Api, transaction::retried,
};

/// Says which order and under which content a request is about, so that a changed meaning of the
/// fingerprinted text never passes for an old one.
const FINGERPRINT_VERSION: &str = "1";

/// A request to place an order.
pub(super) struct Request<'a> {
    /// What is asked for.
    pub(super) form: &'a OrderForm,
    /// Who asks, whose idempotency keys count.
    pub(super) caller: &'a Caller,
    /// The caller's idempotency key.
    pub(super) key: Option<&'a str>,
    /// How long the order is held unless it says otherwise.
    pub(super) hold_window: Duration,
    /// Ties together what the request causes.
    pub(super) correlation_id: &'a CorrelationId,
}

impl Request<'_> {
    /// Whether the caller is a customer, who names no prices and whose order ids are its own.
    pub(super) fn is_by_customer(&self) -> bool {
        self.caller.confined_to().is_some()
    }

    /// The order's id: that of an operator's own system, or a new one.
    pub(super) fn new_id(&self) -> Result<OrderId, Problem> {
        match &self.form.order_id {
            Some(own_id) if !self.is_by_customer() => Ok(own_id.clone()),
            _ => Problem::of_field("orderId", OrderId::parse(&Uuid::now_v7().to_string())),
        }
    }

    /// The order that has the caller's own id already.
    pub(super) async fn find_known(&self, conn: &mut PgConnection) -> Result<Option<Order>, Problem> {
        Ok(match (&self.form.order_id, &self.form.user_id) {
            (None, _) => None,
            (Some(own_id), Some(user)) if self.is_by_customer() => {
                record::find_by_client_id(conn, user, own_id).await?
            }
            (Some(own_id), _) => record::find(conn, own_id).await?,
        })
    }
}

/// Places the order, and tells what is answered and which message has to be dispatched.
///
/// # Errors
/// Every [`Problem`] of an order that is not placed.
pub(super) async fn place(
    api: &Api,
    request: &Request<'_>,
) -> Result<(KeptAnswer, Option<Message>), Problem> {
    let fingerprint = fingerprint(request)?;
    let remote = remote_stock::ask(api, request, &fingerprint).await?;
    let placed = retried(|| place_once(api, request, &fingerprint, remote.as_ref())).await;
    if let Some(remote) = remote
        && !matches!(placed, Ok((_, Some(_))))
    {
        remote_stock::give_back_unless_kept(api, remote, request.correlation_id.as_str());
    }
    if let Err(Problem::InsufficientStock(shortages)) = &placed
        && api.stock.remote().is_none()
    {
        let told = announce_shortage(api, request, &fingerprint, shortages).await;
        if let Err(problem) = told {
            warn!(correlation.id = request.correlation_id.as_str(), %problem, "what was short is told nobody");
        }
    }
    placed
}

/// What was short is told, though the order is not kept: once, however often the same is asked for.
async fn announce_shortage(
    api: &Api,
    request: &Request<'_>,
    fingerprint: &[u8],
    shortages: &[Shortage],
) -> Result<(), Problem> {
    let order_id = match &request.form.order_id {
        Some(own_id) if !request.is_by_customer() => own_id.clone(),
        _ => id_of(fingerprint)?,
    };
    retried(async || {
        let mut tx = api.pool.begin().await?;
        let correlation_id = request.correlation_id.as_str();
        inventory::announce_shortage(&mut tx, &order_id, None, shortages, correlation_id).await?;
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

/// SHA-256 of what is asked for and by whom.
fn fingerprint(request: &Request<'_>) -> Result<Vec<u8>, Problem> {
    let content = serde_json::to_vec(&(FINGERPRINT_VERSION, request.caller.key(), request.form));
    Ok(Sha256::digest(content.map_err(|error| Problem::Internal(error.into()))?).to_vec())
}

async fn place_once(
    api: &Api,
    request: &Request<'_>,
    fingerprint: &[u8],
    remote: Option<&RemoteAnswer>,
) -> Result<(KeptAnswer, Option<Message>), Problem> {
    let key = request.key.map(|key| Key { caller: request.caller.key(), key, fingerprint });
    let mut tx = api.pool.begin().await?;
    if let Some(key) = &key {
        match idempotency::claim(&mut tx, key).await? {
            Claim::New => {}
            Claim::Answered(answer) => return Ok((answer, None)),
            Claim::OtherContent => return Err(Problem::IdempotencyKeyReused),
        }
    }
    let kept = match (&api.stock, remote) {
        // Nothing was reserved there, because the order is here already.
        (Stock::There(_), None) => None,
        _ => keep(&mut tx, request, fingerprint, remote).await?,
    };
    let (status, body, message) = match kept {
        Some(order) => {
            let (order, message) = fill(&mut tx, request, order, remote).await?;
            (StatusCode::CREATED, PlacedBody::new(order, request.caller), message)
        }
        None => {
            let known = known(&mut tx, request, fingerprint).await?;
            (StatusCode::OK, PlacedBody::again(known, request.caller), None)
        }
    };
    let answer = KeptAnswer {
        status: status.as_u16(),
        body: serde_json::to_string(&body).map_err(|error| Problem::Internal(error.into()))?,
    };
    if let Some(key) = &key {
        idempotency::remember(&mut tx, key, &answer).await?;
    }
    tx.commit().await?;
    Ok((answer, message))
}

/// Keeps the order; none if its id is taken.
async fn keep(
    conn: &mut PgConnection,
    request: &Request<'_>,
    fingerprint: &[u8],
    remote: Option<&RemoteAnswer>,
) -> Result<Option<Order>, Problem> {
    let form = request.form;
    let (order_id, items) = match remote {
        Some(remote) => (remote.order_id.clone(), remote.items.clone()),
        None => {
            let skus: BTreeSet<_> = form.items.iter().map(|line| &line.sku).collect();
            (request.new_id()?, stock::items(conn, &skus).await?)
        }
    };
    let customer = content::customer(conn, request).await?;
    let facts = content::facts(&order_id, request, &items)?;
    // As exact as the database keeps it, so that every answer shows the same.
    let received_at = Utc::now().trunc_subsecs(6);
    let hold = form.hold.unwrap_or(request.hold_window);
    let placement = NewOrder {
        order_id,
        user_id: form.user_id.clone(),
        client_order_id: form.order_id.clone().filter(|_| request.is_by_customer()),
        facts: &facts,
        customer,
        content_fingerprint: fingerprint,
        received_at,
        hold_until: (!hold.is_zero()).then(|| received_at + hold),
        correlation_id: request.correlation_id.as_str(),
    };
    Ok(match record::place(conn, &placement).await? {
        PlaceOutcome::New(order) => Some(*order),
        PlaceOutcome::IdTaken => None,
    })
}

/// The order that has the id already, if it is the one that is asked for.
async fn known(conn: &mut PgConnection, request: &Request<'_>, fingerprint: &[u8]) -> Result<Order, Problem> {
    let taken = || Problem::Internal("an id of ours is taken".into());
    let order = request.find_known(conn).await?.ok_or_else(taken)?;
    if !record::has_content(conn, &order.order_id, fingerprint).await? {
        let own_id = request.form.order_id.clone().ok_or_else(taken)?;
        return Err(Problem::OrderExists { field: request.form.order_id_place, order_id: own_id });
    }
    Ok(order)
}

/// Takes hold of the stock, and leaves the message that starts the order's run. Stock comes as late
/// as can be: from then on others who want the same wait for the commit.
async fn fill(
    conn: &mut PgConnection,
    request: &Request<'_>,
    order: Order,
    remote: Option<&RemoteAnswer>,
) -> Result<(Order, Option<Message>), Problem> {
    let message = command::keep(conn, &order.order_id, &Command::OrderPlaced, SWEEP_AFTER).await?;
    if let Some(remote) = remote {
        // An epoch for each reservation under this id that was given back.
        for _ in stock::FIRST_EPOCH..remote.epoch {
            progress::next_epoch(conn, &order.order_id).await?;
        }
        return Ok((note_reserved(conn, order, &remote.reservation).await?, message));
    }
    let lines = demand(&order.facts, request.form);
    let reservation = stock::reserve(conn, &order.order_id, lines, request.correlation_id).await?;
    Ok((note_reserved(conn, order, &reservation).await?, message))
}

/// The lines as stock is asked for them.
pub(super) fn demand(facts: &OrderFacts, form: &OrderForm) -> Vec<DemandLine> {
    let lines = facts.lines.iter().zip(&form.items);
    lines
        .map(|(line, wanted)| DemandLine {
            line_id: line.line_id.clone(),
            sku: wanted.sku.clone(),
            quantity: wanted.quantity,
        })
        .collect()
}

/// Confirms the order, unless it is held: then it stays `PENDING` with its stock. The order as it is
/// then.
async fn note_reserved(
    conn: &mut PgConnection,
    mut order: Order,
    reservation: &Reservation,
) -> Result<Order, Problem> {
    let warehouses: BTreeSet<&str> =
        reservation.allocations.iter().map(|held| held.warehouse.as_str()).collect();
    let detail = warehouses.into_iter().collect::<Vec<_>>().join(", ");
    if order.hold_until.is_some() {
        timeline::note(conn, &order.order_id, TimelineEvent::Reserved, Some(&detail)).await?;
        let (condition, held_by) = (Condition::OnHold, HeldBy::Window);
        let waiting = Waiting { condition, reason: None, held_by: Some(held_by) };
        progress::set_condition(conn, &order.order_id, waiting).await?;
        events::announce_placed(conn, &order.order_id).await?;
        order.condition = Some(condition);
        order.held_by = Some(held_by);
    } else {
        let (to, event) = (OrderStatus::Confirmed, TimelineEvent::Reserved);
        let moved = progress::move_to(conn, &order.order_id, to, event, Some(&detail)).await?;
        if let StatusMove::Refused(status) = moved {
            return Err(Problem::Internal(format!("a new order is {status} already").into()));
        }
        order.status = to;
    }
    Ok(order)
}

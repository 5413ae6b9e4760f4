//! Placing an order: record, reservation, events and message are one transaction, so that the
//! caller hears at once whether it has its stock.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Utc;
use domain::{Channel, FinancialStatus, LineId, OrderFacts, OrderId, OrderLine, OrderStatus, Sku};
use intake::settings::SWEEP_AFTER;
use inventory::{DemandLine, Item, Reservation, ReserveMode, ReserveOutcome, ReserveRequest};
use orders::{
    Order,
    inbox::{self, Message, NewMessage, Source},
    progress,
    record::{self, Arrival},
    timeline,
};
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::form::{WantedLine, WantedOrder};
use crate::{
    correlation::CorrelationId,
    events,
    problem::{Problem, met_another_transaction},
};

/// How often an order is tried whose number is taken, or that met another transaction.
const MOST_ATTEMPTS: u32 = 3;
/// The epoch of an order's first reservation.
const FIRST_EPOCH: u32 = 1;

/// Places the order, and tells which message has to be dispatched.
pub(super) async fn place(
    pool: &PgPool,
    wanted: &WantedOrder,
    correlation_id: &CorrelationId,
) -> Result<(Order, Option<Message>), Problem> {
    let mut attempt = 1;
    loop {
        match place_once(pool, wanted, correlation_id).await {
            Err(refusal) if attempt < MOST_ATTEMPTS && refusal.may_pass() => attempt += 1,
            placed => return placed.map_err(Refusal::into_problem),
        }
    }
}

/// Why an order was not placed.
enum Refusal {
    /// The number drawn for it is taken; another draw will do.
    NumberTaken(orders::OrdersError),
    Problem(Problem),
}

impl Refusal {
    fn may_pass(&self) -> bool {
        match self {
            Self::NumberTaken(_) => true,
            Self::Problem(problem) => met_another_transaction(problem),
        }
    }

    fn into_problem(self) -> Problem {
        match self {
            Self::NumberTaken(error) => Problem::Unavailable(error.into()),
            Self::Problem(problem) => problem,
        }
    }
}

impl<E: Into<Problem>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}

async fn place_once(
    pool: &PgPool,
    wanted: &WantedOrder,
    correlation_id: &CorrelationId,
) -> Result<(Order, Option<Message>), Refusal> {
    let received_at = Utc::now();
    let mut tx = pool.begin().await?;
    let items = items(&mut tx, wanted).await?;
    let order_id = Problem::of_field("orderId", OrderId::parse(&Uuid::now_v7().to_string()))?;
    let facts = facts(&order_id, wanted, &items)?;
    let arrival = Arrival {
        order_id,
        channel: Channel::Api,
        facts: &facts,
        customer: Some(json!({"name": wanted.customer.name, "email": wanted.customer.email})),
        received_at,
        hold_until: wanted.hold.map(|hold| received_at + hold),
        correlation_id: correlation_id.as_str(),
    };
    let (order, _new) = record::arrive(&mut tx, &arrival).await.map_err(|error| {
        if error.is_constraint("orders_order_number_unique") {
            Refusal::NumberTaken(error)
        } else {
            Refusal::Problem(error.into())
        }
    })?;
    let reservation = reserve(&mut tx, &order.order_id, wanted).await?;
    events::allocations(&mut tx, &reservation.changed, correlation_id.as_str()).await?;
    note_reserved(&mut tx, &order, &reservation).await?;
    let message = leave_message(&mut tx, &order.order_id).await?;
    let order = record::find(&mut tx, &order.order_id).await?.ok_or(orders::OrdersError::NotFound)?;
    tx.commit().await?;
    Ok((order, message))
}

/// The items ordered, by SKU.
async fn items(conn: &mut PgConnection, wanted: &WantedOrder) -> Result<BTreeMap<Sku, Item>, Problem> {
    let skus: BTreeSet<&Sku> = wanted.lines.iter().map(|line| &line.sku).collect();
    let (mut items, mut unknown) = (BTreeMap::new(), Vec::new());
    for sku in skus {
        match inventory::item(conn, sku).await? {
            Some(item) => drop(items.insert(sku.clone(), item)),
            None => unknown.push(sku.clone()),
        }
    }
    if unknown.is_empty() { Ok(items) } else { Err(Problem::UnknownItem(unknown)) }
}

/// What our own channel says of the order. It asks for no payment: placing is a promise to pay.
fn facts(
    order_id: &OrderId,
    wanted: &WantedOrder,
    items: &BTreeMap<Sku, Item>,
) -> Result<OrderFacts, Problem> {
    let lines = wanted.lines.iter().enumerate();
    let lines: Vec<OrderLine> = lines
        .map(|(index, line)| order_line(index, line, wanted, items.get(&line.sku)))
        .collect::<Result<_, _>>()?;
    Ok(OrderFacts {
        name: order_id.as_str().to_owned(),
        currency: wanted.currency.as_str().to_owned(),
        total_amount: total(&lines)?,
        financial_status: FinancialStatus::Paid,
        test: false,
        cancelled_at: None,
        updated_at: None,
        location_id: None,
        lines,
    })
}

fn order_line(
    index: usize,
    line: &WantedLine,
    wanted: &WantedOrder,
    item: Option<&Item>,
) -> Result<OrderLine, Problem> {
    let name_of_item = || item.map_or_else(|| line.sku.to_string(), |item| item.name.clone());
    let price_of_item = || match item.and_then(|item| item.unit_price.as_ref()) {
        Some(price) if *price.currency() != wanted.currency => Err(Problem::invalid(
            format!("items[{index}].price"),
            &format!("is needed, as the item's own price is in {}", price.currency().as_str()),
        )),
        Some(price) => Ok(price.amount()),
        None => Ok(Decimal::new(0, 2)),
    };
    let quantity = line.quantity.get();
    Ok(OrderLine {
        line_id: line_id(index)?,
        sku: Some(line.sku.to_string()),
        product_name: line.product_name.clone().unwrap_or_else(name_of_item),
        quantity,
        fulfillable_quantity: quantity,
        unit_price: line.unit_price.map_or_else(price_of_item, Ok)?,
        requires_shipping: true,
    })
}

fn total(lines: &[OrderLine]) -> Result<Decimal, Problem> {
    lines
        .iter()
        .try_fold(Decimal::ZERO, |total, line| {
            total.checked_add(line.unit_price.checked_mul(Decimal::from(line.quantity))?)
        })
        .ok_or_else(|| Problem::invalid("items", "their total is beyond what can be kept exactly"))
}

/// Lines are numbered from 1.
fn line_id(index: usize) -> Result<LineId, Problem> {
    Problem::of_field("items", LineId::parse(&(index + 1).to_string()))
}

/// Takes hold of all of it or of nothing.
async fn reserve(
    conn: &mut PgConnection,
    order_id: &OrderId,
    wanted: &WantedOrder,
) -> Result<Reservation, Problem> {
    let demand = |(index, line): (usize, &WantedLine)| {
        Ok(DemandLine { line_id: line_id(index)?, sku: line.sku.clone(), quantity: line.quantity })
    };
    let request = ReserveRequest {
        order_id: order_id.clone(),
        epoch: FIRST_EPOCH,
        lines: wanted.lines.iter().enumerate().map(demand).collect::<Result<_, Problem>>()?,
        mode: ReserveMode::AllOrNothing,
        preferred_warehouse: None,
    };
    match inventory::reserve(conn, &request).await? {
        ReserveOutcome::Reserved(reservation) => Ok(reservation),
        ReserveOutcome::Short(shortages) => Err(Problem::InsufficientStock(shortages)),
        ReserveOutcome::UnknownSku(lines) => {
            let unknown: BTreeSet<Sku> = request
                .lines
                .into_iter()
                .filter(|line| lines.contains(&line.line_id))
                .map(|line| line.sku)
                .collect();
            Err(Problem::UnknownItem(unknown.into_iter().collect()))
        }
    }
}

/// Confirms the order, unless it is held: then it stays `PENDING` with its stock.
async fn note_reserved(
    conn: &mut PgConnection,
    order: &Order,
    reservation: &Reservation,
) -> Result<(), Problem> {
    let warehouses: BTreeSet<&str> =
        reservation.allocations.iter().map(|held| held.warehouse.as_str()).collect();
    let detail = warehouses.into_iter().collect::<Vec<_>>().join(", ");
    if order.hold_until.is_some() {
        timeline::note(conn, &order.order_id, "RESERVED", Some(&detail)).await?;
    } else {
        progress::move_to(conn, &order.order_id, OrderStatus::Confirmed, "RESERVED", Some(&detail)).await?;
    }
    Ok(())
}

async fn leave_message(conn: &mut PgConnection, order_id: &OrderId) -> Result<Option<Message>, Problem> {
    let body = json!({"orderId": order_id}).to_string();
    let message = NewMessage {
        source: Source::Api,
        shop: "",
        message_id: order_id.as_str(),
        topic: "order-placed",
        headers: json!({}),
        body: body.as_bytes(),
        sweep_after: SWEEP_AFTER,
    };
    Ok(inbox::insert(conn, &message).await?)
}

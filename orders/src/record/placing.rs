//! An order of our own API, kept in one statement.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Channel, OrderFacts, OrderId, OrderNumber, OrderStatus, UserId, Was, WorkflowId};
use serde_json::Value;
use sqlx::PgConnection;

use super::{LineColumns, Order, new_order_number};
use crate::{OrdersError, promises::Promised, timeline::TimelineEvent};

/// An order to be kept.
#[derive(Clone)]
pub struct NewOrder<'a> {
    /// The id of an operator's own system, or a new one.
    pub order_id: OrderId,
    /// The user it is for.
    pub user_id: Option<UserId>,
    /// What that user calls it, where a customer places it.
    pub client_order_id: Option<OrderId>,
    /// The content.
    pub facts: &'a OrderFacts,
    /// The customer, kept apart.
    pub customer: Value,
    /// SHA-256 of what was asked for and by whom.
    pub content_fingerprint: &'a [u8],
    /// When it reached us.
    pub received_at: DateTime<Utc>,
    /// Until when it stays `PENDING`.
    pub hold_until: Option<DateTime<Utc>>,
    /// Ties together what one request caused.
    pub correlation_id: &'a str,
}

/// What became of it.
#[derive(Debug, Clone)]
pub enum PlaceOutcome {
    /// It is kept, `PENDING`.
    New(Box<Order>),
    /// The id is taken; nothing was written.
    IdTaken,
}

/// One statement, because each costs the caller a round trip: the order, its lines, the customer and
/// the first timeline entry. Whoever places another order under the same id waits here.
const PLACE: &str = "
WITH placed AS (
    INSERT INTO orders.orders
        (order_id, order_number, workflow_id, channel, name, currency, total_amount, financial_status,
         hold_until, correlation_id, received_at, user_id, content_fingerprint, client_order_id)
    VALUES ($1, $2, $3, 'API', $4, $5, $6, $7, $8, $9, $10, $11, $12, $21)
    ON CONFLICT DO NOTHING
    RETURNING order_id, order_number, created_at
), kept AS (
    INSERT INTO orders.lines
        (order_id, position, line_id, sku, product_name, quantity, fulfillable_quantity, unit_price,
         requires_shipping)
    SELECT placed.order_id, new.position, new.line_id, new.sku, new.product_name, new.quantity,
           new.fulfillable_quantity, new.unit_price, new.requires_shipping
    FROM placed, UNNEST($13::text[], $14::text[], $15::text[], $16::int[], $17::int[], $18::numeric[], $19::bool[])
         WITH ORDINALITY AS new(line_id, sku, product_name, quantity, fulfillable_quantity, unit_price,
                                requires_shipping, position)
), customer AS (
    INSERT INTO orders.customers (order_id, customer) SELECT order_id, $20 FROM placed
), noted AS (
    INSERT INTO orders.timeline (order_id, event, detail) SELECT order_id, $22, order_number FROM placed
)
SELECT created_at FROM placed";

/// How many numbers are drawn for an order before it is given up.
const MOST_DRAWS: u32 = 5;

/// Keeps an order of our own API, with its first timeline entry.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn place(conn: &mut PgConnection, placement: &NewOrder<'_>) -> Result<PlaceOutcome, OrdersError> {
    let columns = LineColumns::of(&placement.facts.lines)?;
    for _ in 0..MOST_DRAWS {
        let order_number = new_order_number(placement.received_at)?;
        if let Some(created_at) = insert(conn, placement, &order_number, &columns).await? {
            return Ok(PlaceOutcome::New(Box::new(placed(placement, order_number, created_at))));
        }
        // Either the id is taken, or the number was, and then another draw will do.
        if is_taken(conn, placement).await? {
            return Ok(PlaceOutcome::IdTaken);
        }
    }
    Err(OrdersError::Unreadable("every order number drawn was taken".into()))
}

/// When the order was kept; none if it was not, because its id or its number is taken.
async fn insert(
    conn: &mut PgConnection,
    placement: &NewOrder<'_>,
    order_number: &OrderNumber,
    columns: &LineColumns,
) -> Result<Option<DateTime<Utc>>, OrdersError> {
    let NewOrder { order_id, facts, .. } = placement;
    Ok(sqlx::query_scalar(PLACE)
        .bind(order_id.as_str())
        .bind(order_number.as_str())
        .bind(WorkflowId::of(&Channel::Api, order_id).as_str())
        .bind(&facts.name)
        .bind(&facts.currency)
        .bind(facts.total_amount)
        .bind(facts.financial_status.as_str())
        .bind(placement.hold_until)
        .bind(placement.correlation_id)
        .bind(placement.received_at)
        .bind(placement.user_id.as_ref().map(UserId::as_str))
        .bind(placement.content_fingerprint)
        .bind(&columns.line_ids)
        .bind(&columns.skus)
        .bind(&columns.product_names)
        .bind(&columns.quantities)
        .bind(&columns.fulfillable_quantities)
        .bind(&columns.unit_prices)
        .bind(&columns.requires_shipping)
        .bind(&placement.customer)
        .bind(placement.client_order_id.as_ref().map(OrderId::as_str))
        .bind(TimelineEvent::Received.as_str())
        .fetch_optional(conn)
        .await?)
}

async fn is_taken(conn: &mut PgConnection, placement: &NewOrder<'_>) -> Result<bool, OrdersError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM orders.orders
                        WHERE order_id = $1 OR (user_id = $2 AND client_order_id = $3))",
    )
    .bind(placement.order_id.as_str())
    .bind(placement.user_id.as_ref().map(UserId::as_str))
    .bind(placement.client_order_id.as_ref().map(OrderId::as_str))
    .fetch_one(conn)
    .await?)
}

/// The order as a look into the database would show it now.
fn placed(placement: &NewOrder<'_>, order_number: OrderNumber, created_at: DateTime<Utc>) -> Order {
    Order {
        order_id: placement.order_id.clone(),
        order_number,
        workflow_id: WorkflowId::of(&Channel::Api, &placement.order_id),
        channel: Channel::Api,
        user_id: placement.user_id.clone(),
        client_order_id: placement.client_order_id.clone(),
        shop_lane: None,
        status: OrderStatus::Pending,
        condition: None,
        condition_reason: None,
        held_by: None,
        some_has_left: false,
        facts: placement.facts.clone(),
        was: Was { open: true, payable: true },
        content_in_doubt: false,
        wish_version: 1,
        was_planned: false,
        looked_for: None,
        notified_at_look: BTreeMap::new(),
        look_wanted: false,
        rest_is_cancelled: false,
        awaits_allocation: false,
        lacks_prices: false,
        is_edited: false,
        hold_until: placement.hold_until,
        promised: Promised::default(),
        epoch: 1,
        cancelled_by: None,
        story_ended_at: None,
        correlation_id: placement.correlation_id.to_owned(),
        received_at: placement.received_at,
        created_at,
        updated_at: created_at,
    }
}

/// Whether the order was placed with this content; false for an order of a shop.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn has_content(
    conn: &mut PgConnection,
    order: &OrderId,
    content_fingerprint: &[u8],
) -> Result<bool, OrdersError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM orders.orders WHERE order_id = $1 AND content_fingerprint = $2)",
    )
    .bind(order.as_str())
    .bind(content_fingerprint)
    .fetch_one(conn)
    .await?)
}

//! The record of an order: what the channel said and where the order stands.

use chrono::{DateTime, Utc};
use domain::{
    Channel, OrderFacts, OrderId, OrderLine, OrderNumber, OrderStatus, ShopDomain, ShopifyOrderId, Stage,
    UserId, WorkflowId,
};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::OrdersError;

mod page;
mod placing;
mod row;

pub use page::{Filter, Person, Position, list};
pub use placing::{Placement, Placing, has_content, place};
use row::{ORDER_COLUMNS, OrderRow};

/// A line as it is kept.
pub type Line = OrderLine;

/// An order as it is kept, without the customer.
#[derive(Debug, Clone)]
pub struct Order {
    /// Our id, or the caller's own.
    pub order_id: OrderId,
    /// The number people use.
    pub order_number: OrderNumber,
    /// The id of its workflow.
    pub workflow_id: WorkflowId,
    /// Where it came from.
    pub channel: Channel,
    /// The user it was placed for, where our own API took it for one.
    pub user_id: Option<UserId>,
    /// Where it stands.
    pub status: OrderStatus,
    /// What keeps it there, as its name in the API.
    pub condition: Option<String>,
    /// Why, as a code.
    pub condition_reason: Option<String>,
    /// Who holds it, where it is `ON_HOLD`.
    pub held_by: Option<String>,
    /// Whether some of it has left its warehouse.
    pub some_has_left: bool,
    /// What the channel said.
    pub facts: OrderFacts,
    /// Until when it is held, by its hold window.
    pub hold_until: Option<DateTime<Utc>>,
    /// The current reservation epoch.
    pub epoch: u32,
    /// Who called it off.
    pub cancelled_by: Option<String>,
    /// When its run finished all there was to do.
    pub story_ended_at: Option<DateTime<Utc>>,
    /// Ties together what one request caused.
    pub correlation_id: String,
    /// When it reached us.
    pub received_at: DateTime<Utc>,
    /// When it was kept, by the database's clock; lists go by it.
    pub created_at: DateTime<Utc>,
    /// When anything about it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Order {
    /// Whether it was placed for this user.
    #[must_use]
    pub fn is_of(&self, user: &str) -> bool {
        self.user_id.as_ref().is_some_and(|user_id| user_id.as_str() == user)
    }

    /// The stage for the cancellation table.
    #[must_use]
    pub fn stage(&self) -> Stage {
        Stage::of(self.status, self.some_has_left)
    }
}

/// What a channel said of an order that may be new.
#[derive(Debug, Clone)]
pub struct Arrival<'a> {
    /// The id it gets if it is new.
    pub order_id: OrderId,
    /// The shop it came from.
    pub shop: &'a ShopDomain,
    /// The shop's id of it.
    pub shopify_order_id: ShopifyOrderId,
    /// The content.
    pub facts: &'a OrderFacts,
    /// The customer, kept apart; none if the shop named none.
    pub customer: Option<Value>,
    /// When it reached us.
    pub received_at: DateTime<Utc>,
    /// Until when it stays `PENDING`.
    pub hold_until: Option<DateTime<Utc>>,
    /// Ties together what one request caused.
    pub correlation_id: &'a str,
}

/// What an arrival did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrived {
    /// The order is new.
    New,
    /// The order was known; its content is now this one.
    Newer,
    /// The order was known with content that is strictly newer; nothing was changed.
    Stale,
}

/// Keeps an order, or the newer content of one that is known. Which is newer is decided by the
/// shop's `updated_at`; equal is not older.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn arrive(conn: &mut PgConnection, arrival: &Arrival<'_>) -> Result<(Order, Arrived), OrdersError> {
    let (order_id, arrived) = upsert(conn, arrival).await?;
    if arrived == Arrived::New {
        announce(conn, &order_id).await?;
    }
    if arrived != Arrived::Stale {
        keep_lines(conn, &order_id, arrival.facts).await?;
        if let Some(customer) = &arrival.customer {
            keep_customer(conn, &order_id, customer).await?;
        }
    }
    let order = find(conn, &order_id).await?.ok_or(OrdersError::NotFound)?;
    Ok((order, arrived))
}

async fn upsert(conn: &mut PgConnection, arrival: &Arrival<'_>) -> Result<(OrderId, Arrived), OrdersError> {
    let facts = arrival.facts;
    let (shop, shopify_order_id) = (arrival.shop.clone(), arrival.shopify_order_id);
    let channel = Channel::Shopify { shop, shopify_order_id };
    let row = sqlx::query(
        "INSERT INTO orders.orders AS known
             (order_id, order_number, workflow_id, channel, shop, shopify_order_id, name, currency, total_amount,
              financial_status, test, location_id, shop_cancelled_at, content_updated_at, hold_until,
              correlation_id, received_at)
         VALUES ($1, $2, $3, 'SHOPIFY', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         ON CONFLICT ON CONSTRAINT orders_shop_order_unique DO UPDATE
             SET name = EXCLUDED.name, currency = EXCLUDED.currency, total_amount = EXCLUDED.total_amount,
                 financial_status = EXCLUDED.financial_status, test = EXCLUDED.test,
                 location_id = EXCLUDED.location_id,
                 shop_cancelled_at = COALESCE(EXCLUDED.shop_cancelled_at, known.shop_cancelled_at),
                 content_updated_at = COALESCE(EXCLUDED.content_updated_at, known.content_updated_at),
                 updated_at = now()
             WHERE known.content_updated_at IS NULL OR EXCLUDED.content_updated_at IS NULL
                OR EXCLUDED.content_updated_at >= known.content_updated_at
         RETURNING order_id, order_id = $1 AS is_new",
    )
    .bind(arrival.order_id.as_str())
    .bind(new_order_number(arrival.received_at)?.as_str())
    .bind(WorkflowId::of(&channel, &arrival.order_id).as_str())
    .bind(arrival.shop.as_str())
    .bind(shopify_order_id.0)
    .bind(&facts.name)
    .bind(&facts.currency)
    .bind(facts.total_amount)
    .bind(String::from(facts.financial_status.clone()))
    .bind(facts.test)
    .bind(facts.location_id)
    .bind(facts.cancelled_at)
    .bind(facts.updated_at)
    .bind(arrival.hold_until)
    .bind(arrival.correlation_id)
    .bind(arrival.received_at)
    .fetch_optional(&mut *conn)
    .await?;

    match row {
        Some(row) => {
            let arrived = if row.try_get("is_new")? { Arrived::New } else { Arrived::Newer };
            Ok((OrderId::parse(&row.try_get::<String, _>("order_id")?)?, arrived))
        }
        None => {
            let known: String = sqlx::query_scalar(
                "SELECT order_id FROM orders.orders WHERE shop = $1 AND shopify_order_id = $2",
            )
            .bind(arrival.shop.as_str())
            .bind(shopify_order_id.0)
            .fetch_one(conn)
            .await?;
            Ok((OrderId::parse(&known)?, Arrived::Stale))
        }
    }
}

/// A new order's first timeline entry and its event.
async fn announce(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    sqlx::query(
        "WITH noted AS (
             INSERT INTO orders.timeline (order_id, event, detail)
             SELECT order_id, 'RECEIVED', order_number FROM orders.orders WHERE order_id = $1
         )
         INSERT INTO integration.outbox (event_id, event_type, aggregate_type, aggregate_id, correlation_id, payload)
         SELECT $2, 'ORDER_PLACED', 'Order', order_id, correlation_id,
                jsonb_build_object('orderId', order_id, 'orderNumber', order_number, 'status', status,
                                   'shop', shop, 'shopifyOrderId', shopify_order_id)
         FROM orders.orders WHERE order_id = $1",
    )
    .bind(order.as_str())
    .bind(Uuid::now_v7())
    .execute(conn)
    .await?;
    Ok(())
}

/// Replaces the lines, unless stock is already promised by the ones that are kept.
async fn keep_lines(conn: &mut PgConnection, order: &OrderId, facts: &OrderFacts) -> Result<(), OrdersError> {
    let mut columns = LineColumns::default();
    for line in &facts.lines {
        columns.push(line)?;
    }
    sqlx::query(
        "WITH open AS (
             SELECT order_id FROM orders.orders WHERE order_id = $1 AND status = 'PENDING'
         ), gone AS (
             DELETE FROM orders.lines USING open
             WHERE lines.order_id = open.order_id AND NOT (lines.line_id = ANY($2))
         )
         INSERT INTO orders.lines
             (order_id, position, line_id, sku, product_name, quantity, fulfillable_quantity, unit_price,
              requires_shipping)
         SELECT open.order_id, new.position, new.line_id, new.sku, new.product_name, new.quantity,
                new.fulfillable_quantity, new.unit_price, new.requires_shipping
         FROM open, UNNEST($2::text[], $3::text[], $4::text[], $5::int[], $6::int[], $7::numeric[], $8::bool[])
              WITH ORDINALITY AS new(line_id, sku, product_name, quantity, fulfillable_quantity, unit_price,
                                     requires_shipping, position)
         ON CONFLICT ON CONSTRAINT lines_pk DO UPDATE
             SET position = EXCLUDED.position, sku = EXCLUDED.sku, product_name = EXCLUDED.product_name,
                 quantity = EXCLUDED.quantity, fulfillable_quantity = EXCLUDED.fulfillable_quantity,
                 unit_price = EXCLUDED.unit_price, requires_shipping = EXCLUDED.requires_shipping",
    )
    .bind(order.as_str())
    .bind(&columns.line_ids)
    .bind(&columns.skus)
    .bind(&columns.product_names)
    .bind(&columns.quantities)
    .bind(&columns.fulfillable_quantities)
    .bind(&columns.unit_prices)
    .bind(&columns.requires_shipping)
    .execute(conn)
    .await?;
    Ok(())
}

/// The lines column by column, as the database takes them in one statement.
#[derive(Default)]
struct LineColumns {
    line_ids: Vec<String>,
    skus: Vec<Option<String>>,
    product_names: Vec<String>,
    quantities: Vec<i32>,
    fulfillable_quantities: Vec<i32>,
    unit_prices: Vec<Decimal>,
    requires_shipping: Vec<bool>,
}

impl LineColumns {
    fn push(&mut self, line: &Line) -> Result<(), OrdersError> {
        let whole = |pieces: u32| {
            i32::try_from(pieces).map_err(|_| OrdersError::Unreadable("quantity is beyond reason".into()))
        };
        self.line_ids.push(line.line_id.as_str().to_owned());
        self.skus.push(line.sku.clone());
        self.product_names.push(line.product_name.clone());
        self.quantities.push(whole(line.quantity)?);
        self.fulfillable_quantities.push(whole(line.fulfillable_quantity)?);
        self.unit_prices.push(line.unit_price);
        self.requires_shipping.push(line.requires_shipping);
        Ok(())
    }
}

async fn keep_customer(
    conn: &mut PgConnection,
    order: &OrderId,
    customer: &Value,
) -> Result<(), OrdersError> {
    sqlx::query(
        "INSERT INTO orders.customers (order_id, customer) VALUES ($1, $2)
         ON CONFLICT ON CONSTRAINT customers_pk DO UPDATE SET customer = EXCLUDED.customer",
    )
    .bind(order.as_str())
    .bind(customer)
    .execute(conn)
    .await?;
    Ok(())
}

/// The customer as the channel named them.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn customer(conn: &mut PgConnection, order: &OrderId) -> Result<Option<Value>, OrdersError> {
    Ok(sqlx::query_scalar("SELECT customer FROM orders.customers WHERE order_id = $1")
        .bind(order.as_str())
        .fetch_optional(conn)
        .await?)
}

/// An order by its id.
///
/// # Errors
/// [`OrdersError::Database`] or [`OrdersError::Unreadable`].
pub async fn find(conn: &mut PgConnection, order: &OrderId) -> Result<Option<Order>, OrdersError> {
    find_where(conn, "order_id = $1", order.as_str()).await
}

/// An order by its id or its number, which is a well-formed id too. No caller's own id looks like a
/// number, so there is one at most.
///
/// # Errors
/// As [`find`].
pub async fn find_by_id_or_number(
    conn: &mut PgConnection,
    id: &OrderId,
) -> Result<Option<Order>, OrdersError> {
    find_where(conn, "order_id = $1 OR order_number = $1", id.as_str()).await
}

/// An order by the id of its workflow.
///
/// # Errors
/// As [`find`].
pub async fn find_by_workflow(conn: &mut PgConnection, id: &str) -> Result<Option<Order>, OrdersError> {
    find_where(conn, "workflow_id = $1", id).await
}

/// An order by its id, locked until the transaction ends.
///
/// # Errors
/// As [`find`], and [`OrdersError::NotFound`].
pub async fn lock(conn: &mut PgConnection, order: &OrderId) -> Result<Order, OrdersError> {
    find_where(conn, "order_id = $1 FOR UPDATE", order.as_str()).await?.ok_or(OrdersError::NotFound)
}

async fn find_where(
    conn: &mut PgConnection,
    condition: &'static str,
    key: &str,
) -> Result<Option<Order>, OrdersError> {
    let sql = format!("SELECT {ORDER_COLUMNS} FROM orders.orders WHERE {condition}");
    let row: Option<OrderRow> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(key).fetch_optional(&mut *conn).await?;
    let Some(row) = row else { return Ok(None) };
    let mut found = page::with_lines(conn, vec![row]).await?;
    Ok(found.pop())
}

/// A number for an order received at `received_at`. The tail is random; the constraint guards it,
/// and whoever meets a taken one tries again.
fn new_order_number(received_at: DateTime<Utc>) -> Result<OrderNumber, OrdersError> {
    let bytes = Uuid::now_v7().into_bytes();
    let random = u32::from_be_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]);
    Ok(OrderNumber::from_parts(&received_at.format("%Y%m%d").to_string(), random)?)
}

/// Takes up to `most` orders whose story goes on and whose run was not looked for in the last
/// `pause`, those that were looked for longest ago first.
///
/// # Errors
/// As [`find`].
pub async fn take_unchecked(
    conn: &mut PgConnection,
    most: i64,
    pause: std::time::Duration,
) -> Result<Vec<Order>, OrdersError> {
    let rows: Vec<OrderRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "UPDATE orders.orders SET run_checked_at = now()
         WHERE order_id IN (
             SELECT order_id FROM orders.orders
             WHERE story_ended_at IS NULL
               AND COALESCE(run_checked_at, created_at) < now() - $2 * interval '1 millisecond'
               -- Not started yet: its own message still stands in the inbox.
               AND NOT EXISTS (SELECT 1 FROM integration.inbox
                               WHERE source = 'api' AND shop = '' AND message_id = orders.order_id AND settled_at IS NULL)
             ORDER BY run_checked_at NULLS FIRST LIMIT $1 FOR UPDATE SKIP LOCKED)
         RETURNING {ORDER_COLUMNS}",
    )))
    .bind(most)
    .bind(pause.as_secs_f64() * 1000.0)
    .fetch_all(&mut *conn)
    .await?;
    page::with_lines(conn, rows).await
}

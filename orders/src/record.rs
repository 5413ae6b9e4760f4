//! The record of an order: what the channel said and where the order stands.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use domain::{
    Channel, Condition, HeldBy, LaneName, LineId, OrderFacts, OrderId, OrderLine, OrderNumber, OrderStatus,
    ShopifyOrderId, Stage, UserId, Was, WorkflowId,
};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::{OrdersError, pieces_column, promises::Promised};

mod arriving;
mod page;
mod placing;
mod row;
mod search;
mod wish;

pub use arriving::{Arrival, ArrivalOutcome, Authority, arrive};
pub use page::{Filter, Person, Position, list};
pub use placing::{NewOrder, PlaceOutcome, has_content, place};
use row::ORDER_COLUMNS;
pub use wish::{doubt, end_doubt, is_planned, note_cancel_sent, note_planned, plan_stands, raise_wish};

/// A line as it is kept.
pub type Line = OrderLine;

/// An order as it is kept, without the customer.
#[derive(Debug, Clone)]
pub struct Order {
    /// Our id, or that of an operator's own system.
    pub order_id: OrderId,
    /// The number people use.
    pub order_number: OrderNumber,
    /// The id of its workflow.
    pub workflow_id: WorkflowId,
    /// Where it came from.
    pub channel: Channel,
    /// The lane of its shop's calls; none where there is no shop.
    pub shop_lane: Option<LaneName>,
    /// The user it was placed for, where our own API took it for one.
    pub user_id: Option<UserId>,
    /// What the customer who placed it calls it: one among that customer's orders.
    pub client_order_id: Option<OrderId>,
    /// Where it stands.
    pub status: OrderStatus,
    /// What keeps it there.
    pub condition: Option<Condition>,
    /// Why, as a code: of a gate that ignores, of what is parked, of a vendor.
    pub condition_reason: Option<String>,
    /// Who holds it, where it is `ON_HOLD`.
    pub held_by: Option<HeldBy>,
    /// Whether some of it has left its warehouse.
    pub some_has_left: bool,
    /// What the channel said last.
    pub facts: OrderFacts,
    /// What earlier bodies said.
    pub was: Was,
    /// A body of the same moment said something else; the shop's own order is to be read.
    pub content_in_doubt: bool,
    /// Rises with everything that may change what is to be held, handed over or recalled.
    pub wish_version: u32,
    /// Whether it was ever planned: then it has, or had, a reservation.
    pub was_planned: bool,
    /// What was wanted when the shop's fulfilment orders were last looked at, as a digest.
    pub looked_for: Option<Vec<u8>>,
    /// Pieces by line that the shop had been told of by then.
    pub notified_at_look: BTreeMap<LineId, u32>,
    /// Something was said of its fulfilment orders since.
    pub look_wanted: bool,
    /// Some of it has left, and the rest was cancelled: nothing more is shipped.
    pub rest_is_cancelled: bool,
    /// Taken while the inventory service was away: nothing is reserved for it yet.
    pub awaits_allocation: bool,
    /// Some of its lines are to cost what their items do, which was not known yet.
    pub lacks_prices: bool,
    /// A person changed something of it.
    pub is_edited: bool,
    /// Until when it is held, by its hold window.
    pub hold_until: Option<DateTime<Utc>>,
    /// What was promised of it.
    pub promised: Promised,
    /// The current reservation epoch.
    pub epoch: u32,
    /// Who cancelled it.
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
    say_fulfillable: Vec<bool>,
    current_quantities: Vec<Option<i32>>,
    say_fulfilled: Vec<bool>,
    fulfilment_services: Vec<Option<String>>,
}

impl LineColumns {
    fn of(lines: &[Line]) -> Result<Self, OrdersError> {
        let mut columns = Self::default();
        lines.iter().try_for_each(|line| columns.push(line))?;
        Ok(columns)
    }

    fn push(&mut self, line: &Line) -> Result<(), OrdersError> {
        self.line_ids.push(line.line_id.as_str().to_owned());
        self.skus.push(line.sku.clone());
        self.product_names.push(line.product_name.clone());
        self.quantities.push(pieces_column(line.quantity)?);
        self.fulfillable_quantities.push(pieces_column(line.fulfillable_quantity)?);
        self.unit_prices.push(line.unit_price);
        self.requires_shipping.push(line.requires_shipping);
        self.say_fulfillable.push(line.says_fulfillable);
        self.current_quantities.push(line.current_quantity.map(pieces_column).transpose()?);
        self.say_fulfilled.push(line.says_fulfilled);
        self.fulfilment_services.push(line.fulfilment_service.clone());
        Ok(())
    }
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

/// The country that an order goes to, as its code came; none where it is not known.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn country(conn: &mut PgConnection, order: &OrderId) -> Result<Option<String>, OrdersError> {
    let code: Option<Option<String>> = sqlx::query_scalar(
        "SELECT customer #>> '{shipping_address,country_code}' FROM orders.customers WHERE order_id = $1",
    )
    .bind(order.as_str())
    .fetch_optional(conn)
    .await?;
    Ok(code.flatten())
}

/// Where an order goes, normalised, as a digest; none where no address is known.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn ship_to_digest(
    conn: &mut PgConnection,
    order: &OrderId,
) -> Result<Option<Vec<u8>>, OrdersError> {
    let digest: Option<Option<Vec<u8>>> =
        sqlx::query_scalar("SELECT ship_to_digest FROM orders.customers WHERE order_id = $1")
            .bind(order.as_str())
            .fetch_optional(conn)
            .await?;
    Ok(digest.flatten())
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

/// A customer's order, by what the customer calls it.
///
/// # Errors
/// As [`find`].
pub async fn find_by_client_id(
    conn: &mut PgConnection,
    user: &UserId,
    client_order_id: &OrderId,
) -> Result<Option<Order>, OrdersError> {
    let order_id: Option<String> =
        sqlx::query_scalar("SELECT order_id FROM orders.orders WHERE user_id = $1 AND client_order_id = $2")
            .bind(user.as_str())
            .bind(client_order_id.as_str())
            .fetch_optional(&mut *conn)
            .await?;
    find_selected(conn, order_id).await
}

/// An order by the shop's id of it.
///
/// # Errors
/// As [`find`].
pub async fn find_of_shop(
    conn: &mut PgConnection,
    shop: &str,
    id: ShopifyOrderId,
) -> Result<Option<Order>, OrdersError> {
    let order_id: Option<String> =
        sqlx::query_scalar("SELECT order_id FROM orders.orders WHERE shop = $1 AND shopify_order_id = $2")
            .bind(shop)
            .bind(id.0)
            .fetch_optional(&mut *conn)
            .await?;
    find_selected(conn, order_id).await
}

async fn find_selected(
    conn: &mut PgConnection,
    order_id: Option<String>,
) -> Result<Option<Order>, OrdersError> {
    match order_id {
        Some(order_id) => find_where(conn, "order_id = $1", &order_id).await,
        None => Ok(None),
    }
}

/// The order numbers of those of these that are orders.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn numbers_of(
    conn: &mut PgConnection,
    orders: &[&str],
) -> Result<HashMap<String, String>, OrdersError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT order_id, order_number FROM orders.orders WHERE order_id = ANY ($1)")
            .bind(orders)
            .fetch_all(conn)
            .await?;
    Ok(rows.into_iter().collect())
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
    let found: Option<Order> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(key).fetch_optional(&mut *conn).await?;
    Ok(page::with_lines(conn, Vec::from_iter(found)).await?.pop())
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
    let orders = sqlx::query_as(AssertSqlSafe(format!(
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
    page::with_lines(conn, orders).await
}

//! A page of orders, newest first, in two statements however long it is.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{Condition, OrderId, OrderStatus, ShopDomain, UserId};
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};

use super::{
    Line, Order,
    row::{ORDER_COLUMNS, line},
    search::push_found,
};
use crate::{OrdersError, promises::Due};

/// The orders with their lines, read in one statement.
pub(super) async fn with_lines(
    conn: &mut PgConnection,
    mut orders: Vec<Order>,
) -> Result<Vec<Order>, OrdersError> {
    if orders.is_empty() {
        return Ok(orders);
    }
    let ids: Vec<&str> = orders.iter().map(|order| order.order_id.as_str()).collect();
    let rows = sqlx::query(
        "SELECT order_id, line_id, sku, product_name, quantity, fulfillable_quantity, unit_price,
                requires_shipping, says_fulfillable, current_quantity, says_fulfilled, fulfilment_service
         FROM orders.lines WHERE order_id = ANY($1) ORDER BY position",
    )
    .bind(&ids)
    .fetch_all(conn)
    .await?;
    let mut lines_of: HashMap<String, Vec<Line>> = HashMap::new();
    for row in &rows {
        lines_of.entry(row.try_get("order_id")?).or_default().push(line(row)?);
    }
    for order in &mut orders {
        order.facts.lines = lines_of.remove(order.order_id.as_str()).unwrap_or_default();
    }
    Ok(orders)
}

/// Whose orders are wanted.
#[derive(Clone)]
pub enum Person {
    /// Those of a user.
    User(UserId),
    /// Those whose customer gave this e-mail address, in these letters or in others.
    Email(String),
    /// Those of a user with this id, and those whose customer gave the same as e-mail address.
    UserOrEmail(UserId),
}

/// Where a page begins: after this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// When it was kept.
    pub created_at: DateTime<Utc>,
    /// Its id, which decides among orders of one moment.
    pub order_id: OrderId,
}

/// Which orders are wanted.
#[derive(Clone, Default)]
pub struct Filter {
    /// With this status only.
    pub status: Option<OrderStatus>,
    /// With this condition only.
    pub condition: Option<Condition>,
    /// Of this shop only.
    pub shop: Option<ShopDomain>,
    /// With this id in the shop only.
    pub shopify_order_id: Option<i64>,
    /// That stand so to their promise only.
    pub due: Option<Due>,
    /// Kept after this moment only.
    pub created_after: Option<DateTime<Utc>>,
    /// Named by this text only: an id, a number, a name, an e-mail address, a SKU, a tracking number.
    pub search: Option<String>,
    /// Of this person only.
    pub person: Option<Person>,
    /// Placed for this user only, whatever else is asked for.
    pub confined_to: Option<UserId>,
    /// After this one only.
    pub after: Option<Position>,
    /// At most so many.
    pub limit: i64,
}

/// The orders that match, newest first.
///
/// # Errors
/// [`OrdersError::Database`] or [`OrdersError::Unreadable`].
pub async fn list(conn: &mut PgConnection, filter: &Filter) -> Result<Vec<Order>, OrdersError> {
    let orders = statement(filter).build_query_as().fetch_all(&mut *conn).await?;
    with_lines(conn, orders).await
}

/// Only what is asked for stands in the statement: one text for all filters would be planned once, for
/// none of them.
fn statement(filter: &Filter) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new(format!("SELECT {ORDER_COLUMNS} FROM orders.orders o WHERE "));
    match &filter.search {
        Some(text) => {
            sql.push("o.order_id IN (");
            push_found(&mut sql, text, filter);
            sql.push(") ORDER BY o.created_at DESC, o.order_id LIMIT ").push_bind(filter.limit);
        }
        None => {
            sql.push("true");
            restrict(&mut sql, filter);
            restrict_page(&mut sql, filter, "o.created_at");
        }
    }
    sql
}

/// What an order `o` has to be.
pub(super) fn restrict(sql: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if let Some(status) = filter.status {
        sql.push(" AND o.status = ").push_bind(status.as_str());
    }
    if let Some(condition) = filter.condition {
        sql.push(" AND o.condition = ").push_bind(condition.as_str());
    }
    if let Some(shop) = &filter.shop {
        sql.push(" AND o.shop = ").push_bind(shop.as_str().to_owned());
    }
    if let Some(id) = filter.shopify_order_id {
        sql.push(" AND o.shopify_order_id = ").push_bind(id);
    }
    if let Some(due) = filter.due {
        due.push_to(sql);
    }
    if let Some(moment) = filter.created_after {
        sql.push(" AND o.created_at > ").push_bind(moment);
    }
    if let Some(user) = &filter.confined_to {
        sql.push(" AND o.user_id = ").push_bind(user.as_str().to_owned());
    }
    if let Some(person) = &filter.person {
        of_person(sql, person);
    }
}

/// The page's place in the sequence, and its length. `moment` is the column that has the order's `created_at`.
pub(super) fn restrict_page(sql: &mut QueryBuilder<Postgres>, filter: &Filter, moment: &str) {
    if let Some(Position { created_at, order_id }) = &filter.after {
        // The first comparison is where the index begins; the second sorts out that one moment.
        sql.push(format!(" AND {moment} <= ")).push_bind(*created_at);
        sql.push(format!(" AND ({moment} < ")).push_bind(*created_at);
        sql.push(" OR o.order_id > ").push_bind(order_id.as_str().to_owned()).push(")");
    }
    sql.push(format!(" ORDER BY {moment} DESC, o.order_id LIMIT ")).push_bind(filter.limit);
}

fn of_person(sql: &mut QueryBuilder<Postgres>, person: &Person) {
    let by_email = "SELECT order_id FROM orders.customers WHERE lower(customer->>'email') = lower(";
    match person {
        Person::User(user) => {
            sql.push(" AND o.user_id = ").push_bind(user.as_str().to_owned());
        }
        Person::Email(email) => {
            sql.push(" AND o.order_id IN (").push(by_email).push_bind(email.clone()).push("))");
        }
        Person::UserOrEmail(user) => {
            sql.push(" AND o.order_id IN (").push(by_email).push_bind(user.as_str().to_owned());
            sql.push(") UNION ALL SELECT order_id FROM orders.orders WHERE user_id = ");
            sql.push_bind(user.as_str().to_owned()).push(")");
        }
    }
}

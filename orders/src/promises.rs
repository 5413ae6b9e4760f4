//! By when orders are promised to leave: what was promised of each, which are late, and how many.
//!
//! **Invariant:** nothing is promised while an order waits for its payment, for stock or for the shop: its promise counts
//! from when it could be fulfilled.

use chrono::{DateTime, Duration, Utc};
use domain::{OrderId, Promise, ShopDomain, WarehouseId};
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder, Row, postgres::PgRow};
use strum::{Display, IntoStaticStr, VariantArray};

use crate::OrdersError;

/// How long before its promise an order is due soon.
pub const SOON: Duration = Duration::hours(2);

/// The orders that a promise still stands for; the index `orders_promised` has them alone.
const OPEN: &str = "o.promised_at IS NOT NULL AND o.status IN ('PENDING', 'CONFIRMED', 'PROCESSING')";

/// What was promised of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Promised {
    /// Whether it ever waited for its payment, for stock or for the shop.
    pub has_waited: bool,
    /// Since when it can be fulfilled, from which the promise counts; none while it waits.
    pub fulfillable_at: Option<DateTime<Utc>>,
    /// By when it has left, or is late.
    pub promised_at: Option<DateTime<Utc>>,
}

impl Promised {
    pub(crate) fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            has_waited: row.try_get("has_waited")?,
            fulfillable_at: row.try_get("fulfillable_at")?,
            promised_at: row.try_get("promised_at")?,
        })
    }
}

/// How an order stands to its promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Due {
    /// It should have left.
    Late,
    /// It is to leave on the day that it is now at its warehouse.
    Today,
}

domain::words!(Due, "due");

impl Due {
    /// The condition that an order stands so.
    pub(crate) fn push_to(self, sql: &mut QueryBuilder<Postgres>) {
        sql.push(" AND ").push(OPEN).push(match self {
            Self::Late => " AND o.promised_at <= now()",
            Self::Today => " AND o.promised_at > now() AND o.promise_day_at <= now()",
        });
    }
}

/// Keeps what is promised of an order that can be fulfilled since a moment; none where nothing is. The caller has locked it.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn keep(
    conn: &mut PgConnection,
    order: &OrderId,
    fulfillable_at: DateTime<Utc>,
    promise: Option<(&WarehouseId, Promise)>,
) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.orders
         SET fulfillable_at = $2, promised_at = $3, promise_day_at = $4, promise_warehouse = $5
         WHERE order_id = $1
           AND (fulfillable_at, promised_at, promise_warehouse) IS DISTINCT FROM ($2, $3, $5)",
    )
    .bind(order.as_str())
    .bind(fulfillable_at)
    .bind(promise.map(|(_, promise)| promise.leaves_by))
    .bind(promise.map(|(_, promise)| promise.day_begins_at))
    .bind(promise.map(|(warehouse, _)| warehouse.as_str()))
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the promise of an order back that has to wait. The caller has locked it.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn suspend(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.orders
         SET has_waited = true, fulfillable_at = NULL, promised_at = NULL, promise_day_at = NULL, promise_warehouse = NULL
         WHERE order_id = $1 AND NOT (has_waited AND fulfillable_at IS NULL)",
    )
    .bind(order.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// How the open orders of a shop, or of our own API, stand that leave a warehouse. An order of several warehouses is
/// counted where its last parcel leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// None for our own API.
    pub shop: Option<ShopDomain>,
    /// Where they leave.
    pub warehouse: WarehouseId,
    /// Those that should have left.
    pub late: i64,
    /// Those that are to leave on the day that it is now at the warehouse, the late ones apart.
    pub due_today: i64,
    /// Those that are due in the next [`SOON`], the late ones apart.
    pub due_soon: i64,
    /// All that have a promise.
    pub open: i64,
    /// Since when the one that came first of these has been with us.
    pub oldest_received_at: DateTime<Utc>,
    /// The earliest promise.
    pub first_promised_at: DateTime<Utc>,
}

impl FromRow<'_, PgRow> for Standing {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let undecodable = |index: &str, source| sqlx::Error::ColumnDecode {
            index: index.to_owned(),
            source: Box::<domain::ParseError>::new(source),
        };
        let shop: Option<String> = row.try_get("shop")?;
        let shop = shop.map(ShopDomain::try_from).transpose().map_err(|error| undecodable("shop", error))?;
        let warehouse = WarehouseId::try_from(row.try_get::<String, _>("promise_warehouse")?)
            .map_err(|error| undecodable("promise_warehouse", error))?;
        Ok(Self {
            shop,
            warehouse,
            late: row.try_get("late")?,
            due_today: row.try_get("due_today")?,
            due_soon: row.try_get("due_soon")?,
            open: row.try_get("open")?,
            oldest_received_at: row.try_get("oldest_received_at")?,
            first_promised_at: row.try_get("first_promised_at")?,
        })
    }
}

/// How the open orders stand that have a promise, by shop and warehouse. It reads the index alone, all of which is of open
/// orders.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn standing(conn: &mut PgConnection) -> Result<Vec<Standing>, OrdersError> {
    let sql = format!(
        "SELECT shop, promise_warehouse, count(*) AS open,
                count(*) FILTER (WHERE promised_at <= now()) AS late,
                count(*) FILTER (WHERE promised_at > now() AND promise_day_at <= now()) AS due_today,
                count(*) FILTER (WHERE promised_at > now() AND promised_at <= now() + $1 * interval '1 second')
                    AS due_soon,
                min(received_at) AS oldest_received_at, min(promised_at) AS first_promised_at
         FROM orders.orders o WHERE {OPEN}
         GROUP BY shop, promise_warehouse ORDER BY shop NULLS FIRST, promise_warehouse",
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(SOON.num_seconds() as f64).fetch_all(conn).await?)
}

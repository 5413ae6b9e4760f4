//! What somebody sees at a glance: how many orders stand where, what waits for a person, and what came and left by the
//! hour.

use chrono::{DateTime, Utc};
use domain::{Condition, OrderStatus};
use sqlx::{FromRow, PgConnection};

use crate::OrdersError;

/// Open orders that stand at the same place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Their status.
    pub status: OrderStatus,
    /// What keeps them there.
    pub condition: Option<Condition>,
    /// How many.
    pub orders: i64,
}

/// An open order that nobody has waited longer for.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Oldest {
    /// Its id.
    pub order_id: String,
    /// The number people use.
    pub order_number: String,
    /// When it reached us.
    pub received_at: DateTime<Utc>,
}

/// Rows that wait for a person at the same step for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Waiting {
    /// Which step.
    pub step: String,
    /// Why, as a code.
    pub reason: String,
    /// How many.
    pub rows: i64,
    /// Since when the oldest of them does.
    pub oldest_since: DateTime<Utc>,
    /// Whether a workflow waits for the answer to one of them at least.
    pub has_run: bool,
    /// Of whose orders they are, the most first: a shop, or `api`, and how many. Not of what is of no order.
    #[sqlx(json)]
    pub shops: Vec<(String, i64)>,
}

/// What came and left within an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hour {
    /// Its beginning.
    pub hour: DateTime<Utc>,
    /// Orders that reached us.
    pub received: i64,
    /// Orders all of which has left.
    pub shipped: i64,
}

/// How the inbox stands.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct InboxFigures {
    /// Messages that did not come to an end yet.
    pub waiting: i64,
    /// Messages that nobody could read.
    pub unreadable: i64,
    /// When the oldest of those that wait came.
    pub oldest_received_at: Option<DateTime<Utc>>,
}

/// Returns that are still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct ReturnsFigures {
    /// Nothing of them is here.
    pub announced: i64,
    /// Some of them is.
    pub partly_received: i64,
}

/// All of it.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Open orders, by where they stand.
    pub orders: Vec<Standing>,
    /// The open order that came first.
    pub oldest_open: Option<Oldest>,
    /// What waits for a person, the most first.
    pub attention: Vec<Waiting>,
    /// How many orders that is.
    pub orders_waiting: i64,
    /// The last 24 hours, the one that has begun among them, oldest first.
    pub hours: Vec<Hour>,
    /// The inbox.
    pub inbox: InboxFigures,
    /// What is still to come back.
    pub returns: ReturnsFigures,
    /// When it was looked at, by the database's clock.
    pub now: DateTime<Utc>,
}

/// What there is to see.
///
/// # Errors
/// [`OrdersError::Database`] or [`OrdersError::Unreadable`].
pub async fn look(conn: &mut PgConnection) -> Result<Overview, OrdersError> {
    let now: DateTime<Utc> = sqlx::query_scalar("SELECT now()").fetch_one(&mut *conn).await?;
    let (orders, oldest_open) = open_orders(&mut *conn).await?;
    let attention = sqlx::query_as(
        "WITH of_shop AS (
             SELECT step, reason, CASE WHEN o.order_id IS NOT NULL THEN coalesce(o.shop, 'api') END AS shop,
                    count(*) AS rows, min(opened_at) AS oldest_since, bool_or(has_run) AS has_run
             FROM orders.attention a LEFT JOIN orders.orders o USING (order_id)
             WHERE resolved_at IS NULL GROUP BY 1, 2, 3)
         SELECT step, reason, sum(rows)::bigint AS rows, min(oldest_since) AS oldest_since, bool_or(has_run) AS has_run,
                coalesce(json_agg(json_build_array(shop, rows) ORDER BY rows DESC, shop)
                         FILTER (WHERE shop IS NOT NULL), '[]') AS shops
         FROM of_shop GROUP BY step, reason ORDER BY 3 DESC, step, reason",
    )
    .fetch_all(&mut *conn)
    .await?;
    let orders_waiting =
        sqlx::query_scalar("SELECT count(DISTINCT order_id) FROM orders.attention WHERE resolved_at IS NULL")
            .fetch_one(&mut *conn)
            .await?;
    let inbox = sqlx::query_as(
        "SELECT count(*) AS waiting, min(received_at) AS oldest_received_at,
                (SELECT count(*) FROM integration.inbox WHERE state = 'UNREADABLE') AS unreadable
         FROM integration.inbox WHERE settled_at IS NULL",
    )
    .fetch_one(&mut *conn)
    .await?;
    let returns = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE state = 'ANNOUNCED') AS announced,
                count(*) FILTER (WHERE state = 'PARTLY_RECEIVED') AS partly_received
         FROM orders.returns WHERE state IN ('ANNOUNCED', 'PARTLY_RECEIVED')",
    )
    .fetch_one(&mut *conn)
    .await?;
    let hours = hours(conn, now).await?;
    Ok(Overview { orders, oldest_open, attention, orders_waiting, hours, inbox, returns, now })
}

#[derive(FromRow)]
struct Group {
    #[sqlx(try_from = "String")]
    status: OrderStatus,
    condition: Option<String>,
    orders: i64,
    oldest: DateTime<Utc>,
}

async fn open_orders(conn: &mut PgConnection) -> Result<(Vec<Standing>, Option<Oldest>), OrdersError> {
    let groups: Vec<Group> = sqlx::query_as(
        "SELECT status, condition, count(*) AS orders, min(received_at) AS oldest FROM orders.orders
         WHERE story_ended_at IS NULL GROUP BY status, condition",
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut oldest = None;
    if let Some(group) = groups.iter().min_by_key(|group| group.oldest) {
        // It may have moved meanwhile, and then there is none to name for a moment.
        oldest = sqlx::query_as(
            "SELECT order_id, order_number, received_at FROM orders.orders
             WHERE story_ended_at IS NULL AND status = $1 AND received_at = $3
               AND (condition = $2 OR (condition IS NULL AND $2::text IS NULL)) ORDER BY order_id LIMIT 1",
        )
        .bind(group.status.as_str())
        .bind(group.condition.as_deref())
        .bind(group.oldest)
        .fetch_optional(conn)
        .await?;
    }
    let standing = |group: Group| -> Result<Standing, OrdersError> {
        let condition = group.condition.map(Condition::try_from).transpose()?;
        Ok(Standing { status: group.status, condition, orders: group.orders })
    };
    let mut standings: Vec<Standing> = groups.into_iter().map(standing).collect::<Result<_, _>>()?;
    standings.sort_by_key(|standing| (standing.status, standing.condition.map(Condition::as_str)));
    Ok((standings, oldest))
}

/// An order is kept after it came, so the index of the list finds those of a time.
async fn hours(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<Hour>, OrdersError> {
    let began = now.timestamp().div_euclid(3600);
    let beginnings = (began - 23..=began).filter_map(|hour| DateTime::from_timestamp(hour * 3600, 0));
    let mut hours: Vec<Hour> = beginnings.map(|hour| Hour { hour, received: 0, shipped: 0 }).collect();
    let Some(since) = hours.first().map(|first| first.hour) else { return Ok(hours) };
    let received: Vec<(DateTime<Utc>, i64)> = sqlx::query_as(
        "SELECT date_bin('1 hour', received_at, 'epoch'), count(*) FROM orders.orders
         WHERE created_at >= $1 AND received_at >= $1 GROUP BY 1",
    )
    .bind(since)
    .fetch_all(&mut *conn)
    .await?;
    let shipped: Vec<(DateTime<Utc>, i64)> = sqlx::query_as(
        "SELECT date_bin('1 hour', at, 'epoch'), count(*) FROM orders.timeline
         WHERE event = 'SHIPPED' AND at >= $1 GROUP BY 1",
    )
    .bind(since)
    .fetch_all(conn)
    .await?;
    let of = |counted: &[(DateTime<Utc>, i64)], hour| {
        counted.iter().find(|(known, _)| *known == hour).map_or(0, |(_, count)| *count)
    };
    for hour in &mut hours {
        (hour.received, hour.shipped) = (of(&received, hour.hour), of(&shipped, hour.hour));
    }
    Ok(hours)
}

//! Which orders wait for a lane that is paused. Derived from where they stand and from the pauses whenever somebody
//! asks: nothing is written for an order just when everything is down.

use chrono::{DateTime, Utc};
use domain::{LaneName, OrderId};
use sqlx::{FromRow, PgConnection};

use super::{PauseCause, pauses::paused_lately};
use crate::OrdersError;

/// What an order waits for.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct WaitsFor {
    /// The lane.
    #[sqlx(try_from = "String")]
    pub lane: LaneName,
    /// Why it is paused.
    #[sqlx(try_from = "String")]
    pub cause: PauseCause,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// What an order waits for, if that is a lane that is paused.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn waits_for(conn: &mut PgConnection, order: &OrderId) -> Result<Option<WaitsFor>, OrdersError> {
    Ok(sqlx::query_as(
        "SELECT paused.lane, paused.cause, paused.since FROM orders.needed_lanes AS needed
         JOIN orders.lane_pauses AS paused ON paused.lane = needed.lane AND paused.until IS NULL
         WHERE needed.order_id = $1 ORDER BY paused.since LIMIT 1",
    )
    .bind(order.as_str())
    .fetch_optional(conn)
    .await?)
}

/// How many orders wait for each lane that is paused; 0 for those that were until a moment ago.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn waiting(conn: &mut PgConnection) -> Result<Vec<(LaneName, i64)>, OrdersError> {
    let lately = paused_lately(&mut *conn).await?;
    let paused: Vec<&str> =
        lately.iter().filter(|(_, is_paused)| *is_paused).map(|(lane, _)| lane.as_str()).collect();
    let counted: Vec<(String, i64)> = if paused.is_empty() {
        Vec::new()
    } else {
        sqlx::query_as(
            "SELECT lane, count(DISTINCT order_id) FROM orders.needed_lanes WHERE lane = ANY($1) GROUP BY lane",
        )
        .bind(&paused)
        .fetch_all(conn)
        .await?
    };
    let of = |lane: &str| counted.iter().find(|(known, _)| known == lane).map_or(0, |(_, orders)| *orders);
    Ok(lately.iter().map(|(lane, _)| (lane.clone(), of(lane.as_str()))).collect())
}

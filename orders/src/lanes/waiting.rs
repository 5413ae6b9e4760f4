//! Which orders wait for a lane that is paused. Derived from where they stand and from the pauses whenever somebody
//! asks: nothing is written for an order just when everything is down.

use chrono::{DateTime, Utc};
use domain::{LaneName, OrderId};
use sqlx::{FromRow, PgConnection};

use super::PauseCause;
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

/// How many orders wait for each lane that is paused.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn waiting(conn: &mut PgConnection) -> Result<Vec<(LaneName, i64)>, OrdersError> {
    let paused: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT lane FROM orders.lane_pauses WHERE until IS NULL ORDER BY lane")
            .fetch_all(&mut *conn)
            .await?;
    if paused.is_empty() {
        return Ok(Vec::new());
    }
    let counted: Vec<(String, i64)> = sqlx::query_as(
        "SELECT lane, count(DISTINCT order_id) FROM orders.needed_lanes WHERE lane = ANY($1) GROUP BY lane",
    )
    .bind(&paused)
    .fetch_all(conn)
    .await?;
    let of = |lane: &str| counted.iter().find(|(known, _)| known == lane).map_or(0, |(_, orders)| *orders);
    paused.iter().map(|lane| Ok((LaneName::parse(lane)?, of(lane)))).collect()
}

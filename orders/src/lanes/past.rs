//! Pauses that are over: what somebody who comes in the morning wants to know of the night.

use chrono::{DateTime, Utc};
use domain::LaneName;
use sqlx::{FromRow, PgConnection};

use super::PauseCause;
use crate::OrdersError;

/// A pause that has ended.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct PastPause {
    /// Of which lane.
    #[sqlx(try_from = "String")]
    pub lane: LaneName,
    /// What paused it.
    #[sqlx(try_from = "String")]
    pub cause: PauseCause,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it ended.
    pub until: DateTime<Utc>,
    /// By whom it was ended: a name.
    pub resumed_by: String,
    /// How many orders waited for it then; none where nobody counted.
    pub waited: Option<i64>,
    /// How many of the orders that were there then wait for that lane's next call still, as far as one can tell.
    pub left: i64,
}

/// Pauses that ended within the last 24 hours, newest first; `most` at most.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn lately(conn: &mut PgConnection, most: i64) -> Result<Vec<PastPause>, OrdersError> {
    Ok(sqlx::query_as(
        "SELECT lane, cause, since, until, resumed_by, waited,
                (SELECT count(DISTINCT needed.order_id) FROM orders.needed_lanes AS needed
                 JOIN orders.orders AS o USING (order_id)
                 WHERE needed.lane = ended.lane AND o.created_at < ended.until) AS left
         FROM (SELECT * FROM orders.lane_pauses WHERE until > now() - interval '24 hours'
               ORDER BY until DESC LIMIT $1) AS ended
         ORDER BY until DESC",
    )
    .bind(most)
    .fetch_all(conn)
    .await?)
}

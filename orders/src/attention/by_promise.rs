//! What waits for a person, in the order in which it was promised to leave.

use chrono::{DateTime, Utc};
use domain::{LaneName, ShopDomain, Step};
use sqlx::{AssertSqlSafe, PgConnection};

use super::{Filter, LISTED, Listed};
use crate::OrdersError;

/// A row's place in that order: what no promise stands for comes last.
pub type Place = (Option<DateTime<Utc>>, i64);

/// The open rows that match, the earliest promise first; of those without one who has waited longest. The filter's own
/// `after` does not count.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn list_by_promise(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<Place>,
) -> Result<Vec<Listed>, OrdersError> {
    Ok(sqlx::query_as(AssertSqlSafe(format!(
        "{LISTED}
         WHERE resolved_at IS NULL
           AND ($1::text IS NULL OR step = $1)
           AND ($2::text IS NULL OR reason = $2)
           AND ($3::text IS NULL OR o.order_id = $3 OR order_number = $3)
           AND ($4::bigint IS NULL
                OR CASE WHEN $5::timestamptz IS NULL THEN promised_at IS NULL AND attention_id > $4
                        ELSE promised_at IS NULL OR (promised_at, attention_id) > ($5, $4) END)
           AND ($7::text IS NULL OR shop = $7)
           AND ($8::text IS NULL OR lane = $8)
         ORDER BY promised_at NULLS LAST, attention_id LIMIT $6"
    )))
    .bind(filter.step.map(Step::as_str))
    .bind(filter.reason.as_deref())
    .bind(filter.order.as_deref())
    .bind(after.map(|(_, attention_id)| attention_id))
    .bind(after.and_then(|(promised_at, _)| promised_at))
    .bind(filter.limit)
    .bind(filter.shop.as_ref().map(ShopDomain::as_str))
    .bind(filter.lane.as_ref().map(LaneName::as_str))
    .fetch_all(conn)
    .await?)
}

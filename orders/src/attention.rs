//! What waits for a person: parked steps, and the vendors' own words about them.

use chrono::{DateTime, Utc};
use domain::{Condition, LaneName, OrderId, ParkReason, Resolution, ShopDomain, Step};
use sqlx::{AssertSqlSafe, FromRow, PgConnection};

use crate::{
    Order, OrdersError, progress,
    timeline::{self, TimelineEvent},
};

mod by_promise;
mod counting;
mod showing;

pub use by_promise::{Place, list_by_promise};
pub use counting::parked_orders;
pub use showing::{show, show_besides, show_message, shown, unshow, unshow_message};

/// A row that waits, or waited, for a person.
#[derive(Debug, Clone, FromRow)]
pub struct Attention {
    /// Its id.
    pub attention_id: i64,
    /// Whose.
    pub order_id: String,
    /// Which step.
    #[sqlx(try_from = "String")]
    pub step: Step,
    /// Why, as a code.
    pub reason: String,
    /// The vendor's own words; may hold personal data.
    pub vendor_text: Option<String>,
    /// What differs, in words without personal data.
    pub detail: Option<String>,
    /// False where no workflow waits for the answer.
    pub has_run: bool,
    /// Since when.
    pub opened_at: DateTime<Utc>,
    /// When it was answered.
    pub resolved_at: Option<DateTime<Utc>>,
}

/// What is answered to a row, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// What is decided.
    pub resolution: &'a str,
    /// By whom: a name.
    pub by: &'a str,
    /// Why.
    pub reason: Option<&'a str>,
    /// The message of the inbox that brought it, so that the same message finds its own answer when it comes again.
    pub message: Option<i64>,
}

/// Keeps a vendor's words about a failed attempt, so that they are at hand if the step is parked.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn keep_complaint(
    conn: &mut PgConnection,
    order: &OrderId,
    step: Step,
    code: &str,
    vendor_text: &str,
) -> Result<(), OrdersError> {
    sqlx::query(
        "INSERT INTO orders.complaints (order_id, step, code, vendor_text) VALUES ($1, $2, $3, left($4, 4000))
         ON CONFLICT ON CONSTRAINT complaints_pk DO UPDATE
             SET code = EXCLUDED.code, vendor_text = EXCLUDED.vendor_text, at = now()",
    )
    .bind(order.as_str())
    .bind(step.as_str())
    .bind(code)
    .bind(vendor_text)
    .execute(conn)
    .await?;
    Ok(())
}

/// Parks a step: the row, the condition and the timeline entry, together. Parking it again keeps
/// the row that is open. True if it was not parked before.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn park(
    conn: &mut PgConnection,
    order: &OrderId,
    step: Step,
    park_reason: &ParkReason,
    has_run: bool,
) -> Result<bool, OrdersError> {
    let opened = sqlx::query(
        "INSERT INTO orders.attention (order_id, step, reason, has_run, vendor_text, detail)
         VALUES ($1, $2, $3, $4,
                 (SELECT vendor_text FROM orders.complaints WHERE order_id = $1 AND step = $2 AND code = $3),
                 (SELECT array_to_string(rules, ', ') || '; its total is ' || total_amount || ' ' || currency
                  FROM orders.approvals WHERE order_id = $1 AND decided_at IS NULL AND $3 = $5))
         ON CONFLICT (order_id, step, reason) WHERE resolved_at IS NULL DO NOTHING",
    )
    .bind(order.as_str())
    .bind(step.as_str())
    .bind(park_reason.code())
    .bind(has_run)
    .bind(ParkReason::APPROVAL)
    .execute(&mut *conn)
    .await?
    .rows_affected()
        == 1;
    if opened {
        timeline::note(conn, order, TimelineEvent::Parked, Some(&format!("{step}: {park_reason}"))).await?;
        progress::need_attention(conn, order, park_reason).await?;
    }
    Ok(opened)
}

/// Answers what is open for a step (or for every step of the order, but for what is only shown) and takes
/// the condition away.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn resolve(
    conn: &mut PgConnection,
    order: &OrderId,
    step: Option<Step>,
    given: Given<'_>,
) -> Result<(), OrdersError> {
    let Given { resolution, by, reason, message } = given;
    let resolved = sqlx::query(
        "UPDATE orders.attention
         SET resolved_at = now(), resolution = $3, resolved_by = $4, resolve_reason = $5, resolved_by_message = $7
         WHERE order_id = $1 AND resolved_at IS NULL AND CASE WHEN $2::text IS NULL THEN step <> $6 ELSE step = $2 END",
    )
    .bind(order.as_str())
    .bind(step.map(Step::as_str))
    .bind(resolution)
    .bind(by)
    .bind(reason)
    .bind(Step::Follow.as_str())
    .bind(message)
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if resolved > 0 {
        timeline::note(conn, order, TimelineEvent::Resolved, Some(&format!("{resolution} by {by}"))).await?;
        progress::clear_condition(conn, order).await?;
    }
    Ok(())
}

/// Notes that a run goes on with an order, at `step` where that alone is known: what was parked by a run that was reset
/// is asked of nobody any more. Of an order that waits for no person nothing is read.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn run_goes_on(
    conn: &mut PgConnection,
    order: &Order,
    step: Option<Step>,
) -> Result<(), OrdersError> {
    if order.condition != Some(Condition::NeedsAttention) {
        return Ok(());
    }
    let order = &order.order_id;
    let left_behind = sqlx::query(
        "UPDATE orders.attention
         SET resolved_at = now(), resolution = $3, resolved_by = 'waybill', resolve_reason = 'its run was reset'
         WHERE order_id = $1 AND resolved_at IS NULL AND has_run AND ($2::text IS NULL OR step = $2)",
    )
    .bind(order.as_str())
    .bind(step.map(Step::as_str))
    .bind(Resolution::Retry.as_str())
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if left_behind > 0 {
        timeline::note(conn, order, TimelineEvent::Resolved, Some("its run was reset")).await?;
        progress::clear_condition(conn, order).await?;
    }
    Ok(())
}

/// What is open for an order, oldest first.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn open(conn: &mut PgConnection, order: &OrderId) -> Result<Vec<Attention>, OrdersError> {
    Ok(sqlx::query_as(
        "SELECT attention_id, order_id, step, reason, vendor_text, detail, has_run, opened_at, resolved_at
         FROM orders.attention WHERE order_id = $1 AND resolved_at IS NULL ORDER BY attention_id",
    )
    .bind(order.as_str())
    .fetch_all(conn)
    .await?)
}

/// Which rows that wait for a person are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this step only.
    pub step: Option<Step>,
    /// For this reason only.
    pub reason: Option<String>,
    /// Of the order with this id or order number only.
    pub order: Option<String>,
    /// Of an order of this shop only.
    pub shop: Option<ShopDomain>,
    /// About this lane only.
    pub lane: Option<LaneName>,
    /// Newer than this one only.
    pub after: Option<i64>,
    /// At most so many.
    pub limit: i64,
}

/// A row that waits for a person, with the order it is about if there is one.
#[derive(Debug, Clone, FromRow)]
pub struct Listed {
    /// Its id.
    pub attention_id: i64,
    /// Whose.
    pub order_id: Option<String>,
    /// The number people use for that order.
    pub order_number: Option<String>,
    /// The shop that order came from.
    pub shop: Option<String>,
    /// What the channel calls that order.
    pub name: Option<String>,
    /// Where that order stands.
    pub status: Option<String>,
    /// The message it is about, where nobody knows whose it is.
    pub inbox_id: Option<i64>,
    /// The lane it is about.
    pub lane: Option<String>,
    /// Which step.
    pub step: String,
    /// Why, as a code.
    pub reason: String,
    /// What differs, in words without personal data.
    pub detail: Option<String>,
    /// The vendor's own words; may hold personal data.
    pub vendor_text: Option<String>,
    /// False where no workflow waits for the answer.
    pub has_run: bool,
    /// Since when.
    pub opened_at: DateTime<Utc>,
    /// By when that order was promised to leave.
    pub promised_at: Option<DateTime<Utc>>,
}

const LISTED: &str = "SELECT attention_id, a.order_id, order_number, shop, name, o.status, inbox_id, lane, step, reason, detail, \
    vendor_text, has_run, opened_at, promised_at FROM orders.attention a LEFT JOIN orders.orders o USING (order_id)";

/// The open rows that match, oldest first: who has waited longest comes first.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn list(conn: &mut PgConnection, filter: &Filter) -> Result<Vec<Listed>, OrdersError> {
    Ok(sqlx::query_as(AssertSqlSafe(format!(
        "{LISTED}
         WHERE resolved_at IS NULL
           AND ($1::text IS NULL OR step = $1)
           AND ($2::text IS NULL OR reason = $2)
           AND ($3::text IS NULL OR o.order_id = $3 OR order_number = $3)
           AND ($4::bigint IS NULL OR attention_id > $4)
           AND ($6::text IS NULL OR shop = $6)
           AND ($7::text IS NULL OR lane = $7)
         ORDER BY attention_id LIMIT $5"
    )))
    .bind(filter.step.map(Step::as_str))
    .bind(filter.reason.as_deref())
    .bind(filter.order.as_deref())
    .bind(filter.after)
    .bind(filter.limit)
    .bind(filter.shop.as_ref().map(ShopDomain::as_str))
    .bind(filter.lane.as_ref().map(LaneName::as_str))
    .fetch_all(conn)
    .await?)
}

/// Whether a person has to approve the order, and a run waits for that: nothing else is an answer then.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn waits_for_approval(conn: &mut PgConnection, order: &OrderId) -> Result<bool, OrdersError> {
    let open = open(conn, order).await?;
    let is_open = |reason: &str| open.iter().any(|row| row.reason == reason);
    Ok(is_open(ParkReason::APPROVAL) && !is_open(ParkReason::RUN_GONE))
}

/// An open row by its id.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn find_open(conn: &mut PgConnection, attention_id: i64) -> Result<Option<Listed>, OrdersError> {
    let row = format!("{LISTED} WHERE attention_id = $1 AND resolved_at IS NULL");
    Ok(sqlx::query_as(AssertSqlSafe(row)).bind(attention_id).fetch_optional(conn).await?)
}

/// Answers one row that no workflow waits for, and no other. False if it was answered before.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn answer(
    conn: &mut PgConnection,
    attention_id: i64,
    given: Given<'_>,
) -> Result<bool, OrdersError> {
    let resolution = given.resolution;
    let answered: Option<Option<String>> = sqlx::query_scalar(
        "UPDATE orders.attention
         SET resolved_at = now(), resolution = $2, resolved_by = $3, resolve_reason = $4, resolved_by_message = $5
         WHERE attention_id = $1 AND resolved_at IS NULL AND NOT has_run RETURNING order_id",
    )
    .bind(attention_id)
    .bind(resolution)
    .bind(given.by)
    .bind(given.reason)
    .bind(given.message)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(order) = answered else { return Ok(false) };
    if let Some(order) = order {
        let order = OrderId::parse(&order)?;
        timeline::note(conn, &order, TimelineEvent::Resolved, Some(&format!("{resolution} by an operator")))
            .await?;
        progress::clear_condition(conn, &order).await?;
    }
    Ok(true)
}

/// Whether a row of this order was answered by this message of the inbox.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn is_answered_by(
    conn: &mut PgConnection,
    order: &OrderId,
    message: i64,
) -> Result<bool, OrdersError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM orders.attention WHERE resolved_by_message = $2 AND order_id = $1)",
    )
    .bind(order.as_str())
    .bind(message)
    .fetch_one(conn)
    .await?)
}

/// How many orders wait for a person, by step and reason.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn count_open(conn: &mut PgConnection) -> Result<Vec<(String, String, i64)>, OrdersError> {
    Ok(sqlx::query_as(
        "SELECT step, reason, count(*) FROM orders.attention WHERE resolved_at IS NULL GROUP BY step, reason",
    )
    .fetch_all(conn)
    .await?)
}

/// Opens a row that no workflow waits for, unless there was one for the same reason before.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn park_once(
    conn: &mut PgConnection,
    order: &OrderId,
    step: Step,
    park_reason: &ParkReason,
) -> Result<(), OrdersError> {
    let known: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM orders.attention WHERE order_id = $1 AND step = $2 AND reason = $3)",
    )
    .bind(order.as_str())
    .bind(step.as_str())
    .bind(park_reason.code())
    .fetch_one(&mut *conn)
    .await?;
    if !known {
        park(conn, order, step, park_reason, false).await?;
    }
    Ok(())
}

//! One answer to many parked steps: which are meant is fixed when it is asked for, then each is asked by a command of its
//! own, some at a time.
//!
//! **Invariant:** a row is asked once: its command is kept in the transaction that notes it as sent.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use domain::{Actor, OrderId, ParkReason, Resolution, Step};
use sqlx::{FromRow, PgConnection};

use crate::{
    OrdersError, attention,
    audit::{self, Act, ActKind},
    command::{self, Answer, Command},
};

/// Which parked steps are meant.
#[derive(Debug, Clone, Default)]
pub struct Where {
    /// Of this step only.
    pub step: Option<Step>,
    /// For this reason only.
    pub reason: Option<String>,
    /// Of this shop's orders only; `api` for those without one.
    pub shop: Option<String>,
}

impl fmt::Display for Where {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, reason, shop } = self;
        let members =
            [("step", step.map(Step::as_str)), ("reason", reason.as_deref()), ("shop", shop.as_deref())];
        let given = members.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
        to.write_str(&given.collect::<Vec<_>>().join(" "))
    }
}

/// A parked step.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Parked {
    /// The row that shows it.
    pub attention_id: i64,
    /// Whose.
    pub order_id: String,
    /// The number people use for that order.
    pub order_number: String,
    /// Which step.
    pub step: String,
    /// Why, as a code.
    pub reason: String,
    has_run: bool,
}

impl Parked {
    /// What may be answered to it.
    #[must_use]
    pub fn answers(&self) -> Vec<Resolution> {
        // A step of a later version is answered by that version.
        let Ok(step) = self.step.parse() else { return Vec::new() };
        Resolution::answers_to(step, &ParkReason::new(self.reason.as_str()), self.has_run)
    }

    fn may_be_answered(&self, action: Resolution) -> bool {
        self.step != Step::Follow.as_str() && self.answers().contains(&action)
    }
}

/// What waits and is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    /// May be answered like this, who has waited longest first.
    pub rows: Vec<Parked>,
    /// May not.
    pub exceptions: Vec<Parked>,
    /// How many may be answered like this, and came later than whoever asks has seen.
    pub later: usize,
}

/// What waits and is meant; `most` at most. Of what may be answered like this, only rows up to this one, if it is said.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn meant(
    conn: &mut PgConnection,
    meant: &Where,
    action: Resolution,
    up_to: Option<i64>,
    most: i64,
) -> Result<Meant, OrdersError> {
    let parked: Vec<Parked> = sqlx::query_as(
        "SELECT attention_id, a.order_id, order_number, step, reason, has_run
         FROM orders.attention a JOIN orders.orders o USING (order_id)
         WHERE resolved_at IS NULL
           AND ($1::text IS NULL OR step = $1)
           AND ($2::text IS NULL OR reason = $2)
           AND ($3::text IS NULL OR coalesce(o.shop, 'api') = $3)
         ORDER BY (step <> $4 AND (reason = $6) = $7) DESC, attention_id LIMIT $5",
    )
    .bind(meant.step.map(Step::as_str))
    .bind(meant.reason.as_deref())
    .bind(meant.shop.as_deref())
    .bind(Step::Follow.as_str())
    .bind(most)
    .bind(ParkReason::APPROVAL)
    .bind(action.decides_approval())
    .fetch_all(conn)
    .await?;
    let (answered, exceptions): (Vec<_>, Vec<_>) =
        parked.into_iter().partition(|parked| parked.may_be_answered(action));
    let is_seen = |parked: &Parked| up_to.is_none_or(|last| parked.attention_id <= last);
    let (rows, later): (Vec<_>, Vec<_>) = answered.into_iter().partition(is_seen);
    Ok(Meant { rows, exceptions, later: later.len() })
}

/// A bulk answer to keep.
#[derive(Debug, Clone, Copy)]
pub struct NewBulk<'a> {
    /// Its id; the same id is the same answer.
    pub bulk_id: &'a str,
    /// What is decided.
    pub action: Resolution,
    /// By whom: a name.
    pub by: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Which it is for.
    pub meant: &'a Where,
}

/// Keeps a bulk answer with the rows it is for. False if the same is here already.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn keep(conn: &mut PgConnection, new: NewBulk<'_>, rows: &[Parked]) -> Result<bool, OrdersError> {
    let kept = sqlx::query(
        "INSERT INTO orders.bulk_answers (bulk_id, action, asked_by, reason, finished_at, meant)
         VALUES ($1, $2, $3, $4, CASE WHEN $5 THEN now() END, $6) ON CONFLICT DO NOTHING",
    )
    .bind(new.bulk_id)
    .bind(new.action.as_str())
    .bind(new.by)
    .bind(new.reason)
    .bind(rows.is_empty())
    .bind(new.meant.to_string())
    .execute(&mut *conn)
    .await?;
    if kept.rows_affected() == 0 {
        return Ok(false);
    }
    let (ids, orders): (Vec<i64>, Vec<&str>) =
        rows.iter().map(|row| (row.attention_id, row.order_id.as_str())).unzip();
    sqlx::query(
        "INSERT INTO orders.bulk_answer_rows (bulk_id, attention_id, order_id)
         SELECT $1, new.attention_id, new.order_id
         FROM UNNEST($2::bigint[], $3::text[]) AS new(attention_id, order_id)",
    )
    .bind(new.bulk_id)
    .bind(&ids)
    .bind(&orders)
    .execute(conn)
    .await?;
    Ok(true)
}

/// A bulk answer.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Bulk {
    /// Its id.
    pub bulk_id: String,
    /// What was decided.
    pub action: String,
    /// By whom.
    pub asked_by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// When the last of its rows was asked, or it was stopped.
    pub finished_at: Option<DateTime<Utc>>,
    /// When a person stopped it.
    pub stopped_at: Option<DateTime<Utc>>,
    /// Who did.
    pub stopped_by: Option<String>,
    /// Why.
    pub stop_reason: Option<String>,
    /// Rows it is for.
    pub orders: i64,
    /// Those of them that were asked.
    pub sent: i64,
    /// Which it is for, as text.
    pub meant: Option<String>,
}

impl Bulk {
    /// Whether the same was asked for.
    #[must_use]
    pub fn is_as(&self, new: &NewBulk<'_>) -> bool {
        self.action == new.action.as_str()
            && self.reason == new.reason
            && self.meant.as_ref().is_none_or(|meant| *meant == new.meant.to_string())
    }
}

const BULKS: &str =
    "SELECT bulk_id, action, asked_by, reason, asked_at, finished_at, stopped_at, stopped_by, stop_reason, meant,
           (SELECT count(*) FROM orders.bulk_answer_rows r WHERE r.bulk_id = b.bulk_id) AS orders,
           (SELECT count(sent_at) FROM orders.bulk_answer_rows r WHERE r.bulk_id = b.bulk_id) AS sent
    FROM orders.bulk_answers b";

/// A bulk answer by its id.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn find(conn: &mut PgConnection, bulk_id: &str) -> Result<Option<Bulk>, OrdersError> {
    let sql = format!("{BULKS} WHERE bulk_id = $1");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(bulk_id).fetch_optional(conn).await?)
}

/// The newest bulk answers, `most` at most.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn newest(conn: &mut PgConnection, most: i64) -> Result<Vec<Bulk>, OrdersError> {
    let sql = format!("{BULKS} ORDER BY asked_at DESC LIMIT $1");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(most).fetch_all(conn).await?)
}

/// Stops a bulk answer: what was not asked yet is not asked any more. False if nothing was left to stop.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn stop(
    conn: &mut PgConnection,
    bulk_id: &str,
    by: &str,
    reason: &str,
) -> Result<bool, OrdersError> {
    let stopped = sqlx::query(
        "UPDATE orders.bulk_answers
         SET stopped_at = now(), finished_at = now(), stopped_by = $2, stop_reason = $3
         WHERE bulk_id = $1 AND finished_at IS NULL",
    )
    .bind(bulk_id)
    .bind(by)
    .bind(reason)
    .execute(conn)
    .await?;
    Ok(stopped.rows_affected() > 0)
}

/// What became of a row of a bulk answer.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct RowReport {
    /// The row.
    pub attention_id: i64,
    /// Whose.
    pub order_id: String,
    /// The number people use for that order.
    pub order_number: Option<String>,
    /// When it was asked.
    pub sent_at: Option<DateTime<Utc>>,
    /// How the message that asked stands; none where somebody had answered before.
    pub state: Option<String>,
    /// Why, where it had no effect.
    pub refused: Option<String>,
    /// Whether the row waits no more.
    pub is_resolved: bool,
    /// Where the order stands.
    pub status: Option<String>,
}

/// What became of the rows of a bulk answer after this one; `most` at most.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn report(
    conn: &mut PgConnection,
    bulk_id: &str,
    after: Option<i64>,
    most: i64,
) -> Result<Vec<RowReport>, OrdersError> {
    Ok(sqlx::query_as(
        "SELECT r.attention_id, r.order_id, o.order_number, r.sent_at, i.state, i.reason AS refused,
                a.resolved_at IS NOT NULL AS is_resolved, o.status
         FROM orders.bulk_answer_rows r
         LEFT JOIN orders.orders o USING (order_id)
         LEFT JOIN integration.inbox i USING (inbox_id)
         LEFT JOIN orders.attention a ON a.attention_id = r.attention_id
         WHERE r.bulk_id = $1 AND ($2::bigint IS NULL OR r.attention_id > $2)
         ORDER BY r.attention_id LIMIT $3",
    )
    .bind(bulk_id)
    .bind(after)
    .bind(most)
    .fetch_all(conn)
    .await?)
}

/// Asks the next rows of a bulk answer, `most` at most. Returns how many are left.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn ask_next(conn: &mut PgConnection, bulk_id: &str, most: i64) -> Result<i64, OrdersError> {
    let Some(bulk) = find(&mut *conn, bulk_id).await? else { return Ok(0) };
    if bulk.stopped_at.is_some() {
        return Ok(0);
    }
    let next: Vec<(i64, String)> = sqlx::query_as(
        "SELECT attention_id, order_id FROM orders.bulk_answer_rows
         WHERE bulk_id = $1 AND sent_at IS NULL ORDER BY attention_id LIMIT $2 FOR UPDATE",
    )
    .bind(bulk_id)
    .bind(most)
    .fetch_all(&mut *conn)
    .await?;
    for (attention_id, order_id) in next {
        let inbox_id = match attention::find_open(&mut *conn, attention_id).await? {
            Some(open) => {
                let order = OrderId::parse(&order_id)?;
                let command = command_of(&bulk, attention_id, &open.reason)?;
                note(&mut *conn, &bulk, &order).await?;
                command::keep(&mut *conn, &order, &command, Duration::ZERO).await?.map(|kept| kept.inbox_id)
            }
            None => None,
        };
        sqlx::query(
            "UPDATE orders.bulk_answer_rows SET sent_at = now(), inbox_id = $3
             WHERE bulk_id = $1 AND attention_id = $2",
        )
        .bind(bulk_id)
        .bind(attention_id)
        .bind(inbox_id)
        .execute(&mut *conn)
        .await?;
    }
    let left: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM orders.bulk_answer_rows WHERE bulk_id = $1 AND sent_at IS NULL",
    )
    .bind(bulk_id)
    .fetch_one(&mut *conn)
    .await?;
    if left == 0 {
        sqlx::query(
            "UPDATE orders.bulk_answers SET finished_at = now() WHERE bulk_id = $1 AND finished_at IS NULL",
        )
        .bind(bulk_id)
        .execute(conn)
        .await?;
    }
    Ok(left)
}

/// Each order's answer is an act of whoever asked for them all.
async fn note(conn: &mut PgConnection, bulk: &Bulk, order: &OrderId) -> Result<(), OrdersError> {
    let detail = format!("{} in bulk {}", bulk.action, bulk.bulk_id);
    let act = Act {
        by: &bulk.asked_by,
        kind: ActKind::OrderResolved,
        target: order.as_str(),
        order: Some(order),
        reason: Some(&bulk.reason),
        detail: Some(&detail),
    };
    audit::note(conn, &act).await
}

fn command_of(bulk: &Bulk, attention_id: i64, park_reason: &str) -> Result<Command, OrdersError> {
    let action: Resolution = bulk.action.parse().map_err(OrdersError::from)?;
    let (actor, reason) = (Actor::Operator, Some(bulk.reason.clone()));
    // No run is there to answer to: another one begins, or is cancelled at once.
    Ok(match action {
        Resolution::Retry if park_reason == ParkReason::RUN_GONE => Command::Retry { actor },
        Resolution::Compensate if park_reason == ParkReason::RUN_GONE => {
            Command::Cancel { actor, reason, customers_words: None }
        }
        action => Command::Resolve(Answer {
            action,
            actor,
            by: bulk.asked_by.clone(),
            reason,
            attention_id: Some(attention_id),
            edit: None,
        }),
    })
}

/// Bulk answers that are not finished and were asked for so long ago: their run may never have begun.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn unfinished(conn: &mut PgConnection, since: Duration) -> Result<Vec<String>, OrdersError> {
    Ok(sqlx::query_scalar(
        "SELECT bulk_id FROM orders.bulk_answers
         WHERE finished_at IS NULL AND asked_at < now() - $1 * interval '1 second' ORDER BY asked_at LIMIT 100",
    )
    .bind(since.as_secs_f64())
    .fetch_all(conn)
    .await?)
}

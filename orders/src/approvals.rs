//! What a person is asked to approve before an order is handed over, and what was decided.
//!
//! **Invariant:** what is decided is what was asked: an order whose content changes is asked about anew, and an approval
//! names the rules and the total that it stands for.

use chrono::{DateTime, Utc};
use domain::{Approval, OrderId, Resolution, RiskLevel, words};
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use strum::{Display, IntoStaticStr, VariantArray};

use crate::{OrdersError, record::Order};

/// What a person decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Decision {
    /// It may be handed over.
    Approved,
    /// It is cancelled.
    Refused,
}

words!(Decision, "decision");

impl Decision {
    /// The decision that an answer is, if it is one.
    #[must_use]
    pub fn of(answer: Resolution) -> Option<Self> {
        match answer {
            Resolution::Approve => Some(Self::Approved),
            Resolution::Refuse => Some(Self::Refused),
            _ => None,
        }
    }
}

/// What was asked about an order, as people are shown it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Asked {
    /// The rules that held.
    pub rules: Vec<String>,
    /// The order's total then.
    pub total_amount: Decimal,
    /// Its currency.
    pub currency: String,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// What was decided; none while nobody has.
    pub decision: Option<String>,
    /// By whom.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// Why.
    pub reason: Option<String>,
}

/// Asks about an order that the caller's transaction has locked. What was asked before and nobody has decided makes way.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn ask(conn: &mut PgConnection, order: &Order, rules: &[String]) -> Result<(), OrdersError> {
    sqlx::query(
        "INSERT INTO orders.approvals AS known (order_id, rules, total_amount, currency) VALUES ($1, $2, $3, $4)
         ON CONFLICT (order_id) WHERE decided_at IS NULL DO UPDATE
             SET rules = EXCLUDED.rules, total_amount = EXCLUDED.total_amount, currency = EXCLUDED.currency,
                 asked_at = now()
             WHERE (known.rules, known.total_amount, known.currency)
                   IS DISTINCT FROM (EXCLUDED.rules, EXCLUDED.total_amount, EXCLUDED.currency)",
    )
    .bind(order.order_id.as_str())
    .bind(rules)
    .bind(order.facts.total_amount)
    .bind(&order.facts.currency)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes back what was asked of an order and nobody has decided: no rule holds any more, or it is cancelled.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn ask_no_more(conn: &mut PgConnection, order: &OrderId) -> Result<(), OrdersError> {
    sqlx::query("DELETE FROM orders.approvals WHERE order_id = $1 AND decided_at IS NULL")
        .bind(order.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes what a person decided of what was asked. Where nothing is asked any more, nothing is written.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn decide(
    conn: &mut PgConnection,
    order: &OrderId,
    decision: Decision,
    by: &str,
    reason: Option<&str>,
) -> Result<(), OrdersError> {
    sqlx::query(
        "UPDATE orders.approvals SET decision = $2, decided_by = $3, decided_at = now(), reason = $4
         WHERE order_id = $1 AND decided_at IS NULL",
    )
    .bind(order.as_str())
    .bind(decision.as_str())
    .bind(by)
    .bind(reason)
    .execute(conn)
    .await?;
    Ok(())
}

/// What was approved of an order.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn approved(conn: &mut PgConnection, order: &OrderId) -> Result<Vec<Approval>, OrdersError> {
    let rows: Vec<(Vec<String>, Decimal, String)> = sqlx::query_as(
        "SELECT rules, total_amount, currency FROM orders.approvals WHERE order_id = $1 AND decision = $2",
    )
    .bind(order.as_str())
    .bind(Decision::Approved.as_str())
    .fetch_all(conn)
    .await?;
    let approval = |(rules, total, currency)| Approval { rules, total, currency };
    Ok(rows.into_iter().map(approval).collect())
}

/// All that was asked about an order, oldest first.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn of_order(conn: &mut PgConnection, order: &OrderId) -> Result<Vec<Asked>, OrdersError> {
    Ok(sqlx::query_as(
        "SELECT rules, total_amount, currency, asked_at, decision, decided_by, decided_at, reason
         FROM orders.approvals WHERE order_id = $1 ORDER BY approval_id",
    )
    .bind(order.as_str())
    .fetch_all(conn)
    .await?)
}

/// What the shop said of an order's risk when it was last looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptRisk {
    /// The highest of the assessments that are made.
    pub level: Option<RiskLevel>,
    /// Whether another is still to come.
    pub is_pending: bool,
}

/// Keeps what the shop says of an order's risk.
///
/// # Errors
/// [`OrdersError::Database`].
pub async fn keep_risk(conn: &mut PgConnection, order: &OrderId, risk: KeptRisk) -> Result<(), OrdersError> {
    sqlx::query(
        "INSERT INTO orders.risks (order_id, level, is_pending) VALUES ($1, $2, $3)
         ON CONFLICT ON CONSTRAINT risks_pk DO UPDATE
             SET level = EXCLUDED.level, is_pending = EXCLUDED.is_pending, read_at = now()",
    )
    .bind(order.as_str())
    .bind(risk.level.map(RiskLevel::as_str))
    .bind(risk.is_pending)
    .execute(conn)
    .await?;
    Ok(())
}

/// What the shop said of an order's risk; none if nobody has asked.
///
/// # Errors
/// [`OrdersError::Database`] or [`OrdersError::Unreadable`].
pub async fn risk(conn: &mut PgConnection, order: &OrderId) -> Result<Option<KeptRisk>, OrdersError> {
    let kept: Option<(Option<String>, bool)> =
        sqlx::query_as("SELECT level, is_pending FROM orders.risks WHERE order_id = $1")
            .bind(order.as_str())
            .fetch_optional(conn)
            .await?;
    let Some((level, is_pending)) = kept else { return Ok(None) };
    let level = level.map(|level| level.parse()).transpose()?;
    Ok(Some(KeptRisk { level, is_pending }))
}

//! Whether a person has to approve an order before it is handed over.

use domain::{ApprovalDecision, ApprovalFacts, Risk};
use orders::{Order, approvals, record};
use sqlx::PgConnection;
use workflows::contract::Rules;

use crate::attempt::AttemptError;

/// What is to be done about the approval of an order that could be handed over now, and that is locked. What a person is
/// asked is written down.
pub(super) async fn of(
    conn: &mut PgConnection,
    order: &Order,
    rules: &Rules,
) -> Result<ApprovalDecision, AttemptError> {
    if rules.approval.is_empty() {
        return Ok(ApprovalDecision::GoOn);
    }
    let order_id = &order.order_id;
    let country = record::country(conn, order_id).await?;
    let facts = ApprovalFacts {
        total: order.facts.total_amount,
        currency: &order.facts.currency,
        country: country.as_deref(),
        tags: order.facts.tags.as_deref().unwrap_or_default(),
        risk: risk(conn, order, rules).await?,
    };
    let decision = rules.approval.decide(&facts, &approvals::approved(conn, order_id).await?);
    match &decision {
        ApprovalDecision::Ask(holding) => approvals::ask(conn, order, holding).await?,
        ApprovalDecision::GoOn => approvals::ask_no_more(conn, order_id).await?,
        ApprovalDecision::AwaitRisk => {}
    }
    Ok(decision)
}

/// What is known of the order's risk. One that reaches the rule is known, whatever is still to come.
async fn risk(conn: &mut PgConnection, order: &Order, rules: &Rules) -> Result<Risk, AttemptError> {
    let Some(from) = rules.approval.risk else { return Ok(Risk::NotAssessed) };
    if order.channel.shop().is_none() {
        return Ok(Risk::NotAssessed);
    }
    let kept = approvals::risk(conn, &order.order_id).await?;
    Ok(match kept.map(|kept| (kept.level, kept.is_pending)) {
        Some((Some(level), is_pending)) if !is_pending || level >= from => Risk::Assessed(level),
        // Who said to go on without a look said to go on without what it would have seen.
        _ if rules.risk_is_late || !rules.look => Risk::Unknown,
        _ => Risk::Awaited,
    })
}

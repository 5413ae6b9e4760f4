//! What people were asked to approve of an order, as the interface shows it.

use chrono::{DateTime, Utc};
use orders::approvals::Asked;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

/// What a person was asked to approve, and what was decided.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderApproval)]
pub(super) struct ApprovalBody {
    /// The rules that held.
    #[schema(example = json!(["total above 500 EUR", "risk high"]))]
    rules: Vec<String>,
    /// The order's total that was seen.
    #[schema(value_type = String, example = "1999.98")]
    total_amount: Decimal,
    #[schema(example = "EUR")]
    currency: String,
    asked_at: DateTime<Utc>,
    /// `APPROVED` or `REFUSED`; null while nobody has decided.
    #[schema(example = "APPROVED")]
    decision: Option<String>,
    by: Option<String>,
    decided_at: Option<DateTime<Utc>>,
    reason: Option<String>,
}

impl From<Asked> for ApprovalBody {
    fn from(asked: Asked) -> Self {
        Self {
            rules: asked.rules,
            total_amount: asked.total_amount,
            currency: asked.currency,
            asked_at: asked.asked_at,
            decision: asked.decision,
            by: asked.decided_by,
            decided_at: asked.decided_at,
            reason: asked.reason,
        }
    }
}

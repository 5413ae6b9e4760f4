//! What people ask of orders, as the audit trail keeps it.

use domain::{OrderId, Resolution};
use orders::{
    audit::{self, Act, ActKind},
    command::Command,
};
use sqlx::PgConnection;

use crate::{problem::Problem, state::Asked};

/// That it was asked for, by whom and why. What a customer says of it stays in the inbox.
pub(super) async fn note(
    asked: &Asked,
    conn: &mut PgConnection,
    order: &OrderId,
    command: &Command,
) -> Result<(), Problem> {
    let (kind, detail) = match command {
        Command::Cancel { .. } => (ActKind::OrderCancelled, None),
        Command::Retry { .. } => (ActKind::OrderRetried, None),
        Command::SetStatus { status, .. } => (ActKind::OrderStatusSet, Some(status.to_string())),
        Command::ReleaseHold { .. } => {
            (ActKind::OrderResolved, Some(Resolution::ReleaseHold.as_str().to_owned()))
        }
        Command::Resolve(answer) => (ActKind::OrderResolved, Some(answer.action.as_str().to_owned())),
        Command::OrderPlaced
        | Command::StockAvailable { .. }
        | Command::StockCounted { .. }
        | Command::Edited { .. } => return Ok(()),
    };
    let act = Act {
        by: asked.caller.acts_as(),
        kind,
        target: order.as_str(),
        order: Some(order),
        reason: command.reason(),
        detail: detail.as_deref(),
    };
    Ok(audit::note(conn, &act).await?)
}

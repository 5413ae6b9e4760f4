//! Answers to rows that no workflow waits for.

use std::time::Duration;

use domain::{ParkReason, Resolution, Step};
use orders::{
    Order,
    attention::{self, Attention, Given},
    command::{self, Answer, Command},
    fulfilment_request::counted,
    inbox::Message,
    record,
};
use sqlx::PgConnection;

use super::CommandOutcome;
use crate::{DispatchError, Dispatcher};

/// What is known of an answer before the run is asked.
pub(super) enum RowAnswer {
    /// What became of it.
    Known(CommandOutcome),
    /// It is for the run: about this step, or about whatever is parked.
    OfStep(Option<Step>),
}

impl Dispatcher {
    /// Answers a row of the order that no workflow waits for. What is parked is for the run to answer.
    pub(super) async fn answer_row(
        &self,
        message: &Message,
        order: &Order,
        answer: &Answer,
    ) -> Result<RowAnswer, DispatchError> {
        let refused = |why: String| Ok(RowAnswer::Known(CommandOutcome::Refused(why)));
        let mut tx = self.pool.begin().await?;
        record::lock(&mut tx, &order.order_id).await?;
        // It had its effect, and whoever asked for it went away before that was known.
        if attention::is_answered_by(&mut tx, &order.order_id, message.inbox_id).await? {
            return Ok(RowAnswer::Known(CommandOutcome::Done(order.status)));
        }
        let open = attention::open(&mut tx, &order.order_id).await?;
        let is_meant = |row: &&Attention| match answer.attention_id {
            Some(id) => row.attention_id == id,
            None if answer.action == Resolution::Done => !row.has_run,
            None if answer.action == Resolution::Recall => row.reason == ParkReason::COUNT_BELOW_HANDED_OVER,
            None => row.reason == ParkReason::RUN_GONE,
        };
        let mut meant = open.iter().filter(is_meant);
        let row = match (meant.next(), meant.next()) {
            (Some(row), None) => row,
            (Some(_), Some(_)) => return refused("attentionId: several rows are open; say which one".into()),
            (None, _) => {
                return match (answer.attention_id, answer.action) {
                    (Some(id), _) => refused(format!("attentionId: the order has no open row {id}")),
                    (None, Resolution::Done) => refused("nothing is shown of the order".into()),
                    (None, Resolution::Recall) => refused("nothing of the order is offered to recall".into()),
                    (None, _) => Ok(RowAnswer::OfStep(None)),
                };
            }
        };
        let step = row.step;
        if row.has_run {
            return Ok(RowAnswer::OfStep(Some(step)));
        }
        let fitting = Resolution::answers_to(step, &ParkReason::new(row.reason.as_str()), false);
        if !fitting.contains(&answer.action) {
            let fitting: Vec<&str> = fitting.into_iter().map(Resolution::as_str).collect();
            return refused(format!("action: one of {} for row {}", fitting.join(", "), row.attention_id));
        }
        if row.reason == ParkReason::RUN_GONE {
            // Whoever keeps the answer keeps a retry or a cancel instead, which hold whatever crashes.
            return refused("the order's workflow has gone just now: ask again".into());
        }
        let Answer { action, by, reason, .. } = answer;
        if row.reason == ParkReason::COUNT_BELOW_HANDED_OVER
            && !answer_offer(&mut tx, order, row.attention_id, *action).await?
        {
            return refused("nothing of the order can be recalled any more; answer done".into());
        }
        let given = Given {
            resolution: action.as_str(),
            by,
            reason: reason.as_deref(),
            message: Some(message.inbox_id),
        };
        attention::answer(&mut tx, row.attention_id, given).await?;
        tx.commit().await?;
        Ok(RowAnswer::Known(CommandOutcome::Done(order.status)))
    }
}

/// Has the order's run recall what is offered, or withdraws the offer. False if there is nothing left to recall.
async fn answer_offer(
    conn: &mut PgConnection,
    order: &Order,
    attention_id: i64,
    action: Resolution,
) -> Result<bool, DispatchError> {
    if action != Resolution::Recall {
        counted::withdraw_offers(conn, &order.order_id).await?;
        return Ok(true);
    }
    if !counted::want_recall(conn, &order.order_id).await? {
        return Ok(false);
    }
    record::raise_wish(conn, &order.order_id).await?;
    let counted = Command::StockCounted { cause: format!("recall-{attention_id}") };
    command::keep(conn, &order.order_id, &counted, Duration::ZERO).await?;
    Ok(true)
}

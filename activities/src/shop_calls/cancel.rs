//! An order that was cancelled here is cancelled in the shop, or, where some of it has left, what was paid
//! for the rest is given back.

use std::collections::BTreeMap;

use domain::{Actor, LineId, ParkReason, WantedLine};
use orders::{
    Order, OrdersError, attention, record,
    timeline::{self, TimelineEvent},
};
use shopify::admin::{CancelOutcome, CancelReason, LinePieces, RefundOutcome, ShopifyError};
use sqlx::PgConnection;
use workflows::contract::{Cancellation, RefundOfTheRest};

use super::ShopCalls;
use crate::{attempt::AttemptError, planner::Situation};

impl ShopCalls {
    pub(super) async fn cancel(&self, input: &Cancellation) -> Result<(), AttemptError> {
        let order = self.order(&input.order_id).await?;
        let (client, shopify_order_id) = self.shop_of(&order)?;
        let there = client.cancellation(shopify_order_id).await?;
        if there.cancelled_at.is_some() || !there.found {
            return Ok(());
        }
        let reason = match input.by {
            Actor::Customer => CancelReason::Customer,
            Actor::Operator => CancelReason::Staff,
            Actor::Shopify | Actor::Policy => CancelReason::Other,
        };
        let note = format!("Cancelled in fulfilment, order {}", order.order_number);
        let outcome = client
            .cancel_order(shopify_order_id, reason, input.restock, input.refund, input.notify_customer, &note)
            .await?;
        match outcome {
            CancelOutcome::Accepted { .. }
            | CancelOutcome::AlreadyCancelled
            | CancelOutcome::DoesNotExist => Ok(()),
            // The shop does it in a job of its own: the next attempt looks whether it is done.
            CancelOutcome::InProgress => Err(AttemptError::transient("SHOPIFY_CANCELLATION_IN_PROGRESS")),
            CancelOutcome::HasFulfilments => self.refund_what_others_left(input).await,
        }
    }

    /// None of ours has left, so the shop's own people fulfilled some of it. What they left is refunded,
    /// by the shop's own order: an edit may be on its way here.
    async fn refund_what_others_left(&self, input: &Cancellation) -> Result<(), AttemptError> {
        self.read(&input.order_id).await?;
        let order = self.order(&input.order_id).await?;
        let known = order.facts.fulfilments.iter().flatten().any(|fulfilment| fulfilment.stands);
        if !known {
            return Err(AttemptError::transient("SHOPIFY_HAS_FULFILMENTS"));
        }
        let Cancellation { restock, refund, notify_customer, .. } = *input;
        let rest = RefundOfTheRest { order_id: order.order_id, refund, restock, notify_customer };
        self.refund(&rest).await
    }

    /// Shopify cancels no order with fulfilments: what has not left is refunded by line instead, or a
    /// person is told what to do.
    pub(super) async fn refund(&self, input: &RefundOfTheRest) -> Result<(), AttemptError> {
        let mut conn = self.pool.acquire().await?;
        let order = record::find(&mut conn, &input.order_id).await?.ok_or(OrdersError::NotFound)?;
        let rest = self.rest_of(&mut conn, &order).await?;
        if rest.is_empty() {
            return Ok(());
        }
        if !input.refund {
            let words: Vec<String> = rest
                .iter()
                .map(|(line, pieces)| format!("{pieces} × {}", line.sku.as_deref().unwrap_or_default()))
                .collect();
            let how = if input.restock { "restocked" } else { "not restocked" };
            let words = format!("Refund in the shop, {how}, what does not leave: {}", words.join(", "));
            let park_reason = ParkReason::new(ParkReason::REFUND_BY_HAND);
            attention::show(&mut conn, &order.order_id, &park_reason, &words).await?;
            return Ok(());
        }
        drop(conn);
        let (client, shopify_order_id) = self.shop_of(&order)?;
        let lines: Vec<LinePieces> =
            rest.iter().map(|(line, count)| pieces(&line.line_id, *count)).collect::<Result<_, _>>()?;
        let key = format!("{}/refund", order.workflow_id);
        let note = format!("Cancelled in fulfilment, order {}", order.order_number);
        let outcome = match client
            .refund_rest(shopify_order_id, &lines, &key, input.restock, input.notify_customer, &note)
            .await
        {
            // Cancelled by the shop's own people meanwhile: what is paid back they have decided, and it is shown.
            Err(ShopifyError::UserErrors(_))
                if client.cancellation(shopify_order_id).await?.cancelled_at.is_some() =>
            {
                return Ok(());
            }
            outcome => outcome?,
        };
        let detail = match outcome {
            RefundOutcome::Refunded { amount, currency, .. } => format!("{amount} {currency}"),
            RefundOutcome::Already { .. } | RefundOutcome::Nothing => return Ok(()),
        };
        let mut conn = self.pool.acquire().await?;
        timeline::note(&mut conn, &order.order_id, TimelineEvent::Refunded, Some(&detail)).await?;
        Ok(())
    }
}

impl ShopCalls {
    /// What neither left nor is on its way at a warehouse that could not stop it.
    async fn rest_of(
        &self,
        conn: &mut PgConnection,
        order: &Order,
    ) -> Result<Vec<(WantedLine, u32)>, AttemptError> {
        let situation = Situation::read(conn, order, self.planner.shops.rules_for(&order.channel)).await?;
        let mut leaving: BTreeMap<LineId, u32> = BTreeMap::new();
        for (line_id, pieces) in situation.at_warehouses().into_iter().flat_map(|(_, lines)| lines) {
            *leaving.entry(line_id).or_default() += pieces;
        }
        let rest = situation.brief.wanted.into_iter().map(|line| {
            let leaves = leaving.get(&line.line_id).copied().unwrap_or_default();
            let pieces = line.to_ship().saturating_sub(leaves);
            (line, pieces)
        });
        Ok(rest.filter(|(_, pieces)| *pieces > 0).collect())
    }
}

pub(super) fn pieces(line: &LineId, quantity: u32) -> Result<LinePieces, AttemptError> {
    let line_item_id = line.as_str().parse().map_err(|_| AttemptError::permanent("ORDER_UNREADABLE"))?;
    Ok(LinePieces { line_item_id, quantity })
}

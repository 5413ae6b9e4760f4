//! By when an order is promised to leave, as it is planned.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{Condition, GateDecision, HeldBy, WarehouseId};
use inventory::Reservation as Holding;
use orders::{Order, promises};
use sqlx::PgConnection;
use workflows::contract::Plan;

use super::{Planner, draft::Draft};
use crate::attempt::AttemptError;

impl Planner {
    /// Promises an order for the day on which it leaves at the latest, and takes that back while it waits for its payment,
    /// for stock or for the shop. A trouble of ours takes nothing back: the customer waits all the same. The order is
    /// locked.
    pub(super) async fn promise(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        draft: &Draft,
        holding: Option<&Holding>,
        plan: &Plan,
    ) -> Result<Option<DateTime<Utc>>, AttemptError> {
        if self.promises.rules_of(&order.channel).is_none() {
            return Ok(None);
        }
        if waits(draft, plan) {
            promises::suspend(conn, &order.order_id).await?;
            return Ok(None);
        }
        // It is planned again before anything leaves, or nothing is to leave any more.
        let is_planned_again = plan.look || !plan.recalls.is_empty();
        let warehouses = holding.map(warehouses).unwrap_or_default();
        if is_planned_again || draft.decision != GateDecision::Fulfil || warehouses.is_empty() {
            return Ok(order.promised.promised_at);
        }
        let since = since(order, Utc::now());
        let methods = order.facts.shipping_methods.as_deref().unwrap_or_default();
        let promise = self.promises.promise(&order.channel, &warehouses, since, methods);
        promises::keep(conn, &order.order_id, since, promise).await?;
        Ok(promise.map(|(_, promise)| promise.leaves_by))
    }
}

/// Whether the order waits for others: its customer, a supplier, the shop.
fn waits(draft: &Draft, plan: &Plan) -> bool {
    match draft.decision {
        GateDecision::AwaitPayment | GateDecision::Ignore(_) => !draft.is_at_warehouse(),
        GateDecision::Fulfil => {
            let planned: u32 = plan.requests.iter().map(|request| request.pieces).sum();
            planned <= plan.pieces_left && (plan.waiting_lines > 0 || plan.held_back > 0)
        }
        GateDecision::Cancel | GateDecision::Park(_) => false,
    }
}

/// Whether the order waited for others until now, by its condition; also while nothing was promised yet of any order.
fn waited(order: &Order) -> bool {
    match order.condition {
        Some(Condition::AwaitingPayment | Condition::Backordered) => true,
        Some(Condition::OnHold) => order.held_by == Some(HeldBy::Shopify),
        _ => false,
    }
}

/// Where it leaves.
fn warehouses(holding: &Holding) -> BTreeSet<WarehouseId> {
    let held = holding.allocations.iter().filter(|held| held.held() > 0);
    held.map(|held| held.warehouse.clone()).collect()
}

/// Since when the order can be fulfilled. One that never waited can since it came, or since its hold window was over.
fn since(order: &Order, now: DateTime<Utc>) -> DateTime<Utc> {
    let came = order.hold_until.map_or(order.received_at, |until| until.max(order.received_at));
    let first = if order.promised.has_waited || waited(order) { now } else { came.min(now) };
    order.promised.fulfillable_at.unwrap_or(first)
}

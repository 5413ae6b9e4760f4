//! How an order is planned, at first and whenever something is said of it: by the newest that was
//! committed, the gate decides, the reservation follows, and what no longer fits at a warehouse is taken
//! back before anything else goes out.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use domain::{
    Actor, Condition, EditsRule, GateDecision, GateRules, IgnoreReason, OrderStatus, ParkReason, Resolution,
    Step, StockOutRule, WhenOverdue, decide_gate,
};

use crate::{
    contract::{LookInShop, OrderRef, Plan, PlanInput, PlanOutcome, ReadOrder, ReserveStock, Rules},
    entry::{Ending, OrderFulfilment},
    ledger::Undo,
    messages::CancelRequest,
    order_fulfilment::{Story, cancelled_by_policy},
    saga::{Interrupted, StepOutcome, Wake},
};

/// How long a run waits before it looks for fulfilment orders again that are not there yet.
const LOOK_PAUSE: Duration = Duration::from_secs(5);

/// What is to be done next for an order with this plan.
#[derive(Debug, PartialEq, Eq)]
enum Move {
    /// Read the shop's own order.
    ReadOrder,
    /// Take back what no longer fits.
    Recall,
    /// It is not to be fulfilled.
    Ignore(&'static str),
    /// The shop cancelled it.
    Cancel,
    /// Wait for the payment.
    AwaitPayment,
    /// A person has to look.
    Park(Step, ParkReason),
    /// Look at the shop's fulfilment orders.
    Look,
    /// Wait until the order's risk is known.
    AwaitRisk,
    /// Wait for stock.
    AwaitStock,
    /// Hand over, and wait for what is at the warehouse.
    GoOn,
}

impl Story {
    /// Plans the order by the newest that is known of it; the ending if there is nothing to be done for
    /// it. Comes back when it may be handed over.
    pub(crate) async fn plan(&self) -> Result<Option<Ending>, Interrupted> {
        self.ctx.state_mut(|order| order.progress.push_undo(Undo::Release));
        let mut look = self.ctx.state_mut(|order| std::mem::take(&mut order.look_due));
        loop {
            let Some(reserved) = self.reserve(std::mem::take(&mut look)).await? else { continue };
            let plan = match reserved {
                PlanOutcome::Planned { plan } => plan,
                PlanOutcome::Over { status } => {
                    self.ctx.state_mut(|order| order.status = status);
                    return Ok(Some(Ending::NothingToDo));
                }
                PlanOutcome::AwaitsAllocation => {
                    self.await_allocation().await?;
                    continue;
                }
                // What is at a warehouse is waited for first, whatever else is wrong.
                PlanOutcome::UnknownSku | PlanOutcome::OutOfStock if self.is_at_a_warehouse() => {
                    return Ok(None);
                }
                PlanOutcome::UnknownSku => {
                    self.park(Step::Reserve, ParkReason::new(ParkReason::UNKNOWN_SKU)).await?;
                    continue;
                }
                PlanOutcome::OutOfStock => {
                    self.park(Step::Reserve, ParkReason::new(ParkReason::OUT_OF_STOCK)).await?;
                    continue;
                }
            };
            self.ctx.state_mut(|order| order.take_over(&plan));
            self.show_promise(plan.promised_at);
            match self.ctx.state(|order| order.next_move(&plan)) {
                Move::ReadOrder => self.read_order().await?,
                Move::Recall => self.recall_what_changed(&plan).await?,
                Move::Ignore(reason) => {
                    self.record_condition(Some(Condition::Ignored), Some(reason), None).await;
                    return Ok(Some(Ending::Ignored));
                }
                Move::Cancel => return Err(cancelled_by_shop()),
                Move::AwaitPayment => self.await_payment(&plan).await?,
                Move::Park(step, park_reason) => {
                    look = step == Step::LookInShop;
                    if self.park(step, park_reason).await? == Resolution::Skip {
                        // The one thing at the gate that can be gone on without: a payment nobody can read.
                        self.ctx.state_mut(|order| {
                            order.progress.paid_as = Some(plan.gate.financial_status.clone());
                        });
                    }
                }
                Move::Look => {
                    if plan.not_there_yet {
                        self.await_fulfilment_orders().await?;
                    }
                    look = true;
                }
                Move::AwaitRisk => look = self.await_risk().await? == Wake::Overdue,
                Move::AwaitStock => self.await_stock().await?,
                Move::GoOn => {
                    self.show_stage(stage_of(&plan));
                    return Ok(None);
                }
            }
        }
    }

    /// Has the reservation follow what is wanted, and plans the hand-overs; by the shop's fulfilment
    /// orders where they are to be looked at. None if an operator was asked and answered.
    async fn reserve(&self, look: bool) -> Result<Option<PlanOutcome>, Interrupted> {
        self.ctx.state_mut(|order| {
            order.plan_due = false;
            order.stock_available = false;
            order.content_changed = false;
        });
        let risk_is_late = self.risk_is_late();
        let rules = self.ctx.state(|order| order.rules(risk_is_late));
        let input = PlanInput { order_id: self.order_id(), rules };
        let did = if look {
            self.step(Step::LookInShop, "", || LookInShop, input).await?
        } else {
            self.step(Step::Reserve, "", || ReserveStock, input).await?
        };
        Ok(match did {
            StepOutcome::Done(reserved) => Some(reserved),
            StepOutcome::Skipped => {
                // An operator says to go on without the look.
                self.ctx.state_mut(|order| order.progress.look_skipped = true);
                None
            }
        })
    }

    /// Two messages of one moment disagree: the shop's own order decides.
    async fn read_order(&self) -> Result<(), Interrupted> {
        let input = OrderRef { order_id: self.order_id() };
        self.step(Step::ReadOrder, "", || ReadOrder, input).await.map(|_| ())
    }

    /// Takes back what no longer fits. What the warehouse could not stop leaves as it is.
    async fn recall_what_changed(&self, plan: &Plan) -> Result<(), Interrupted> {
        let edits = self.ctx.state(|order| order.input.policy.edits_after_hand_over);
        let decision = self.ctx.state(|order| order.decision(plan));
        let edited =
            matches!(decision, GateDecision::Fulfil | GateDecision::Ignore(IgnoreReason::NothingToShip));
        let by_hand = plan.recalls.iter().all(|reference| plan.recalls_by_hand.contains(reference));
        if edited && !by_hand && edits == EditsRule::Park {
            let park_reason = ParkReason::new(ParkReason::EDITED_AT_WAREHOUSE);
            let decided = self.park(Step::HandOver, park_reason).await?;
            if self.ctx.state(|order| order.plan_due) {
                return Ok(()); // something new arrived: it may fit again
            }
            if decided == Resolution::Skip {
                let stay = plan.recalls.clone();
                self.ctx.state_mut(|order| order.progress.left_as_they_are.extend(stay));
                return Ok(());
            }
        }
        for reference in &plan.recalls {
            self.recall(reference).await?;
        }
        Ok(())
    }

    /// Waits until the channel says something new, the deadline passes, or somebody says not to wait.
    async fn await_payment(&self, plan: &Plan) -> Result<(), Interrupted> {
        self.record_condition(Some(Condition::AwaitingPayment), None, None).await;
        let now = self.ctx.workflow_time().unwrap_or(SystemTime::UNIX_EPOCH);
        let (deadline, when_unpaid) = self.ctx.state_mut(|order| {
            let policy = &order.input.policy;
            let received_at = SystemTime::from(order.input.received_at);
            // Money that went later is waited for as long again.
            let since = if plan.gate.financial_status.is_gone() {
                (*order.progress.unpaid_since.get_or_insert_with(|| DateTime::<Utc>::from(now))).into()
            } else {
                received_at
            };
            (since.max(received_at) + policy.payment_deadline, policy.when_unpaid)
        });
        let left = self.time_left(deadline).unwrap_or_default();
        let wake = self.wait_until(Some(left), |order| order.content_changed || order.go_on).await?;
        let goes_on = match (wake, when_unpaid) {
            (Wake::Ready, _) => self.ctx.state_mut(|order| std::mem::take(&mut order.go_on)),
            (Wake::Overdue, WhenOverdue::Park) => {
                let park_reason = ParkReason::new(ParkReason::PAYMENT_OVERDUE);
                self.park(Step::Gate, park_reason).await? == Resolution::Skip
            }
            (Wake::Overdue, WhenOverdue::Cancel) => {
                return Err(cancelled_by_policy(ParkReason::PAYMENT_OVERDUE));
            }
        };
        if goes_on {
            let paid_as = plan.gate.financial_status.clone();
            self.ctx.state_mut(|order| order.progress.paid_as = Some(paid_as));
        }
        Ok(())
    }

    /// Waits for the stock that is missing; past the deadline an operator or the policy decides.
    async fn await_stock(&self) -> Result<(), Interrupted> {
        self.show_stage(Condition::Backordered.as_str());
        let (deadline, when_out_of_stock) = self
            .ctx
            .state(|order| (order.input.policy.backorder_deadline, order.input.policy.when_out_of_stock));
        let deaf = domain::planted::is_planted("edit_ignored_while_backordered");
        let ready = |order: &OrderFulfilment| order.stock_available || (order.content_changed && !deaf);
        let wake = self.wait_until(Some(deadline), ready).await?;
        match (wake, when_out_of_stock) {
            (Wake::Ready, _) => Ok(()),
            (Wake::Overdue, WhenOverdue::Park) => {
                self.park(Step::Reserve, ParkReason::new(ParkReason::BACKORDER_OVERDUE)).await.map(|_| ())
            }
            (Wake::Overdue, WhenOverdue::Cancel) => Err(cancelled_by_policy(ParkReason::BACKORDER_OVERDUE)),
        }
    }

    /// Waits for the order's turn, however long the inventory service is away.
    async fn await_allocation(&self) -> Result<(), Interrupted> {
        self.show_stage(Condition::AwaitingAllocation.as_str());
        self.wait_until(None, |order| order.stock_available || order.content_changed).await.map(|_| ())
    }

    /// Shopify makes fulfilment orders some time after the order: they are looked for again for a while.
    async fn await_fulfilment_orders(&self) -> Result<(), Interrupted> {
        let now = self.ctx.workflow_time().unwrap_or(SystemTime::UNIX_EPOCH);
        let (since, within) = self.ctx.state_mut(|order| {
            let since = *order.progress.not_there_since.get_or_insert_with(|| now.into());
            (SystemTime::from(since), order.input.policy.fulfilment_orders_within)
        });
        let waited = now.duration_since(since).unwrap_or_default();
        if waited >= within {
            let again = self.ctx.state_mut(|order| std::mem::replace(&mut order.takes_as_seen, true));
            if !again {
                return Ok(()); // there may be others: a line that is in none of them is gone
            }
            self.ctx.state_mut(|order| {
                order.progress.not_there_since = None;
                order.takes_as_seen = false;
            });
            let park_reason = ParkReason::new(ParkReason::NO_FULFILMENT_ORDERS);
            if self.park(Step::LookInShop, park_reason).await? == Resolution::Skip {
                self.ctx.state_mut(|order| order.progress.look_skipped = true);
            }
            return Ok(());
        }
        let pause = LOOK_PAUSE.min(within.checked_sub(waited).unwrap_or_default());
        self.wait_until(Some(pause), |order| order.content_changed).await.map(|_| ())
    }

    fn is_at_a_warehouse(&self) -> bool {
        self.ctx.state(|order| order.progress.outstanding_at_warehouses() > 0)
    }

    /// When an order that the shop holds, or whose risk is not known, is looked at again, if nobody says that it goes on.
    pub(crate) fn time_to_look_again(&self) -> Option<Duration> {
        let (held, until, after, awaits_risk) = self.ctx.state(|order| {
            let progress = &order.progress;
            let after = order.input.policy.look_again_after;
            (progress.held_back > 0, progress.held_until, after, order.awaits_risk)
        });
        let by_date = until.and_then(|until| self.time_left(until.into()));
        let by_hold = held.then(|| by_date.map_or(after, |left| left.min(after)));
        let by_risk = awaits_risk.then(|| self.time_to_read_risk());
        by_hold.into_iter().chain(by_risk).min()
    }
}

impl OrderFulfilment {
    /// How the order is to be planned now.
    fn rules(&self, risk_is_late: bool) -> Rules {
        let policy = &self.input.policy;
        Rules {
            stock_out: policy.stock_out,
            gate: self.gate_rules(),
            look: policy.look_before_hand_over
                && self.input.channel.shop().is_some()
                && !self.progress.look_skipped,
            follow_locations: policy.follow_shop_locations,
            takes_as_seen: self.takes_as_seen,
            rest_is_cancelled: self.progress.rest_is_cancelled,
            left_as_they_are: self.progress.left_as_they_are.clone(),
            approval: policy.approval.clone(),
            risk_is_late,
        }
    }

    fn gate_rules(&self) -> GateRules {
        GateRules {
            paid_as: self.progress.paid_as.clone(),
            cancel_is_concluded: self.progress.shop_cancel_is_concluded,
            ..GateRules::of(&self.input.policy)
        }
    }

    fn decision(&self, plan: &Plan) -> GateDecision {
        decide_gate(&plan.gate, &self.gate_rules())
    }

    /// Takes a plan for what is known of the order.
    fn take_over(&mut self, plan: &Plan) {
        let is_gone = plan.gate.financial_status.is_gone();
        let progress = &mut self.progress;
        progress.requests.clone_from(&plan.requests);
        progress.waiting_lines = plan.waiting_lines;
        progress.held_back = plan.held_back;
        progress.held_until = plan.held_until;
        progress.unnotified.clone_from(&plan.unnotified);
        progress.pieces_left = plan.pieces_left;
        self.awaits_risk = plan.awaits_risk;
        let progress = &mut self.progress;
        if !plan.not_there_yet {
            progress.not_there_since = None;
            self.takes_as_seen = false;
        }
        progress.unpaid_since = progress.unpaid_since.filter(|_| is_gone);
        self.status = self.status.max(plan.status);
    }

    /// What comes next. What is at a warehouse and stays there is waited for, whatever else is wrong; but for an
    /// approval, without which nothing more is handed over.
    fn next_move(&self, plan: &Plan) -> Move {
        if plan.in_doubt {
            return Move::ReadOrder;
        }
        if !plan.recalls.is_empty() {
            return Move::Recall;
        }
        let is_on_its_way = self.progress.outstanding_at_warehouses() > 0;
        let has_left = self.progress.pieces_left > 0;
        match self.decision(plan) {
            GateDecision::Cancel => return Move::Cancel,
            // Something was said of fulfilment orders that may leave pieces to us.
            GateDecision::Ignore(IgnoreReason::NothingToShip) if plan.look => return Move::Look,
            GateDecision::Fulfil if plan.asks_approval() => {
                return Move::Park(Step::Gate, ParkReason::new(ParkReason::APPROVAL));
            }
            _ if is_on_its_way && !plan.look => return Move::GoOn,
            GateDecision::Ignore(_) if has_left => return Move::GoOn,
            GateDecision::Ignore(reason) => return Move::Ignore(reason.code()),
            GateDecision::AwaitPayment => return Move::AwaitPayment,
            GateDecision::Park(park_reason) => return Move::Park(Step::Gate, park_reason),
            GateDecision::Fulfil => {}
        }
        if let Some(park_reason) = &plan.park_reason {
            return Move::Park(Step::LookInShop, park_reason.clone());
        }
        if plan.look {
            return Move::Look;
        }
        if plan.awaits_risk {
            return Move::AwaitRisk;
        }
        let waits = plan.waiting_lines > 0 && self.input.policy.stock_out != StockOutRule::ShipWhatIsThere;
        if waits && self.progress.outstanding_pieces() == 0 { Move::AwaitStock } else { Move::GoOn }
    }
}

fn stage_of(plan: &Plan) -> &'static str {
    let planned: u32 = plan.requests.iter().map(|fulfilment_request| fulfilment_request.pieces).sum();
    let is_held = plan.held_back > 0 && planned <= plan.pieces_left;
    if is_held && plan.status < OrderStatus::Shipped {
        return Condition::OnHold.as_str();
    }
    Story::FULFILLING
}

fn cancelled_by_shop() -> Interrupted {
    let reason = Some("cancelled in the shop".to_owned());
    Interrupted::Cancelled(CancelRequest { actor: Actor::Shopify, reason })
}

//! How an order is planned, at first and whenever something is said of it: by the newest that was
//! committed, the gate decides, the reservation follows, and what no longer fits at a warehouse is taken
//! back before anything else goes out.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use domain::{
    Actor, Condition, EditsRule, GateDecision, GateRules, IgnoreReason, Mishap, OrderStatus, Step,
    StockOutRule, WhenOverdue, decide_gate,
};

use crate::{
    contract::{LookInShop, OrderRef, Plan, ReadOrder, Reservation, ReserveStock, Reserved, Rules},
    entry::{Ending, OrderFulfilment},
    ledger::Undo,
    messages::{CancelRequest, Resolution},
    order_fulfilment::{Story, called_off_by_policy},
    saga::{Did, Interrupted, Wake},
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
    CallOff,
    /// Wait for the payment.
    AwaitPayment,
    /// A person has to look.
    Park(Step, Mishap),
    /// Look at the shop's fulfilment orders.
    Look,
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
                Reserved::Planned { plan } => plan,
                Reserved::Over { status } => {
                    self.ctx.state_mut(|order| order.status = status);
                    return Ok(Some(Ending::NothingToDo));
                }
                // What is at a warehouse is waited for first, whatever else is wrong.
                Reserved::UnknownSku | Reserved::OutOfStock if self.is_at_a_warehouse() => return Ok(None),
                Reserved::UnknownSku => {
                    self.park(Step::Reserve, Mishap::new(Mishap::UNKNOWN_SKU)).await?;
                    continue;
                }
                Reserved::OutOfStock => {
                    self.park(Step::Reserve, Mishap::new(Mishap::OUT_OF_STOCK)).await?;
                    continue;
                }
            };
            self.ctx.state_mut(|order| order.take_over(&plan));
            match self.ctx.state(|order| order.next_move(&plan)) {
                Move::ReadOrder => self.read_order().await?,
                Move::Recall => self.recall_what_changed(&plan).await?,
                Move::Ignore(reason) => {
                    self.record_condition(Some(Condition::Ignored), Some(reason), None).await;
                    return Ok(Some(Ending::Ignored));
                }
                Move::CallOff => return Err(called_off_by_the_shop()),
                Move::AwaitPayment => self.await_payment(&plan).await?,
                Move::Park(step, mishap) => {
                    look = step == Step::LookInShop;
                    if self.park(step, mishap).await? == Resolution::Skip {
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
    async fn reserve(&self, look: bool) -> Result<Option<Reserved>, Interrupted> {
        self.ctx.state_mut(|order| {
            order.plan_due = false;
            order.stock_available = false;
            order.content_changed = false;
        });
        let input = Reservation { order_id: self.order_id(), rules: self.ctx.state(OrderFulfilment::rules) };
        let did = if look {
            self.step(Step::LookInShop, "", || LookInShop, input).await?
        } else {
            self.step(Step::Reserve, "", || ReserveStock, input).await?
        };
        Ok(match did {
            Did::It(reserved) => Some(reserved),
            Did::Skipped => {
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
        if edited && edits == EditsRule::Park {
            let mishap = Mishap::new(Mishap::EDITED_AT_WAREHOUSE);
            let decided = self.park(Step::HandOver, mishap).await?;
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
                let mishap = Mishap::new(Mishap::PAYMENT_OVERDUE);
                self.park(Step::Gate, mishap).await? == Resolution::Skip
            }
            (Wake::Overdue, WhenOverdue::Cancel) => {
                return Err(called_off_by_policy(Mishap::PAYMENT_OVERDUE));
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
        #[cfg(feature = "faults")]
        let deaf = domain::planted::is_planted("edit_ignored_while_backordered");
        #[cfg(not(feature = "faults"))]
        let deaf = false;
        let ready = |order: &OrderFulfilment| order.stock_available || (order.content_changed && !deaf);
        let wake = self.wait_until(Some(deadline), ready).await?;
        match (wake, when_out_of_stock) {
            (Wake::Ready, _) => Ok(()),
            (Wake::Overdue, WhenOverdue::Park) => {
                self.park(Step::Reserve, Mishap::new(Mishap::BACKORDER_OVERDUE)).await.map(|_| ())
            }
            (Wake::Overdue, WhenOverdue::Cancel) => Err(called_off_by_policy(Mishap::BACKORDER_OVERDUE)),
        }
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
            let mishap = Mishap::new(Mishap::NO_FULFILMENT_ORDERS);
            if self.park(Step::LookInShop, mishap).await? == Resolution::Skip {
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

    /// When an order that the shop holds is looked at again, if nobody says that it goes on.
    pub(crate) fn time_to_look_again(&self) -> Option<Duration> {
        let (held, until, after) = self.ctx.state(|order| {
            let progress = &order.progress;
            (progress.held_back > 0, progress.held_until, order.input.policy.look_again_after)
        });
        let by_date = until.and_then(|until| self.time_left(until.into()));
        held.then(|| by_date.map_or(after, |left| left.min(after)))
    }
}

impl OrderFulfilment {
    /// How the order is to be planned now.
    fn rules(&self) -> Rules {
        let policy = &self.input.policy;
        Rules {
            stock_out: policy.stock_out,
            gate: self.gate_rules(),
            look: policy.look_before_hand_over
                && self.input.channel.shop().is_some()
                && !self.progress.look_skipped,
            follow_locations: policy.follow_shop_locations,
            takes_as_seen: self.takes_as_seen,
            rest_is_called_off: self.progress.rest_is_called_off,
            left_as_they_are: self.progress.left_as_they_are.clone(),
        }
    }

    fn gate_rules(&self) -> GateRules {
        GateRules {
            paid_as: self.progress.paid_as.clone(),
            cancel_is_settled: self.progress.shop_cancel_is_settled,
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
        progress.hand_overs.clone_from(&plan.hand_overs);
        progress.waiting_lines = plan.waiting_lines;
        progress.held_back = plan.held_back;
        progress.held_until = plan.held_until;
        progress.untold.clone_from(&plan.untold);
        progress.pieces_left = plan.pieces_left;
        if !plan.not_there_yet {
            progress.not_there_since = None;
            self.takes_as_seen = false;
        }
        progress.unpaid_since = progress.unpaid_since.filter(|_| is_gone);
        self.status = self.status.max(plan.status);
    }

    /// What comes next. What is at a warehouse and stays there is waited for, whatever else is wrong.
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
            GateDecision::CallOff => return Move::CallOff,
            // Something was said of fulfilment orders that may leave pieces to us.
            GateDecision::Ignore(IgnoreReason::NothingToShip) if plan.look => return Move::Look,
            _ if is_on_its_way && !plan.look => return Move::GoOn,
            GateDecision::Ignore(_) if has_left => return Move::GoOn,
            GateDecision::Ignore(reason) => return Move::Ignore(reason.code()),
            GateDecision::AwaitPayment => return Move::AwaitPayment,
            GateDecision::Park(mishap) => return Move::Park(Step::Gate, mishap),
            GateDecision::Fulfil => {}
        }
        if let Some(mishap) = &plan.mishap {
            return Move::Park(Step::LookInShop, mishap.clone());
        }
        if plan.look {
            return Move::Look;
        }
        let waits = plan.waiting_lines > 0 && self.input.policy.stock_out != StockOutRule::ShipWhatIsThere;
        if waits && self.progress.outstanding_pieces() == 0 { Move::AwaitStock } else { Move::GoOn }
    }
}

fn stage_of(plan: &Plan) -> &'static str {
    let planned: u32 = plan.hand_overs.iter().map(|hand_over| hand_over.pieces).sum();
    let is_held = plan.held_back > 0 && planned <= plan.pieces_left;
    if is_held && plan.status < OrderStatus::Shipped {
        return Condition::OnHold.as_str();
    }
    Story::FULFILLING
}

fn called_off_by_the_shop() -> Interrupted {
    let reason = Some("cancelled in the shop".to_owned());
    Interrupted::CalledOff(CancelRequest { actor: Actor::Shopify, reason })
}

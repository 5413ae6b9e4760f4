//! An order's plan in the making: what is known, what is to be held, what no longer fits, and what the gate
//! says of it.

use std::collections::BTreeMap;

use domain::{
    ApprovalDecision, GateDecision, GateFacts, IgnoreReason, OrderId, OrderStatus, ParkReason, StockOutRule,
    WarehouseId, decide_gate,
};
use inventory::{Reservation as Holding, ReserveMode, ReserveRequest};
use orders::{
    Order, attention, brief,
    fulfilment_request::{self, FulfilmentRequest, FulfilmentRequestStatus, RequestedLine},
    parcel,
};
use sqlx::PgConnection;
use workflows::contract::{Plan, PlannedRequest, Rules};

use super::{approval, demand::Demand, mismatches::Mismatches, situation::Situation};
use crate::{
    attempt::AttemptError,
    shop_notifications,
    shops::{Shops, WarehouseSystems},
};

/// How many SKUs of a hand-over are named where people read what it is.
const SKUS_NAMED: usize = 3;
/// The most characters of that: they stand in histories.
const WORDS_SHOWN: usize = 120;

/// A plan in the making.
pub(super) struct Draft {
    pub(super) situation: Situation,
    /// None if a line names nothing that could be a SKU: then what is held stays as it is.
    pub(super) demand: Option<Demand>,
    pub(super) mismatches: Mismatches,
    pub(super) gate: GateFacts,
    pub(super) decision: GateDecision,
    /// The shop's fulfilment orders are to be looked at before anything is given back or recalled.
    looks_first: bool,
}

/// For what stock is held: which order, under which reservation, and how often what it wants has changed.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    order_id: &'a OrderId,
    epoch: u32,
    version: u32,
}

impl<'a> From<&'a Order> for Wish<'a> {
    fn from(order: &'a Order) -> Self {
        Self { order_id: &order.order_id, epoch: order.epoch, version: order.wish_version }
    }
}

impl Draft {
    pub(super) async fn of(
        conn: &mut PgConnection,
        order: &Order,
        shops: &Shops,
        rules: &Rules,
    ) -> Result<Self, AttemptError> {
        let situation = Situation::read(conn, order, shops.rules_for(&order.channel)).await?;
        let demand = if order.rest_is_cancelled || rules.rest_is_cancelled {
            Some(Demand::default())
        } else {
            Demand::of(&situation, rules, &order.notified_at_look)
        };
        let gate = match &demand {
            Some(demand) => situation.gate(demand.to_ship()),
            None => situation.brief.gate.clone(),
        };
        let decision = match order.channel.shop() {
            Some(_) => decide_gate(&gate, &rules.gate),
            None => GateDecision::Fulfil,
        };
        let looks_first = rules.look
            && looks_first(order.status, order.looked_for.is_some(), &situation)
            && matches!(decision, GateDecision::Fulfil | GateDecision::Ignore(IgnoreReason::NothingToShip));
        let mismatches = match &demand {
            Some(demand) => {
                let wanted = matches!(decision, GateDecision::Fulfil | GateDecision::Park(_));
                Mismatches::of(&situation, demand, rules, wanted)
            }
            None => Mismatches::default(),
        };
        Ok(Self { situation, demand, mismatches, gate, decision, looks_first })
    }

    /// Whether the shop is asked before anything is held, given back or recalled.
    pub(super) fn asks_the_shop_first(&self) -> bool {
        self.situation.brief.in_doubt || self.looks_first
    }

    pub(super) fn to_ship(&self) -> u32 {
        self.demand.as_ref().map_or(self.gate.to_ship, Demand::to_ship)
    }

    pub(super) fn is_at_warehouse(&self) -> bool {
        !self.mismatches.pinned.is_empty()
    }

    /// Whether all that is held is to be given back.
    pub(super) fn wants_nothing(&self) -> bool {
        let nothing = self.to_ship() == 0 || matches!(self.decision, GateDecision::Ignore(_));
        nothing && !self.is_at_warehouse()
    }

    /// Whether stock is to be taken hold of now. What is held already follows in any case.
    pub(super) fn takes_stock(&self) -> bool {
        self.decision == GateDecision::Fulfil && self.to_ship() > 0
    }

    /// What is to be held; none where that cannot be said.
    pub(super) fn request(&self, wish: Wish<'_>, rules: &Rules) -> Option<ReserveRequest> {
        let demand = self.demand.as_ref()?;
        Some(ReserveRequest {
            order_id: wish.order_id.clone(),
            epoch: wish.epoch.into(),
            lines: demand.lines.clone(),
            placed: demand.placed.clone(),
            pinned: self.mismatches.pinned.clone(),
            mode: match rules.stock_out {
                StockOutRule::WaitWhole => ReserveMode::WaitForTheRest,
                StockOutRule::ShipWhatIsThere => ReserveMode::ShipWhatIsThere,
                StockOutRule::Park => ReserveMode::AllOrNothing,
            },
            preferred_warehouse: None,
            version: wish.version,
        })
    }

    /// What the workflow has to know of the plan. New hand-overs are planned where nothing stands in the
    /// way.
    pub(super) async fn plan(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        holding: Option<&Holding>,
        rules: &Rules,
        systems: &WarehouseSystems,
    ) -> Result<Plan, AttemptError> {
        let Self { situation, mismatches, decision, .. } = self;
        let nothing = Demand::default();
        let demand = self.demand.as_ref().unwrap_or(&nothing);
        let in_doubt = situation.brief.in_doubt;
        let goes_on = *decision == GateDecision::Fulfil && !in_doubt;
        let waiting_lines = holding.map_or(0, |holding| holding.waiting.len());
        let waits = waiting_lines > 0 && rules.stock_out != StockOutRule::ShipWhatIsThere;
        let unhanded = holding
            .map(|holding| not_handed_over(holding, situation, demand))
            .transpose()?
            .unwrap_or_default();
        let may_leave_more_to_us = *decision == GateDecision::Ignore(IgnoreReason::NothingToShip);
        let look = rules.look
            && !in_doubt
            && (self.looks_first
                || (order.look_wanted && (may_leave_more_to_us || goes_on))
                || (goes_on && !situation.look_is_fresh && !waits && !unhanded.is_empty()));
        let park_reason =
            demand.park_reason.as_ref().filter(|_| goes_on && !waits && !look && !unhanded.is_empty());
        let may_go = goes_on && !look && !waits && park_reason.is_none() && mismatches.recalls.is_empty();
        // Also what was planned, and perhaps called about, and that no warehouse has accepted.
        let is_asked_for = |request: &FulfilmentRequest| {
            request.status == FulfilmentRequestStatus::Requested && request.pieces > 0
        };
        let hands_over = !unhanded.is_empty() || situation.requests.iter().any(is_asked_for);
        let approval = match may_go && hands_over {
            true => approval::of(conn, order, rules).await?,
            false => ApprovalDecision::GoOn,
        };
        let mut park_reason = park_reason.map(|(park_reason, _)| park_reason.clone());
        if let ApprovalDecision::Ask(_) = approval {
            park_reason = Some(ParkReason::new(ParkReason::APPROVAL));
        }
        let mut requests = situation.requests.clone();
        if may_go && approval == ApprovalDecision::GoOn {
            for (warehouse, lines) in unhanded {
                let (id, number) = (&order.order_id, &order.order_number);
                let place = (&warehouse, &systems.of(&warehouse));
                requests.push(fulfilment_request::plan(conn, id, number, place, lines).await?);
            }
        }
        let (_, pieces_left) = parcel::pieces(conn, &order.order_id).await?;
        Ok(Plan {
            gate: self.gate.clone(),
            status: order.status,
            in_doubt,
            look,
            not_there_yet: false,
            park_reason,
            awaits_risk: approval == ApprovalDecision::AwaitRisk,
            requests: requests.into_iter().map(planned).collect(),
            recalls_by_hand: situation
                .requests
                .iter()
                .filter(|request| request.recall_wanted)
                .map(|request| request.reference.clone())
                .collect(),
            recalls: if self.looks_first { Vec::new() } else { mismatches.recalls.clone() },
            waiting_lines: u32::try_from(waiting_lines).map_err(beyond_reason)?,
            held_back: if goes_on { demand.held_back_pieces() } else { 0 },
            held_until: demand.held_until.filter(|_| goes_on),
            unnotified: shop_notifications::unnotified(conn, order).await?,
            pieces_left,
            promised_at: None,
        })
    }
}

/// A hand-over as the workflow knows it.
pub(crate) fn planned(request: FulfilmentRequest) -> PlannedRequest {
    PlannedRequest {
        what: in_words(&request.lines),
        accepted: request.status != FulfilmentRequestStatus::Requested,
        reference: request.reference,
        warehouse: request.warehouse,
        system: request.system,
        pieces: request.pieces,
    }
}

/// SKUs and pieces, the first of them where there are many.
fn in_words(lines: &[RequestedLine]) -> String {
    let named = lines.iter().take(SKUS_NAMED).map(|line| format!("{} × {}", line.sku, line.quantity));
    let mut words = named.collect::<Vec<_>>().join(", ");
    if lines.len() > SKUS_NAMED {
        words += &format!(" and {} more", lines.len() - SKUS_NAMED);
    }
    words.chars().take(WORDS_SHOWN).collect()
}

/// A content that may be wrong came after the last look, at an order that has something left to ship.
fn looks_first(status: OrderStatus, was_looked_at: bool, situation: &Situation) -> bool {
    let may_leave_more = status < OrderStatus::Shipped
        || situation.brief.to_ship() > 0
        || !situation.at_warehouses().is_empty();
    situation.brief.doubtful_by.is_some() && !situation.look_is_fresh && was_looked_at && may_leave_more
}

/// Pieces that are allocated, in no hand-over and not held by the shop, by warehouse.
fn not_handed_over(
    holding: &Holding,
    situation: &Situation,
    demand: &Demand,
) -> Result<BTreeMap<WarehouseId, Vec<RequestedLine>>, AttemptError> {
    let mut handed: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for fulfilment_request in &situation.requests {
        for line in &fulfilment_request.lines {
            *handed.entry((fulfilment_request.warehouse.as_str(), line.line_id.as_str())).or_default() +=
                u64::from(line.quantity);
        }
    }
    let mut held_back = demand.held_back.clone();
    let mut missing: BTreeMap<WarehouseId, Vec<RequestedLine>> = BTreeMap::new();
    for held in &holding.allocations {
        let there = held.held() + held.fulfilled_quantity;
        let covered = handed.entry((held.warehouse.as_str(), held.line_id.as_str())).or_default();
        let mut quantity = there.saturating_sub(*covered);
        *covered = covered.saturating_sub(there);
        if let Some(back) = held_back.get_mut(&held.line_id) {
            let kept = u32::try_from(quantity).map_or(*back, |quantity| quantity.min(*back));
            *back -= kept;
            quantity -= u64::from(kept);
        }
        if quantity > 0 {
            missing.entry(held.warehouse.clone()).or_default().push(RequestedLine {
                line_id: held.line_id.as_str().to_owned(),
                sku: held.sku.as_str().to_owned(),
                quantity: u32::try_from(quantity).map_err(beyond_reason)?,
            });
        }
    }
    Ok(missing)
}

/// No order has as many pieces or lines as a number here has no room for.
fn beyond_reason(_: std::num::TryFromIntError) -> AttemptError {
    AttemptError::permanent("ORDER_UNREADABLE")
}

/// What leaves although it is wanted no more, to another address than the newest, or without its money: a person sees it.
pub(super) async fn show_what_came_too_late(
    conn: &mut PgConnection,
    order: &Order,
    draft: &Draft,
) -> Result<(), AttemptError> {
    if order.channel.shop().is_none() || order.facts.cancelled_at.is_some() {
        return Ok(());
    }
    let situation = &draft.situation;
    let mut words = draft.mismatches.too_late.clone();
    for line in situation.brief.wanted.iter().chain(&situation.brief.of_others) {
        if line.too_many() > 0 {
            let sku = line.sku.as_deref().unwrap_or_default();
            words.push(format!("{} × {sku}{}", line.too_many(), brief::NOT_WANTED));
        }
    }
    let is_unpaid = order.facts.financial_status.is_gone();
    for fulfilment_request in &situation.requests {
        let reference = &fulfilment_request.reference;
        let mut parcels = situation.parcels.iter();
        if !parcels.any(|parcel| parcel.booked_at.is_some() && parcel.reference == *reference) {
            continue;
        }
        let ship_to = &fulfilment_request.ship_to_digest;
        if fulfilment_request.was_called && *ship_to != situation.brief.ship_to_digest {
            words.push(format!("{reference} left to the address before the newest"));
        }
        if is_unpaid && fulfilment_request.recall_refused {
            words.push(format!("{reference} left although its money is gone"));
        }
    }
    if words.is_empty() {
        return Ok(brief::take_back_what_came_too_late(conn, order).await?);
    }
    let park_reason = ParkReason::new(ParkReason::EDITED_TOO_LATE);
    Ok(attention::show(conn, &order.order_id, &park_reason, &words.join("; ")).await?)
}

/// Pieces of parcels the warehouse cancelled are in no hand-over any more, and hand-overs that nobody
/// outside knows of are planned anew.
pub(super) async fn write_off_cancelled(conn: &mut PgConnection, order: &Order) -> Result<(), AttemptError> {
    fulfilment_request::forget_uncalled(conn, &order.order_id).await?;
    for parcel in parcel::take_cancelled(conn, &order.order_id).await? {
        let reference = domain::RequestReference::parse(&parcel.reference)?;
        let Some(fulfilment_request) = fulfilment_request::find(conn, &reference).await? else { continue };
        if fulfilment_request.status != FulfilmentRequestStatus::Accepted {
            continue;
        }
        let mut lines = fulfilment_request.lines;
        for gone in &parcel.lines {
            let mut quantity = gone.quantity;
            for line in lines.iter_mut().filter(|line| line.sku == gone.sku) {
                let taken = quantity.min(line.quantity);
                line.quantity -= taken;
                quantity -= taken;
            }
        }
        lines.retain(|line| line.quantity > 0);
        fulfilment_request::shrink(conn, &reference, &lines).await?;
    }
    Ok(())
}

pub(super) fn describe(holding: &Holding) -> String {
    let held = || holding.allocations.iter().filter(|held| held.held() > 0);
    let mut warehouses: Vec<&str> = held().map(|held| held.warehouse.as_str()).collect();
    warehouses.sort_unstable();
    warehouses.dedup();
    let pieces: u64 = held().map(inventory::Allocation::held).sum();
    format!("{pieces} pieces in {}", warehouses.join(", "))
}

#[cfg(test)]
mod tests;

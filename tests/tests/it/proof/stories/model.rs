//! What must be true of an order at rest, whatever happened on its way there: worked out from the shop's
//! own order, from what the warehouse really did, and from the stock there is.
//!
//! **Invariant:** nothing here asks anybody.

use std::collections::{BTreeMap, BTreeSet};

use crate::proof::rest::{Pieces, Standing};

/// Reasons to call a person that stand for "the warehouse was faster".
const TOO_LATE: [&str; 5] = [
    "EDITED_TOO_LATE",
    "CANCELLED_AFTER_SHIPPING",
    "UNEXPECTED_PARCEL",
    "TROUBLE_AFTER_SHIPPING",
    "NOT_REPORTED",
];
/// What the shop wants of an order that was cancelled here and that it could not cancel.
const ADDED_LATE: &str = "EDITED_TOO_LATE";
/// A parcel left whose fulfilment order is on hold: the shop hears of it when it is released.
const HELD: &str = "SHOPIFY_FULFILMENT_ORDER_ON_HOLD";
/// What somebody who cancelled the rest of an order is asked to do in the shop.
const CALLED_OFF: &str = "REFUND_BY_HAND";

/// The shop's own order.
#[derive(Debug, Clone, Default)]
pub struct ShopTruth {
    /// It is cancelled.
    pub cancelled: bool,
    /// Its financial status.
    pub financial_status: String,
    /// Where it goes.
    pub address: String,
    /// Pieces that can be fulfilled yet.
    pub open: Pieces,
    /// Pieces of those that a fulfilment order on hold has.
    pub on_hold: Pieces,
    /// Pieces that were fulfilled with a number of ours.
    pub ours: Pieces,
    /// Whether somebody else fulfilled some of it.
    pub others_fulfilled: bool,
}

impl ShopTruth {
    fn is_paid(&self) -> bool {
        matches!(self.financial_status.as_str(), "paid" | "authorized" | "partially_refunded")
    }

    fn is_gone(&self) -> bool {
        matches!(self.financial_status.as_str(), "voided" | "refunded")
    }
}

/// What the warehouse really did for it.
#[derive(Debug, Clone, Default)]
pub struct WarehouseTruth {
    /// Pieces that left.
    pub left: Pieces,
    /// Where they went.
    pub left_to: BTreeSet<String>,
    /// Pieces that it has and that did not leave.
    pub in_house: Pieces,
}

/// Everything that is true of one order.
#[derive(Debug, Clone)]
pub struct Truth {
    /// In the shop.
    pub shop: ShopTruth,
    /// At the warehouse.
    pub warehouse: WarehouseTruth,
    /// Pieces on the shelf of the order's own SKUs.
    pub on_hand: Pieces,
    /// What our API answered to whoever cancelled it there.
    pub cancelled: Vec<u16>,
    /// What Waybill says.
    pub order: Standing,
}

impl Truth {
    /// What is wrong; nothing if the order is as it must be.
    pub fn wrong(&self) -> Vec<String> {
        let mut wrong = self.wrong_whatever_it_waits_for();
        wrong.extend(self.wrong_state());
        wrong.extend(self.wrong_attention());
        wrong
    }

    fn wrong_whatever_it_waits_for(&self) -> Vec<String> {
        let Self { warehouse, order, on_hand, .. } = self;
        let mut wrong = Vec::new();
        if *order.booked != warehouse.left {
            wrong.push(format!("{:?} left, {:?} is booked", warehouse.left, order.booked.0));
        }
        if let Some(sku) = excess(&warehouse.in_house, &order.held) {
            wrong.push(format!("the warehouse has more of {sku} than is held"));
        }
        if let Some(sku) = excess(&order.held, on_hand) {
            wrong.push(format!("more of {sku} is held than is there"));
        }
        if order.unnotified > 0 && order.open.is_empty() {
            wrong.push(format!("the shop was not told of {} parcels", order.unnotified));
        }
        // Where others fulfilled some of it the shop cannot cancel it, and the rest is refunded there.
        let is_refunded =
            self.shop.others_fulfilled && (total(&self.shop.open) == 0 || self.was_added_to_when_off());
        if order.status == "CANCELLED" && !self.shop.cancelled && !is_refunded {
            wrong.push("it is CANCELLED, and the shop does not know".to_owned());
        }
        // What has a place in the shop is reported there.
        for (sku, left) in &warehouse.left {
            let (told, open) =
                (of(&self.shop.ours, sku), of(&self.shop.open, sku) - of(&self.shop.on_hold, sku));
            if told < *left && open > 0 && !self.shop.cancelled && order.open.is_empty() {
                wrong
                    .push(format!("{left} of {sku} left, the shop knows of {told} and has place for {open}"));
            }
        }
        wrong
    }

    /// What it does, against what the shop's order, the payment and the stock make of it.
    fn wrong_state(&self) -> Option<String> {
        let Self { shop, warehouse, order, .. } = self;
        let has_left = !warehouse.left.is_empty();
        let open = total(&shop.open);
        let must = if shop.cancelled || (self.was_cancelled() && !has_left) {
            match has_left {
                true => (
                    order.has_shipped() && self.is_over(),
                    "SHIPPED, as some had left before it was cancelled",
                ),
                false => (
                    (order.status == "CANCELLED" || order.is("IGNORED")) && self.is_over(),
                    "CANCELLED or IGNORED",
                ),
            }
        } else if open == 0 || (self.was_cancelled() && has_left) {
            match has_left {
                true => (order.has_shipped() && self.is_over(), "SHIPPED"),
                false => (order.is("IGNORED") && self.is_over(), "IGNORED, as nothing is to be shipped"),
            }
        } else if !shop.is_paid() {
            let ignored = shop.is_gone() && order.is("IGNORED") && self.is_over();
            let waits = order.is("AWAITING_PAYMENT") && self.keeps_at_most_what_is_open();
            ((ignored || waits) && warehouse.in_house.is_empty(), "AWAITING_PAYMENT")
        } else if let Some(sku) = excess(&shop.open, &self.on_hand) {
            let _ = sku;
            let says_so = order.is("BACKORDERED") || (has_left && order.is("PARTIALLY_SHIPPED"));
            (says_so && self.keeps_what_is_open() && warehouse.in_house.is_empty(), "BACKORDERED")
        } else if shop.on_hold == shop.open {
            let says_so = order.is("ON_HOLD") || (has_left && order.is("PARTIALLY_SHIPPED"));
            (says_so && self.keeps_what_is_open() && warehouse.in_house.is_empty(), "ON_HOLD")
        } else {
            (false, "SHIPPED with everything that is open and not on hold")
        };
        let (is_right, what) = must;
        (!is_right && !self.was_too_late() && !self.waits_to_tell()).then(|| format!("it must be {what}"))
    }

    /// A person is called exactly where the warehouse was faster than the shop.
    fn wrong_attention(&self) -> Option<String> {
        let Self { warehouse, order, .. } = self;
        let called = !order.open.is_empty();
        if self.was_too_late() && !called {
            return Some("the warehouse was faster, and no person is called".to_owned());
        }
        let explained = |reason: &String| {
            (TOO_LATE.contains(&reason.as_str()) && !warehouse.left.is_empty())
                || (reason == HELD && self.waits_to_tell())
                || (reason == ADDED_LATE && self.was_added_to_when_off())
                || (reason == CALLED_OFF && !self.cancelled.is_empty())
        };
        let odd: Vec<&String> = order.open.iter().filter(|reason| !explained(reason)).collect();
        (!odd.is_empty()).then(|| format!("a person is called for {odd:?}"))
    }

    /// Something left that the shop does not want any more, or to where it should not have gone.
    fn was_too_late(&self) -> bool {
        let Self { shop, warehouse, .. } = self;
        if warehouse.left.is_empty() {
            return false;
        }
        let elsewhere = warehouse.left_to.iter().any(|address| *address != shop.address);
        let too_many =
            warehouse.left.iter().any(|(sku, left)| *left > of(&shop.ours, sku) + of(&shop.open, sku));
        shop.cancelled || elsewhere || too_many
    }

    /// Others fulfilled some of it, so that the shop could not cancel it; pieces were added there since, and a
    /// person sees that.
    fn was_added_to_when_off(&self) -> bool {
        let Self { shop, order, .. } = self;
        order.status == "CANCELLED"
            && shop.others_fulfilled
            && total(&shop.open) > 0
            && order.open.iter().any(|reason| reason == ADDED_LATE)
    }

    /// A person sees that the shop cannot be told before it releases what it holds.
    fn waits_to_tell(&self) -> bool {
        let Self { shop, warehouse, order, .. } = self;
        total(&shop.on_hold) > 0
            && !warehouse.left.is_empty()
            && order.open.iter().any(|reason| reason == HELD)
    }

    /// Whether our API took a cancel.
    fn was_cancelled(&self) -> bool {
        self.cancelled.iter().any(|answer| (200..300).contains(answer))
    }

    /// Its story has ended and nothing is kept for it anywhere.
    fn is_over(&self) -> bool {
        let Self { order, warehouse, .. } = self;
        order.ended && order.held.is_empty() && order.waiting.is_empty() && warehouse.in_house.is_empty()
    }

    fn keeps_what_is_open(&self) -> bool {
        self.kept() == self.shop.open
    }

    fn keeps_at_most_what_is_open(&self) -> bool {
        excess(&self.kept(), &self.shop.open).is_none()
    }

    fn kept(&self) -> Pieces {
        let mut kept = self.order.held.0.clone();
        add(&mut kept, &self.order.waiting);
        kept
    }
}

/// Adds pieces to others.
pub fn add(pieces: &mut Pieces, more: &BTreeMap<String, i64>) {
    for (sku, count) in more {
        *pieces.entry(sku.clone()).or_default() += count;
    }
}

fn of(pieces: &Pieces, sku: &str) -> i64 {
    pieces.get(sku).copied().unwrap_or_default()
}

fn total(pieces: &Pieces) -> i64 {
    pieces.values().sum()
}

/// A SKU of which there are more pieces than in the others.
fn excess<'a>(pieces: &'a Pieces, than: &Pieces) -> Option<&'a str> {
    pieces.iter().find(|(sku, count)| **count > of(than, sku)).map(|(sku, _)| sku.as_str())
}

//! What must be seen of an order at rest for each promise.

use std::collections::{BTreeMap, BTreeSet};

use domain::Step;
use serde_json::Value;

use super::{
    act::Answer,
    table::{Act, Cancel, Promise, Stand},
    walk::Walk,
};
use crate::proof::rest::{Pieces, Standing};

/// Where an order goes after an edit of its address.
pub const NEW_STREET: &str = "2 Secret Street";
const OLD_STREET: &str = "1 Secret Street";

/// What really happened to an order.
pub struct Evidence<'a> {
    /// How it stands.
    pub order: &'a Standing,
    /// What the warehouse's ledger has of it.
    pub warehouse: Vec<&'a Value>,
    /// What the shop's ledger has of it.
    pub shop: Vec<&'a Value>,
}

impl Evidence<'_> {
    fn effects(&self, effect: &str) -> Vec<&Value> {
        self.warehouse.iter().copied().filter(|entry| entry["effect"] == effect).collect()
    }

    fn references(&self, effect: &str) -> BTreeSet<&str> {
        self.effects(effect).into_iter().filter_map(|entry| entry["reference"].as_str()).collect()
    }

    fn recalls(&self) -> usize {
        let asked = |entry: &&&Value| entry["kind"] == "call" && entry["operation"] == "cancelShipment";
        self.warehouse.iter().filter(asked).count()
    }

    fn left(&self) -> Pieces {
        let mut left = Pieces::new();
        for line in self.effects("shipmentShipped").into_iter().flat_map(lines) {
            let sku = line["sku"].as_str().unwrap_or_default();
            // By the letter it ends with.
            let sku = sku.rsplit('-').next().unwrap_or_default().to_owned();
            *left.entry(sku).or_default() += line["quantity"].as_i64().unwrap_or_default();
        }
        left
    }

    /// The streets that parcels with pieces of these went to.
    fn left_to(&self) -> BTreeMap<&str, BTreeSet<String>> {
        let left = self.references("shipmentShipped");
        let mut streets = BTreeMap::<&str, BTreeSet<String>>::new();
        for created in self.effects("shipmentCreated") {
            let reference = created["reference"].as_str().unwrap_or_default();
            if left.contains(reference) {
                let street = created["shipTo"]["address1"].as_str().unwrap_or_default();
                streets.entry(street).or_default().insert(reference.to_owned());
            }
        }
        streets
    }

    fn in_shop(&self, effect: &str) -> usize {
        self.shop.iter().filter(|entry| entry["effect"] == effect).count()
    }

    fn cancelled_by_us(&self) -> usize {
        let by_us = |entry: &&&Value| entry["effect"] == "orderCancelled" && entry["by"] == "app";
        self.shop.iter().filter(by_us).count()
    }
}

/// What is not as promised, gathered.
struct Wrong(Vec<String>);

impl Wrong {
    fn unless(&mut self, is_right: bool, what: impl FnOnce() -> String) {
        if !is_right {
            self.0.push(what());
        }
    }
}

impl Walk<'_> {
    /// What is not as the cell promises; nothing if it is.
    pub fn wrong(&self, seen: &Evidence<'_>) -> Vec<String> {
        let mut wrong = Wrong(Vec::new());
        let promise = self.cell.promise();
        self.answered(promise, &mut wrong);
        match promise {
            Promise::AtOnce | Promise::Recall | Promise::AlreadyCancelled | Promise::IsBeingCancelled => {
                self.is_cancelled(promise, seen, &mut wrong);
            }
            Promise::ReleaseTheRest | Promise::RestIsBeingCancelled => {
                self.rest_is_released(promise, seen, &mut wrong)
            }
            Promise::Refuse | Promise::TooLateToRecall | Promise::OpenAttention => {
                self.leaves_as_it_was(seen, &mut wrong);
            }
            Promise::Follow | Promise::FurtherParcel | Promise::RecallAndFollow => {
                self.leaves_as_wanted(promise, seen, &mut wrong);
            }
            Promise::Wait | Promise::RecallAndWait => self.waits(promise, seen, &mut wrong),
            Promise::Show => self.is_shown(seen, &mut wrong),
            Promise::Nothing | Promise::EditRefused => self.nothing_happened(seen, &mut wrong),
        }
        wrong.0
    }

    fn is_cancelled_by_shop(&self) -> bool {
        self.cell.act == Act::Cancel(Cancel::Shop)
    }

    fn answered(&self, promise: Promise, wrong: &mut Wrong) {
        let expected = match (&self.answer, self.cell.act) {
            (Answer::None, _) => true,
            // Whoever waits longer than five seconds hears that it will be settled.
            (Answer::Status(status), Act::Cancel(_)) => match promise {
                Promise::Refuse => *status == 400,
                // Whether it can be recalled may take longer.
                Promise::TooLateToRecall => [202, 400].contains(status),
                Promise::AlreadyCancelled => *status == 200,
                _ => [200, 202].contains(status),
            },
            (Answer::Status(status), _) => match promise {
                Promise::EditRefused => *status == 409,
                _ if self.cell.is_refused_by_the_shop() => *status == 409,
                _ => *status == 200,
            },
            (Answer::Done, _) => !matches!(promise, Promise::Refuse | Promise::TooLateToRecall),
            (Answer::Refused(sentence), _) => {
                matches!(promise, Promise::Refuse | Promise::TooLateToRecall)
                    && sentence.contains("Order cannot be cancelled. Current status: ")
            }
        };
        wrong.unless(expected, || format!("the answer was {:?}", self.answer));
    }

    /// Pieces that there were to be shipped, by the letters of their SKUs.
    fn ordered(&self) -> Pieces {
        let of_first = match self.cell.stand {
            Stand::PartShippedRestWaits | Stand::Parked(Step::RefundInShop) => 1,
            _ => 2,
        };
        pieces(&[("A", of_first), ("B", 1)])
    }

    fn wanted(&self) -> Pieces {
        match self.cell.act {
            Act::QuantityUp => pieces(&[("A", 3), ("B", 1)]),
            Act::QuantityDown => pieces(&[("A", 1), ("B", 1)]),
            Act::LineAdded => pieces(&[("A", 2), ("B", 1), ("C", 1)]),
            Act::LineRemoved if self.cell.stand == Stand::PartShipped => pieces(&[("B", 1)]),
            Act::LineRemoved => pieces(&[("A", 2)]),
            Act::SkuMapped => pieces(&[("B", 1), ("C", 2)]),
            _ => self.ordered(),
        }
    }

    fn is_cancelled(&self, promise: Promise, seen: &Evidence<'_>, wrong: &mut Wrong) {
        let Evidence { order, .. } = seen;
        wrong
            .unless(order.status == "CANCELLED" && order.ended, || "it is not cancelled and over".to_owned());
        wrong.unless(order.held.is_empty() && order.waiting.is_empty(), || "it keeps stock".to_owned());
        wrong.unless(seen.left().is_empty(), || format!("{:?} left", seen.left()));
        wrong.unless(order.open.is_empty(), || format!("a person is asked: {:?}", order.open));
        let (created, stopped) = (seen.references("shipmentCreated"), seen.references("shipmentCancelled"));
        wrong.unless(created == stopped, || format!("{created:?} were taken, {stopped:?} stopped"));
        let is_asked = seen.recalls() > 0;
        match promise {
            Promise::AtOnce => {
                wrong.unless(!is_asked && created.is_empty(), || "a warehouse was asked".to_owned())
            }
            // It may have been refused before anybody was asked for anything.
            Promise::Recall if self.cell.stand != Stand::Parked(Step::HandOver) => {
                wrong.unless(is_asked, || "the warehouse was not asked to stop it".to_owned());
            }
            _ => {}
        }
        let told = if self.cell.stand.is_being_cancelled() || self.cell.stand == Stand::Cancelled {
            // By whoever was faster.
            seen.in_shop("orderCancelled") >= 1 && seen.cancelled_by_us() <= 1
        } else {
            seen.cancelled_by_us() == usize::from(!self.is_cancelled_by_shop())
        };
        wrong.unless(told, || "the shop was not told once".to_owned());
    }

    fn rest_is_released(&self, promise: Promise, seen: &Evidence<'_>, wrong: &mut Wrong) {
        let Evidence { order, .. } = seen;
        let left = match self.cell.stand {
            Stand::PartShipped => pieces(&[("B", 1)]),
            _ => pieces(&[("A", 1), ("B", 1)]),
        };
        wrong.unless(order.has_shipped() && order.ended, || "it is not shipped and over".to_owned());
        wrong.unless(order.held.is_empty() && order.waiting.is_empty(), || "it keeps stock".to_owned());
        wrong.unless(seen.left() == left, || format!("{:?} left", seen.left()));
        let stopped = seen.references("shipmentCancelled").len();
        let at_warehouse = usize::from(self.cell.stand == Stand::PartShipped);
        wrong.unless(stopped == at_warehouse, || format!("{stopped} hand-overs were stopped"));
        wrong.unless(seen.cancelled_by_us() == 0, || "the shop was asked to cancel it".to_owned());
        if promise == Promise::RestIsBeingCancelled {
            // The shop may cancel it, or want more of it, beside.
            return;
        }
        let (refunds, open) = (seen.in_shop("orderRefunded"), &order.open);
        if self.is_cancelled_by_shop() {
            wrong.unless(*open == ["CANCELLED_AFTER_SHIPPING"] && refunds == 0, || {
                format!("{open:?}, {refunds} refunds")
            });
        } else {
            wrong.unless(open.is_empty() && refunds == 1, || format!("{open:?}, {refunds} refunds"));
        }
    }

    fn leaves_as_it_was(&self, seen: &Evidence<'_>, wrong: &mut Wrong) {
        let Evidence { order, .. } = seen;
        wrong.unless(order.has_shipped() && order.ended, || "it is not shipped and over".to_owned());
        wrong.unless(seen.left() == self.ordered(), || format!("{:?} left", seen.left()));
        wrong.unless(seen.cancelled_by_us() == 0, || "it is cancelled in the shop".to_owned());
        let shown = order.open.iter().any(|reason| reason == "CANCELLED_AFTER_SHIPPING");
        wrong.unless(shown == self.is_cancelled_by_shop(), || format!("a person is asked: {:?}", order.open));
    }

    fn leaves_as_wanted(&self, promise: Promise, seen: &Evidence<'_>, wrong: &mut Wrong) {
        let Evidence { order, .. } = seen;
        let (created, stopped) = (seen.references("shipmentCreated"), seen.references("shipmentCancelled"));
        wrong.unless(order.has_shipped() && order.ended, || "it is not shipped and over".to_owned());
        wrong.unless(seen.left() == self.wanted(), || {
            format!("{:?} left, {:?} is wanted", seen.left(), self.wanted())
        });
        wrong.unless(order.unnotified == 0, || "the shop does not know of all of it".to_owned());
        // Nobody had it before: its hand-over had failed.
        let was_nowhere = self.cell.stand == Stand::Parked(Step::HandOver);
        let rest_waits = self.cell.stand == Stand::PartShippedRestWaits;
        match promise {
            Promise::Follow => wrong.unless(stopped.is_empty(), || format!("{stopped:?} were recalled")),
            Promise::FurtherParcel if !was_nowhere => wrong
                .unless(created.len() >= 2 && stopped.is_empty(), || {
                    format!("{created:?} were taken, {stopped:?} stopped")
                }),
            Promise::RecallAndFollow if !was_nowhere && !rest_waits => {
                wrong.unless(stopped.len() == 1, || format!("{stopped:?} were recalled"));
            }
            _ => {}
        }
        let moved = matches!(self.cell.act, Act::Address | Act::AddressByHand);
        let streets = seen.left_to();
        let to = if moved { NEW_STREET } else { OLD_STREET };
        let elsewhere: Vec<&str> = streets.keys().copied().filter(|street| *street != to).collect();
        if moved && self.cell.stand == Stand::PartShipped {
            // One line was on its way to the old one already.
            wrong.unless(elsewhere == [OLD_STREET] && streets.contains_key(to), || {
                format!("it went to {streets:?}")
            });
            wrong
                .unless(order.open == ["EDITED_TOO_LATE"], || format!("a person is asked: {:?}", order.open));
        } else {
            wrong.unless(elsewhere.is_empty(), || format!("it went to {streets:?}"));
            wrong.unless(order.open.is_empty(), || format!("a person is asked: {:?}", order.open));
        }
        if self.cell.act == Act::WarehouseChosen {
            let left = seen.references("shipmentShipped");
            wrong.unless(left.iter().all(|reference| reference.contains("-far-")), || {
                format!("{left:?} left")
            });
        }
    }

    fn waits(&self, promise: Promise, seen: &Evidence<'_>, wrong: &mut Wrong) {
        let Evidence { order, .. } = seen;
        let has_left = !order.booked.is_empty();
        let condition = if self.cell.act == Act::MoneyGone { "AWAITING_PAYMENT" } else { "ON_HOLD" };
        let says_so = order.is(condition) || (has_left && order.is("PARTIALLY_SHIPPED"));
        wrong.unless(says_so && !order.ended, || format!("it is not {condition}"));
        let (created, left) = (seen.references("shipmentCreated"), seen.references("shipmentShipped"));
        let stopped = seen.references("shipmentCancelled");
        let in_house: Vec<&&str> =
            created.iter().filter(|it| !left.contains(*it) && !stopped.contains(*it)).collect();
        wrong.unless(in_house.is_empty(), || format!("the warehouse has {in_house:?}"));
        let part = if self.cell.stand == Stand::PartShipped { pieces(&[("B", 1)]) } else { Pieces::new() };
        wrong.unless(seen.left() == part, || format!("{:?} left", seen.left()));
        if promise == Promise::RecallAndWait {
            wrong.unless(stopped.len() == 1, || format!("{stopped:?} were recalled"));
        }
        // What was reserved stays so.
        if self.cell.stand.stage() != "pending" {
            let kept: i64 = order.held.values().sum();
            let open: i64 = self.ordered().values().sum::<i64>() - part.values().sum::<i64>();
            wrong.unless(kept == open, || format!("it keeps {:?}", order.held.0));
        }
    }

    fn is_shown(&self, seen: &Evidence<'_>, wrong: &mut Wrong) {
        let open = &seen.order.open;
        wrong.unless(seen.left() == self.ordered(), || format!("{:?} left", seen.left()));
        wrong.unless(seen.order.has_shipped(), || "it is not shipped".to_owned());
        wrong.unless(seen.references("shipmentCreated").len() == 1, || "it was handed over anew".to_owned());
        wrong.unless(open.iter().any(|reason| reason == "EDITED_TOO_LATE"), || format!("shown is {open:?}"));
    }

    fn nothing_happened(&self, seen: &Evidence<'_>, wrong: &mut Wrong) {
        let Evidence { order, .. } = seen;
        let left = if self.cell.stand == Stand::Cancelled { Pieces::new() } else { self.ordered() };
        let status = self.cell.stand.stage().to_uppercase();
        wrong.unless(order.status == status, || format!("it is not {status}"));
        wrong.unless(seen.left() == left, || format!("{:?} left", seen.left()));
        wrong.unless(seen.references("shipmentCancelled").is_empty(), || "it was recalled".to_owned());
        wrong.unless(order.held.is_empty() && order.waiting.is_empty(), || "it keeps stock".to_owned());
        // The shop is told of what left when it lets go what it holds.
        let held = self.cell.act == Act::HoldPlaced && self.cell.stand.runs();
        let shown: &[&str] = if held { &["SHOPIFY_FULFILMENT_ORDER_ON_HOLD"] } else { &[] };
        wrong.unless(order.open == shown, || format!("a person is asked: {:?}", order.open));
        wrong.unless(order.ended != held, || "it is not over".to_owned());
    }
}

fn pieces(of: &[(&str, i64)]) -> Pieces {
    of.iter().map(|(sku, count)| ((*sku).to_owned(), *count)).collect()
}

fn lines(entry: &Value) -> impl Iterator<Item = &Value> {
    entry["lines"].as_array().into_iter().flatten()
}

//! Where an order is fulfilled from: its lines dealt out to fulfilment orders, and these made
//! to fit what a newer body wants.

use std::time::Duration;

use serde_json::Value;

use super::fulfilment_orders::{FulfilmentOrder, Pieces, Place};
use super::orders::{Ids, ShopOrder, line_ids, lines, listed};

/// The first location of every simulated shop; a second fulfilment order is at the next one.
pub(super) const FIRST_LOCATION: i64 = 655_441_491;
/// Locations of fulfilment services have ids from here on.
const FIRST_SERVICE_LOCATION: i64 = 700_000_000;

/// How an order is split into fulfilment orders.
#[derive(Clone)]
pub(super) struct Routing {
    pub(super) fulfilment_orders: usize,
    pub(super) locations: usize,
    pub(super) location: Option<i64>,
    pub(super) delivery_method: Option<String>,
    pub(super) after: Duration,
}

/// The location of the fulfilment service that this line is left to.
fn service_of(line: &Value) -> Option<Place> {
    let handle = line["fulfillment_service"].as_str().filter(|handle| !matches!(*handle, "" | "manual"))?;
    // The same handle has the same location in every shop and after every start.
    let number = handle.bytes().fold(0_i64, |number, byte| (number * 31 + i64::from(byte)) % 1_000_000);
    Some(Place { id: FIRST_SERVICE_LOCATION + number, name: handle.to_owned() })
}

/// Line id and quantity of what a body says can be fulfilled.
pub(super) fn fulfillable_lines(body: &Value) -> Vec<Pieces> {
    let fulfillable = |line: &Value| {
        let quantity = line["fulfillable_quantity"].as_i64().or_else(|| unfulfilled(body, line))?;
        (quantity > 0).then_some((line["id"].as_i64()?, quantity))
    };
    lines(body).iter().filter_map(fulfillable).collect()
}

/// What of a line is still there and was not fulfilled, where the body does not say it itself.
fn unfulfilled(body: &Value, line: &Value) -> Option<i64> {
    if line["fulfillment_status"] == "fulfilled" {
        return Some(0);
    }
    let current = line["current_quantity"].as_i64().or(line["quantity"].as_i64())?;
    let id = line["id"].as_i64()?;
    Some(current - fulfilled_in(body, id) + returned_in(body, id))
}

/// How many pieces of a line the body's fulfilments hold.
pub(super) fn fulfilled_in(body: &Value, line: i64) -> i64 {
    let fulfilments = listed(body, "fulfillments").iter().filter(|fulfilment| is_there(fulfilment));
    fulfilments
        .flat_map(lines)
        .filter(|fulfilled| fulfilled["id"].as_i64() == Some(line))
        .filter_map(|fulfilled| fulfilled["quantity"].as_i64())
        .sum()
}

/// Whether a body's fulfilment counts: it was neither taken back nor did it fail.
pub(super) fn is_there(fulfilment: &Value) -> bool {
    !matches!(fulfilment["status"].as_str(), Some("cancelled" | "error" | "failure"))
}

/// How many pieces of a line the body's refunds take back after they had left.
pub(super) fn returned_in(body: &Value, line: i64) -> i64 {
    refunded_in(body, line, |restock| matches!(restock, "return" | "legacy_restock"))
}

/// How many pieces of a line the body's refunds hold, of these restock types.
pub(super) fn refunded_in(body: &Value, line: i64, of: impl Fn(&str) -> bool) -> i64 {
    listed(body, "refunds")
        .iter()
        .flat_map(|refund| listed(refund, "refund_line_items"))
        .filter(|refunded| refunded["line_item_id"].as_i64() == Some(line))
        .filter(|refunded| of(refunded["restock_type"].as_str().unwrap_or_default()))
        .filter_map(|refunded| refunded["quantity"].as_i64())
        .sum()
}

/// Deals the lines out to as many fulfilment orders as wanted, and the lines of each fulfilment
/// service to one of its own; none stays empty.
pub(super) fn route(ids: &Ids, body: &Value, routing: &Routing) -> Vec<FulfilmentOrder> {
    let first = routing.location.unwrap_or(FIRST_LOCATION);
    let locations = routing.locations.max(1);
    let service = |(id, _): &Pieces| lines(body).iter().find(|line| line["id"] == *id).and_then(service_of);
    let (left, own): (Vec<Pieces>, Vec<Pieces>) =
        fulfillable_lines(body).into_iter().partition(|pieces| service(pieces).is_some());
    let count = routing.fulfilment_orders.max(1).min(own.len());
    let mut dealt: Vec<FulfilmentOrder> = (0..count)
        .map(|index| {
            let place = Place::own(first + i64::try_from(index % locations).unwrap_or_default());
            FulfilmentOrder::new(ids, place, &[])
        })
        .collect();
    for (index, pieces) in own.into_iter().enumerate() {
        dealt[index % count].take_in(ids, &[pieces]);
    }
    for pieces in left {
        add(ids, &mut dealt, service(&pieces).unwrap_or_else(|| Place::own(first)), pieces);
    }
    for fulfilment_order in &mut dealt {
        fulfilment_order.closed = body["cancelled_at"].is_string();
    }
    dealt
}

impl ShopOrder {
    /// Where further pieces of a line are fulfilled from.
    fn place_of(&self, line: i64) -> Place {
        let service = self.line(line).and_then(service_of);
        service.unwrap_or_else(|| Place::own(self.routing.location.unwrap_or(FIRST_LOCATION)))
    }

    /// Makes the fulfilment orders fit a body that somebody else wrote, which may know of our
    /// fulfilments or not.
    pub(super) fn follow_body(&mut self) {
        let ids = line_ids(&self.body);
        let known: Vec<i64> =
            self.fulfilment_orders.iter().flat_map(|found| &found.lines).map(|line| line.line).collect();
        for gone in known.iter().filter(|line| !ids.contains(line)) {
            self.want(*gone, 0);
        }
        for id in ids {
            let Some(line) = self.line(id) else { continue };
            let said = line["fulfillable_quantity"].as_i64();
            let computed = unfulfilled(&self.body, line);
            let wanted = match (said, computed) {
                (Some(said), Some(computed)) if self.fulfilled_by_us(id) > 0 => said.min(computed),
                (Some(quantity), _) | (None, Some(quantity)) => quantity,
                (None, None) => continue,
            };
            self.want(id, wanted.max(0));
        }
    }

    /// So many pieces of a line are to be fulfilled from now on.
    pub(super) fn want(&mut self, line: i64, wanted: i64) {
        let open = self.fulfillable(line);
        let mut surplus = open - wanted;
        for fulfilment_order in self.fulfilment_orders.iter_mut().rev().filter(|found| !found.closed) {
            let taken = surplus.min(fulfilment_order.remaining(line));
            if taken > 0 {
                fulfilment_order.take_out(&[(line, taken)]);
                surplus -= taken;
            }
        }
        if open < wanted {
            let place = self.place_of(line);
            let ids = self.ids.clone();
            add(&ids, &mut self.fulfilment_orders, place, (line, wanted - open));
        }
    }

    /// What of a line is open in the fulfilment orders.
    pub(super) fn fulfillable(&self, line: i64) -> i64 {
        let open = self.fulfilment_orders.iter().filter(|found| !found.closed);
        open.map(|found| found.remaining(line)).sum()
    }
}

/// Adds pieces to what is open at a place, or in a fulfilment order of their own.
fn add(ids: &Ids, fulfilment_orders: &mut Vec<FulfilmentOrder>, place: Place, pieces: Pieces) {
    let open = fulfilment_orders.iter_mut().find(|found| {
        found.place == place && !found.closed && found.holds.is_empty() && !found.has_progress()
    });
    match open {
        Some(open) => open.take_in(ids, &[pieces]),
        None => fulfilment_orders.push(FulfilmentOrder::new(ids, place, &[pieces])),
    }
}

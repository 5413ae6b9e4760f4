//! What is wanted of us of an order: how many pieces of each line we are to ship in all, those that
//! have left already counted in.
//!
//! One body says how much is still to be fulfilled and what was fulfilled, so our own fulfilments, other
//! people's and later returns cancel each other out: wanted of a line is what can be fulfilled yet plus
//! what the same body lists as fulfilled by us. Where a body alone may be wrong ([`is_doubtful`]: a refund or an
//! edit of a line that is fulfilled in part) the shop's fulfilment orders are looked at first, and decide. (REST Admin API, `line_items[].fulfillable_quantity` and
//! `fulfillments[]`.)

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    facts::{LinePieces, OrderFacts, OrderLine, ShopFulfilment, pieces_of},
    ids::LineId,
    words,
};

/// A parcel of ours, as far as the shop's bodies speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OurParcel {
    /// The shop's ids of the fulfilments that report it, as far as we heard them.
    pub fulfilment_ids: Vec<i64>,
    /// The carrier's number.
    pub tracking_number: Option<String>,
    /// The shop was notified of it.
    pub notified: bool,
    /// Pieces by line.
    pub lines: Vec<LinePieces>,
}

/// Pieces of a line that a refund takes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundedPieces {
    /// The order's line.
    pub line_id: LineId,
    /// How many pieces.
    pub quantity: u32,
    /// What the refund says becomes of them.
    pub restock: Restock,
}

/// Pieces of one line of an order that a refund is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundLine {
    /// The shop's id of the refund's line, unique.
    pub refund_line_id: i64,
    /// The order's line.
    pub line_id: LineId,
    /// How many pieces.
    pub quantity: u32,
    /// What becomes of them.
    pub restock: Restock,
    /// Where they are restocked, by the shop's id of the location.
    pub location_id: Option<i64>,
}

/// What a refund says becomes of its pieces (`restock_type` of a refund's line).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Restock {
    /// They have not left and are not to.
    Cancel,
    /// They left and come back.
    Return,
    /// Nothing comes back.
    NoRestock,
    /// An older word for `Cancel` or `Return`, whichever fits.
    LegacyRestock,
}

words!(Restock, "restock");

impl Restock {
    /// Reads Shopify's word in any letters; a new one is taken as `no_restock`, which moves no stock.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let known = Self::ALL.into_iter().find(|restock| restock.as_str().eq_ignore_ascii_case(text));
        known.unwrap_or(Self::NoRestock)
    }
}

/// What is wanted of us of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WantedLine {
    /// The order's line.
    pub line_id: LineId,
    /// As it came.
    pub sku: Option<String>,
    /// Pieces in all, those that have left counted in.
    pub pieces: u32,
    /// Pieces that have left.
    pub left: u32,
}

impl WantedLine {
    /// Pieces that are still to leave.
    #[must_use]
    pub fn to_ship(&self) -> u32 {
        self.pieces.saturating_sub(self.left)
    }

    /// Pieces that have left and are not wanted.
    #[must_use]
    pub fn too_many(&self) -> u32 {
        self.left.saturating_sub(self.pieces)
    }
}

/// Which lines are ours to ship, by the service they name: none, `manual`, or one of these handles.
#[must_use]
pub fn is_ours_by_service(line: &OrderLine, our_services: &[String]) -> bool {
    line.fulfilment_service.as_deref().is_none_or(|service| {
        let service = service.trim();
        service.is_empty()
            || service.eq_ignore_ascii_case("manual")
            || our_services.iter().any(|ours| ours.eq_ignore_ascii_case(service))
    })
}

/// What is wanted of us of every line that ships, in the order of the lines.
///
/// `refunds` are those that the facts do not count in yet.
#[must_use]
pub fn wanted(facts: &OrderFacts, parcels: &[OurParcel], refunds: &[RefundedPieces]) -> Vec<WantedLine> {
    let mut left: BTreeMap<&LineId, u32> = BTreeMap::new();
    for line in parcels.iter().flat_map(|parcel| &parcel.lines) {
        *left.entry(&line.line_id).or_default() += line.quantity;
    }
    let listed = Listed::of(facts, parcels);
    facts
        .lines
        .iter()
        .filter(|line| line.requires_shipping)
        .map(|line| {
            let left = left.get(&line.line_id).copied().unwrap_or_default();
            let (ours, others) = listed.pieces(&line.line_id);
            let stated = stated(line, ours, others, facts.fulfilments.is_none());
            let pieces = after_refunds(line, stated, left, refunds);
            WantedLine { line_id: line.line_id.clone(), sku: line.sku.clone(), pieces, left }
        })
        .collect()
}

/// Whether the body may be wrong about what is wanted: a line of which some have left, and some not, was
/// refunded or edited. `refunded` are the lines that refunds name.
#[must_use]
pub fn is_doubtful(facts: &OrderFacts, parcels: &[OurParcel], refunded: &BTreeSet<LineId>) -> bool {
    let listed = Listed::of(facts, parcels);
    facts.lines.iter().filter(|line| line.requires_shipping).any(|line| {
        let (ours, others) = listed.pieces(&line.line_id);
        let of_line = |parcel: &OurParcel| pieces_of(&parcel.lines, &line.line_id);
        let left = parcels.iter().map(of_line).sum::<u32>();
        let fulfilled = left.max(ours).saturating_add(others);
        let changed = line.current_quantity.is_some_and(|current| current != line.quantity);
        (1..line.quantity).contains(&fulfilled) && (changed || refunded.contains(&line.line_id))
    })
}

/// What the body alone says is wanted of us. A body that is silent about fulfilments may be older than what the
/// shop was notified since, which it then counts as open.
fn stated(line: &OrderLine, ours: u32, others: u32, silent: bool) -> u32 {
    let ordered = line.current_quantity.unwrap_or(line.quantity);
    if line.says_fulfillable {
        let wanted = line.fulfillable_quantity.saturating_add(ours);
        return if silent { wanted.min(ordered.max(ours)) } else { wanted };
    }
    if line.says_fulfilled {
        return ours;
    }
    ordered.saturating_sub(others)
}

/// Takes off what refunds take back of pieces that have not left.
fn after_refunds(line: &OrderLine, stated: u32, left: u32, refunds: &[RefundedPieces]) -> u32 {
    let mut pieces = stated;
    for refund in refunds.iter().filter(|refund| refund.line_id == line.line_id) {
        let not_left = pieces.saturating_sub(left);
        let removed = match refund.restock {
            Restock::Return => 0,
            Restock::Cancel | Restock::NoRestock | Restock::LegacyRestock => refund.quantity.min(not_left),
        };
        pieces -= removed;
    }
    pieces
}

/// What a body lists as fulfilled, by us and by others.
struct Listed<'a> {
    ours: BTreeMap<&'a LineId, u32>,
    others: BTreeMap<&'a LineId, u32>,
}

impl<'a> Listed<'a> {
    /// Where the body is silent, ours are the parcels that the shop was notified of.
    fn of(facts: &'a OrderFacts, parcels: &'a [OurParcel]) -> Self {
        let mut listed = Self { ours: BTreeMap::new(), others: BTreeMap::new() };
        let Some(fulfilments) = &facts.fulfilments else {
            for line in parcels.iter().filter(|parcel| parcel.notified).flat_map(|parcel| &parcel.lines) {
                *listed.ours.entry(&line.line_id).or_default() += line.quantity;
            }
            return listed;
        };
        for fulfilment in fulfilments.iter().filter(|fulfilment| fulfilment.stands) {
            let side =
                if is_our_fulfilment(fulfilment, parcels) { &mut listed.ours } else { &mut listed.others };
            for line in &fulfilment.lines {
                *side.entry(&line.line_id).or_default() += line.quantity;
            }
        }
        listed
    }

    fn pieces(&self, line: &LineId) -> (u32, u32) {
        let of = |side: &BTreeMap<&LineId, u32>| side.get(line).copied().unwrap_or_default();
        (of(&self.ours), of(&self.others))
    }
}

/// Whether a fulfilment of the shop reports a parcel of ours: by the id we keep, else by the tracking number; a parcel without a number is known by its pieces
/// until its id is known.
#[must_use]
pub fn is_our_fulfilment(fulfilment: &ShopFulfilment, parcels: &[OurParcel]) -> bool {
    if crate::planted::is_planted("own_fulfilment_as_edit") {
        return false;
    }
    if parcels.iter().any(|parcel| parcel.fulfilment_ids.contains(&fulfilment.id)) {
        return true;
    }
    parcels.iter().any(|parcel| match &parcel.tracking_number {
        Some(number) => fulfilment.tracking_numbers.iter().any(|listed| listed.trim() == number.trim()),
        None => {
            parcel.fulfilment_ids.is_empty()
                && fulfilment.tracking_numbers.is_empty()
                && are_within(&fulfilment.lines, &parcel.lines)
        }
    })
}

/// Whether all of these pieces are among the others: a parcel may be reported in several fulfilments.
fn are_within(some: &[LinePieces], others: &[LinePieces]) -> bool {
    some.iter().all(|line| pieces_of(some, &line.line_id) <= pieces_of(others, &line.line_id))
}

#[cfg(test)]
mod tests;

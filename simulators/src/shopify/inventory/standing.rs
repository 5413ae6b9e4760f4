//! What an order commits of the stock, and what has left of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::LevelKey;
use crate::shopify::orders::{FulfilmentLine, ShopOrder, lines, listed};
use crate::shopify::routing::{FIRST_LOCATION, is_there};

/// Pieces that a person or a refund put on the shelf again; fewer than none where they were written off.
pub(in crate::shopify) struct Shelved {
    /// The id of the order's line.
    line: i64,
    location: i64,
    quantity: i64,
}

/// Pieces of one item at one location.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pieces {
    pub(super) committed: i64,
    /// Left, less what came back.
    pub(super) gone: i64,
}

/// What one order has of the stock.
#[derive(Clone, Default)]
pub(super) struct Standing(BTreeMap<LevelKey, Pieces>);

impl Standing {
    pub(super) fn pieces(&self) -> impl Iterator<Item = (&LevelKey, &Pieces)> {
        self.0.iter()
    }

    /// The same, before anything was committed.
    pub(super) fn of_old(&self) -> Self {
        let gone = |(key, pieces): (&LevelKey, &Pieces)| (*key, Pieces { committed: 0, ..*pieces });
        Self(self.0.iter().map(gone).collect())
    }

    /// What is different from `before`.
    pub(super) fn since(&self, before: &Self) -> Vec<(LevelKey, Pieces)> {
        let keys: BTreeSet<&LevelKey> = self.0.keys().chain(before.0.keys()).collect();
        let of = |standing: &Self, key: &LevelKey| standing.0.get(key).copied().unwrap_or_default();
        let difference = |key: &&LevelKey| {
            let (now, then) = (of(self, key), of(before, key));
            (**key, Pieces { committed: now.committed - then.committed, gone: now.gone - then.gone })
        };
        let differs = |(_, pieces): &(LevelKey, Pieces)| *pieces != Pieces::default();
        keys.iter().map(difference).filter(differs).collect()
    }
}

impl ShopOrder {
    /// What the order has of the stock; `item` finds the item of a line.
    pub(super) fn standing(&self, mut item: impl FnMut(&Value) -> Option<i64>) -> Standing {
        let mut items: BTreeMap<i64, Option<i64>> = BTreeMap::new();
        let mut standing = Standing::default();
        let mut add = |line: i64, location: i64, pieces: Pieces| {
            let found = items.entry(line).or_insert_with(|| self.line(line).and_then(&mut item));
            let Some(item) = *found else { return };
            let entry = standing.0.entry((item, location)).or_default();
            entry.committed += pieces.committed;
            entry.gone += pieces.gone;
        };
        for line in lines(&self.body).iter().filter_map(|line| line["id"].as_i64()) {
            for (location, committed) in self.open_by_location(line) {
                add(line, location, Pieces { committed, gone: 0 });
            }
        }
        for fulfilment in listed(&self.body, "fulfillments").iter().filter(|found| is_there(found)) {
            for left in lines(fulfilment) {
                let (Some(line), Some(gone)) = (left["id"].as_i64(), left["quantity"].as_i64()) else {
                    continue;
                };
                let location = fulfilment["location_id"].as_i64();
                add(line, location.unwrap_or_else(|| self.location_of(line)), Pieces { committed: 0, gone });
            }
        }
        for shelved in &self.shelved {
            add(shelved.line, shelved.location, Pieces { committed: 0, gone: -shelved.quantity });
        }
        standing
    }

    /// What of a line is open, and where.
    pub(in crate::shopify) fn open_by_location(&self, line: i64) -> BTreeMap<i64, i64> {
        let mut open = BTreeMap::new();
        for found in self.fulfilment_orders.iter().filter(|found| !found.closed) {
            let remaining = found.remaining(line);
            if remaining > 0 {
                *open.entry(found.place.id).or_default() += remaining;
            }
        }
        open
    }

    /// Pieces of a line are on the shelf of a location again, or of the location that they left from.
    pub(in crate::shopify) fn shelve(&mut self, line: i64, location: Option<i64>, quantity: i64) {
        let location = location.unwrap_or_else(|| self.location_left(line));
        self.shelved.push(Shelved { line, location, quantity });
    }

    /// Pieces of a line that were open before and are not any more are not put on the shelf again.
    pub(in crate::shopify) fn write_off(&mut self, line: i64, open_before: &BTreeMap<i64, i64>) {
        let open = self.open_by_location(line);
        for (location, before) in open_before {
            let quantity = open.get(location).copied().unwrap_or_default() - before;
            if quantity != 0 {
                self.shelved.push(Shelved { line, location: *location, quantity });
            }
        }
    }

    /// Where a line left from that left last.
    fn location_left(&self, line: i64) -> i64 {
        let has_it = |lines: &[FulfilmentLine]| lines.iter().any(|left| left.line == line);
        let left = self.fulfilments.iter().rev().find(|found| !found.cancelled && has_it(&found.lines));
        left.map_or_else(|| self.location_of(line), |found| found.place.id)
    }

    /// Where a line is or was to be fulfilled from.
    fn location_of(&self, line: i64) -> i64 {
        let mut with_it =
            self.fulfilment_orders.iter().filter(|found| found.lines.iter().any(|known| known.line == line));
        with_it.next().map_or(FIRST_LOCATION, |found| found.place.id)
    }
}

//! Channel sync: each shop is told how much is on hand of what we stock, at each of its locations that is a warehouse
//! of ours.
//!
//! | file | what it does |
//! |---|---|
//! | `levels` | which levels are dirty, and what became of them |
//! | `books` | what our books say of some levels |
//! | `drift` | levels that somebody changed who is neither we nor an order |
//! | `round` | one round at one location: read, compare, set |
//! | `learn` | which item of a shop is which SKU |
//! | `gauges` | what operators watch |
//! | `shown` | what people are shown |
//! | `duty` | rounds for every shop, by whoever holds its lease |
//!
//! **Invariant:** a level is read before our books are, and set only if it is still as it was read; what it is set to is
//! decided by [`domain::channel`] alone. Nothing is ever added to or taken from what a shop has.

#![warn(missing_docs)]

mod books;
mod drift;
mod duty;
mod gauges;
mod learn;
mod levels;
mod round;
mod shown;

pub use duty::{ChannelShop, start};
pub use levels::mark;
pub use shown::{
    DriftFilter, LevelFilter, ShownDrift, ShownLevel, ShownShop, SkippedFilter, drifts, levels, shops,
    want_items,
};

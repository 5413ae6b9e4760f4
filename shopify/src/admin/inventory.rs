//! The shop's stock: what it has at a location, and making it what we have.
//!
//! Needs the scopes `read_inventory`, `write_inventory`, `read_products` (bundles) and `read_locations`.

mod items;
mod levels;
mod setting;

pub use items::{Item, Page, ShopLocation};
pub use levels::{Level, LevelState, Quantities};
pub use setting::{Activated, Refusals, SetOutcome, Wanted, WhyNotSet};

/// How many levels one call sets, and one search reads, at most (2026-04: "The input array size of 251 is greater
/// than the maximum allowed of 250.").
pub const MOST_LEVELS: usize = 250;

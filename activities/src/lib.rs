//! Each step of the story done against the world: thin, calling the rooms and mapping failures.
//!
//! **Invariant:** every activity may run twice: what it writes is guarded by the record, and what it
//! asks of the outside carries a derived key that the outside knows again.

mod attempt;
mod callee;
mod lane_calls;
mod order_records;
mod planner;
mod shop_calls;
mod shop_notifications;
mod shops;
mod warehouse_calls;

pub use callee::Callee;
pub use lane_calls::{LaneCalls, PausedLanes};
pub use order_records::OrderRecords;
pub use planner::Planner;
pub use shop_calls::ShopCalls;
pub use shops::{ShopRules, Shops, WarehouseSystems};
pub use warehouse_calls::WarehouseCalls;

#[cfg(feature = "faults")]
pub mod faults;

#[cfg(all(feature = "faults", not(debug_assertions)))]
compile_error!("the feature `faults` plants failures for tests; release builds cannot have it");

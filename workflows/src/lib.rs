//! The story of an order and its contract: inputs, signals, updates, queries and the activities it
//! calls. `order_fulfilment.rs` is the file to read first.
//!
//! **Invariant:** nothing here does I/O, reads a clock or draws a random number; a run replayed from
//! its history takes the same way again.

pub mod contract;
pub mod messages;
pub mod names;

mod bulk_answer;
mod cancel;
mod details;
mod entry;
mod hand_over;
mod lane_call;
mod ledger;
mod order_fulfilment;
mod overdue_inquiry;
mod parking;
mod planning;
mod planted;
mod resolving;
mod restock_return;
mod risk;
mod saga;
mod set_status;
mod visibility;

pub use bulk_answer::BulkAnswer;
pub use entry::{Ending, OrderFulfilment};
pub use ledger::{LedgerEntry, LedgerState, ParkedView, PendingCall, StatusView};
pub use overdue_inquiry::OverdueInquiry;
pub use restock_return::RestockReturn;

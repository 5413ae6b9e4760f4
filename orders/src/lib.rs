//! What is known of each order: its record, hand-overs, parcels and returns, what waits for a person, and
//! what arrives from outside (the inbox).
//!
//! Every function takes a connection, so that the caller decides what is one transaction.
//!
//! **Invariant:** a status moves only through [`progress::move_to`], which writes the status, its
//! timeline entry and its event together and never moves one back.

pub mod approvals;
pub mod attention;
pub mod audit;
pub mod awaiting;
pub mod brief;
pub mod bulk;
pub mod changes;
pub mod command;
pub mod edits;
pub mod events;
pub mod fulfilled_elsewhere;
pub mod fulfilment_orders;
pub mod fulfilment_request;
pub mod idempotency;
pub mod inbox;
pub mod lanes;
pub mod line_allocations;
pub mod overview;
pub mod parcel;
pub mod parcel_lines;
pub mod privacy;
pub mod progress;
pub mod promises;
pub mod record;
pub mod refunds;
pub mod returns;
pub mod story;
pub mod timeline;
pub mod users;

mod error;

pub use error::OrdersError;
pub use record::{Line, Order};

/// Pieces as the columns hold them.
fn pieces_column(pieces: u32) -> Result<i32, OrdersError> {
    i32::try_from(pieces).map_err(|_| OrdersError::beyond_reason("pieces"))
}

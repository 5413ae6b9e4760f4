//! Stock, and who holds it. PostgreSQL schema `inventory`.
//!
//! | file | what it does |
//! |---|---|
//! | `item` | items and their opening stock |
//! | `availability` | what is there, what is held, what a newcomer could get |
//! | `reserve`, `release`, `fulfil`, `receive` | what happens to stock |
//! | `reservation`, `allocation` | what an order holds and waits for |
//! | `queue` | who waits, and serving them first come, first served |
//! | `ledger` | the one place that writes stock and its movements |
//!
//! No function commits: the caller owns the transaction (at the isolation level READ COMMITTED),
//! writes its events beside what changed, and rolls back on an error. Figures are pieces.
//!
//! **Invariant:** for every SKU and warehouse, on hand and reserved are the sums of their
//! movements, reserved is what unfulfilled allocations hold, queued is what waits, and never is
//! more reserved than is on hand.
//!
//! **Locks** are taken in one order: first the stock rows of all SKUs concerned, by SKU and
//! warehouse, then reservations, by order and epoch. It holds within one call; a transaction that
//! makes several calls has to be ready for a deadlock (40P01) and try again.

#![warn(missing_docs)]

mod allocation;
mod availability;
mod columns;
mod error;
mod fulfil;
mod item;
mod ledger;
#[cfg(feature = "faults")]
mod planted;
mod queue;
mod receive;
mod release;
mod reservation;
mod reserve;

pub use allocation::{Allocation, AllocationChange, AllocationId, AllocationStatus};
pub use availability::{Availability, WarehouseAvailability, availability};
pub use domain::plan::DemandLine;
pub use error::InventoryError;
pub use fulfil::{FulfilRequest, Fulfilled, fulfil};
pub use item::{Item, NewItem, create_item, item};
pub use queue::ServedOrder;
pub use receive::{Received, receive};
pub use release::{Released, release};
pub use reservation::{Reservation, ReservationStatus, WaitingLine, latest_reservation, reservation};
pub use reserve::{ReserveMode, ReserveOutcome, ReserveRequest, Shortage, reserve};

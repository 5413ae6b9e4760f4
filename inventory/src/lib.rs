//! Stock, and who holds it. PostgreSQL schema `inventory`.
//!
//! | file | what it does |
//! |---|---|
//! | `item`, `stocked` | items and their opening stock, and pages of them |
//! | `availability` | what is there, what is held, what a newcomer could get |
//! | `reserve`, `adjust`, `release`, `fulfil`, `receive`, `reduce` | what happens to stock |
//! | `count` | what is found is what is there |
//! | `warehouse` | the warehouses, and which take nothing new |
//! | `shortage` | telling of an order that got nothing |
//! | `surplus` | what left although it was held for nobody |
//! | `reservation`, `allocation` | what an order holds and waits for |
//! | `allocate`, `transition`, `expiry`, `record` | what another service holds for a while |
//! | `holder` | whose a reservation or an allocation is |
//! | `explain` | which warehouse would serve an order, and why not the others |
//! | `provisional` | reservations of orders that are kept in another database |
//! | `served_backorders` | which waiting orders were served, for another process |
//! | `queue` | who waits, and serving them first come, first served |
//! | `ledger` | the one place that writes stock and its movements |
//! | `movements` | the ledger and the queues as people read them |
//! | `events` | what each change tells other systems |
//!
//! No function commits: the caller owns the transaction (at the isolation level READ COMMITTED) and rolls back on
//! an error. What changes writes its events as it does, under the caller's correlation id, which ties together what
//! one request caused. Figures are pieces.
//!
//! **Invariant:** for every SKU and warehouse, on hand and reserved are the sums of their
//! movements, reserved is what unfulfilled allocations hold, queued is what waits, and never is
//! more reserved than is on hand. While something counted is missing, nothing is free.
//!
//! **Locks** are taken in one order: first the stock rows of all SKUs concerned, by SKU and
//! warehouse, then reservations, by order and epoch. It holds within one call; a transaction that
//! makes several calls has to be ready for a deadlock (40P01) and try again.

#![warn(missing_docs)]

mod adjust;
mod allocate;
mod allocation;
mod availability;
mod columns;
mod count;
mod error;
mod events;
mod expiry;
mod explain;
mod fulfil;
mod holder;
mod item;
mod ledger;
mod movements;
#[cfg(feature = "faults")]
mod planted;
mod provisional;
mod queue;
mod receive;
mod record;
mod reduce;
mod release;
mod reservation;
mod reserve;
mod served_backorders;
mod shortage;
mod stocked;
mod surplus;
mod transition;
mod warehouse;

pub use allocate::{AllocateItem, AllocateRequest, Allocated, allocate};
pub use allocation::{Allocation, AllocationChange, AllocationId, AllocationStatus};
pub use availability::{Availability, WarehouseAvailability, availability};
pub use count::{
    COUNTED_LESS, Counted, HeldLine, KeptCount, PlaceFigures, TakenBack, count, counted_before, held_lines,
    keep_count, leave_elsewhere, lock_place, place,
};
pub use domain::plan::{DemandLine, Explanation, LineExplanation, WarehouseVerdict, WhyNot};
pub use error::InventoryError;
pub use expiry::{EXPIRED, Expired, expire_due};
pub use explain::explain;
pub use fulfil::{FulfilRequest, Fulfilled, fulfil};
pub use holder::{EVERYBODY, Epoch, Holder, become_holder, holder_of};
pub use item::{Item, NewItem, create_item, is_warehouse, item, items_by_sku};
pub use movements::{
    Held, Movement, OrderMovement, Queued, WaitingPlace, held_of, movements, movements_of_order, places_of,
    queue_of, version,
};
pub use provisional::{
    NOT_CONFIRMED, confirm, give_more_time, hold_provisionally, release_unconfirmed, unconfirmed,
};
pub use queue::{ServedOrder, ours};
pub use receive::{Received, receive, take_back};
pub use record::{AllocationRecord, Owner, allocations_of_order};
pub use reduce::reduce;
pub use release::{ORDER_CANCELLED, Released, release};
pub use reservation::{
    Reservation, ReservationStatus, WaitingLine, is_ours, latest_reservation, reservation, shown_reservation,
};
pub use reserve::{Pinned, PlacedLine, ReserveMode, ReserveOutcome, ReserveRequest, Shortage, reserve};
pub use served_backorders::{ServedMovement, served_since};
pub use shortage::announce_shortage;
pub use stocked::{StockedItem, items, items_like, stocked_item, stocked_items};
pub use surplus::{Surplus, book_surplus};
pub use transition::{AllocationTransition, change_allocation};
pub use warehouse::{Warehouse, WarehouseChange, add_warehouse, change_warehouse, warehouses};

//! What an order is: ids, SKU, quantity, money, the status table, the cancellation table, the gate
//! and the allocation planner.
//!
//! **Invariant:** nothing here does I/O or reads a clock; every function is a pure function of its
//! arguments.

mod cancellation;
mod facts;
mod gate;
mod ids;
mod money;
mod policy;
mod quantity;
mod status;
mod step;

pub mod plan;

#[cfg(feature = "faults")]
pub mod planted;

#[cfg(all(feature = "faults", not(debug_assertions)))]
compile_error!("the feature `faults` plants failures for tests; release builds cannot have it");

pub use cancellation::{Actor, CancelDecision, CancelUntil, Stage, decide_cancellation};
pub use facts::{FinancialStatus, OrderFacts, OrderLine};
pub use gate::{GateDecision, IgnoreReason, Mishap, decide_gate};
pub use ids::{
    Channel, HandOverReference, LineId, OrderId, OrderNumber, ParseError, ShopDomain, ShopifyOrderId, Sku,
    UserId, WarehouseId, WorkflowId,
};
pub use money::{Currency, Money};
pub use policy::{FulfilmentPolicy, PaymentRule, RetryRule, StockOutRule, WhenOverdue};
pub use quantity::Quantity;
pub use status::{Condition, HeldBy, OrderStatus};
pub use step::Step;

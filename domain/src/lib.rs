//! What an order is: ids, SKU, quantity, money, the status table, the cancellation table, the gate
//! and the allocation planner.
//!
//! **Invariant:** nothing here does I/O or reads a clock; every function is a pure function of its
//! arguments.

mod cancellation;
mod edits;
mod facts;
mod gate;
mod ids;
mod money;
mod parcel_status;
mod policy;
mod quantity;
mod resolution;
mod status;
mod step;
mod verdict;
mod wanted;
mod words;

pub mod leniently;
pub mod plan;

#[cfg(feature = "faults")]
pub mod planted;

#[cfg(all(feature = "faults", not(debug_assertions)))]
compile_error!("the feature `faults` plants failures for tests; release builds cannot have it");

pub use cancellation::{Actor, CancelDecision, CancelUntil, Stage, decide_cancellation};
pub use edits::{Change, EditDecision, decide_edit};
pub use facts::{AddressSaid, FinancialStatus, LinePieces, OrderFacts, OrderLine, ShopFulfilment};
pub use gate::{GateDecision, GateFacts, GateRules, IgnoreReason, ParkReason, Was, decide_gate};
pub use ids::{
    Channel, LaneName, LineId, OrderId, OrderNumber, ParseError, RequestReference, ShopDomain,
    ShopifyOrderId, Sku, UserId, WarehouseId, WarehouseSystem, WorkflowId,
};
pub use money::{Currency, Money};
pub use parcel_status::ParcelStatus;
pub use policy::{
    EditsRule, FulfilmentPolicy, PaymentRule, RetryRule, ReturnsRule, StockOutRule, WhenOverdue,
};
pub use quantity::Quantity;
pub use resolution::{Resolution, may_skip};
pub use status::{Condition, HeldBy, OrderStatus};
pub use step::Step;
pub use verdict::{Downstream, Verdict};
pub use wanted::{
    OurParcel, RefundedPieces, Restock, WantedLine, is_doubtful, is_our_fulfilment, is_ours_by_service,
    wanted,
};

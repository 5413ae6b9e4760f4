//! What an order is: ids, SKU, quantity, money, the status table, the cancellation table, the gate
//! and the allocation planner.
//!
//! **Invariant:** nothing here does I/O or reads a clock; every function is a pure function of its
//! arguments.

#![warn(missing_docs)]

mod cancellation;
mod edits;
mod facts;
mod gate;
#[macro_use]
mod ids;
mod approval;
mod money;
mod parcel_status;
mod park_reason;
mod policy;
mod promise;
mod quantity;
mod resolution;
mod status;
mod step;
mod verdict;
mod wanted;
mod words;

pub mod channel;
pub mod leniently;
pub mod plan;

pub mod planted;

#[cfg(all(feature = "faults", not(debug_assertions)))]
compile_error!("the feature `faults` plants failures for tests; release builds cannot have it");

pub use approval::{Approval, ApprovalDecision, ApprovalFacts, ApprovalRules, Country, Risk, RiskLevel, Tag};
pub use cancellation::{Actor, CancelDecision, CancelUntil, Stage, decide_cancellation};
pub use edits::{Change, EditDecision, decide_edit};
pub use facts::{AddressSaid, FinancialStatus, LinePieces, OrderFacts, OrderLine, ShopFulfilment};
pub use gate::{GateDecision, GateFacts, GateRules, IgnoreReason, Was, decide_gate};
pub use ids::{
    AllocationId, Channel, LaneName, LineId, OrderId, OrderNumber, ParseError, RequestReference, ReturnId,
    ShopDomain, ShopifyOrderId, Sku, UserId, WarehouseId, WarehouseSystem, WorkflowId,
};
pub use money::{Currency, Money};
pub use parcel_status::ParcelStatus;
pub use park_reason::ParkReason;
pub use policy::{
    AwayRule, EditsRule, FulfilmentPolicy, PaymentRule, RetryRule, ReturnsRule, ShortAfterAwayRule,
    StockOutRule, WhenOverdue,
};
pub use promise::{Promise, PromiseRules, Promises, TimeOfDay, WarehouseCalendar};
pub use quantity::Quantity;
pub use resolution::{Resolution, may_skip};
pub use status::{Condition, HeldBy, OrderStatus};
pub use step::Step;
pub use verdict::{Downstream, Verdict};
pub use wanted::{
    OurParcel, RefundLine, RefundedPieces, Restock, WantedLine, is_doubtful, is_our_fulfilment,
    is_ours_by_service, wanted,
};

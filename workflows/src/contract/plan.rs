//! How an order is planned, and what came of it.

use chrono::{DateTime, Utc};
use domain::{GateFacts, OrderId, OrderStatus, ParkReason, RequestReference, WarehouseId, WarehouseSystem};
use serde::{Deserialize, Serialize};

use super::{Parcel, Rules, is_false};

/// Asks for the order's plan: its stock, and what is to be handed over where.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanInput {
    /// Our id of the order.
    pub order_id: OrderId,
    /// How.
    pub rules: Rules,
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "outcome")]
#[expect(clippy::large_enum_variant, reason = "one at a time, on its way between two processes")]
pub enum PlanOutcome {
    /// The order has a plan.
    Planned {
        /// It.
        plan: Plan,
    },
    /// A line that ships names a SKU that is not stocked.
    UnknownSku,
    /// There is not enough, and the policy does not wait.
    OutOfStock,
    /// It was taken while the inventory service was away, and its turn has not come.
    AwaitsAllocation,
    /// There is nothing left to do for the order.
    Over {
        /// Where it stands.
        status: OrderStatus,
    },
}

/// What is held for an order, what is to be handed over and what has to be taken back, by what is known
/// of it in one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// What the gate decides by.
    pub gate: GateFacts,
    /// Where the order stands.
    pub status: OrderStatus,
    /// Two messages of one moment disagree: the shop's own order is to be read first.
    #[serde(default, skip_serializing_if = "is_false")]
    pub in_doubt: bool,
    /// The shop's fulfilment orders are to be looked at before anything is handed over.
    #[serde(default, skip_serializing_if = "is_false")]
    pub look: bool,
    /// They were looked at, and what is wanted of us is in none of them yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub not_there_yet: bool,
    /// What a person has to mend first, as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub park_reason: Option<ParkReason>,
    /// A rule goes by the order's risk, which nobody has said yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub awaits_risk: bool,
    /// All hand-overs of the order that are not cancelled.
    pub requests: Vec<PlannedRequest>,
    /// Those of them that no longer fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recalls: Vec<RequestReference>,
    /// Those of them that a person wants back, whatever the policy says of recalls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recalls_by_hand: Vec<RequestReference>,
    /// Lines that wait for stock.
    #[serde(default)]
    pub waiting_lines: u32,
    /// Pieces that the shop holds.
    #[serde(default)]
    pub held_back: u32,
    /// When the shop lets them go, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until: Option<DateTime<Utc>>,
    /// Parcels that were booked but that the shop has not heard of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unnotified: Vec<Parcel>,
    /// Pieces that have left already.
    #[serde(default)]
    pub pieces_left: u32,
    /// By when it is promised to leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised_at: Option<DateTime<Utc>>,
}

impl Plan {
    /// Whether a person has to approve the order before anything more is handed over.
    pub(crate) fn asks_approval(&self) -> bool {
        self.park_reason.as_ref().is_some_and(ParkReason::is_approval)
    }
}

/// A hand-over that is planned or made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedRequest {
    /// Its unique reference.
    pub reference: RequestReference,
    /// Where.
    pub warehouse: WarehouseId,
    /// The system that ships for that warehouse.
    #[serde(default, skip_serializing_if = "WarehouseSystem::is_first")]
    pub system: WarehouseSystem,
    /// Pieces that are to leave under it.
    pub pieces: u32,
    /// Whether the warehouse took it already.
    pub accepted: bool,
    /// Its SKUs and pieces, as people read them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what: String,
}

//! What the story and its activities say to each other. Everything here stands in histories, so it
//! holds no personal data and only ever grows optional members.

use chrono::{DateTime, Utc};
use domain::{
    Actor, ApprovalRules, Channel, Condition, FulfilmentPolicy, GateRules, HeldBy, LaneName, OrderId,
    OrderNumber, OrderStatus, RequestReference, ShopDomain, Step, StockOutRule,
};
use serde::{Deserialize, Serialize};

use crate::ledger::Progress;

mod bulk;
mod calls;
mod editing;
mod plan;
mod steps;

pub use bulk::{BulkProgress, BulkRef};
pub use calls::{Call, LaneWait, Terms, WaitedForLane};
pub use editing::{EditOutcome, EditToMake};
pub use plan::{Plan, PlanInput, PlanOutcome, PlannedRequest};
pub use steps::{
    AskAboutLane, AskAboutOverdue, AskNextOfBulk, AskWarehouse, CancelInShop, EditOrder, LookInShop,
    NotifyShop, OpenAttention, OrderRecords, ParkStep, ReadOrder, ReadStanding, RecallRequest,
    RecordCancelled, RecordCondition, RecordParcel, RefundInShop, ReleaseStock, RequestFulfilment,
    ReserveStock, ResolveStep, RestockReturned, ShopCalls, SkipShopNotification, WarehouseCalls,
};

/// The input of an order's story.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FulfilmentInput {
    /// Which version of the story this run tells; new behaviour branches on it.
    pub story_version: u32,
    /// Our id of the order.
    pub order_id: OrderId,
    /// The number people use.
    pub order_number: OrderNumber,
    /// Where it came from.
    pub channel: Channel,
    /// The lane of its shop's calls; none where there is no shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shop_lane: Option<LaneName>,
    /// When it reached us; deadlines run from here.
    pub received_at: DateTime<Utc>,
    /// Until when it is held.
    #[serde(default)]
    pub hold_until: Option<DateTime<Utc>>,
    /// The status of the record when this run was started.
    pub status: OrderStatus,
    /// Every time-out, retry, deadline and rule.
    pub policy: FulfilmentPolicy,
    /// Whether the server knows our search attributes.
    #[serde(default)]
    pub search_attributes: bool,
    /// What the run before this one knew, after continue-as-new.
    #[serde(default)]
    pub carried: Option<Progress>,
}

/// The story version that new runs tell.
pub const STORY_VERSION: u32 = 1;

/// Names what became of a return, by the message that announced it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReturnRef {
    /// The shop.
    pub shop: ShopDomain,
    /// The lane of its calls.
    pub lane: LaneName,
    /// The shop's id of the reverse fulfilment order.
    pub reverse_fulfilment_order: i64,
    /// The message, under which a person sees what cannot be done.
    pub inbox_id: i64,
}

/// Names the warehouse system whose overdue hand-overs are asked about, by its lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InquiryInput {
    /// The lane of its calls.
    pub lane: LaneName,
}

/// Names an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderRef {
    /// Our id of it.
    pub order_id: OrderId,
}

/// How an order is to be planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    /// What is done when there is not enough.
    pub stock_out: StockOutRule,
    /// What the gate goes by.
    pub gate: GateRules,
    /// Whether the shop's fulfilment orders are looked at before anything is handed over.
    #[serde(default)]
    pub look: bool,
    /// Whether lines are planned where the shop wants them fulfilled from.
    #[serde(default)]
    pub follow_locations: bool,
    /// Fulfilment orders that are missing were waited for: what is in none of them is gone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub takes_as_seen: bool,
    /// It was cancelled when some of it could not be stopped: nothing else goes out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub rest_is_cancelled: bool,
    /// Hand-overs that a person said are to stay as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_as_they_are: Vec<RequestReference>,
    /// What a person has to approve before anything is handed over.
    #[serde(default, skip_serializing_if = "ApprovalRules::is_empty")]
    pub approval: ApprovalRules,
    /// The order's risk was waited for long enough.
    #[serde(default, skip_serializing_if = "is_false")]
    pub risk_is_late: bool,
}

/// Names a hand-over of an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestRef {
    /// Our id of the order.
    pub order_id: OrderId,
    /// The hand-over's reference.
    pub reference: RequestReference,
    /// When the warehouse is asked about it if it says nothing final, in milliseconds after acceptance.
    pub overdue_after_ms: u64,
}

/// What became of a hand-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandOverOutcome {
    /// The warehouse has it.
    Accepted,
    /// Something was committed since it was planned; the warehouse was not called.
    Overtaken,
}

/// What became of a recall.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recalled {
    /// Pieces that leave all the same; 0 when all of it was stopped.
    pub pieces_too_late: u32,
}

/// A parcel that left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parcel {
    /// The hand-over it belongs to.
    pub reference: RequestReference,
    /// The warehouse's id of it.
    pub parcel_id: String,
}

/// Asks to book a parcel.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParcelToBook {
    /// Our id of the order.
    pub order_id: OrderId,
    /// The parcel.
    pub parcel: Parcel,
    /// True when an operator says it left without the warehouse system: all of the hand-over.
    #[serde(default)]
    pub by_hand: bool,
}

/// How an order stands that another run may have brought far.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Its status.
    pub status: OrderStatus,
    /// What a warehouse was ever called about.
    pub requests: Vec<PlannedRequest>,
    /// Those of them that the warehouse may have and was not asked to stop.
    pub to_recall: Vec<RequestReference>,
    /// Pieces that have left in all.
    pub pieces_left: u32,
    /// Parcels that are booked but that the shop has not heard of.
    pub unnotified: Vec<Parcel>,
}

/// What is left after a parcel was booked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParcelBooked {
    /// The order's status now.
    pub status: OrderStatus,
    /// Pieces that have left in all.
    pub pieces_left: u32,
    /// Something was committed since the order was planned, or there is more to do for it.
    #[serde(default)]
    pub plan_again: bool,
}

/// Names a parcel of an order, for the shop.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParcelForShop {
    /// Our id of the order.
    pub order_id: OrderId,
    /// The parcel.
    pub parcel: Parcel,
    /// Whether Shopify tells the customer.
    pub notify_customer: bool,
}

/// What keeps an order where it stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionToRecord {
    /// Our id of the order.
    pub order_id: OrderId,
    /// None takes the condition away.
    pub condition: Option<Condition>,
    /// A code.
    #[serde(default)]
    pub reason: Option<String>,
    /// Who holds it.
    #[serde(default)]
    pub held_by: Option<HeldBy>,
}

/// A step to park.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepToPark {
    /// Our id of the order.
    pub order_id: OrderId,
    /// Which step.
    pub step: Step,
    /// Why, as a code.
    pub reason: String,
    /// Where its run takes the order to stand; none where it is to be parked in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_as: Option<OrderStatus>,
}

/// Why a step is not parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotParked {
    /// The order is further than its run knows, which was reset: what failed was done since, or is wanted no more.
    IsFurther,
}

/// An answer to a parked step.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepAnswer {
    /// Our id of the order.
    pub order_id: OrderId,
    /// Which step.
    pub step: Step,
    /// What was decided.
    pub resolution: String,
    /// By whom.
    pub by: String,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// The message that brought it, which says who that is by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<i64>,
}

/// A cancellation to carry out or to book.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cancellation {
    /// Our id of the order.
    pub order_id: OrderId,
    /// Who cancelled it.
    pub by: Actor,
    /// Why, in their words.
    #[serde(default)]
    pub reason: Option<String>,
    /// Whether Shopify restocks.
    pub restock: bool,
    /// Whether Shopify refunds.
    pub refund: bool,
    /// Whether Shopify tells the customer.
    pub notify_customer: bool,
}

/// What the shop still owes the customer of an order of which some has left.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundOfTheRest {
    /// Our id of the order.
    pub order_id: OrderId,
    /// Whether Shopify refunds; else a person is told to.
    pub refund: bool,
    /// Whether Shopify restocks.
    pub restock: bool,
    /// Whether Shopify tells the customer.
    pub notify_customer: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

//! What the story and its activities say to each other. Everything here stands in histories, so it
//! holds no personal data and only ever grows optional members.

use chrono::{DateTime, Utc};
use domain::{
    Actor, Channel, Condition, FulfilmentPolicy, HandOverReference, HeldBy, OrderFacts, OrderId, OrderNumber,
    OrderStatus, Step, StockOutRule, WarehouseId,
};
use serde::{Deserialize, Serialize};
use temporalio_common::ActivityError;
use temporalio_macros::activity_definitions;

use crate::ledger::Carried;

pub use order_records::{
    LeaveUntold, LookAtOrder, ParkStep, RecordCancelled, RecordCondition, RecordParcel, ReleaseStock,
    ReserveStock, ResolveStep, TellOperator,
};
pub use shop_calls::{CancelInShop, TellShop};
pub use warehouse_calls::{AskAboutOverdue, AskWarehouse, CreateShipment, RecallShipment};

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
    /// When it reached us; deadlines run from here.
    pub received_at: DateTime<Utc>,
    /// What the channel said.
    pub facts: OrderFacts,
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
    pub carried: Option<Carried>,
}

/// The story version that new runs tell.
pub const STORY_VERSION: u32 = 1;

/// Names an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderRef {
    /// Our id of it.
    pub order_id: OrderId,
}

/// Asks for the order's stock.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// Our id of the order.
    pub order_id: OrderId,
    /// What is done when there is not enough.
    pub stock_out: StockOutRule,
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "outcome")]
pub enum Reserved {
    /// The order has a reservation, whole or in part.
    Held {
        /// What is to be handed over, or has been: all hand-overs of the order that are not called off.
        hand_overs: Vec<PlannedHandOver>,
        /// Lines that wait for stock.
        waiting_lines: u32,
        /// Parcels that were booked but that the shop has not heard of.
        #[serde(default)]
        untold: Vec<Parcel>,
        /// Pieces that have left already.
        #[serde(default)]
        pieces_left: u32,
    },
    /// A line that ships names a SKU that is not stocked.
    UnknownSku,
    /// There is not enough, and the policy does not wait.
    OutOfStock,
    /// There is nothing left to do for the order.
    Over {
        /// Where it stands.
        status: OrderStatus,
    },
}

/// A hand-over that is planned or made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedHandOver {
    /// Its unique reference.
    pub reference: HandOverReference,
    /// Where.
    pub warehouse: WarehouseId,
    /// Pieces that are to leave under it.
    pub pieces: u32,
    /// Whether the warehouse took it already.
    pub accepted: bool,
}

/// Names a hand-over of an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HandOverRef {
    /// Our id of the order.
    pub order_id: OrderId,
    /// The hand-over's reference.
    pub reference: HandOverReference,
    /// When the warehouse is asked about it if it says nothing final, in milliseconds after acceptance.
    pub overdue_after_ms: u64,
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
    pub reference: HandOverReference,
    /// The warehouse's id of it.
    pub shipment_id: String,
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

/// What is left after a parcel was booked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParcelBooked {
    /// The order's status now.
    pub status: OrderStatus,
    /// Pieces that have left in all.
    pub pieces_left: u32,
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
}

/// A cancellation to carry out or to book.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cancellation {
    /// Our id of the order.
    pub order_id: OrderId,
    /// Who called it off.
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

/// What the record says of an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderSituation {
    /// Where it stands.
    pub status: OrderStatus,
    /// What the channel said last.
    pub facts: OrderFacts,
}

/// Steps in our own database; called as local activities. Each is one transaction and may run twice.
pub struct OrderRecords;

#[activity_definitions]
impl OrderRecords {
    /// Reserves what the order needs and plans its hand-overs; `CONFIRMED` once it is whole.
    #[activity(name = "reserve-stock")]
    pub fn reserve_stock(_: Reservation) -> Result<Reserved, ActivityError> {
        unimplemented!()
    }

    /// Reads what the channel said last.
    #[activity(name = "look-at-order")]
    pub fn look_at_order(_: OrderRef) -> Result<OrderSituation, ActivityError> {
        unimplemented!()
    }

    /// Records what keeps the order where it stands. `IGNORED` ends its story.
    #[activity(name = "record-condition")]
    pub fn record_condition(_: ConditionToRecord) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Books a parcel: stock taken, pieces counted; `SHIPPED` once all that is to leave has left.
    #[activity(name = "record-parcel")]
    pub fn record_parcel(_: ParcelToBook) -> Result<ParcelBooked, ActivityError> {
        unimplemented!()
    }

    /// Notes that the shop is not told of a parcel, as an operator said; ends the story of an order of
    /// which nothing else is to be told.
    #[activity(name = "leave-untold")]
    pub fn leave_untold(_: ParcelForShop) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Parks a step.
    #[activity(name = "park-step")]
    pub fn park_step(_: StepToPark) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Notes the answer to a parked step.
    #[activity(name = "resolve-step")]
    pub fn resolve_step(_: StepAnswer) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Opens a row for an operator that no workflow waits for.
    #[activity(name = "tell-operator")]
    pub fn tell_operator(_: StepToPark) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Undo of `reserve-stock`: gives back what has not left. An order of which some has left is then
    /// `SHIPPED`.
    #[activity(name = "release-stock")]
    pub fn release_stock(_: OrderRef) -> Result<ParcelBooked, ActivityError> {
        unimplemented!()
    }

    /// Books the cancellation: `CANCELLED`.
    #[activity(name = "record-cancelled")]
    pub fn record_cancelled(_: Cancellation) -> Result<(), ActivityError> {
        unimplemented!()
    }
}

/// Calls to the warehouse, on the lane `warehouse`. Each records what it heard before it reports.
pub struct WarehouseCalls;

#[activity_definitions]
impl WarehouseCalls {
    /// Hands over under the reference; doing it again finds it done. `PROCESSING`.
    #[activity(name = "create-shipment")]
    pub fn create_shipment(_: HandOverRef) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Undo of `create-shipment`: recalls what has not left, and refuses the reference for the future
    /// where the warehouse has not heard of it.
    #[activity(name = "recall-shipment")]
    pub fn recall_shipment(_: HandOverRef) -> Result<Recalled, ActivityError> {
        unimplemented!()
    }

    /// Asks about every open hand-over of an order; what is new comes back through the inbox.
    #[activity(name = "ask-warehouse")]
    pub fn ask_warehouse(_: OrderRef) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Asks about overdue hand-overs of all orders; what is new comes back through the inbox.
    /// Returns how many were asked about.
    #[activity(name = "ask-about-overdue")]
    pub fn ask_about_overdue() -> Result<u32, ActivityError> {
        unimplemented!()
    }
}

/// Calls to the shop, on the lane `shopify`. Each records what it heard before it reports.
pub struct ShopCalls;

#[activity_definitions]
impl ShopCalls {
    /// Tells the shop what left, with the tracking number; doing it again finds it done.
    #[activity(name = "tell-shop")]
    pub fn tell_shop(_: ParcelForShop) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Cancels the order in the shop; doing it again finds it done.
    #[activity(name = "cancel-in-shop")]
    pub fn cancel_in_shop(_: Cancellation) -> Result<(), ActivityError> {
        unimplemented!()
    }
}

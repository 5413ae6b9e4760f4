//! The steps by their names, with what goes in and what comes out.

use temporalio_common::ActivityError;
use temporalio_macros::activity_definitions;

use super::{
    BulkRef, Call, Cancellation, ConditionToRecord, EditOutcome, EditToMake, HandOverOutcome, LaneWait,
    NotParked, OrderRef, ParcelBooked, ParcelForShop, ParcelToBook, PlanInput, PlanOutcome, Recalled,
    RefundOfTheRest, RequestRef, ReturnRef, Standing, StepAnswer, StepToPark, WaitedForLane,
};

pub use order_records::{
    AskAboutLane, AskNextOfBulk, EditOrder, OpenAttention, ParkStep, ReadStanding, RecordCancelled,
    RecordCondition, RecordParcel, ReleaseStock, ReserveStock, ResolveStep, SkipShopNotification,
};
pub use shop_calls::{CancelInShop, LookInShop, NotifyShop, ReadOrder, RefundInShop, RestockReturned};
pub use warehouse_calls::{AskAboutOverdue, AskWarehouse, RecallRequest, RequestFulfilment};

/// Steps in our own database; called as local activities. Each is one transaction and may run twice.
pub struct OrderRecords;

#[activity_definitions]
impl OrderRecords {
    /// Has the reservation follow what is wanted of the order, and plans its hand-overs; `CONFIRMED` once
    /// it is whole.
    #[activity(name = "reserve-stock")]
    pub fn reserve_stock(_: PlanInput) -> Result<PlanOutcome, ActivityError> {
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
    #[activity(name = "skip-shop-notification")]
    pub fn skip_shop_notification(_: ParcelForShop) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Parks a step, if nothing speaks against it.
    #[activity(name = "park-step")]
    pub fn park_step(_: StepToPark) -> Result<Option<NotParked>, ActivityError> {
        unimplemented!()
    }

    /// Changes the order as an answer to a parked step asks for; doing it again finds it done.
    #[activity(name = "edit-order")]
    pub fn edit_order(_: EditToMake) -> Result<EditOutcome, ActivityError> {
        unimplemented!()
    }

    /// Notes the answer to a parked step.
    #[activity(name = "resolve-step")]
    pub fn resolve_step(_: StepAnswer) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Opens a row for an operator that no workflow waits for.
    #[activity(name = "open-attention")]
    pub fn open_attention(_: StepToPark) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// How an order stands that is cancelled before its run has planned it.
    #[activity(name = "read-standing")]
    pub fn read_standing(_: OrderRef) -> Result<Standing, ActivityError> {
        unimplemented!()
    }

    /// Undo of `reserve-stock`: gives back what has not left. An order of which some has left is then
    /// `SHIPPED`.
    #[activity(name = "release-stock")]
    pub fn release_stock(_: OrderRef) -> Result<ParcelBooked, ActivityError> {
        unimplemented!()
    }

    /// Asks the next rows of a bulk answer. Returns how many are left.
    #[activity(name = "ask-next-of-bulk")]
    pub fn ask_next_of_bulk(_: BulkRef) -> Result<i64, ActivityError> {
        unimplemented!()
    }

    /// How long the lane of a call was paused that nobody took.
    #[activity(name = "ask-about-lane")]
    pub fn ask_about_lane(_: WaitedForLane) -> Result<LaneWait, ActivityError> {
        unimplemented!()
    }

    /// Books the cancellation: `CANCELLED`.
    #[activity(name = "record-cancelled")]
    pub fn record_cancelled(_: Cancellation) -> Result<(), ActivityError> {
        unimplemented!()
    }
}

/// Calls to a warehouse system, on its lane. Each records what it heard before it reports.
pub struct WarehouseCalls;

#[activity_definitions]
impl WarehouseCalls {
    /// Hands over under the reference, unless something was committed since it was planned; doing it again
    /// finds it done. `PROCESSING`.
    #[activity(name = "request-fulfilment")]
    pub fn request_fulfilment(_: Call<RequestRef>) -> Result<HandOverOutcome, ActivityError> {
        unimplemented!()
    }

    /// Undo of `request-fulfilment`: recalls what has not left, and refuses the reference for the future
    /// where the warehouse has not heard of it.
    #[activity(name = "recall-request")]
    pub fn recall_request(_: Call<RequestRef>) -> Result<Recalled, ActivityError> {
        unimplemented!()
    }

    /// Asks about every open hand-over of an order that this system has; what is new comes back through the inbox.
    #[activity(name = "ask-warehouse")]
    pub fn ask_warehouse(_: Call<OrderRef>) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Asks about overdue hand-overs of all orders that this system has; what is new comes back through the inbox.
    /// Returns how many were asked about.
    #[activity(name = "ask-about-overdue")]
    pub fn ask_about_overdue() -> Result<u32, ActivityError> {
        unimplemented!()
    }
}

/// Calls to shops, on the lane of each. Each records what it heard before it reports.
pub struct ShopCalls;

#[activity_definitions]
impl ShopCalls {
    /// Looks at the order's fulfilment orders, keeps them, and plans the order by them.
    #[activity(name = "look-in-shop")]
    pub fn look_in_shop(_: Call<PlanInput>) -> Result<PlanOutcome, ActivityError> {
        unimplemented!()
    }

    /// Reads the shop's own order, where two messages of one moment disagree.
    #[activity(name = "read-order")]
    pub fn read_order(_: Call<OrderRef>) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Has the shop refund what has not left of an order that was cancelled, or says that a person is to.
    #[activity(name = "refund-in-shop")]
    pub fn refund_in_shop(_: Call<RefundOfTheRest>) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Notifies the shop of what left, with the tracking number; doing it again finds it done.
    #[activity(name = "notify-shop")]
    pub fn notify_shop(_: Call<ParcelForShop>) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Books in what the shop's people put on the shelf again; doing it again finds it done.
    #[activity(name = "restock-returned")]
    pub fn restock_returned(_: ReturnRef) -> Result<(), ActivityError> {
        unimplemented!()
    }

    /// Cancels the order in the shop; doing it again finds it done.
    #[activity(name = "cancel-in-shop")]
    pub fn cancel_in_shop(_: Call<Cancellation>) -> Result<(), ActivityError> {
        unimplemented!()
    }
}

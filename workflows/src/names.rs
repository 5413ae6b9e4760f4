//! Names that other systems, histories and people rely on. They never change once released.

use temporalio_common::{
    protos::temporal::api::enums::v1::IndexedValueType,
    search_attributes::{SearchAttributeKey, SearchAttributeValue, Timestamp},
};

/// The workflow type of an order's story.
pub const ORDER_FULFILMENT: &str = "order-fulfilment";
/// The workflow type of the scheduled inquiry about overdue hand-overs.
pub const OVERDUE_INQUIRY: &str = "overdue-inquiry";
/// The workflow type that books in what the shop put on the shelf again.
pub const RESTOCK_RETURN: &str = "restock-return";
/// The workflow type that gives one answer to many parked steps.
pub const BULK_ANSWER: &str = "bulk-answer";
/// The id of the schedule that starts it for the first warehouse system; for others `-{system}` follows.
pub const OVERDUE_SCHEDULE: &str = "waybill-overdue-inquiry";

/// Signal: cancel the order.
pub const CANCEL: &str = "cancel";
/// Signal: do the parked step again.
pub const RETRY: &str = "retry";
/// Signal: the channel said something new of the order.
pub const CONTENT_UPDATED: &str = "content-updated";
/// Signal: the warehouse said something of a parcel.
pub const WAREHOUSE_UPDATE: &str = "warehouse-update";
/// Signal: stock the order waited for is allocated to it.
pub const STOCK_AVAILABLE: &str = "stock-available";
/// Update: cancel the order and hear what became of it.
pub const CANCEL_ORDER: &str = "cancel-order";
/// Update: answer a parked step.
pub const RESOLVE: &str = "resolve";
/// Update: change the order by hand, whatever it waits for.
pub const EDIT: &str = "edit";
/// Update: move the order to the next status, as far as a person may, and hear what became of it.
pub const SET_STATUS: &str = "set-status";
/// Query: where the order stands.
pub const STATUS: &str = "status";

/// Search attribute: what an operator filters by; one of `FULFILLING`, a condition, `CANCELLED`.
pub const ORDER_STAGE: SearchAttributeKey<String> = SearchAttributeKey::<String>::keyword("OrderStage");
/// Search attribute: the shop's domain, or `api`.
pub const SHOP: SearchAttributeKey<String> = SearchAttributeKey::<String>::keyword("Shop");
/// Search attribute: the order number.
pub const ORDER_NUMBER: SearchAttributeKey<String> = SearchAttributeKey::<String>::keyword("OrderNumber");
/// Search attribute: the parked step; empty once it is answered.
pub const PARKED_STEP: SearchAttributeKey<String> = SearchAttributeKey::<String>::keyword("ParkedStep");
/// Search attribute: why it is parked; empty once it is answered.
pub const PARKED_REASON: SearchAttributeKey<String> = SearchAttributeKey::<String>::keyword("ParkedReason");

/// Search attribute: when the order should have shipped.
pub const SLA_DUE: SearchAttributeKey<Timestamp> = SearchAttributeKey::<Timestamp>::datetime("SlaDue");

/// Every search attribute with its type. `scripts/temporal.sh` reads the keys above, each from its one line.
#[must_use]
pub fn search_attributes() -> [(&'static str, IndexedValueType); 6] {
    fn of<T: SearchAttributeValue>(key: SearchAttributeKey<T>) -> (&'static str, IndexedValueType) {
        (key.name(), key.indexed_value_type())
    }
    [of(ORDER_STAGE), of(SHOP), of(ORDER_NUMBER), of(PARKED_STEP), of(PARKED_REASON), of(SLA_DUE)]
}

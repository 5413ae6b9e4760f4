//! Every event there is, with what it says. Members are a contract with whoever consumes them.

use chrono::{DateTime, Utc};
use domain::{
    LineId, OrderId, OrderNumber, OrderStatus, Quantity, ReturnId, ShopDomain, ShopifyOrderId, Sku,
    WarehouseId,
};
use serde::Serialize;
use serde_json::Value;

use crate::Stream;

/// Something that happened. It holds no personal data.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An order moved on.
    Order(OrderEventKind, OrderEvent),
    /// An allocation changed.
    Allocation(AllocationEventKind, AllocationEvent),
    /// An order was refused, as there is not enough of a SKU.
    InsufficientStock(InsufficientStock),
    /// Stock changed and no allocation with it.
    StockChanged(StockChanged),
    /// Goods of an order came back.
    ReturnReceived(ReturnReceived),
}

/// The name of every event, as it is kept.
pub const EVENT_TYPES: [&str; 14] = [
    OrderEventKind::Placed.into_str(),
    OrderEventKind::Confirmed.into_str(),
    OrderEventKind::Processing.into_str(),
    OrderEventKind::Shipped.into_str(),
    OrderEventKind::Delivered.into_str(),
    OrderEventKind::Cancelled.into_str(),
    OrderEventKind::ReturnInitiated.into_str(),
    RETURN_RECEIVED,
    AllocationEventKind::Created.into_str(),
    AllocationEventKind::Confirmed.into_str(),
    AllocationEventKind::Cancelled.into_str(),
    AllocationEventKind::Fulfilled.into_str(),
    INSUFFICIENT_STOCK,
    STOCK_CHANGED,
];
const RETURN_RECEIVED: &str = "ORDER_RETURN_RECEIVED";
const INSUFFICIENT_STOCK: &str = "InsufficientStock";
const STOCK_CHANGED: &str = "StockChanged";

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", prefix = "ORDER_", const_into_str)]
pub enum OrderEventKind {
    /// It passed its gate; once per order.
    Placed,
    /// Its stock is reserved.
    Confirmed,
    /// A warehouse has it.
    Processing,
    /// All that is to ship has left.
    Shipped,
    /// The carrier delivered it.
    Delivered,
    /// It is not to be fulfilled any more.
    Cancelled,
    /// Goods are to come back.
    ReturnInitiated,
}

impl OrderEventKind {
    /// The event of an order that now has this status; none of one that is still to begin.
    #[must_use]
    pub const fn of(status: OrderStatus) -> Option<Self> {
        match status {
            OrderStatus::Pending => None,
            OrderStatus::Confirmed => Some(Self::Confirmed),
            OrderStatus::Processing => Some(Self::Processing),
            OrderStatus::Shipped => Some(Self::Shipped),
            OrderStatus::Delivered => Some(Self::Delivered),
            OrderStatus::Cancelled => Some(Self::Cancelled),
        }
    }
}

/// An order, as an event tells of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderEvent {
    pub order_id: OrderId,
    pub order_number: OrderNumber,
    /// Its status from then on.
    pub status: OrderStatus,
    /// None for an order of our own API.
    pub shop: Option<ShopDomain>,
    pub shopify_order_id: Option<ShopifyOrderId>,
    /// Whether whoever keeps stock elsewhere is to allocate for it: an order of ours does so itself.
    pub requires_pre_allocation: bool,
    /// Lines with a SKU, in the order of the newest content; of a return, what is to come back.
    pub items: Vec<OrderItem>,
    /// The return that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_id: Option<ReturnId>,
    /// Who cancelled it, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderItem {
    pub order_item_id: LineId,
    /// The SKU: an item has no other id here.
    pub inventory_item_id: String,
    pub sku: String,
    /// Pieces.
    pub quantity: u32,
}

/// What became of an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(prefix = "Allocation", const_into_str)]
pub enum AllocationEventKind {
    /// It holds pieces until it is confirmed or expires.
    Created,
    /// It holds them for good, or holds another number of them.
    Confirmed,
    /// What had not left was given back.
    Cancelled,
    /// All of it has left the warehouse.
    Fulfilled,
}

/// An allocation, as an event tells of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AllocationEvent {
    pub allocation_id: String,
    pub order_id: OrderId,
    pub order_item_id: LineId,
    /// The SKU: an item has no other id here.
    pub inventory_item_id: Sku,
    pub sku: Sku,
    /// The SKU, as above.
    pub product_id: Sku,
    pub warehouse_id: WarehouseId,
    /// Pieces it was given in all.
    pub quantity: Quantity,
    /// The allocation's status from then on.
    pub status: &'static str,
    /// When it expires or would have, if it is one that does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Why it was cancelled, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<CancelCause>,
    pub inventory_item_details: PlaceFigures,
}

/// Why an allocation was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CancelCause {
    /// Whoever held it gave it back.
    Released,
    /// Nobody confirmed it in time.
    Expired,
    /// Its order was cancelled.
    OrderCancelled,
    /// A count found less.
    Count,
}

/// Figures of a SKU in a warehouse around one change, in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaceFigures {
    /// What a newcomer could get before.
    pub previous_available_quantity: u64,
    /// What a newcomer can get after it.
    pub new_available_quantity: u64,
    /// What orders held before.
    pub previous_reserved_quantity: u64,
    /// What orders hold after it.
    pub new_reserved_quantity: u64,
}

/// There is not enough of a SKU for an order.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InsufficientStock {
    pub order_id: OrderId,
    /// The SKU: an item has no other id here.
    pub inventory_item_id: Sku,
    pub sku: Sku,
    /// The one that was asked, or the one that has most.
    pub warehouse_id: WarehouseId,
    /// Pieces the order asks for.
    pub requested: u64,
    /// Pieces it could have had.
    pub available: u64,
}

/// Stock changed and no allocation with it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StockChanged {
    pub sku: Sku,
    pub warehouse_id: WarehouseId,
    pub cause: StockCause,
    pub previous_on_hand: u64,
    pub new_on_hand: u64,
    pub previous_available: u64,
    pub new_available: u64,
}

/// Why stock changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StockCause {
    /// The item is new.
    OpeningStock,
    /// Pieces arrived.
    Received,
    /// Pieces were found missing, broken or given away.
    Reduced,
    /// A count found another number.
    Counted,
    /// Pieces came back.
    Returned,
    /// Pieces left that nobody held.
    Shipped,
}

/// Goods of an order came back.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReturnReceived {
    pub return_id: String,
    pub order_id: OrderId,
    pub lines: Vec<ReturnedLine>,
}

/// Pieces that came back.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReturnedLine {
    pub sku: Sku,
    pub quantity: Quantity,
    /// Whether they are stock again.
    pub sellable: bool,
}

impl Event {
    /// The name it is kept under. A broker whose consumers know another name for it translates.
    #[must_use]
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::Order(kind, _) => kind.into_str(),
            Self::Allocation(kind, _) => kind.into_str(),
            Self::InsufficientStock(_) => INSUFFICIENT_STOCK,
            Self::StockChanged(_) => STOCK_CHANGED,
            Self::ReturnReceived(_) => RETURN_RECEIVED,
        }
    }

    /// What it is about.
    #[must_use]
    pub const fn aggregate_type(&self) -> &'static str {
        match self {
            Self::Order(..) | Self::ReturnReceived(_) => "Order",
            Self::Allocation(..) => "Allocation",
            Self::InsufficientStock(_) | Self::StockChanged(_) => "InventoryItem",
        }
    }

    /// Which of them.
    #[must_use]
    pub fn aggregate_id(&self) -> &str {
        match self {
            Self::Order(_, order) => order.order_id.as_str(),
            Self::ReturnReceived(returned) => returned.order_id.as_str(),
            Self::Allocation(_, allocation) => &allocation.allocation_id,
            Self::InsufficientStock(short) => short.sku.as_str(),
            Self::StockChanged(changed) => changed.sku.as_str(),
        }
    }

    /// Among what it stays in order.
    #[must_use]
    pub fn stream(&self) -> Stream {
        let stock = |sku: &Sku, warehouse: &WarehouseId| Stream::Stock(sku.clone(), warehouse.clone());
        match self {
            Self::Order(_, order) => Stream::Order(order.order_id.clone()),
            Self::ReturnReceived(returned) => Stream::Order(returned.order_id.clone()),
            Self::Allocation(_, allocation) => stock(&allocation.sku, &allocation.warehouse_id),
            Self::InsufficientStock(short) => stock(&short.sku, &short.warehouse_id),
            Self::StockChanged(changed) => stock(&changed.sku, &changed.warehouse_id),
        }
    }

    /// What it says.
    ///
    /// # Errors
    /// What serde says; none of the payloads can fail.
    pub fn payload(&self) -> serde_json::Result<Value> {
        match self {
            Self::Order(_, payload) => serde_json::to_value(payload),
            Self::Allocation(_, payload) => serde_json::to_value(payload),
            Self::InsufficientStock(payload) => serde_json::to_value(payload),
            Self::StockChanged(payload) => serde_json::to_value(payload),
            Self::ReturnReceived(payload) => serde_json::to_value(payload),
        }
    }
}

#[cfg(test)]
mod tests;

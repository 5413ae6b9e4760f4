//! An order as the interface shows it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    Channel, Condition, FinancialStatus, HeldBy, LineId, OrderId, OrderNumber, OrderStatus, ParcelStatus,
    ShopDomain, ShopifyOrderId, UserId, WorkflowId,
};
use orders::{
    Line, Order, parcel,
    timeline::{Entry, TimelineEvent},
};
use rust_decimal::Decimal;
use serde::Serialize;
use stock::LineAllocation;
use utoipa::ToSchema;

use super::for_staff::ForStaff;
use crate::caller::Caller;

/// An order in a list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Order)]
pub(super) struct OrderBody {
    /// Ours, or that of an operator's own system; for a customer its own `clientOrderId`, if it gave one.
    #[schema(value_type = String, example = "0190a0b0-0000-7000-8000-000000000000")]
    order_id: OrderId,
    /// What the customer who placed it calls it.
    #[schema(value_type = Option<String>, example = json!(null))]
    client_order_id: Option<OrderId>,
    /// For people.
    #[schema(value_type = String, example = "ORD-20261121-6BA0A415")]
    order_number: OrderNumber,
    /// The id of its workflow in Temporal.
    #[schema(value_type = String, example = "order/api/0190a0b0-0000-7000-8000-000000000000")]
    workflow_id: WorkflowId,
    /// `shopify` or `api`.
    #[schema(example = "api")]
    channel: &'static str,
    /// The shop it came from.
    #[schema(value_type = Option<String>, example = json!(null))]
    shop: Option<ShopDomain>,
    /// The shop's id of it.
    #[schema(value_type = Option<i64>, example = json!(null))]
    shopify_order_id: Option<ShopifyOrderId>,
    /// The user it was placed for.
    #[schema(value_type = Option<String>, example = "user11")]
    user_id: Option<UserId>,
    /// What the channel calls it.
    #[schema(example = "#1001")]
    name: String,
    /// `PENDING`, `CONFIRMED`, `PROCESSING`, `SHIPPED`, `DELIVERED` or `CANCELLED`.
    #[schema(value_type = String, example = "CONFIRMED")]
    status: OrderStatus,
    /// What keeps it there: `ON_HOLD`, `AWAITING_PAYMENT`, `BACKORDERED`, `PARTIALLY_SHIPPED`,
    /// `NEEDS_ATTENTION`, `AWAITING_ALLOCATION`, `IGNORED`, or nothing.
    #[schema(value_type = Option<String>, example = json!(null))]
    condition: Option<Condition>,
    /// Why, as a code.
    #[schema(example = json!(null))]
    condition_reason: Option<String>,
    /// Who holds it, where the condition is `ON_HOLD`: `WINDOW`, `SHOPIFY`, `WAREHOUSE`, or `RISK` until its risk is known.
    #[schema(value_type = Option<String>, example = json!(null))]
    held_by: Option<HeldBy>,
    /// The currency of all its amounts.
    #[schema(example = "EUR")]
    currency: String,
    /// The sum of its lines, exact.
    #[schema(value_type = String, example = "1999.98")]
    total_amount: Decimal,
    /// How the payment stands, in the shop's words.
    #[schema(value_type = String, example = "paid")]
    financial_status: FinancialStatus,
    /// Its lines.
    items: Vec<LineBody>,
    /// By when it is promised to leave its warehouse; null where nothing is promised, or while it waits for its payment,
    /// for stock or for the shop.
    #[schema(example = "2026-11-23T17:00:00Z")]
    promised_at: Option<DateTime<Utc>>,
    /// When it reached us.
    received_at: DateTime<Utc>,
    /// When it was kept; lists go by it.
    created_at: DateTime<Utc>,
    /// When anything about it last changed.
    updated_at: DateTime<Utc>,
}

/// A line. `itemId` is the SKU.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderItem)]
struct LineBody {
    #[schema(example = "item1")]
    item_id: Option<String>,
    #[schema(example = "item1")]
    sku: Option<String>,
    #[schema(value_type = String, example = "1")]
    line_id: LineId,
    /// As ordered.
    #[schema(example = "Laptop 15 Pro")]
    product_name: String,
    /// Pieces that are part of the order now, or have left.
    #[schema(example = 2)]
    quantity: u32,
    /// The price of one piece, as ordered.
    #[schema(value_type = String, example = "999.99")]
    unit_price: Decimal,
    /// The price of all pieces.
    #[schema(value_type = Option<String>, example = "1999.98")]
    total_price: Option<Decimal>,
    /// What is held for it; not in lists.
    #[serde(flatten)]
    allocation: Option<AllocationBody>,
    /// Where its pieces are, and how they stand; for staff alone, and not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    allocations: Option<Vec<PiecesBody>>,
}

/// Pieces of a line that stand alike, in one warehouse.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderItemPieces)]
struct PiecesBody {
    /// As of an allocation: `BACKORDERED` are waited for, `FULFILLED` have left, `CANCELLED` were given back.
    #[schema(example = "CONFIRMED")]
    status: &'static str,
    /// Null where another inventory system did not say.
    #[schema(example = "main")]
    warehouse_id: Option<String>,
    /// Null where another inventory system did not say.
    #[schema(example = 2)]
    quantity: Option<u64>,
}

impl PiecesBody {
    fn all(held: Option<&LineAllocation>) -> Vec<Self> {
        let pieces = held.iter().flat_map(|held| &held.pieces);
        pieces
            .map(|pieces| Self {
                status: pieces.status.into(),
                warehouse_id: pieces.warehouse.as_ref().map(ToString::to_string),
                quantity: pieces.quantity,
            })
            .collect()
    }
}

/// What is held for a line.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderItemAllocation)]
pub(in crate::routes) struct AllocationBody {
    /// Of several allocations the one that is least far; null if nothing is held.
    #[schema(example = "alloc_0190a0b0000070008000000000000000")]
    allocation_id: Option<String>,
    /// `PENDING`, `CONFIRMED`, `CANCELLED`, `FULFILLED` or `BACKORDERED`; null if nothing is known.
    #[schema(example = "CONFIRMED")]
    allocation_status: Option<&'static str>,
}

impl From<Option<&LineAllocation>> for AllocationBody {
    fn from(held: Option<&LineAllocation>) -> Self {
        Self {
            allocation_id: held.and_then(|held| held.allocation_id.clone()),
            allocation_status: held.map(|held| held.status.into()),
        }
    }
}

/// An order that was placed, or that was there already.
#[derive(Serialize, ToSchema)]
#[schema(as = PlacedOrder)]
pub(super) struct PlacedBody {
    /// For people.
    #[schema(example = "Order placed successfully")]
    message: &'static str,
    #[serde(flatten)]
    order: OrderBody,
}

/// An order by itself.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderDetail)]
pub(super) struct OrderDetailBody {
    #[serde(flatten)]
    order: OrderBody,
    /// What happened to it, oldest first.
    timeline: Vec<TimelineBody>,
    /// Its parcels.
    #[serde(rename = "shipments")]
    parcels: Vec<ParcelBody>,
    #[serde(flatten)]
    for_staff: ForStaff,
}

/// Something that happened to an order.
#[derive(Serialize, ToSchema)]
#[schema(as = TimelineEntry)]
pub(super) struct TimelineBody {
    at: DateTime<Utc>,
    /// `RECEIVED`, `RESERVED`, `HANDED_OVER`, `SHIPPED` and so on.
    #[schema(value_type = String, example = "RESERVED")]
    event: TimelineEvent,
    /// More about it.
    #[schema(example = "main")]
    detail: Option<String>,
}

/// A parcel.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Parcel)]
struct ParcelBody {
    /// The warehouse's id of it.
    #[serde(rename = "shipmentId")]
    parcel_id: String,
    /// The hand-over it belongs to.
    #[schema(example = "ORD-20261121-6BA0A415-main-1")]
    reference: String,
    #[schema(example = "main")]
    warehouse_id: String,
    /// The newest status the warehouse reported.
    #[schema(value_type = String, example = "shipped")]
    status: ParcelStatus,
    carrier: Option<String>,
    tracking_number: Option<String>,
    tracking_url: Option<String>,
    lines: Vec<ParcelLineBody>,
}

/// What is in a parcel.
#[derive(Serialize, ToSchema)]
#[schema(as = ParcelLine)]
struct ParcelLineBody {
    #[schema(example = "item1")]
    sku: String,
    /// Pieces.
    #[schema(example = 2)]
    quantity: u32,
}

impl PlacedBody {
    pub(super) fn new(message: &'static str, order: Order, caller: &Caller) -> Self {
        Self { message, order: OrderBody::new(order, caller) }
    }
}

impl OrderBody {
    /// As this caller sees it.
    pub(super) fn new(order: Order, caller: &Caller) -> Self {
        let (channel, shop, shopify_order_id) = match order.channel.clone() {
            Channel::Shopify { shop, shopify_order_id } => ("shopify", Some(shop), Some(shopify_order_id)),
            Channel::Api => ("api", None, None),
        };
        let items = order.facts.current_lines().into_iter().map(LineBody::from).collect();
        Self {
            order_id: caller.id_of(&order),
            client_order_id: order.client_order_id,
            order_number: order.order_number,
            workflow_id: order.workflow_id,
            channel,
            shop,
            shopify_order_id,
            user_id: order.user_id,
            name: order.facts.name,
            status: order.status,
            condition: order.condition,
            condition_reason: order.condition_reason,
            held_by: order.held_by,
            currency: order.facts.currency,
            total_amount: order.facts.total_amount,
            financial_status: order.facts.financial_status,
            items,
            promised_at: order.promised.promised_at,
            received_at: order.received_at,
            created_at: order.created_at,
            updated_at: order.updated_at,
        }
    }
}

impl From<Line> for LineBody {
    fn from(line: Line) -> Self {
        Self {
            item_id: line.sku.clone(),
            sku: line.sku,
            line_id: line.line_id,
            product_name: line.product_name,
            quantity: line.quantity,
            unit_price: line.unit_price,
            // A shop may state a price beyond what a decimal can be multiplied to.
            total_price: line.unit_price.checked_mul(Decimal::from(line.quantity)),
            allocation: None,
            allocations: None,
        }
    }
}

impl OrderDetailBody {
    pub(super) fn new(
        order: Order,
        held: &BTreeMap<LineId, LineAllocation>,
        caller: &Caller,
        timeline: Vec<Entry>,
        parcels: Vec<parcel::KeptParcel>,
        for_staff: ForStaff,
    ) -> Self {
        let mut order = OrderBody::new(order, caller);
        for line in &mut order.items {
            let held = held.get(&line.line_id);
            line.allocation = Some(held.into());
            // Which warehouse has what is for staff.
            line.allocations = caller.confined_to().is_none().then(|| PiecesBody::all(held));
        }
        Self {
            order,
            timeline: timeline.into_iter().map(TimelineBody::from).collect(),
            parcels: parcels.into_iter().map(ParcelBody::from).collect(),
            for_staff,
        }
    }
}

impl From<Entry> for TimelineBody {
    fn from(Entry { at, event, detail }: Entry) -> Self {
        Self { at, event, detail }
    }
}

impl From<parcel::KeptParcel> for ParcelBody {
    fn from(parcel: parcel::KeptParcel) -> Self {
        Self {
            parcel_id: parcel.parcel_id,
            reference: parcel.reference,
            warehouse_id: parcel.warehouse,
            status: parcel.status,
            carrier: parcel.carrier,
            tracking_number: parcel.tracking_number,
            tracking_url: parcel.tracking_url,
            lines: parcel.lines.into_iter().map(ParcelLineBody::from).collect(),
        }
    }
}

impl From<parcel::ParcelLine> for ParcelLineBody {
    fn from(parcel::ParcelLine { sku, quantity }: parcel::ParcelLine) -> Self {
        Self { sku, quantity }
    }
}

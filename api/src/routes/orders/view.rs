//! An order as the interface shows it.

use chrono::{DateTime, Utc};
use domain::{
    Channel, FinancialStatus, LineId, OrderId, OrderNumber, OrderStatus, ShopDomain, ShopifyOrderId,
    WorkflowId,
};
use orders::{
    Line, Order,
    shipment::{ParcelLine, Shipment},
    timeline::Entry,
};
use rust_decimal::Decimal;
use serde::Serialize;

/// An order in a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderBody {
    order_id: OrderId,
    order_number: OrderNumber,
    workflow_id: WorkflowId,
    channel: &'static str,
    shop: Option<ShopDomain>,
    shopify_order_id: Option<ShopifyOrderId>,
    name: String,
    status: OrderStatus,
    condition: Option<String>,
    condition_reason: Option<String>,
    held_by: Option<String>,
    currency: String,
    total_amount: Decimal,
    financial_status: FinancialStatus,
    items: Vec<LineBody>,
    received_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// A line. `item_id` is the SKU.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LineBody {
    item_id: Option<String>,
    sku: Option<String>,
    line_id: LineId,
    product_name: String,
    quantity: u32,
    unit_price: Decimal,
    total_price: Option<Decimal>,
}

/// An order by itself.
#[derive(Serialize)]
pub(super) struct OrderDetailBody {
    #[serde(flatten)]
    order: OrderBody,
    timeline: Vec<Entry>,
    shipments: Vec<ShipmentBody>,
}

/// A parcel.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShipmentBody {
    shipment_id: String,
    reference: String,
    warehouse_id: String,
    status: String,
    carrier: Option<String>,
    tracking_number: Option<String>,
    tracking_url: Option<String>,
    lines: Vec<ParcelLine>,
}

impl From<Order> for OrderBody {
    fn from(order: Order) -> Self {
        let (channel, shop, shopify_order_id) = match order.channel {
            Channel::Shopify { shop, shopify_order_id } => ("shopify", Some(shop), Some(shopify_order_id)),
            Channel::Api => ("api", None, None),
        };
        Self {
            order_id: order.order_id,
            order_number: order.order_number,
            workflow_id: order.workflow_id,
            channel,
            shop,
            shopify_order_id,
            name: order.facts.name,
            status: order.status,
            condition: order.condition,
            condition_reason: order.condition_reason,
            held_by: order.held_by,
            currency: order.facts.currency,
            total_amount: order.facts.total_amount,
            financial_status: order.facts.financial_status,
            items: order.facts.lines.into_iter().map(LineBody::from).collect(),
            received_at: order.received_at,
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
        }
    }
}

impl OrderDetailBody {
    pub(super) fn new(order: Order, timeline: Vec<Entry>, shipments: Vec<Shipment>) -> Self {
        Self {
            order: order.into(),
            timeline,
            shipments: shipments.into_iter().map(ShipmentBody::from).collect(),
        }
    }
}

impl From<Shipment> for ShipmentBody {
    fn from(shipment: Shipment) -> Self {
        Self {
            shipment_id: shipment.shipment_id,
            reference: shipment.reference,
            warehouse_id: shipment.warehouse,
            status: shipment.status,
            carrier: shipment.carrier,
            tracking_number: shipment.tracking_number,
            tracking_url: shipment.tracking_url,
            lines: shipment.lines,
        }
    }
}

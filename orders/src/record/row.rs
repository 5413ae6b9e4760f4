//! Rows as the database gives them, read into what is known of an order.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    AddressSaid, Channel, FinancialStatus, LaneName, LineId, OrderFacts, OrderId, OrderNumber, ShopDomain,
    ShopFulfilment, ShopifyOrderId, UserId, Was, WorkflowId,
};
use rust_decimal::Decimal;
use sqlx::{FromRow, types::Json};

use super::{Line, Order};
use crate::OrdersError;

/// Named one by one: a statement that asks for all columns fails in every running process once a
/// later version adds one.
pub(super) const ORDER_COLUMNS: &str = "order_id, order_number, workflow_id, shop, shopify_order_id, user_id, \
    client_order_id, name, shop_lane, status, condition, condition_reason, held_by, some_has_left, currency, total_amount, \
    financial_status, test, location_id, shop_cancelled_at, content_updated_at, hold_until, epoch, \
    cancelled_by, story_ended_at, correlation_id, received_at, created_at, updated_at, was_open, was_payable, \
    content_in_doubt, wish_version, planned_version, looked_for, notified_at_look, look_wanted, rest_is_cancelled, address_said, shop_fulfilments, refund_ids";

#[derive(FromRow)]
pub(super) struct OrderRow {
    pub(super) order_id: String,
    order_number: String,
    workflow_id: String,
    shop: Option<String>,
    shopify_order_id: Option<i64>,
    user_id: Option<String>,
    client_order_id: Option<String>,
    name: String,
    shop_lane: Option<String>,
    status: String,
    condition: Option<String>,
    condition_reason: Option<String>,
    held_by: Option<String>,
    some_has_left: bool,
    currency: String,
    total_amount: Decimal,
    financial_status: String,
    test: bool,
    location_id: Option<i64>,
    shop_cancelled_at: Option<DateTime<Utc>>,
    content_updated_at: Option<DateTime<Utc>>,
    hold_until: Option<DateTime<Utc>>,
    epoch: i32,
    cancelled_by: Option<String>,
    story_ended_at: Option<DateTime<Utc>>,
    correlation_id: String,
    received_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    was_open: bool,
    was_payable: bool,
    content_in_doubt: bool,
    wish_version: i32,
    planned_version: i32,
    looked_for: Option<Vec<u8>>,
    notified_at_look: Option<Json<BTreeMap<LineId, u32>>>,
    look_wanted: bool,
    rest_is_cancelled: bool,
    address_said: String,
    shop_fulfilments: Option<Json<Vec<ShopFulfilment>>>,
    refund_ids: Vec<i64>,
}

#[derive(FromRow)]
pub(super) struct LineRow {
    pub(super) order_id: String,
    line_id: String,
    sku: Option<String>,
    product_name: String,
    quantity: i32,
    fulfillable_quantity: i32,
    unit_price: Decimal,
    requires_shipping: bool,
    says_fulfillable: bool,
    current_quantity: Option<i32>,
    says_fulfilled: bool,
    fulfilment_service: Option<String>,
}

impl LineRow {
    fn into_line(self) -> Result<Line, OrdersError> {
        let pieces = |pieces: i32| {
            u32::try_from(pieces).map_err(|_| OrdersError::Unreadable("negative quantity".into()))
        };
        Ok(Line {
            line_id: LineId::parse(&self.line_id)?,
            sku: self.sku,
            product_name: self.product_name,
            quantity: pieces(self.quantity)?,
            fulfillable_quantity: pieces(self.fulfillable_quantity)?,
            says_fulfillable: self.says_fulfillable,
            current_quantity: self.current_quantity.map(pieces).transpose()?,
            says_fulfilled: self.says_fulfilled,
            fulfilment_service: self.fulfilment_service,
            unit_price: self.unit_price,
            requires_shipping: self.requires_shipping,
        })
    }
}

impl OrderRow {
    pub(super) fn into_order(self, lines: Vec<LineRow>) -> Result<Order, OrdersError> {
        let channel = match (&self.shop, self.shopify_order_id) {
            (Some(shop), Some(id)) => {
                Channel::Shopify { shop: ShopDomain::parse(shop)?, shopify_order_id: ShopifyOrderId(id) }
            }
            _ => Channel::Api,
        };
        Ok(Order {
            order_id: OrderId::parse(&self.order_id)?,
            order_number: OrderNumber::parse(&self.order_number)?,
            workflow_id: WorkflowId::parse(&self.workflow_id)?,
            channel,
            shop_lane: self.shop_lane.as_deref().map(LaneName::parse).transpose()?,
            user_id: self.user_id.as_deref().map(UserId::parse).transpose()?,
            client_order_id: self.client_order_id.as_deref().map(OrderId::parse).transpose()?,
            status: self.status.parse()?,
            condition: self.condition.as_deref().map(str::parse).transpose()?,
            condition_reason: self.condition_reason,
            held_by: self.held_by.as_deref().map(str::parse).transpose()?,
            some_has_left: self.some_has_left,
            facts: OrderFacts {
                name: self.name,
                currency: self.currency,
                total_amount: self.total_amount,
                financial_status: FinancialStatus::from(self.financial_status),
                test: self.test,
                cancelled_at: self.shop_cancelled_at,
                updated_at: self.content_updated_at,
                location_id: self.location_id,
                address: AddressSaid::of(&self.address_said),
                fulfilments: self.shop_fulfilments.map(|listed| listed.0),
                refund_ids: self.refund_ids,
                lines: lines.into_iter().map(LineRow::into_line).collect::<Result<_, _>>()?,
            },
            was: Was { open: self.was_open, payable: self.was_payable },
            content_in_doubt: self.content_in_doubt,
            wish_version: u32::try_from(self.wish_version)
                .map_err(|_| OrdersError::Unreadable("negative version".into()))?,
            was_planned: self.planned_version > 0,
            looked_for: self.looked_for,
            notified_at_look: self.notified_at_look.map(|notified| notified.0).unwrap_or_default(),
            look_wanted: self.look_wanted,
            rest_is_cancelled: self.rest_is_cancelled,
            hold_until: self.hold_until,
            epoch: u32::try_from(self.epoch).map_err(|_| OrdersError::Unreadable("negative epoch".into()))?,
            cancelled_by: self.cancelled_by,
            story_ended_at: self.story_ended_at,
            correlation_id: self.correlation_id,
            received_at: self.received_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

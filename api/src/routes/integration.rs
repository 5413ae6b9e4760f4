//! Orders as other services read them: without the customer.

use std::collections::BTreeMap;

use axum::Json;
use chrono::{DateTime, Utc};
use domain::{Condition, LineId, OrderLine, OrderStatus};
use orders::Order;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use stock::LineAllocation;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::orders::{lookup::named, view::AllocationBody};
use crate::{
    envelope::Success,
    extract::PathPart,
    problem::Problem,
    state::{Api, Asked},
};

pub(crate) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(order)).routes(routes!(items))
}

/// Which order a path names.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct OrderPath {
    /// The order's id, its number, or the id its caller gave it
    #[param(pattern = "^[A-Za-z0-9._-]{1,64}$", example = "ORD-20261121-CED0A867")]
    order_id: String,
}

/// An order without its customer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IntegrationOrder)]
struct OrderBody {
    #[schema(example = "0190a0b0-0000-7000-8000-000000000000")]
    id: String,
    #[schema(example = "ORD-20261121-CED0A867")]
    order_number: String,
    #[schema(value_type = String, example = "CONFIRMED")]
    status: OrderStatus,
    /// What keeps it there; null if nothing does.
    #[schema(value_type = Option<String>, example = "BACKORDERED")]
    condition: Option<Condition>,
    #[schema(example = "EUR")]
    currency: String,
    /// A decimal string.
    #[schema(value_type = String, example = "25.00")]
    total_amount: Decimal,
    /// When it reached us.
    created_at: DateTime<Utc>,
    items: Vec<ItemBody>,
}

/// A line of an order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IntegrationOrderItem)]
struct ItemBody {
    /// The line's id, unique within the order.
    #[schema(example = "1")]
    id: String,
    /// Null if the shop named none.
    #[schema(example = "TEA-EARL-GREY-100")]
    sku: Option<String>,
    /// The same as `sku`.
    #[schema(example = "TEA-EARL-GREY-100")]
    inventory_item_id: Option<String>,
    #[schema(example = 2)]
    quantity: u32,
    /// As ordered, a decimal string.
    #[schema(value_type = String, example = "12.50")]
    unit_price: Decimal,
    /// As ordered.
    #[schema(example = "Earl Grey, 100 g")]
    product_name: String,
    #[serde(flatten)]
    allocation: AllocationBody,
}

/// An order
#[utoipa::path(
    get, path = "/orders/{orderId}", tag = "integration", operation_id = "readOrder",
    params(OrderPath),
    responses(
        (status = 200, description = "The order", body = Success<OrderBody>),
        (status = 404, description = "`ORDER_NOT_FOUND`: no such order"),
    )
)]
async fn order(
    asked: Asked,
    PathPart(path): PathPart<OrderPath>,
) -> Result<Json<Success<OrderBody>>, Problem> {
    let (mut conn, order) = named(&asked, path.order_id).await?;
    let held = asked.api.stock.line_allocations(&mut conn, &order).await?;
    Ok(Success::new(OrderBody::new(order, &held)))
}

/// An order's items
#[utoipa::path(
    get, path = "/orders/{orderId}/items", tag = "integration", operation_id = "readOrderItems",
    params(OrderPath),
    responses(
        (status = 200, description = "Its items, in their order", body = Success<Vec<ItemBody>>),
        (status = 404, description = "`ORDER_NOT_FOUND`: no such order"),
    )
)]
async fn items(
    asked: Asked,
    PathPart(path): PathPart<OrderPath>,
) -> Result<Json<Success<Vec<ItemBody>>>, Problem> {
    let (mut conn, order) = named(&asked, path.order_id).await?;
    let held = asked.api.stock.line_allocations(&mut conn, &order).await?;
    Ok(Success::new(items_of(&order, &held)))
}

fn items_of(order: &Order, held: &BTreeMap<LineId, LineAllocation>) -> Vec<ItemBody> {
    order.facts.current_lines().into_iter().map(|line| ItemBody::new(line, held)).collect()
}

impl OrderBody {
    fn new(order: Order, held: &BTreeMap<LineId, LineAllocation>) -> Self {
        Self {
            items: items_of(&order, held),
            id: order.order_id.into(),
            order_number: order.order_number.into(),
            status: order.status,
            condition: order.condition,
            currency: order.facts.currency,
            total_amount: order.facts.total_amount,
            created_at: order.received_at,
        }
    }
}

impl ItemBody {
    fn new(line: OrderLine, held: &BTreeMap<LineId, LineAllocation>) -> Self {
        Self {
            allocation: held.get(&line.line_id).into(),
            id: line.line_id.into(),
            inventory_item_id: line.sku.clone(),
            sku: line.sku,
            quantity: line.quantity,
            unit_price: line.unit_price,
            product_name: line.product_name,
        }
    }
}

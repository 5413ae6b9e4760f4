//! The answers' shapes, as far as our documents ask for them.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::error::{ShopifyError, UserError};
use super::super::pages::{Connection, Reference, number};
use super::{FulfilmentOrder, FulfilmentOrderLine, FulfilmentOrderStatus};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Orders {
    pub(super) fulfillment_orders: Connection<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node {
    id: String,
    status: FulfilmentOrderStatus,
    request_status: String,
    fulfill_at: Option<DateTime<Utc>>,
    assigned_location: AssignedLocation,
    delivery_method: Option<DeliveryMethod>,
    fulfillment_holds: Vec<IgnoredAny>,
    line_items: Connection<LineNode>,
}

#[derive(Deserialize)]
struct AssignedLocation {
    name: String,
    location: Option<Reference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeliveryMethod {
    method_type: String,
}

impl Node {
    /// The fulfilment order without its lines, and the first page of them.
    pub(super) fn read(self) -> Result<(FulfilmentOrder, Connection<LineNode>), ShopifyError> {
        let location = self.assigned_location;
        let holds = !self.fulfillment_holds.is_empty() && !self.status.is_over();
        let read = FulfilmentOrder {
            number: number("FulfillmentOrder", &self.id)?,
            id: self.id,
            is_held: self.status.is_held() || holds,
            status: self.status,
            request_status: self.request_status,
            location_id: location.location.map(|location| location.number("Location")).transpose()?,
            location_name: location.name,
            delivery_method: self.delivery_method.map(|method| method.method_type),
            fulfil_at: self.fulfill_at,
            lines: Vec::new(),
        };
        Ok((read, self.line_items))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LineNode {
    id: String,
    sku: Option<String>,
    total_quantity: u32,
    remaining_quantity: u32,
    line_item: Reference,
}

impl LineNode {
    pub(super) fn read(self) -> Result<FulfilmentOrderLine, ShopifyError> {
        Ok(FulfilmentOrderLine {
            id: self.id,
            line_item_id: self.line_item.number("LineItem")?,
            sku: self.sku,
            total_quantity: self.total_quantity,
            remaining_quantity: self.remaining_quantity,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LinesOrder {
    pub(super) line_items: Connection<LineNode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MovePayload {
    pub(super) user_errors: Vec<UserError>,
}

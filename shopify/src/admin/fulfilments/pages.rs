//! The answers' shapes, as far as our documents ask for them.

use serde::Deserialize;

use super::FulfilmentOrderLine;
use crate::admin::error::{ShopifyError, UserError};
use crate::admin::plan::LinePieces;
use crate::gid;

const UNREADABLE: ShopifyError = ShopifyError::UnknownOutcome { reason: "unreadable answer" };

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connection<T> {
    pub(super) nodes: Vec<T>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

impl<T> Connection<T> {
    /// Where the next page begins, if there is one. A page that is followed by another and is empty
    /// would be asked for without end.
    pub(super) fn next(&self) -> Result<Option<String>, ShopifyError> {
        match (self.page_info.has_next_page, &self.page_info.end_cursor) {
            (false, _) => Ok(None),
            (true, Some(cursor)) if !self.nodes.is_empty() => Ok(Some(cursor.clone())),
            (true, _) => Err(UNREADABLE),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct FulfilmentOrdersData {
    pub(super) order: Option<FulfilmentOrdersOrder>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfilmentOrdersOrder {
    pub(super) fulfillment_orders: Connection<FulfilmentOrderNode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfilmentOrderNode {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) line_items: Connection<FulfilmentOrderLineNode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfilmentOrderLineNode {
    id: String,
    sku: Option<String>,
    remaining_quantity: u32,
    line_item: Reference,
}

impl FulfilmentOrderLineNode {
    pub(super) fn read(self) -> Result<FulfilmentOrderLine, ShopifyError> {
        Ok(FulfilmentOrderLine {
            id: self.id,
            line_item_id: self.line_item.number()?,
            sku: self.sku,
            remaining_quantity: self.remaining_quantity,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfilmentOrderLinesData {
    pub(super) fulfillment_order: Option<FulfilmentOrderLinesOrder>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfilmentOrderLinesOrder {
    pub(super) line_items: Connection<FulfilmentOrderLineNode>,
}

#[derive(Deserialize)]
pub(super) struct FulfilmentsData {
    pub(super) order: Option<FulfilmentsOrder>,
}

#[derive(Deserialize)]
pub(super) struct FulfilmentsOrder {
    pub(super) fulfillments: Vec<FulfilmentNode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfilmentNode {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) tracking_info: Vec<TrackingNode>,
    pub(super) fulfillment_line_items: Connection<FulfilmentLineNode>,
}

#[derive(Deserialize)]
pub(super) struct TrackingNode {
    pub(super) number: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfilmentLineNode {
    quantity: Option<u32>,
    line_item: Reference,
}

impl FulfilmentLineNode {
    pub(super) fn read(self) -> Result<LinePieces, ShopifyError> {
        Ok(LinePieces { line_item_id: self.line_item.number()?, quantity: self.quantity.unwrap_or(0) })
    }
}

#[derive(Deserialize)]
pub(super) struct FulfilmentLinesData {
    pub(super) fulfillment: Option<FulfilmentLinesFulfilment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfilmentLinesFulfilment {
    pub(super) fulfillment_line_items: Connection<FulfilmentLineNode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateData {
    pub(super) fulfillment_create: Option<CreatePayload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreatePayload {
    pub(super) fulfillment: Option<CreatedFulfilment>,
    pub(super) user_errors: Vec<UserError>,
}

#[derive(Deserialize)]
pub(super) struct CreatedFulfilment {
    pub(super) id: String,
}

#[derive(Deserialize)]
struct Reference {
    id: String,
}

impl Reference {
    fn number(&self) -> Result<i64, ShopifyError> {
        gid::number("LineItem", &self.id).ok_or(UNREADABLE)
    }
}

//! The answers' shapes, as far as our documents ask for them.

use serde::Deserialize;

use super::super::error::{ShopifyError, UserError};
use super::super::pages::{Connection, Reference};
use super::super::plan::LinePieces;

#[derive(Deserialize)]
pub(super) struct Fulfilments {
    pub(super) fulfillments: Vec<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Node {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) location: Option<Reference>,
    pub(super) tracking_info: Vec<TrackingNode>,
    pub(super) fulfillment_line_items: Connection<LineNode>,
}

#[derive(Deserialize)]
pub(super) struct TrackingNode {
    pub(super) number: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LineNode {
    quantity: Option<u32>,
    line_item: Reference,
}

impl LineNode {
    pub(super) fn read(self) -> Result<LinePieces, ShopifyError> {
        let line_item_id = self.line_item.number("LineItem")?;
        Ok(LinePieces { line_item_id, quantity: self.quantity.unwrap_or(0) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LinesFulfilment {
    pub(super) fulfillment_line_items: Connection<LineNode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreatePayload {
    pub(super) fulfillment: Option<Reference>,
    pub(super) user_errors: Vec<UserError>,
}

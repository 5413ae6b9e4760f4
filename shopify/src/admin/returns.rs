//! What became of pieces that came back.

use domain::ShopifyOrderId;
use serde::Deserialize;
use serde_json::json;

use super::error::ShopifyError;
use super::pages::{Connection, Reference, number};
use super::{AdminClient, operations};
use crate::gid;

/// Pieces of an order that the shop's people put on the shelf again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestockedPieces {
    /// The shop's id of the disposition, which says so.
    pub disposition_id: i64,
    /// The order's line.
    pub line_item_id: i64,
    /// How many.
    pub quantity: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    order: Option<Reference>,
    line_items: Connection<LineNode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LineNode {
    fulfillment_line_item: Option<FulfilledNode>,
    dispositions: Vec<DispositionNode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FulfilledNode {
    line_item: Reference,
}

#[derive(Deserialize)]
struct DispositionNode {
    id: String,
    quantity: u32,
    #[serde(rename = "type")]
    kind: String,
}

/// The word for pieces that are on the shelf again (`ReverseFulfillmentOrderDispositionType`, 2026-07).
const RESTOCKED: &str = "RESTOCKED";

impl AdminClient {
    /// The order of a reverse fulfilment order, and what of it is on the shelf again so far. None if the
    /// shop has no such thing, or it belongs to no order any more.
    ///
    /// # Errors
    /// [`ShopifyError`].
    pub async fn restocked(
        &self,
        reverse_fulfilment_order: i64,
    ) -> Result<Option<(ShopifyOrderId, Vec<RestockedPieces>)>, ShopifyError> {
        let id = gid::of("ReverseFulfillmentOrder", reverse_fulfilment_order);
        let variables = json!({ "reverseFulfilmentOrder": id });
        let found = self.transport.call(operations::RESTOCKED, variables.clone()).await?;
        let Some(Node { order: Some(order), mut line_items }) = found else {
            return Ok(None);
        };
        let order = ShopifyOrderId(order.number("Order")?);
        let missing = ShopifyError::NotFound { what: "reverse fulfilment order" };
        let page = |found: Option<Node>| Ok(found.ok_or(missing.clone())?.line_items);
        let lines = self.transport.all_pages(&mut line_items, operations::RESTOCKED, variables, page).await?;
        let mut restocked = Vec::new();
        for line in &lines {
            let Some(fulfilled) = &line.fulfillment_line_item else { continue };
            for disposition in line.dispositions.iter().filter(|disposition| disposition.kind == RESTOCKED) {
                restocked.push(RestockedPieces {
                    disposition_id: number("ReverseFulfillmentOrderDisposition", &disposition.id)?,
                    line_item_id: fulfilled.line_item.number("LineItem")?,
                    quantity: disposition.quantity,
                });
            }
        }
        Ok(Some((order, restocked)))
    }
}

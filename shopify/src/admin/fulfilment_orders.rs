//! Fulfilment orders: what Shopify wants fulfilled, by whom, from where, and whether it may.

mod nodes;

use chrono::{DateTime, Utc};
use domain::{ShopifyOrderId, open_words};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::ShopifyError;
use super::pages::{NO_ORDER, UNREADABLE, accepted};
use super::{AdminClient, operations};
use crate::gid;
use nodes::{LineNode, LinesOrder, MovePayload, Node, Orders};

/// What Shopify wants fulfilled from one location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FulfilmentOrder {
    /// The global id.
    pub id: String,
    /// The number in the global id, by which webhooks name it.
    pub number: i64,
    /// How far it is.
    pub status: FulfilmentOrderStatus,
    /// What a fulfilment service was asked for and answered (`FulfillmentOrderRequestStatus` as it
    /// came); `UNSUBMITTED` where nobody was asked.
    pub request_status: String,
    /// The location it is to leave from; none once the location is deleted.
    #[serde(default)]
    pub location_id: Option<i64>,
    /// What the shop calls that location.
    pub location_name: String,
    /// `DeliveryMethodType` as it came, for example `SHIPPING` or `PICK_UP`.
    #[serde(default)]
    pub delivery_method: Option<String>,
    /// When it may be fulfilled, where the shop names a moment.
    #[serde(default)]
    pub fulfil_at: Option<DateTime<Utc>>,
    /// Whether it waits: on hold, scheduled for later, or with a hold on it.
    pub is_held: bool,
    /// All its lines.
    pub lines: Vec<FulfilmentOrderLine>,
}

impl FulfilmentOrder {
    /// Whether it may be fulfilled now.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status.is_open() && !self.is_held
    }

    /// Whether it waits: on hold, scheduled for later, or with a hold on it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.is_held
    }

    /// Whether nothing will come of it any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.status.is_over()
    }
}

/// One line of a fulfilment order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FulfilmentOrderLine {
    /// The global id.
    pub id: String,
    /// The id of the order's line it fulfils.
    pub line_item_id: i64,
    /// The stock keeping unit, if the line has one.
    #[serde(default)]
    pub sku: Option<String>,
    /// Pieces in all.
    pub total_quantity: u32,
    /// Pieces not fulfilled yet.
    pub remaining_quantity: u32,
}

/// A fulfilment order's status (`FulfillmentOrderStatus`, 2026-07).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::AsRefStr, strum::EnumString)]
#[serde(from = "String", into = "String")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum FulfilmentOrderStatus {
    /// Ready to be fulfilled.
    Open,
    /// Being fulfilled.
    InProgress,
    /// Will be ready at a date.
    Scheduled,
    /// Somebody holds it.
    OnHold,
    /// Done.
    Closed,
    /// Cancelled.
    Cancelled,
    /// Closed with pieces unfulfilled.
    Incomplete,
    /// Newer than this code.
    #[strum(default, transparent)]
    Unknown(String),
}

open_words!(FulfilmentOrderStatus);

impl FulfilmentOrderStatus {
    /// Whether it may be fulfilled.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open | Self::InProgress)
    }

    /// Whether somebody or a date has to release it first.
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(self, Self::OnHold | Self::Scheduled)
    }

    /// Whether nothing will come of it any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Closed | Self::Cancelled | Self::Incomplete)
    }
}

impl AdminClient {
    /// All fulfilment orders of an order, open or not. None at all is usual for a young order.
    ///
    /// # Errors
    /// [`ShopifyError`]; `NotFound` if the shop has no such order.
    pub async fn fulfilment_orders(
        &self,
        order: ShopifyOrderId,
    ) -> Result<Vec<FulfilmentOrder>, ShopifyError> {
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let variables = json!({ "order": gid::of_order(order), "after": after });
            let answer = self.transport.call(operations::FULFILMENT_ORDERS, variables).await?;
            let Orders { fulfillment_orders: page } = answer.ok_or(NO_ORDER)?;
            after = page.next()?;
            for node in page.nodes {
                found.push(self.whole(node).await?);
            }
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// Moves what is unfulfilled of a fulfilment order to another location.
    ///
    /// The shop may answer with another fulfilment order: whoever keeps them reads them again.
    ///
    /// # Errors
    /// [`ShopifyError`]; `UserErrors` where the location does not stock the lines.
    pub async fn move_fulfilment_order(&self, id: &str, location_id: i64) -> Result<(), ShopifyError> {
        let variables = json!({ "fulfilmentOrder": id, "location": gid::of("Location", location_id) });
        let moved = self.transport.call(operations::MOVE_FULFILMENT_ORDER, variables).await?;
        let MovePayload { user_errors } = moved.ok_or(UNREADABLE)?;
        accepted(user_errors)
    }

    async fn whole(&self, node: Node) -> Result<FulfilmentOrder, ShopifyError> {
        let (mut fulfilment_order, mut first) = node.read()?;
        let variables = json!({ "fulfilmentOrder": fulfilment_order.id });
        let missing = ShopifyError::NotFound { what: "fulfilment order" };
        let page = |found: Option<LinesOrder>| Ok(found.ok_or(missing.clone())?.line_items);
        let lines =
            self.transport.all_pages(&mut first, operations::FULFILMENT_ORDER_LINES, variables, page).await?;
        fulfilment_order.lines = lines.into_iter().map(LineNode::read).collect::<Result<_, _>>()?;
        Ok(fulfilment_order)
    }
}

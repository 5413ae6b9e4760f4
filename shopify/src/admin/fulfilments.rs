//! Fulfilment orders (what Shopify wants fulfilled), fulfilments (what left), and saying that
//! something left.

mod pages;

use domain::ShopifyOrderId;
use serde_json::{Value, json};
use url::Url;

use super::error::ShopifyError;
use super::plan::{FulfilmentGroup, LinePieces};
use super::{AdminClient, operations};
use crate::gid;
use pages::{
    Connection, CreateData, FulfilmentLinesData, FulfilmentOrderLinesData, FulfilmentOrdersData,
    FulfilmentsData,
};

/// Fulfilments asked for at first.
const USUAL_FULFILMENTS: usize = 20;
/// The most the API gives (2026-07).
const MOST_FULFILMENTS: usize = 250;

/// What Shopify wants fulfilled from one location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FulfilmentOrder {
    /// The global id.
    pub id: String,
    /// Whether it may be fulfilled now.
    pub status: FulfilmentOrderStatus,
    /// All its lines.
    pub lines: Vec<FulfilmentOrderLine>,
}

/// One line of a fulfilment order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FulfilmentOrderLine {
    /// The global id.
    pub id: String,
    /// The id of the order's line it fulfils.
    pub line_item_id: i64,
    /// The stock keeping unit, if the line has one.
    pub sku: Option<String>,
    /// Pieces not fulfilled yet.
    pub remaining_quantity: u32,
}

/// A fulfilment order's status (`FulfillmentOrderStatus`, 2026-07).
#[derive(Debug, Clone, PartialEq, Eq)]
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
    Unknown(String),
}

impl From<String> for FulfilmentOrderStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "OPEN" => Self::Open,
            "IN_PROGRESS" => Self::InProgress,
            "SCHEDULED" => Self::Scheduled,
            "ON_HOLD" => Self::OnHold,
            "CLOSED" => Self::Closed,
            "CANCELLED" => Self::Cancelled,
            "INCOMPLETE" => Self::Incomplete,
            _ => Self::Unknown(text),
        }
    }
}

/// A fulfilment's global id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FulfilmentId(pub String);

/// What left for the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fulfilment {
    /// The global id.
    pub id: FulfilmentId,
    /// `FulfillmentStatus` as it came.
    pub status: String,
    /// The parcels' tracking numbers.
    pub tracking_numbers: Vec<String>,
    /// What is in it.
    pub lines: Vec<LinePieces>,
}

impl Fulfilment {
    /// Whether it still stands: neither cancelled nor failed.
    #[must_use]
    pub fn stands(&self) -> bool {
        !matches!(self.status.as_str(), "CANCELLED" | "ERROR" | "FAILURE")
    }
}

/// How a parcel can be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracking {
    /// The carrier's number; the parcel's id at the warehouse where the carrier gives none, because
    /// a parcel is recognised by it before it is reported again.
    pub number: String,
    /// The carrier's name.
    pub company: Option<String>,
    /// Where the customer can follow it; what is no http(s) address is left out, as Shopify would
    /// refuse the whole fulfilment for it.
    pub url: Option<String>,
}

/// A parcel to report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFulfilment {
    /// What it fulfils; all fulfilment orders must be at one location.
    pub groups: Vec<FulfilmentGroup>,
    /// How it can be followed.
    pub tracking: Tracking,
    /// Whether Shopify writes to the customer.
    pub notify_customer: bool,
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
            let data: FulfilmentOrdersData =
                self.transport.call(operations::FULFILMENT_ORDERS, variables).await?;
            let page = data.order.ok_or(ShopifyError::NotFound { what: "order" })?.fulfillment_orders;
            after = page.next()?;
            for node in page.nodes {
                let lines = self.all_fulfilment_order_lines(&node.id, node.line_items).await?;
                found.push(FulfilmentOrder { id: node.id, status: node.status.into(), lines });
            }
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// An order's fulfilments, cancelled ones too; the first 250, which is all the API gives.
    ///
    /// # Errors
    /// [`ShopifyError`]; `NotFound` if the shop has no such order.
    pub async fn fulfilments(&self, order: ShopifyOrderId) -> Result<Vec<Fulfilment>, ShopifyError> {
        let mut nodes = self.first_fulfilments(order, USUAL_FULFILMENTS).await?;
        if nodes.len() >= USUAL_FULFILMENTS {
            nodes = self.first_fulfilments(order, MOST_FULFILMENTS).await?;
        }
        let mut found = Vec::with_capacity(nodes.len());
        for node in nodes {
            let lines = self.all_fulfilment_lines(&node.id, node.fulfillment_line_items).await?;
            let tracking_numbers = node.tracking_info.into_iter().filter_map(|info| info.number).collect();
            found.push(Fulfilment {
                id: FulfilmentId(node.id),
                status: node.status,
                tracking_numbers,
                lines,
            });
        }
        Ok(found)
    }

    /// Reports a parcel. Not idempotent: after [`ShopifyError::UnknownOutcome`] read
    /// [`fulfilments`](Self::fulfilments) before reporting it again.
    ///
    /// # Errors
    /// [`ShopifyError`]; `UserErrors` if Shopify refuses it.
    pub async fn create_fulfilment(&self, new: &NewFulfilment) -> Result<FulfilmentId, ShopifyError> {
        let variables = json!({ "fulfilment": input(new) });
        let data: CreateData = self.transport.call(operations::CREATE_FULFILMENT, variables).await?;
        let missing = ShopifyError::UnknownOutcome { reason: "unreadable answer" };
        let payload = data.fulfillment_create.ok_or(missing.clone())?;
        if !payload.user_errors.is_empty() {
            return Err(ShopifyError::UserErrors(payload.user_errors));
        }
        payload.fulfillment.map(|created| FulfilmentId(created.id)).ok_or(missing)
    }

    async fn first_fulfilments(
        &self,
        order: ShopifyOrderId,
        first: usize,
    ) -> Result<Vec<pages::FulfilmentNode>, ShopifyError> {
        let variables = json!({ "order": gid::of_order(order), "first": first });
        let data: FulfilmentsData = self.transport.call(operations::FULFILMENTS, variables).await?;
        Ok(data.order.ok_or(ShopifyError::NotFound { what: "order" })?.fulfillments)
    }

    async fn all_fulfilment_order_lines(
        &self,
        fulfilment_order: &str,
        first: Connection<pages::FulfilmentOrderLineNode>,
    ) -> Result<Vec<FulfilmentOrderLine>, ShopifyError> {
        let mut page = first;
        let mut lines = Vec::new();
        loop {
            let after = page.next()?;
            for node in page.nodes {
                lines.push(node.read()?);
            }
            if after.is_none() {
                return Ok(lines);
            }
            let variables = json!({ "fulfilmentOrder": fulfilment_order, "after": after });
            let data: FulfilmentOrderLinesData =
                self.transport.call(operations::FULFILMENT_ORDER_LINES, variables).await?;
            page =
                data.fulfillment_order.ok_or(ShopifyError::NotFound { what: "fulfilment order" })?.line_items;
        }
    }

    async fn all_fulfilment_lines(
        &self,
        fulfilment: &str,
        first: Connection<pages::FulfilmentLineNode>,
    ) -> Result<Vec<LinePieces>, ShopifyError> {
        let mut page = first;
        let mut lines = Vec::new();
        loop {
            let after = page.next()?;
            for node in page.nodes {
                lines.push(node.read()?);
            }
            if after.is_none() {
                return Ok(lines);
            }
            let variables = json!({ "fulfilment": fulfilment, "after": after });
            let data: FulfilmentLinesData =
                self.transport.call(operations::FULFILMENT_LINES, variables).await?;
            page =
                data.fulfillment.ok_or(ShopifyError::NotFound { what: "fulfilment" })?.fulfillment_line_items;
        }
    }
}

fn input(new: &NewFulfilment) -> Value {
    let groups: Vec<Value> = new
        .groups
        .iter()
        .map(|group| {
            let lines: Vec<Value> =
                group.lines.iter().map(|(id, quantity)| json!({ "id": id, "quantity": quantity })).collect();
            json!({ "fulfillmentOrderId": group.fulfilment_order_id, "fulfillmentOrderLineItems": lines })
        })
        .collect();
    json!({
        "notifyCustomer": new.notify_customer,
        "lineItemsByFulfillmentOrder": groups,
        "trackingInfo": {
            "number": new.tracking.number,
            "company": new.tracking.company,
            "url": new.tracking.url.as_deref().filter(|url| is_web_address(url)),
        },
    })
}

fn is_web_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

//! Fulfilments: what left, and saying that something left.

mod nodes;

use domain::ShopifyOrderId;
use serde_json::{Value, json};
use url::Url;

use super::error::ShopifyError;
use super::pages::{Connection, NO_ORDER, UNREADABLE, accepted, number};
use super::plan::{FulfilmentGroup, LinePieces};
use super::{AdminClient, operations};
use crate::gid;
use nodes::{CreatePayload, Fulfilments, LineNode, LinesFulfilment};

pub(super) use nodes::Node;

/// Fulfilments asked for at first.
const USUAL_FULFILMENTS: usize = 20;
/// The most the API gives (2026-07).
const MOST_FULFILMENTS: usize = 250;

/// What left for the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fulfilment {
    /// The number in the global id.
    pub id: i64,
    /// `FulfillmentStatus` as it came.
    pub status: String,
    /// The parcels' tracking numbers; none for a parcel without one.
    pub tracking_numbers: Vec<String>,
    /// The location it left from; none where the shop does not say, or it is deleted.
    pub location_id: Option<i64>,
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
    /// The carrier's number; a parcel without one is reported without one.
    pub number: Option<String>,
    /// The carrier's name.
    pub company: Option<String>,
    /// Where the customer can follow it; what is no http(s) address is left out, as Shopify would
    /// refuse the whole fulfilment for it.
    pub url: Option<String>,
}

impl Tracking {
    /// The carrier's number, if it says anything.
    pub(super) fn said_number(&self) -> Option<&str> {
        self.number.as_deref().map(str::trim).filter(|number| !number.is_empty())
    }
}

/// A parcel to report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFulfilment {
    /// What it fulfils; all fulfilment orders must be of one order and at one location.
    pub groups: Vec<FulfilmentGroup>,
    /// How it can be followed.
    pub tracking: Tracking,
    /// Whether Shopify writes to the customer.
    pub notify_customer: bool,
}

impl AdminClient {
    /// An order's fulfilments, cancelled ones too; the first 250, which is all the API gives.
    ///
    /// # Errors
    /// [`ShopifyError`]; `NotFound` if the shop has no such order.
    pub async fn fulfilments(&self, order: ShopifyOrderId) -> Result<Vec<Fulfilment>, ShopifyError> {
        let mut nodes = self.first_fulfilments(order, USUAL_FULFILMENTS).await?;
        if nodes.len() >= USUAL_FULFILMENTS {
            nodes = self.first_fulfilments(order, MOST_FULFILMENTS).await?;
        }
        self.whole_fulfilments(nodes).await
    }

    /// Reports a parcel. Not idempotent: after [`ShopifyError::UnknownOutcome`] read
    /// [`fulfilments`](Self::fulfilments) before reporting it again.
    ///
    /// # Errors
    /// [`ShopifyError`]; `UserErrors` if Shopify refuses it.
    pub async fn create_fulfilment(&self, new: &NewFulfilment) -> Result<i64, ShopifyError> {
        let variables = json!({ "fulfilment": input(new) });
        let created = self.transport.call(operations::CREATE_FULFILMENT, variables).await?;
        let CreatePayload { fulfillment, user_errors } = created.ok_or(UNREADABLE)?;
        accepted(user_errors)?;
        fulfillment.ok_or(UNREADABLE)?.number("Fulfillment")
    }

    /// Nodes with all pages of their lines.
    pub(super) async fn whole_fulfilments(&self, nodes: Vec<Node>) -> Result<Vec<Fulfilment>, ShopifyError> {
        let mut found = Vec::with_capacity(nodes.len());
        for mut node in nodes {
            let lines = self.all_fulfilment_lines(&node.id, &mut node.fulfillment_line_items).await?;
            let numbers = node.tracking_info.into_iter().filter_map(|info| info.number);
            found.push(Fulfilment {
                id: number("Fulfillment", &node.id)?,
                status: node.status,
                location_id: node.location.map(|location| location.number("Location")).transpose()?,
                tracking_numbers: numbers.filter(|number| !number.trim().is_empty()).collect(),
                lines,
            });
        }
        Ok(found)
    }

    async fn first_fulfilments(
        &self,
        order: ShopifyOrderId,
        first: usize,
    ) -> Result<Vec<Node>, ShopifyError> {
        let variables = json!({ "order": gid::of_order(order), "first": first });
        let found: Option<Fulfilments> = self.transport.call(operations::FULFILMENTS, variables).await?;
        Ok(found.ok_or(NO_ORDER)?.fulfillments)
    }

    async fn all_fulfilment_lines(
        &self,
        fulfilment: &str,
        first: &mut Connection<LineNode>,
    ) -> Result<Vec<LinePieces>, ShopifyError> {
        let variables = json!({ "fulfilment": fulfilment });
        let missing = ShopifyError::NotFound { what: "fulfilment" };
        let page = |found: Option<LinesFulfilment>| Ok(found.ok_or(missing.clone())?.fulfillment_line_items);
        let lines = self.transport.all_pages(first, operations::FULFILMENT_LINES, variables, page).await?;
        lines.into_iter().map(LineNode::read).collect()
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
            "number": new.tracking.said_number(),
            "company": new.tracking.company,
            "url": new.tracking.url.as_deref().filter(|url| is_web_address(url)),
        },
    })
}

fn is_web_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

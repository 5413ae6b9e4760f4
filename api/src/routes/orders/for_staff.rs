//! What staff alone see of an order: who did what, how our systems are, and for those who act the customer.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use domain::Channel;
use orders::{
    Order, approvals, edits, edits::Made, fulfilment_request, fulfilment_request::Seen, lanes,
    lanes::WaitsFor, record, timeline::Entry,
};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{
    approval::ApprovalBody,
    awaits::{AwaitsBody, Known},
};
use crate::{problem::Problem, state::Asked};

/// Places in queues that are shown of one order.
const MOST_PLACES: i64 = 20;

/// What staff alone see of an order; empty for others.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderForStaff)]
pub(super) struct ForStaff {
    /// The lane that it waits for while that is paused; null if it waits for none.
    waits_for: Option<WaitsForBody>,
    /// What it waits for; null if nothing is awaited. For staff alone.
    awaits: Option<AwaitsBody>,
    /// What people changed of it, oldest first; for staff alone.
    edits: Vec<EditMadeBody>,
    /// What people were asked to approve, oldest first; for staff alone.
    approvals: Vec<ApprovalBody>,
    /// What warehouses were asked to ship, oldest first; for staff alone.
    fulfilment_requests: Vec<RequestBody>,
    /// What a cancel would do in its shop, by the settings of now; null where it is of no shop, or for others than staff.
    if_cancelled: Option<IfCancelledBody>,
    /// Who ordered and where it goes, for `admin` and `operator` alone; null for others, and once it is forgotten.
    customer: Option<CustomerBody>,
    /// Ties together what its first message caused, in logs and events; for staff alone.
    correlation_id: Option<String>,
    /// Its workflow in Temporal's Web UI, where the settings name that; for staff alone.
    #[schema(
        example = "http://127.0.0.1:8233/namespaces/default/workflows/order%2Fapi%2F0190a0b0-0000-7000-8000-000000000000"
    )]
    workflow_url: Option<String>,
}

impl ForStaff {
    pub(super) async fn of(
        asked: &Asked,
        conn: &mut PgConnection,
        order: &Order,
        timeline: &[Entry],
    ) -> Result<Self, Problem> {
        if asked.caller.confined_to().is_some() {
            return Ok(Self::default());
        }
        let api = &asked.api;
        let policy = match &order.channel {
            Channel::Shopify { shop, .. } => api.shops.get(shop.as_str()).map(|shop| &shop.policy),
            Channel::Api => Some(&*api.policy),
        };
        let requests = fulfilment_request::seen_of_order(conn, &order.order_id).await?;
        let places = if api.stock.is_here() {
            inventory::places_of(conn, &order.order_id, order.epoch.into(), MOST_PLACES).await?
        } else {
            Vec::new()
        };
        let known = Known { order, policy, timeline, places, requests: &requests };
        let customer =
            if asked.caller.sees_customers() { record::customer(conn, &order.order_id).await? } else { None };
        let if_cancelled = order.channel.shop().and(policy).map(|policy| IfCancelledBody {
            refunds: policy.refund_on_cancel,
            notifies_customer: policy.notify_customer,
        });
        Ok(Self {
            waits_for: lanes::waits_for(conn, &order.order_id).await?.map(WaitsForBody::from),
            awaits: AwaitsBody::of(known),
            edits: edits::of_order(conn, order).await?.into_iter().map(EditMadeBody::from).collect(),
            approvals: approvals::of_order(conn, &order.order_id)
                .await?
                .into_iter()
                .map(ApprovalBody::from)
                .collect(),
            fulfilment_requests: requests.into_iter().map(RequestBody::from).collect(),
            if_cancelled,
            customer: customer.as_ref().map(CustomerBody::from),
            correlation_id: Some(order.correlation_id.clone()),
            workflow_url: api
                .workflow_pages
                .as_deref()
                .map(|pages| workflow_url(pages, order.workflow_id.as_str())),
        })
    }
}

/// The page of a workflow; an id may have any character.
fn workflow_url(pages: &str, workflow: &str) -> String {
    let mut url = pages.to_owned();
    for byte in workflow.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}

/// What a warehouse was asked to ship.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderFulfilmentRequest)]
struct RequestBody {
    /// Its unique reference.
    #[schema(example = "ORD-20261121-6BA0A415-main-1")]
    reference: String,
    #[schema(example = "main")]
    warehouse_id: String,
    /// `REQUESTED`, `ACCEPTED`, `RECALLED`, `CANCELLED` or `SHIPPED`.
    #[schema(example = "ACCEPTED")]
    status: &'static str,
    /// Pieces that are to leave, or have left, under it.
    #[schema(minimum = 0, example = 2)]
    pieces: i32,
    /// Whether its warehouse has pieces of it that are still to leave.
    outstanding: bool,
    /// When the warehouse was called about it first; null if it never was.
    called_at: Option<DateTime<Utc>>,
}

impl From<Seen> for RequestBody {
    fn from(request: Seen) -> Self {
        Self {
            outstanding: request.is_outstanding(),
            reference: request.reference,
            warehouse_id: request.warehouse,
            status: request.status.as_str(),
            pieces: request.pieces,
            called_at: request.called_at,
        }
    }
}

/// What a cancel would do in the shop.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IfOrderCancelled)]
struct IfCancelledBody {
    /// The shop is asked to pay back what was paid.
    refunds: bool,
    /// The shop is asked to write to the customer.
    notifies_customer: bool,
}

/// Who ordered. Does not show in `Debug`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderCustomer)]
struct CustomerBody {
    #[schema(example = "Ada Byron")]
    name: Option<String>,
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    phone: Option<String>,
    /// Where it goes; null where no address is known.
    ship_to: Option<ShipToBody>,
}

/// Where an order goes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderShipTo)]
struct ShipToBody {
    #[schema(example = "Ada Byron")]
    name: Option<String>,
    company: Option<String>,
    #[schema(example = "12 St. James's Square")]
    address1: Option<String>,
    address2: Option<String>,
    #[schema(example = "London")]
    city: Option<String>,
    province: Option<String>,
    #[schema(example = "SW1Y 4JH")]
    zip: Option<String>,
    /// Two letters, as in ISO 3166-1.
    #[schema(example = "GB")]
    country_code: Option<String>,
    phone: Option<String>,
}

impl From<&Value> for CustomerBody {
    fn from(stored: &Value) -> Self {
        let text = |of: &Value, member: &str| of[member].as_str().map(str::to_owned);
        let address = &stored["shipping_address"];
        let ship_to = address.is_object().then(|| ShipToBody {
            name: text(address, "name"),
            company: text(address, "company"),
            address1: text(address, "address1"),
            address2: text(address, "address2"),
            city: text(address, "city"),
            province: text(address, "province"),
            zip: text(address, "zip"),
            country_code: text(address, "country_code"),
            phone: text(address, "phone"),
        });
        Self {
            name: text(stored, "name"),
            email: text(stored, "email"),
            phone: text(stored, "phone"),
            ship_to,
        }
    }
}

/// What a person changed of an order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderEdit)]
struct EditMadeBody {
    /// `ADDRESS`, `SKU` or `WAREHOUSE`.
    #[schema(example = "SKU")]
    member: &'static str,
    /// The line, of a SKU.
    #[schema(example = "1")]
    line_id: Option<String>,
    /// What it is now; not of an address.
    #[schema(example = "item2")]
    value: Option<String>,
    by: String,
    reason: String,
    at: DateTime<Utc>,
    /// When another edit, or the shop, said something else; null while it stands.
    superseded_at: Option<DateTime<Utc>>,
}

impl From<Made> for EditMadeBody {
    fn from(made: Made) -> Self {
        Self {
            member: made.member.as_str(),
            line_id: Some(made.line_id).filter(|line| !line.is_empty()),
            value: made.value,
            by: made.made_by,
            reason: made.reason,
            at: made.made_at,
            superseded_at: made.superseded_at,
        }
    }
}

/// A lane that is paused while an order waits for it.
#[derive(Serialize, ToSchema)]
#[schema(as = WaitsForLane)]
struct WaitsForBody {
    #[schema(example = "warehouse")]
    lane: String,
    /// Why it is paused: `PERSON`, `DOWN` or `TOKEN_REFUSED`.
    #[schema(example = "DOWN")]
    cause: &'static str,
    since: DateTime<Utc>,
}

impl From<WaitsFor> for WaitsForBody {
    fn from(WaitsFor { lane, cause, since }: WaitsFor) -> Self {
        Self { lane: lane.to_string(), cause: cause.as_str(), since }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_workflow_is_one_part_of_the_address_of_its_page() {
        assert_eq!(
            workflow_url("http://ui/workflows/", "order/a.b/1 #"),
            "http://ui/workflows/order%2Fa.b%2F1%20%23"
        );
    }

    #[test]
    fn a_customer_is_shown_as_far_as_one_is_kept() {
        let shown = |stored: Value| serde_json::to_value(CustomerBody::from(&stored)).unwrap();
        let bare = shown(json!({"name": "Ada", "email": null}));
        assert_eq!(bare, json!({"name": "Ada", "email": null, "phone": null, "shipTo": null}));
        let address =
            json!({"address1": "1 Street", "city": "London", "country_code": "GB", "country": "Britain"});
        let whole = shown(json!({"name": "Ada", "shipping_address": address}));
        assert_eq!(whole["shipTo"]["countryCode"], "GB");
        assert_eq!(whole["shipTo"]["address1"], "1 Street");
    }
}

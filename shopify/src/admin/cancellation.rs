//! Whether an order is cancelled in the shop, and cancelling it there.

use chrono::{DateTime, Utc};
use domain::ShopifyOrderId;
use serde::Deserialize;
use serde_json::json;

use super::error::{ShopifyError, UserError};
use super::pages::{Reference, UNREADABLE};
use super::{AdminClient, operations};
use crate::gid;

/// The most characters Shopify takes as a staff note (2026-04: "Maximum length is 255 characters").
const MOST_NOTE_CHARACTERS: usize = 255;

/// What the shop says of an order's cancellation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderCancellation {
    /// Whether the shop has the order at all.
    pub found: bool,
    /// When it was cancelled, if it was.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// `OrderDisplayFulfillmentStatus` as it came.
    pub display_fulfilment_status: Option<String>,
}

/// Why an order is cancelled (`OrderCancelReason`, 2026-07).
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum CancelReason {
    /// The customer wanted it.
    Customer,
    /// The payment was declined.
    Declined,
    /// It is fraud.
    Fraud,
    /// There is not enough stock.
    Inventory,
    /// Staff made a mistake.
    Staff,
    /// Anything else.
    Other,
}

/// What the shop made of the wish to cancel an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It will be cancelled, by a job of the shop's; [`AdminClient::cancellation`] says when it is.
    Accepted {
        /// The job's global id.
        job: Option<String>,
    },
    /// Somebody asked before and the job is not done yet.
    InProgress,
    /// It has been cancelled.
    AlreadyCancelled,
    /// The shop has no such order.
    DoesNotExist,
    /// Something has left: Shopify cancels whole orders only.
    HasFulfilments,
}

impl CancelOutcome {
    /// What a refusal means, if it is one of those that are answers. Shopify gives them the one
    /// code `INVALID` (2026-04), so its sentences have to tell them apart.
    fn of_refusal(errors: &[UserError]) -> Option<Self> {
        errors.iter().find_map(|error| {
            let said = error.message.as_str().to_lowercase().replace("cancelled", "canceled");
            let says = |words: &[&str]| words.iter().any(|words| said.contains(words));
            if says(&["already in progress"]) {
                Some(Self::InProgress)
            } else if says(&["already been canceled", "already canceled"]) {
                Some(Self::AlreadyCancelled)
            } else if says(&["outstanding fulfillment", "outstanding fulfilment"]) {
                Some(Self::HasFulfilments)
            } else if says(&["does not exist"]) || error.code.as_deref() == Some("NOT_FOUND") {
                Some(Self::DoesNotExist)
            } else {
                None
            }
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancellationOrder {
    cancelled_at: Option<DateTime<Utc>>,
    display_fulfillment_status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancelPayload {
    #[serde(default)]
    job: Option<Reference>,
    order_cancel_user_errors: Vec<UserError>,
}

impl AdminClient {
    /// What the shop says of an order's cancellation; a missing order is an answer, not an error.
    ///
    /// # Errors
    /// [`ShopifyError`].
    pub async fn cancellation(&self, order: ShopifyOrderId) -> Result<OrderCancellation, ShopifyError> {
        let variables = json!({ "order": gid::of_order(order) });
        let found: Option<CancellationOrder> =
            self.transport.call(operations::CANCELLATION, variables).await?;
        Ok(found.map_or_else(OrderCancellation::default, |order| OrderCancellation {
            found: true,
            cancelled_at: order.cancelled_at,
            display_fulfilment_status: order.display_fulfillment_status,
        }))
    }

    /// Asks the shop to cancel an order; the shop does so in a job of its own. Not idempotent: ask
    /// [`cancellation`](Self::cancellation) before a repetition. `refund` gives the money back the
    /// way it was paid. A note beyond 255 characters is cut.
    ///
    /// # Errors
    /// [`ShopifyError`]; `UserErrors` for a refusal that is no [`CancelOutcome`].
    pub async fn cancel_order(
        &self,
        order: ShopifyOrderId,
        reason: CancelReason,
        restock: bool,
        refund: bool,
        notify_customer: bool,
        staff_note: &str,
    ) -> Result<CancelOutcome, ShopifyError> {
        let note: String = staff_note.chars().take(MOST_NOTE_CHARACTERS).collect();
        let variables = json!({
            "order": gid::of_order(order),
            "reason": <&str>::from(reason),
            "restock": restock,
            "refundMethod": { "originalPaymentMethodsRefund": refund },
            "notifyCustomer": notify_customer,
            "staffNote": note,
        });
        let CancelPayload { job, order_cancel_user_errors: errors } =
            match self.transport.call(operations::CANCEL_ORDER, variables).await {
                Err(error) if error.is_unknown_id() => return Ok(CancelOutcome::DoesNotExist),
                answer => answer?.ok_or(UNREADABLE)?,
            };
        if errors.is_empty() {
            return Ok(CancelOutcome::Accepted { job: job.map(|job| job.id) });
        }
        CancelOutcome::of_refusal(&errors).ok_or(ShopifyError::UserErrors(errors))
    }
}

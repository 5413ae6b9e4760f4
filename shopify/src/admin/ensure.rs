//! Reports a parcel, unless it is reported already.
//!
//! **Invariant:** repeat-safe. Every attempt reads what the shop has under the parcel's tracking
//! number and reports only what is missing, so an attempt whose outcome is unknown may be repeated.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ShopifyOrderId;

use super::AdminClient;
use super::error::ShopifyError;
use super::fulfilments::{Fulfilment, FulfilmentId, NewFulfilment, Tracking};
use super::plan::{LinePieces, NotFulfillable, WhyNot, plan_fulfilment};

/// The shop knows of the parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fulfilled {
    /// The parcel's fulfilments, one per fulfilment order it touches.
    pub fulfilment_ids: Vec<FulfilmentId>,
    /// Nothing was left to report.
    pub already: bool,
}

/// Why the shop does not know of the parcel, or may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnsureError {
    /// The fulfilment orders are not there yet; soon.
    #[error("the order's fulfilment orders are not there yet")]
    NotThereYet,
    /// A fulfilment order is on hold or scheduled.
    #[error("a fulfilment order is on hold")]
    OnHold,
    /// No fulfilment order is left for a line: fulfilled otherwise, cancelled, or edited away.
    #[error("no open fulfilment order is left for a line")]
    Gone(NotFulfillable),
    /// A call failed.
    #[error(transparent)]
    Shopify(#[from] ShopifyError),
}

impl EnsureError {
    /// Whether the next attempt can only fail the same way.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::NotThereYet | Self::OnHold => false,
            Self::Gone(_) => true,
            Self::Shopify(error) => error.is_permanent(),
        }
    }

    /// A short stable code for histories.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotThereYet => "SHOPIFY_FULFILMENT_ORDER_NOT_THERE_YET",
            Self::OnHold => "SHOPIFY_FULFILMENT_ORDER_ON_HOLD",
            Self::Gone(_) => "SHOPIFY_FULFILMENT_ORDER_GONE",
            Self::Shopify(error) => error.code(),
        }
    }

    /// How long to wait at least, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotThereYet | Self::OnHold | Self::Gone(_) => None,
            Self::Shopify(error) => error.retry_after(),
        }
    }

    /// What Shopify said, for a person.
    #[must_use]
    pub fn vendor_text(&self) -> Option<String> {
        match self {
            Self::NotThereYet | Self::OnHold | Self::Gone(_) => None,
            Self::Shopify(error) => error.vendor_text(),
        }
    }
}

impl From<NotFulfillable> for EnsureError {
    /// What comes by itself is waited for only if nothing is gone for good.
    fn from(refused: NotFulfillable) -> Self {
        match refused.lines.iter().map(|line| line.why).max() {
            Some(WhyNot::Gone) => Self::Gone(refused),
            Some(WhyNot::OnHold) => Self::OnHold,
            Some(WhyNot::NotThereYet) | None => Self::NotThereYet,
        }
    }
}

impl AdminClient {
    /// Makes the shop know that `lines` of `order` left under `tracking`.
    ///
    /// Fulfilments that carry the tracking number count as this parcel's, so two parcels of one
    /// order must not share a number.
    ///
    /// # Errors
    /// [`EnsureError`]; after an unknown outcome the next attempt finds out.
    pub async fn ensure_fulfilment(
        &self,
        order: ShopifyOrderId,
        tracking: &Tracking,
        lines: &[LinePieces],
        notify_customer: bool,
    ) -> Result<Fulfilled, EnsureError> {
        let mut known: Vec<Fulfilment> = self.fulfilments(order).await?;
        known.retain(|known| known.stands() && known.tracking_numbers.contains(&tracking.number));
        let missing = missing(lines, &known);
        let mut fulfilment_ids: Vec<FulfilmentId> = known.into_iter().map(|known| known.id).collect();
        if missing.is_empty() {
            return Ok(Fulfilled { fulfilment_ids, already: true });
        }
        let groups = plan_fulfilment(&self.fulfilment_orders(order).await?, &missing)?;
        for group in groups {
            let new = NewFulfilment { groups: vec![group], tracking: tracking.clone(), notify_customer };
            fulfilment_ids.push(self.create_fulfilment(&new).await?);
        }
        Ok(Fulfilled { fulfilment_ids, already: false })
    }
}

/// The pieces of the parcel that no known fulfilment covers.
fn missing(lines: &[LinePieces], known: &[Fulfilment]) -> Vec<LinePieces> {
    let mut missing = BTreeMap::<i64, u32>::new();
    for line in lines {
        let pieces = missing.entry(line.line_item_id).or_default();
        *pieces = pieces.saturating_add(line.quantity);
    }
    for line in known.iter().flat_map(|known| &known.lines) {
        if let Some(pieces) = missing.get_mut(&line.line_item_id) {
            *pieces = pieces.saturating_sub(line.quantity);
        }
    }
    missing
        .into_iter()
        .filter(|(_, quantity)| *quantity > 0)
        .map(|(line_item_id, quantity)| LinePieces { line_item_id, quantity })
        .collect()
}

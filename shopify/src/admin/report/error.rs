//! Why the shop does not know of a parcel.

use std::time::Duration;

use crate::admin::error::ShopifyError;

/// Why the shop does not know of the parcel, or not of all of it, or may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnsureError {
    /// The fulfilment orders are not there yet; soon.
    #[error("the order's fulfilment orders are not there yet")]
    NotThereYet,
    /// A fulfilment order is on hold or scheduled; what others take has been reported.
    #[error("a fulfilment order is on hold")]
    OnHold,
    /// A call failed.
    #[error(transparent)]
    Shopify(#[from] ShopifyError),
}

impl EnsureError {
    /// Whether the next attempt can only fail the same way.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::NotThereYet => false,
            // Until it is released, of which the shop tells.
            Self::OnHold => true,
            Self::Shopify(error) => error.is_permanent(),
        }
    }

    /// A short stable code for histories.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotThereYet => "SHOPIFY_FULFILMENT_ORDER_NOT_THERE_YET",
            Self::OnHold => "SHOPIFY_FULFILMENT_ORDER_ON_HOLD",
            Self::Shopify(error) => error.code(),
        }
    }

    /// How long to wait at least, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotThereYet | Self::OnHold => None,
            Self::Shopify(error) => error.retry_after(),
        }
    }

    /// What Shopify said, for a person.
    #[must_use]
    pub fn vendor_text(&self) -> Option<String> {
        match self {
            Self::NotThereYet | Self::OnHold => None,
            Self::Shopify(error) => error.vendor_text(),
        }
    }
}

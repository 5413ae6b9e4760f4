//! Why the shop does not know of a parcel.

use calls::CallFailure;
use domain::Verdict;

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

impl CallFailure for EnsureError {
    fn verdict(&self) -> Verdict {
        match self {
            Self::NotThereYet => Verdict::TryAgain,
            // Until it is released, of which the shop tells.
            Self::OnHold => Verdict::Permanent,
            Self::Shopify(error) => error.verdict(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotThereYet => "SHOPIFY_FULFILMENT_ORDER_NOT_THERE_YET",
            Self::OnHold => "SHOPIFY_FULFILMENT_ORDER_ON_HOLD",
            Self::Shopify(error) => error.code(),
        }
    }

    fn vendor_text(&self) -> Option<String> {
        match self {
            Self::NotThereYet | Self::OnHold => None,
            Self::Shopify(error) => error.vendor_text(),
        }
    }
}

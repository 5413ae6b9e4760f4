//! What can go wrong with a call, by what it means for the next attempt.

use std::time::Duration;

use calls::{CallFailure, HttpFailure, VendorText};
use domain::{Downstream, Verdict};

/// Why a call gave no result. `Display` and [`code`](CallFailure::code) hold no text of the warehouse's, as
/// they end in histories and logs; [`vendor_text`](CallFailure::vendor_text) does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WarehouseError {
    /// Too many calls; nothing was done.
    #[error("the warehouse limits our calls; next attempt in {retry_after:?}")]
    RateLimited {
        /// When to call again.
        retry_after: Duration,
    },
    /// No connection came about; nothing was sent.
    #[error("the warehouse cannot be reached")]
    Unreachable,
    /// The call may have worked: time-out, connection lost, HTTP 5xx, an answer that cannot be read.
    #[error("the warehouse's answer is missing or unreadable ({reason}); the call may have worked")]
    UnknownOutcome {
        /// What happened, in our words.
        reason: &'static str,
        /// The warehouse's text, where there is one.
        text: VendorText,
    },
    /// The warehouse has a hand-over under this reference.
    #[error("the warehouse has this reference already")]
    Duplicate,
    /// The warehouse has other lines under this reference.
    #[error("the warehouse has other lines under this reference")]
    ReferenceTaken,
    /// The warehouse does not carry a SKU.
    #[error("the warehouse does not carry a SKU of the hand-over")]
    UnknownSku {
        /// The warehouse's text.
        text: VendorText,
    },
    /// Nobody can deliver to the address.
    #[error("the warehouse cannot ship to the address")]
    BadAddress {
        /// The warehouse's text.
        text: VendorText,
    },
    /// The reference was cancelled, before it came or after.
    #[error("the reference was cancelled at the warehouse")]
    Refused {
        /// The warehouse's text.
        text: VendorText,
    },
    /// The token is wrong.
    #[error("the warehouse does not accept the token")]
    Unauthorised {
        /// The warehouse's text.
        text: VendorText,
    },
    /// Another HTTP status below 500.
    #[error("the warehouse refused the call with HTTP {status}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The warehouse's text.
        text: VendorText,
    },
}

impl WarehouseError {
    /// The call may have worked, and nobody said anything about it.
    pub(super) fn unknown_outcome(reason: &'static str) -> Self {
        Self::UnknownOutcome { reason, text: VendorText::default() }
    }
}

impl CallFailure for WarehouseError {
    /// A token that is not accepted concerns every order; somebody may mend it.
    fn verdict(&self) -> Verdict {
        match self {
            Self::RateLimited { retry_after } => Verdict::come_back(*retry_after),
            Self::Unreachable | Self::UnknownOutcome { .. } => {
                Verdict::Away { downstream: Downstream::Warehouse }
            }
            Self::Unauthorised { .. } => Verdict::TokenRefused { downstream: Downstream::Warehouse },
            Self::Rejected { status: 408 | 425, .. } => Verdict::TryAgain,
            Self::Rejected { .. }
            | Self::Duplicate
            | Self::ReferenceTaken
            | Self::UnknownSku { .. }
            | Self::BadAddress { .. }
            | Self::Refused { .. } => Verdict::Permanent,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "WMS_RATE_LIMITED",
            Self::Unreachable => "WMS_UNREACHABLE",
            Self::UnknownOutcome { .. } => "WMS_UNKNOWN_OUTCOME",
            Self::Duplicate => "WMS_DUPLICATE",
            Self::ReferenceTaken => "WMS_REFERENCE_TAKEN",
            Self::UnknownSku { .. } => "WMS_UNKNOWN_SKU",
            Self::BadAddress { .. } => "WMS_BAD_ADDRESS",
            Self::Refused { .. } => "WMS_REFUSED",
            Self::Unauthorised { .. } => "WMS_UNAUTHORISED",
            Self::Rejected { .. } => "WMS_REJECTED",
        }
    }

    fn vendor_text(&self) -> Option<String> {
        match self {
            Self::UnknownOutcome { text, .. }
            | Self::UnknownSku { text }
            | Self::BadAddress { text }
            | Self::Refused { text }
            | Self::Unauthorised { text }
            | Self::Rejected { text, .. } => text.shown(),
            _ => None,
        }
    }
}

impl From<HttpFailure> for WarehouseError {
    fn from(failure: HttpFailure) -> Self {
        match failure {
            HttpFailure::Unreachable => Self::Unreachable,
            HttpFailure::UnknownOutcome(reason) => Self::unknown_outcome(reason),
        }
    }
}

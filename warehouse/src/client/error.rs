//! What can go wrong with a call, by what it means for the next attempt.

use std::fmt;
use std::time::Duration;

/// Why a call gave no result. `Display` and [`code`](Self::code) hold no text of the warehouse's, as
/// they end in histories and logs; [`vendor_text`](Self::vendor_text) does.
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

    /// Whether the same call can only fail the same way.
    ///
    /// A token that is not accepted concerns every order, so it is not permanent: the calls wait
    /// until somebody mends it.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Unreachable
            | Self::UnknownOutcome { .. }
            | Self::Unauthorised { .. } => false,
            Self::Rejected { status, .. } => !matches!(status, 408 | 425),
            Self::Duplicate
            | Self::ReferenceTaken
            | Self::UnknownSku { .. }
            | Self::BadAddress { .. }
            | Self::Refused { .. } => true,
        }
    }

    /// A short stable code for histories.
    #[must_use]
    pub fn code(&self) -> &'static str {
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

    /// How long the warehouse asks to wait, if it does.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    /// What the warehouse said, for a person who mends the order; it may quote an address.
    #[must_use]
    pub fn vendor_text(&self) -> Option<String> {
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

/// What the other side said, for a person who mends the order. It may be in any language and quote
/// an address, so it does not show in `Debug`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct VendorText(String);

impl VendorText {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn shown(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.clone())
    }
}

impl fmt::Debug for VendorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VendorText(redacted)")
    }
}

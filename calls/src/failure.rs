//! A failed call, whoever was called.

use std::time::Duration;

use domain::Verdict;
use serde::Deserialize;

/// What every client says of a failed call.
pub trait CallFailure {
    /// A short stable code for histories and logs; none of the other side's words.
    fn code(&self) -> &'static str;
    /// What it says of the next attempt.
    fn verdict(&self) -> Verdict;
    /// The other side's own words, for a person who mends the order; they may quote an address.
    fn vendor_text(&self) -> Option<String>;

    /// Whether the same call can only fail the same way.
    fn is_permanent(&self) -> bool {
        self.verdict().is_permanent()
    }

    /// How long the other side asks to wait, if it does.
    fn retry_after(&self) -> Option<Duration> {
        match self.verdict() {
            Verdict::ComeBack { after_ms } => Some(Duration::from_millis(after_ms)),
            Verdict::Permanent | Verdict::TryAgain | Verdict::Away { .. } | Verdict::TokenRefused { .. } => {
                None
            }
        }
    }
}

/// What the other side said, for a person who mends the order. It may be in any language and quote
/// an address, so it does not show in `Debug`.
#[derive(derive_more::Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
#[debug("VendorText(redacted)")]
pub struct VendorText(String);

impl VendorText {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, if there is one.
    #[must_use]
    pub fn shown(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.clone())
    }
}

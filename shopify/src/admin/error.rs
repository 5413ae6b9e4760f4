//! What can go wrong with a call, by what it means for the next attempt.

use std::time::Duration;

use calls::{CallFailure, HttpFailure, VendorText};
use domain::{Downstream, Verdict};
use serde::Deserialize;

/// The code for a call whose idempotency key is in use by one under way.
const UNDER_WAY: &str = "IDEMPOTENCY_CONCURRENT_REQUEST";
/// When a call is tried again for which there was no token right then.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Characters of a request id that are kept.
const MOST_ID_CHARACTERS: usize = 100;

/// One entry of a mutation's `userErrors`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UserError {
    /// The path of the input that was refused.
    #[serde(default)]
    pub field: Option<Vec<String>>,
    /// Shopify's sentence for a person.
    pub message: VendorText,
    /// Shopify's code, where the mutation has codes.
    #[serde(default)]
    pub code: Option<String>,
}

/// Why a call gave no result. `Display` and [`code`](CallFailure::code) hold no text of Shopify's, as they
/// end in histories and logs; [`vendor_text`](CallFailure::vendor_text) does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShopifyError {
    /// The shop's budget of calls is used up; nothing was done.
    #[error("Shopify throttles this shop; next attempt in {retry_after:?}")]
    Throttled {
        /// When there is budget again.
        retry_after: Duration,
    },
    /// No connection came about; nothing was sent.
    #[error("Shopify cannot be reached")]
    Unreachable,
    /// The call may have worked: time-out, connection lost, HTTP 5xx, an answer that cannot be read.
    #[error("Shopify's answer is missing or unreadable ({reason}); the call may have worked")]
    UnknownOutcome {
        /// What happened, in our words.
        reason: &'static str,
        /// The id under which Shopify's support finds the call, where the answer has one.
        request_id: Option<String>,
    },
    /// The mutation was refused; nothing was done.
    #[error("Shopify refused the change")]
    UserErrors(Vec<UserError>),
    /// The token is wrong, or lacks an access scope.
    #[error("Shopify does not accept the token, or it lacks an access scope")]
    Unauthorised {
        /// Shopify's text.
        text: VendorText,
    },
    /// There is no token to call with; nothing was sent.
    #[error("there is no token for the shop: {why}")]
    NoToken {
        /// Why, and what helps.
        why: &'static str,
    },
    /// The token is being renewed elsewhere, or our own database is away; nothing was sent.
    #[error("the token for the shop cannot be had right now")]
    TokenNotNow,
    /// Another HTTP status below 500.
    #[error("Shopify refused the call with HTTP {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Shopify's text.
        text: VendorText,
    },
    /// The document was not executed, or not wholly.
    #[error("Shopify could not execute the document")]
    Graphql {
        /// Shopify's code, if the error has one.
        code: Option<String>,
        /// Shopify's text.
        text: VendorText,
    },
    /// The shop has no such thing.
    #[error("the shop has no such {what}")]
    NotFound {
        /// What was asked for.
        what: &'static str,
    },
}

impl ShopifyError {
    /// A call that may have worked.
    pub(super) const fn unknown(reason: &'static str) -> Self {
        Self::UnknownOutcome { reason, request_id: None }
    }

    /// The same error with the answer's request id, if it may have worked and has none yet.
    pub(super) fn found_by(mut self, id: Option<&str>) -> Self {
        if let Self::UnknownOutcome { request_id, .. } = &mut self {
            *request_id = request_id.take().or_else(|| id.and_then(kept_request_id));
        }
        self
    }

    /// Whether a global id that was given is none of the shop's.
    pub(super) fn is_unknown_id(&self) -> bool {
        matches!(self, Self::Graphql { code: Some(code), .. } if code == "RESOURCE_NOT_FOUND")
    }
}

impl CallFailure for ShopifyError {
    /// A token that is not accepted concerns the shop and not the order; somebody may mend it.
    fn verdict(&self) -> Verdict {
        let is_permanent = match self {
            Self::Throttled { retry_after } => return Verdict::come_back(*retry_after),
            Self::TokenNotNow => return Verdict::come_back(AGAIN_AFTER),
            Self::Unreachable | Self::UnknownOutcome { .. } => {
                return Verdict::Away { downstream: Downstream::Shop };
            }
            Self::Unauthorised { .. } | Self::NoToken { .. } => {
                return Verdict::TokenRefused { downstream: Downstream::Shop };
            }
            Self::UserErrors(errors) => !errors.iter().all(UserError::is_transient),
            // 402: the shop's bill is unpaid, 423: the shop is locked. Both end, neither is the order's fault.
            Self::Refused { status: 402 | 423, .. } => {
                return Verdict::Away { downstream: Downstream::Shop };
            }
            Self::Refused { status, .. } => !matches!(status, 408 | 425),
            Self::Graphql { code, .. } => code.as_deref() != Some(UNDER_WAY),
            Self::NotFound { .. } => true,
        };
        if is_permanent { Verdict::Permanent } else { Verdict::TryAgain }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Throttled { .. } => "SHOPIFY_THROTTLED",
            Self::Unreachable => "SHOPIFY_UNREACHABLE",
            Self::UnknownOutcome { .. } => "SHOPIFY_UNKNOWN_OUTCOME",
            Self::UserErrors(_) => "SHOPIFY_USER_ERROR",
            Self::Unauthorised { .. } => "SHOPIFY_UNAUTHORISED",
            Self::NoToken { .. } => "SHOPIFY_NO_TOKEN",
            Self::TokenNotNow => "SHOPIFY_TOKEN_NOT_NOW",
            Self::Refused { .. } => "SHOPIFY_REFUSED",
            Self::Graphql { .. } => "SHOPIFY_GRAPHQL",
            Self::NotFound { .. } => "SHOPIFY_NOT_FOUND",
        }
    }

    fn vendor_text(&self) -> Option<String> {
        match self {
            Self::UserErrors(errors) => {
                let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
                Some(messages.join(" "))
            }
            Self::Unauthorised { text } | Self::Refused { text, .. } | Self::Graphql { text, .. } => {
                text.shown()
            }
            Self::UnknownOutcome { request_id: Some(id), .. } => Some(format!("request id {id}")),
            _ => None,
        }
    }
}

impl From<HttpFailure> for ShopifyError {
    fn from(failure: HttpFailure) -> Self {
        match failure {
            HttpFailure::Unreachable => Self::Unreachable,
            HttpFailure::UnknownOutcome(reason) => Self::unknown(reason),
        }
    }
}

impl UserError {
    fn is_transient(&self) -> bool {
        matches!(self.code.as_deref(), Some("INTERNAL_ERROR" | UNDER_WAY))
    }
}

/// A request id as a person can pass it on; an answer's header is not ours to trust.
fn kept_request_id(id: &str) -> Option<String> {
    let kept: String = id.chars().filter(char::is_ascii_graphic).take(MOST_ID_CHARACTERS).collect();
    (!kept.is_empty()).then_some(kept)
}

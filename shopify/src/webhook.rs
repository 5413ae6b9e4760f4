//! A webhook's signature and topic.
//!
//! **Invariant:** the signature is over the raw bytes; a body that was parsed and written again is
//! another body. The shop's and the topic's headers are not signed.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// The secret a shop signs its webhooks with: the app's client secret.
#[derive(Clone)]
pub struct WebhookSecret(String);

impl WebhookSecret {
    /// Takes the secret as Shopify shows it.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(redacted)")
    }
}

/// Whether `header_hmac` (the value of `X-Shopify-Hmac-Sha256`) signs `raw_body` by one of `secrets`.
///
/// Several secrets are for the time in which one replaces another. Every secret is tried, so the
/// time taken tells nobody which one matched; an empty secret matches nothing.
#[must_use]
pub fn verify(secrets: &[WebhookSecret], raw_body: &[u8], header_hmac: &str) -> bool {
    let Ok(given) = STANDARD.decode(header_hmac.trim()) else {
        return false;
    };
    let mut matched = Choice::from(0);
    for secret in secrets.iter().filter(|secret| !secret.0.is_empty()) {
        // HMAC takes a key of any length, so this never fails; a failure would be a mismatch.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.0.as_bytes()) {
            mac.update(raw_body);
            matched |= mac.finalize().into_bytes().as_slice().ct_eq(&given);
        }
    }
    matched.into()
}

/// What a webhook is about, from `X-Shopify-Topic`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    /// `orders/create`
    OrdersCreate,
    /// `orders/paid`
    OrdersPaid,
    /// `orders/updated`
    OrdersUpdated,
    /// `orders/cancelled`
    OrdersCancelled,
    /// A topic we know, keep, and do not act on.
    StoredForLater(String),
    /// A topic we do not know.
    Unknown(String),
}

/// Topics that are kept and not acted on; one that ends in `/` stands for all under it.
const STORED_FOR_LATER: &[&str] = &[
    "app/uninstalled",
    "customers/data_request",
    "customers/redact",
    "fulfillments/",
    "inventory_levels/update",
    "orders/delete",
    "orders/edited",
    "orders/fulfilled",
    "orders/partially_fulfilled",
    "refunds/create",
    "shop/redact",
];

impl Topic {
    /// Reads the header's text; never fails, as a topic of next year is no error.
    #[must_use]
    pub fn parse(header: &str) -> Self {
        let topic = header.trim();
        match topic {
            "orders/create" => Self::OrdersCreate,
            "orders/paid" => Self::OrdersPaid,
            "orders/updated" => Self::OrdersUpdated,
            "orders/cancelled" => Self::OrdersCancelled,
            _ if STORED_FOR_LATER.iter().any(|known| is_under(known, topic)) => {
                Self::StoredForLater(topic.to_owned())
            }
            _ => Self::Unknown(topic.to_owned()),
        }
    }

    /// Whether the body is a whole order and is acted on.
    #[must_use]
    pub fn is_whole_order(&self) -> bool {
        matches!(self, Self::OrdersCreate | Self::OrdersPaid | Self::OrdersUpdated | Self::OrdersCancelled)
    }

    /// The header's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::OrdersCreate => "orders/create",
            Self::OrdersPaid => "orders/paid",
            Self::OrdersUpdated => "orders/updated",
            Self::OrdersCancelled => "orders/cancelled",
            Self::StoredForLater(topic) | Self::Unknown(topic) => topic,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn is_under(known: &str, topic: &str) -> bool {
    if known.ends_with('/') { topic.starts_with(known) } else { topic == known }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(secret: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(body);
        STANDARD.encode(mac.finalize().into_bytes())
    }

    #[test]
    fn a_signature_holds_for_its_bytes_and_no_others() {
        let secrets = [WebhookSecret::new("s")];
        assert!(verify(&secrets, b"{\"id\":1}", &sign("s", b"{\"id\":1}")));
        assert!(!verify(&secrets, b"{\"id\": 1}", &sign("s", b"{\"id\":1}")));
    }

    #[test]
    fn the_known_answer_of_rfc_4231_verifies() {
        // Test case 2: key "Jefe".
        let mac = hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let body = b"what do ya want for nothing?";
        assert!(verify(&[WebhookSecret::new("Jefe")], body, &STANDARD.encode(mac)));
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn the_old_secret_and_the_new_one_both_verify() {
        let secrets = [WebhookSecret::new("new"), WebhookSecret::new("old")];
        assert!(verify(&secrets, b"x", &sign("old", b"x")));
        assert!(verify(&secrets, b"x", &sign("new", b"x")));
        assert!(!verify(&secrets, b"x", &sign("older", b"x")));
    }

    #[test]
    fn what_is_no_signature_never_verifies() {
        let secrets = [WebhookSecret::new("s")];
        for header in ["", "%%%", "AAAA", &"A".repeat(10_000)] {
            assert!(!verify(&secrets, b"x", header), "{header}");
        }
        assert!(!verify(&[], b"x", &sign("s", b"x")));
        assert!(!verify(&[WebhookSecret::new("")], b"x", &sign("", b"x")));
    }

    #[test]
    fn a_secret_never_shows_in_debug() {
        assert!(!format!("{:?}", WebhookSecret::new("hush")).contains("hush"));
    }

    #[test]
    fn only_four_topics_are_acted_on() {
        for topic in ["orders/create", "orders/paid", "orders/updated", "orders/cancelled"] {
            assert!(Topic::parse(topic).is_whole_order(), "{topic}");
            assert_eq!(Topic::parse(topic).as_str(), topic);
        }
        for topic in ["orders/edited", "fulfillments/update", "shop/redact", "refunds/create"] {
            assert_eq!(Topic::parse(topic), Topic::StoredForLater(topic.to_owned()));
            assert!(!Topic::parse(topic).is_whole_order(), "{topic}");
        }
        for topic in ["themes/publish", "", "fulfillments", "orders/"] {
            assert_eq!(Topic::parse(topic), Topic::Unknown(topic.to_owned()));
        }
    }
}

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
#[derive(derive_more::Debug, Clone)]
#[debug("WebhookSecret(redacted)")]
pub struct WebhookSecret(String);

impl WebhookSecret {
    /// Takes the secret as Shopify shows it.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
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
        matched |= is_signed(secret.0.as_bytes(), raw_body, &given);
    }
    matched.into()
}

/// Whether `given` is the HMAC-SHA256 of these bytes; the time taken does not tell how much of it fits.
pub(crate) fn is_signed(secret: &[u8], bytes: &[u8], given: &[u8]) -> Choice {
    // HMAC takes a key of any length, so this never fails; a failure would be a mismatch.
    Hmac::<Sha256>::new_from_slice(secret).map_or(Choice::from(0), |mut mac| {
        mac.update(bytes);
        mac.finalize().into_bytes().as_slice().ct_eq(given)
    })
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
    /// `orders/fulfilled`
    OrdersFulfilled,
    /// `orders/partially_fulfilled`
    OrdersPartiallyFulfilled,
    /// `orders/risk_assessment_changed`: names the order and one assessment.
    OrdersRiskAssessmentChanged,
    /// `orders/edited`: what was added and removed, not the order as it is now.
    OrdersEdited,
    /// `fulfillments/create`
    FulfilmentsCreate,
    /// `fulfillments/update`
    FulfilmentsUpdate,
    /// `refunds/create`
    RefundsCreate,
    /// `returns/approve`
    ReturnsApprove,
    /// `returns/cancel`
    ReturnsCancel,
    /// `reverse_fulfillment_orders/dispose`
    ReverseFulfilmentOrdersDispose,
    /// Any topic of `fulfillment_orders/`; the body has ids of fulfilment orders alone.
    FulfilmentOrders(String),
    /// Any topic of `fulfillment_holds/`; the body has the id of a fulfilment order alone.
    FulfilmentHolds(String),
    /// `inventory_levels/update`: what can be sold of an item at a location, or that it is not counted.
    InventoryLevelsUpdate,
    /// `customers/data_request`: a customer wants to know what is known.
    CustomersDataRequest,
    /// `customers/redact`: a customer of these orders is to be forgotten.
    CustomersRedact,
    /// `shop/redact`: everybody who ordered in the shop is to be forgotten.
    ShopRedact,
    /// A topic we know, keep, and do not act on.
    StoredForLater(String),
    /// A topic we do not know.
    Unknown(String),
}

/// Topics that have a variant of their own.
const NAMED: &[(&str, Topic)] = &[
    ("orders/create", Topic::OrdersCreate),
    ("orders/paid", Topic::OrdersPaid),
    ("orders/updated", Topic::OrdersUpdated),
    ("orders/cancelled", Topic::OrdersCancelled),
    ("orders/fulfilled", Topic::OrdersFulfilled),
    ("orders/partially_fulfilled", Topic::OrdersPartiallyFulfilled),
    ("orders/risk_assessment_changed", Topic::OrdersRiskAssessmentChanged),
    ("orders/edited", Topic::OrdersEdited),
    ("fulfillments/create", Topic::FulfilmentsCreate),
    ("fulfillments/update", Topic::FulfilmentsUpdate),
    ("refunds/create", Topic::RefundsCreate),
    ("returns/approve", Topic::ReturnsApprove),
    ("returns/cancel", Topic::ReturnsCancel),
    ("reverse_fulfillment_orders/dispose", Topic::ReverseFulfilmentOrdersDispose),
    ("inventory_levels/update", Topic::InventoryLevelsUpdate),
    ("customers/data_request", Topic::CustomersDataRequest),
    ("customers/redact", Topic::CustomersRedact),
    ("shop/redact", Topic::ShopRedact),
];

/// Topics without which orders are not fulfilled, as the README lists them.
pub const NEEDED_TOPICS: [&str; 4] = ["orders/create", "orders/updated", "orders/paid", "orders/cancelled"];

/// Topics that are kept and not acted on; one that ends in `/` stands for all under it.
const STORED_FOR_LATER: &[&str] = &["app/uninstalled", "fulfillments/", "orders/delete", "returns/"];

impl Topic {
    /// Reads the header's text; never fails, as a topic of next year is no error.
    #[must_use]
    pub fn parse(header: &str) -> Self {
        let text = header.trim();
        let under = |folder: &str| text.strip_prefix(folder).is_some_and(|name| !name.is_empty());
        if let Some((_, topic)) = NAMED.iter().find(|(name, _)| *name == text) {
            topic.clone()
        } else if under("fulfillment_orders/") {
            Self::FulfilmentOrders(text.to_owned())
        } else if under("fulfillment_holds/") {
            Self::FulfilmentHolds(text.to_owned())
        } else if STORED_FOR_LATER.iter().any(|known| is_under(known, text)) {
            Self::StoredForLater(text.to_owned())
        } else {
            Self::Unknown(text.to_owned())
        }
    }

    /// What the Admin API calls the topic, `ORDERS_CREATE` for `orders/create`.
    #[must_use]
    pub fn in_the_api(topic: &str) -> String {
        topic.to_uppercase().replace('/', "_")
    }

    /// Whether the body is an order as it is now.
    #[must_use]
    pub fn is_whole_order(&self) -> bool {
        matches!(
            self,
            Self::OrdersCreate
                | Self::OrdersPaid
                | Self::OrdersUpdated
                | Self::OrdersCancelled
                | Self::OrdersFulfilled
                | Self::OrdersPartiallyFulfilled
        )
    }

    /// The header's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::FulfilmentOrders(text)
            | Self::FulfilmentHolds(text)
            | Self::StoredForLater(text)
            | Self::Unknown(text) => text,
            named => {
                NAMED.iter().find(|(_, topic)| topic == named).map(|(name, _)| *name).unwrap_or_default()
            }
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
    fn six_topics_bring_a_whole_order() {
        for topic in ["create", "paid", "updated", "cancelled", "fulfilled", "partially_fulfilled"] {
            let topic = format!("orders/{topic}");
            assert!(Topic::parse(&topic).is_whole_order(), "{topic}");
        }
    }

    #[test]
    fn a_topic_keeps_its_name() {
        for (name, topic) in NAMED {
            assert_eq!(&Topic::parse(name), topic);
            assert_eq!(topic.as_str(), *name);
        }
        for name in ["fulfillment_orders/moved", "fulfillment_holds/added", "shop/redact", "themes/publish"] {
            assert_eq!(Topic::parse(&format!(" {name} ")).as_str(), name);
        }
    }

    #[test]
    fn topics_of_fulfilment_orders_and_their_holds_are_known_by_their_folder() {
        let text = || "fulfillment_orders/of_next_year".to_owned();
        assert_eq!(Topic::parse(&text()), Topic::FulfilmentOrders(text()));
        let text = || "fulfillment_holds/released".to_owned();
        assert_eq!(Topic::parse(&text()), Topic::FulfilmentHolds(text()));
    }

    #[test]
    fn topics_that_change_nothing_are_kept_and_others_are_unknown() {
        for topic in ["orders/delete", "returns/close", "fulfillments/of_next_year"] {
            assert_eq!(Topic::parse(topic), Topic::StoredForLater(topic.to_owned()));
        }
        for topic in [
            "themes/publish",
            "",
            "fulfillments",
            "orders/",
            "fulfillment_orders/",
            "fulfillment_events/create",
        ] {
            assert_eq!(Topic::parse(topic), Topic::Unknown(topic.to_owned()));
        }
    }
}

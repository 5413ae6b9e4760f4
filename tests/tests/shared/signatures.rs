//! Signatures that others made.

use chrono::DateTime;
use domain::ShopifyOrderId;
use shopify::webhook::{self, WebhookSecret};
use shopify::wire::parse_order;
use warehouse::callback::{self, CallbackSecret, SignatureError};

use crate::fixtures;

#[test]
fn every_signed_sample_verifies_and_fails_with_one_flipped_byte() {
    let secrets = [WebhookSecret::new("another"), WebhookSecret::new("hush_test_client_secret")];
    for name in fixtures::names("signed-samples", ".hmac.json") {
        let sample = fixtures::json(&format!("signed-samples/{name}"));
        let hmac = sample["hmac"].as_str().unwrap();
        let mut body = fixtures::bytes(&format!("signed-samples/{}", sample["body_file"].as_str().unwrap()));
        assert!(webhook::verify(&secrets, &body, hmac), "{name}");
        assert!(!webhook::verify(&secrets[..1], &body, hmac), "{name}");
        for at in [0, body.len() / 2, body.len() - 1] {
            body[at] ^= 1;
            assert!(!webhook::verify(&secrets, &body, hmac), "{name} with byte {at} flipped");
            body[at] ^= 1;
        }
        assert!(webhook::verify(&secrets, &body, hmac), "{name}");
    }
}

#[test]
fn the_ids_of_a_signed_order_are_read_to_the_last_digit() {
    let order = parse_order(&fixtures::bytes("signed-samples/orders.create.raw.json")).unwrap();
    assert_eq!(order.shopify_order_id, ShopifyOrderId(820_982_911_946_154_508));
    assert_eq!(order.facts.lines[0].line_id.as_str(), "866550311766439020");
}

#[test]
fn the_standard_webhooks_vector_verifies_at_its_time() {
    let vector = fixtures::json("vectors/standard_webhooks.json");
    let text = |member: &str| vector[member].as_str().unwrap();
    let signed_at = vector["timestamp"].as_i64().unwrap();
    let secrets = [
        CallbackSecret::parse("bmV3IHNlY3JldCBvZiB0aGUgd2FyZWhvdXNl").unwrap(),
        CallbackSecret::parse(text("secret")).unwrap(),
    ];
    let verdict = |body: &str, after_s: i64| {
        let now = DateTime::from_timestamp(signed_at + after_s, 0).unwrap();
        let timestamp = signed_at.to_string();
        callback::verify(&secrets, text("msg_id"), &timestamp, text("signature"), body.as_bytes(), now)
    };
    assert_eq!(verdict(text("payload"), 0), Ok(()));
    assert_eq!(verdict(text("payload"), 301), Err(SignatureError::TooOld));
    assert_eq!(verdict(&text("payload").replace('2', "3"), 0), Err(SignatureError::Signature));
}

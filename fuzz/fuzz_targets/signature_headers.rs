//! The headers by which a webhook and a callback prove themselves; a line each.
#![no_main]

use std::sync::LazyLock;

use chrono::Utc;
use libfuzzer_sys::fuzz_target;
use shopify::webhook::WebhookSecret;
use warehouse::callback::CallbackSecret;

static OF_SHOP: LazyLock<[WebhookSecret; 1]> = LazyLock::new(|| [WebhookSecret::new(String::from("sixteen-bytes-or-more"))]);
static OF_WAREHOUSE: LazyLock<[CallbackSecret; 1]> = LazyLock::new(|| {
    [CallbackSecret::parse("whsec_d2F5YmlsbC1kZW1vLXdhcmVob3VzZS1zZWNyZXQ=").expect("a secret")]
});

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (id, timestamp, signature, body) = (line(), line(), line(), line());
    // Nobody guesses a signature.
    assert!(!shopify::webhook::verify(&*OF_SHOP, body.as_bytes(), signature));
    let verdict =
        warehouse::callback::verify(&*OF_WAREHOUSE, id, timestamp, signature, body.as_bytes(), Utc::now());
    assert!(verdict.is_err());
});

//! Answers of the Admin API: two bytes are the status, the rest is the body.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8])| {
    let (status, body) = input;
    shopify::admin::fuzzed::answer(100 + status % 500, body);
});

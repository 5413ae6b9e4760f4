//! Bodies of a shop's webhooks, read as each kind of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shopify::wire;

fuzz_target!(|body: &[u8]| {
    let _ = wire::parse_order(body);
    let _ = wire::parse_refund(body);
    let _ = wire::parse_return(body);
    let _ = wire::parse_cancelled_return(body);
    let _ = wire::parse_fulfilment(body);
    let _ = wire::parse_order_mention(body);
    let _ = wire::parse_fulfilment_order_mention(body);
    let _ = wire::parse_reverse_fulfilment_order_mention(body);
    let _ = wire::parse_orders_to_redact(body);
    let _ = wire::parse_orders_requested(body);
    for topic in ["orders/create", "fulfillment_orders/moved"] {
        api::fuzzed::subject(topic, body);
    }
});

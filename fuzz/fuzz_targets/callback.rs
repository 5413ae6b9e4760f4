//! Bodies of the warehouse's callbacks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use warehouse::Dialect;

fuzz_target!(|body: &[u8]| {
    for dialect in [Dialect::Shipments, Dialect::Fulfilments] {
        let _ = dialect.parse_callback(body);
    }
});

//! Bodies of the warehouse's callbacks.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let _ = warehouse::callback::parse_callback(body);
});

//! Cursors of lists, which callers send back and may have made up.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|cursor: &str| api::fuzzed::cursor(cursor));

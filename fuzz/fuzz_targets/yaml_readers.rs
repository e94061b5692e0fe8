//! What the fast reader of plain YAML takes, the full parser must read alike, places included.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(difference) = towpath_core::config::readers_agree(text) {
        panic!("{difference}");
    }
});

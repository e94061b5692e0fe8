//! Bytes as flag definitions and as a context: the first line is the context, the rest the definitions. Whatever compiles is
//! evaluated, twice with the same result.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use towpath_core::flags::{FlagDocument, FlagSet};

/// Definitions for bytes that are none, so that contexts meet rules as well.
const DEFINITIONS: &str = r#"{
  "flags": {
    "curious": {"variants": {"on": true, "off": false}, "defaultVariant": "off", "targeting": {"if": [
      {"or": [
        {"in": [{"var": "a"}, ["x", "y", 1]]}, {"sem_ver": [{"var": "a"}, "^", {"var": "b"}]},
        {"==": [{"cat": [{"var": ""}, {"var": "a"}, {"var": "l"}]}, "x"]}, {"<": [{"var": "a"}, {"var": "b"}, {"var": "l.0"}]},
        {"some": [{"var": "l"}, {"$ref": "segment"}]}, {"missing": {"var": "l"}}, {"in": [{"var": "a"}, {"var": "l"}]},
        {"==": [{"substr": [{"var": "a"}, {"var": "b"}, {"var": "l.1"}]}, {"var": {"var": "a"}}]},
        {"reduce": [{"var": "l"}, {"merge": [{"var": "accumulator"}, {"var": "current"}]}, []]}
      ]},
      {"fractional": [{"var": "a"}, ["on", 1], [{"var": "b"}, {"var": "l.length"}]]},
      {"fractional": [["on", 50], ["off", 50]]}
    ]}},
    "older": {"variants": {"on": 1}, "targeting": {"fractional": [{"var": "l"}, ["on", 2]]},
      "towpath": {"bucketing": "v1", "requires": [{"flag": "curious", "variant": "on"}]}}
  },
  "$evaluators": {"segment": {"starts_with": [{"var": ""}, "a"]}}
}"#;

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (context, definitions) = bytes.split_at(end);
    let document = serde_json::from_slice::<FlagDocument>(definitions)
        .or_else(|_| serde_json::from_str(DEFINITIONS))
        .expect("the definitions above are right");
    let set = FlagSet::compile(&document);
    assert_eq!(set.flags().len(), document.flags.len());
    for text in [context, b"{\"targetingKey\": \"user-1\"}"] {
        let Ok(read) = set.context(text) else { continue };
        for flag in set.flags() {
            let found = set.evaluate(flag, &read, Timestamp::UNIX_EPOCH);
            assert_eq!(found, set.evaluate(flag, &read, Timestamp::UNIX_EPOCH));
            assert!(found.value.is_none_or(|value| serde_json::from_str::<serde_json::Value>(value).is_ok()));
        }
    }
});

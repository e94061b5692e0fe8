//! Flags as their users meet them: the suites of the OpenFeature project, another evaluator, hostile input, no allocations.
//!
//! What a single part does is tested beside it; here only what the crate offers is used.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "helpers of tests, which clippy does not take for tests; steps of features take what the runner gives"
)]

use jiff::Timestamp;
use serde_json::Value;
use towpath_core::flags::{FlagDocument, FlagSet};

mod allocations;
mod conformance;
mod flagd_core;
mod hostile;

/// When all tests take place.
fn now() -> Timestamp {
    Timestamp::from_second(1_795_262_400).unwrap()
}

fn set(document: &Value) -> FlagSet {
    FlagSet::compile(&serde_json::from_value::<FlagDocument>(document.clone()).unwrap())
}

/// Returns variant, reason and error code of a flag.
fn answer(set: &FlagSet, key: &str, context: &Value) -> (Option<String>, &'static str, Option<&'static str>) {
    let text = context.to_string();
    let context = set.context(text.as_bytes()).unwrap();
    let found = set.evaluate(set.get(key).unwrap(), &context, now());
    (found.variant.map(str::to_owned), found.reason.as_str(), found.error.map(|error| error.code()))
}

//! What the metadata of a set lays over every context.

use serde_json::json;

use super::*;

#[expect(clippy::needless_pass_by_value, reason = "what is written where it is called reads better without `&`")]
fn served(metadata: Value) -> Served {
    Served::new(serde_json::from_value(json!({ "metadata": metadata })).unwrap())
}

#[test]
fn static_context_lies_over_the_context_of_every_evaluation() {
    let served = served(json!({ "context.region": "eu", "owner": "ana" }));
    let context: Value = serde_json::from_slice(&enriched(&served, br#"{"region": "us", "plan": "free"}"#)).unwrap();
    assert_eq!(context, json!({ "region": "eu", "plan": "free" }));
}

#[test]
fn a_context_that_is_none_and_one_without_more_stay_as_they_are() {
    assert_eq!(enriched(&served(json!({ "context.region": "eu" })), b"[1]"), &b"[1]"[..]);
    assert!(matches!(enriched(&served(json!({ "owner": "ana" })), b"{}"), Cow::Borrowed(b"{}")));
}

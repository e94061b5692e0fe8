//! Values of flags as protobuf has them.

use serde_json::json;

use super::*;

#[test]
fn what_json_holds_comes_back_from_the_message() {
    let text = json!({
        "null": null, "bool": true, "text": "é", "whole": 10, "less": -3, "part": 0.5, "large": 9_007_199_254_740_992_i64,
        "list": [1, "a", [], {}], "object": { "a": { "b": 1 } },
    });
    let message = structure(text.as_object().unwrap().clone());
    let again: Json = serde_json::from_slice(&context_json(Some(message))).unwrap();
    assert_eq!(again, text);
}

#[test]
fn a_targeting_key_that_nobody_set_is_not_there() {
    let message = structure(json!({ "targetingKey": null, "other": null }).as_object().unwrap().clone());
    assert_eq!(context_json(Some(message)), br#"{"other":null}"#);
    assert_eq!(context_json(None), b"{}");
}

#[test]
fn what_is_no_number_is_null() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(json_number(number), Json::Null);
    }
    assert_eq!(json_number(-0.0), json!(0));
    assert_eq!(json_number(1e300), json!(1e300));
}

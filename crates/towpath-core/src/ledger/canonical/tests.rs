//! Tests of `canonical`.

use proptest::{collection, prelude::*};
use serde_json::json;

use super::*;

#[test]
fn keys_are_sorted_and_nothing_is_spaced() {
    let value = json!({"b": [1, true, null], "a": {"z": "", "y": {}}, "": []});
    assert_eq!(canonical_json(&value), r#"{"":[],"a":{"y":{},"z":""},"b":[1,true,null]}"#);
}

/// RFC 8785 section 3.2.3, the example of sorting.
#[test]
fn keys_sort_by_their_utf_16_form() {
    let value = json!({
        "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh", "1": "One",
        "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control", "\u{f6}": "Latin Small Letter O With Diaeresis",
    });
    let text = canonical_json(&value);
    let places: Vec<_> =
        ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"].map(|word| text.find(word)).into();
    assert!(places.is_sorted() && places[0].is_some(), "{text}");
}

/// RFC 8785 section 3.2.2.2.
#[test]
fn only_what_must_be_escaped_is() {
    let value = json!("\u{20ac}$\u{f}\nA'B\"\\\\\"/\u{7f}\u{2028}");
    assert_eq!(canonical_json(&value), "\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\u{7f}\u{2028}\"");
}

#[test]
fn integers_are_exact_and_fractions_stay_fractions() {
    let value = json!([u64::MAX, i64::MIN, 0, 1.0, -0.0, 0.1]);
    assert_eq!(canonical_json(&value), "[18446744073709551615,-9223372036854775808,0,1.0,-0.0,0.1]");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn the_canonical_form_reads_back_to_the_same_value_and_the_same_form(value in any_json()) {
        let text = canonical_json(&value);
        let read: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &value);
        prop_assert_eq!(canonical_json(&read), text);
    }
}

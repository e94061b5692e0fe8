//! Tests of percentages: what is edited and how, what is refused, and that growth only adds users.

use proptest::prelude::*;

use super::*;

#[expect(clippy::needless_pass_by_value, reason = "what is written where it is called reads better without `&`")]
fn flag(targeting: Value) -> FlagDefinition {
    let flag = json!({ "variants": { "on": true, "off": false }, "defaultVariant": "off", "targeting": targeting });
    serde_json::from_value(flag).unwrap()
}

fn percent(text: &str) -> Percent {
    text.parse().unwrap()
}

fn set(targeting: Value, text: &str) -> String {
    match with_percentage(&flag(targeting), None, percent(text)) {
        Ok(edited) => edited.to_string(),
        Err(error) => format!("refused: {error}"),
    }
}

#[test]
fn a_percentage_has_at_most_three_decimals() {
    for (text, read) in
        [("0", "0"), ("25", "25"), ("0.5", "0.5"), ("33.333 %", "33.333"), ("100%", "100"), ("5.0", "5")]
    {
        assert_eq!(percent(text).to_string(), read);
    }
    for text in ["", "%", "-1", "+1", "100.001", "101", "1.2345", "1e1", "1.", ".5", "٥", "NaN", "25 % of all"] {
        assert!(text.parse::<Percent>().is_err(), "{text}");
    }
}

#[test]
fn a_flag_without_rule_gets_a_split() {
    insta::assert_snapshot!(set(Value::Null, "25"), @r#"{"fractional":[["on",25],["off",75]]}"#);
    insta::assert_snapshot!(set(json!({}), "0.5"), @r#"{"fractional":[["on",5],["off",995]]}"#);
    insta::assert_snapshot!(set(json!("on"), "33.33"), @r#"{"fractional":[["on",3333],["off",6667]]}"#);
    insta::assert_snapshot!(set(Value::Null, "0.001"), @r#"{"fractional":[["on",1],["off",99999]]}"#);
    insta::assert_snapshot!(set(Value::Null, "100"), @r#"{"fractional":[["on",100],["off",0]]}"#);
}

#[test]
fn a_split_keeps_its_order_and_what_it_hashes() {
    insta::assert_snapshot!(set(json!({ "fractional": [["on", 10], ["off", 90]] }), "25"), @r#"{"fractional":[["on",25],["off",75]]}"#);
    insta::assert_snapshot!(set(json!({ "fractional": [["off", 90], ["on", 10]] }), "25"), @r#"{"fractional":[["off",75],["on",25]]}"#);
    insta::assert_snapshot!(set(json!({ "fractional": [{ "var": "email" }, ["on"], ["off"]] }), "10"), @r#"{"fractional":[{"var":"email"},["on",10],["off",90]]}"#);
    insta::assert_snapshot!(set(json!({ "fractional": [["off", 100]] }), "10"), @r#"{"fractional":[["off",90],["on",10]]}"#);
}

#[test]
fn the_last_branch_of_an_if_is_edited_in_any_depth() {
    let rule = json!({ "==": [{ "var": "plan" }, "gold"] });
    insta::assert_snapshot!(set(json!({ "if": [rule, "on", "off"] }), "10"), @r#"{"if":[{"==":[{"var":"plan"},"gold"]},"on",{"fractional":[["on",10],["off",90]]}]}"#);
    insta::assert_snapshot!(set(json!({ "if": [rule, "on"] }), "10"), @r#"{"if":[{"==":[{"var":"plan"},"gold"]},"on",{"fractional":[["on",10],["off",90]]}]}"#);
    insta::assert_snapshot!(set(json!({ "if": [rule, "on", { "if": [rule, "off", { "fractional": [["on", 1], ["off", 99]] }] }] }), "2"), @r#"{"if":[{"==":[{"var":"plan"},"gold"]},"on",{"if":[{"==":[{"var":"plan"},"gold"]},"off",{"fractional":[["on",2],["off",98]]}]}]}"#);
}

#[test]
fn what_cannot_be_edited_without_guessing_is_refused() {
    insta::assert_snapshot!(set(json!({ "==": [1, 1] }), "10"), @"refused: `==` decides in its targeting, which a percentage cannot be put into");
    insta::assert_snapshot!(set(json!({ "$ref": "gold" }), "10"), @"refused: `$ref` decides in its targeting, which a percentage cannot be put into");
    insta::assert_snapshot!(set(json!({ "fractional": [["on", 1], ["off", 1], ["maybe", 1]] }), "10"), @"refused: its targeting splits between `on`, `off`, `maybe`");
    insta::assert_snapshot!(set(json!({ "fractional": [["on", { "var": "share" }], ["off", 1]] }), "10"), @"refused: a weight in its targeting is not a plain number");
    insta::assert_snapshot!(set(json!({ "if": [true, "on"], "or": [] }), "10"), @"refused: `if` decides in its targeting, which a percentage cannot be put into");
    insta::assert_snapshot!(set(json!(7), "10"), @"refused: `7` decides in its targeting, which a percentage cannot be put into");
    let three = json!({ "variants": { "a": 1, "b": 2, "c": 3 } });
    let three: FlagDefinition = serde_json::from_value(three).unwrap();
    let refused = |variant| with_percentage(&three, variant, percent("5")).unwrap_err().to_string();
    insta::assert_snapshot!(refused(None), @"it has 3 variants, so it has to be said which one the percentage is of");
    insta::assert_snapshot!(refused(Some("d")), @"it has no variant `d`");
    insta::assert_snapshot!(refused(Some("a")), @"it cannot be told which variant the rest gets");
}

/// The variant that a hash falls to (flagd's `fractional` since v2): the first whose weights so far are beyond the bucket.
fn falls_to(targeting: &Value, hash: u32) -> String {
    let rest = targeting.get("if").and_then(|branches| branches.as_array()?.last());
    let entries = rest.unwrap_or(targeting)["fractional"].as_array().unwrap();
    let entries: Vec<(&str, u64)> = entries
        .iter()
        .filter(|it| it.is_array())
        .map(|it| (it[0].as_str().unwrap(), it[1].as_u64().unwrap()))
        .collect();
    let total: u64 = entries.iter().map(|(_, weight)| weight).sum();
    let bucket = (u64::from(hash) * total) >> 32;
    let mut end = 0;
    for (name, weight) in entries {
        end += weight;
        if bucket < end {
            return name.to_owned();
        }
    }
    unreachable!("the weights cover every bucket")
}

proptest! {
    #[test]
    fn growth_only_adds_users(
        form in 0..4_usize, small in 0..=100_000_u32, large in 0..=100_000_u32, hashes in prop::collection::vec(any::<u32>(), 200),
    ) {
        let forms = [
            Value::Null,
            json!({ "fractional": [{ "var": "email" }, ["on", 1], ["off", 9]] }),
            json!({ "fractional": [["off", 9], ["on", 1]] }),
            json!({ "if": [{ "==": [1, 2] }, "on", "off"] }),
        ];
        let (small, large) = (small.min(large), small.max(large));
        let before = with_percentage(&flag(forms[form].clone()), None, Percent(small)).unwrap();
        // The second edit is one of what the first made.
        let after = with_percentage(&flag(before.clone()), None, Percent(large)).unwrap();
        for hash in hashes {
            if falls_to(&before, hash) == "on" {
                prop_assert_eq!(falls_to(&after, hash), "on");
            }
        }
    }

    #[test]
    fn nothing_that_could_be_a_targeting_panics(text in "[\\[\\]{}\",:a-z0-9$]{0,60}", thousandths in 0..=100_000_u32) {
        if let Ok(targeting) = serde_json::from_str::<Value>(&text) {
            let _ = with_percentage(&flag(targeting), None, Percent(thousandths));
        }
    }
}

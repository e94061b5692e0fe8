//! How many users a rule lets have a variant, read and written.

use serde_json::{Value, json};

use super::{ShareError, share, with_share};
use crate::{flags::FlagDefinition, units::Percent};

fn flag(more: &Value) -> FlagDefinition {
    let mut whole = json!({ "variants": { "on": true, "off": false }, "defaultVariant": "off" });
    for (name, value) in more.as_object().unwrap() {
        whole[name] = value.clone();
    }
    serde_json::from_value(whole).unwrap()
}

fn percent(value: u8) -> Percent {
    Percent::new(value).unwrap()
}

fn at(flag: &FlagDefinition, value: u8) -> Value {
    with_share(flag, "on", percent(value)).unwrap().0["targeting"].clone()
}

#[test]
fn a_flag_without_a_rule_gets_one_with_the_variant_first() {
    let wanted = json!({ "fractional": [["on", 5], ["off", 95]] });
    assert_eq!(at(&flag(&json!({})), 5), wanted);
    assert_eq!(at(&flag(&json!({ "targeting": {} })), 5), wanted);
    assert_eq!(at(&flag(&json!({ "targeting": null })), 5), wanted);
}

#[test]
fn what_was_set_is_what_is_read() {
    let rules = [
        json!(null),
        json!("off"),
        json!({ "fractional": [{ "var": "school" }, ["on", 1], ["off", 1]] }),
        json!({ "if": [{ "ends_with": [{ "var": "email" }, "@team.example"] }, "on"] }),
        json!({ "if": [{ "var": "tester" }, "on", { "fractional": [["off", 30], ["on", 70]] }] }),
    ];
    for rule in rules {
        let mut flag = flag(&json!({ "targeting": rule }));
        for value in 0..=100 {
            flag = with_share(&flag, "on", percent(value)).unwrap().over(Some(&flag)).unwrap();
            assert_eq!(share(&flag, "on"), Ok(percent(value)), "{rule}");
        }
    }
}

#[test]
fn rules_that_name_people_stay() {
    let flag = flag(&json!({ "targeting": { "if": [{ "var": "tester" }, "on", "off"] } }));
    assert_eq!(
        at(&flag, 10),
        json!({ "if": [{ "var": "tester" }, "on", { "fractional": [["on", 10], ["off", 90]] }] })
    );
    assert_eq!(share(&flag, "on"), Ok(Percent::ZERO));
}

#[test]
fn what_tells_users_apart_stays() {
    let flag = flag(&json!({ "targeting": { "fractional": [{ "var": "school" }, ["on", 1], ["off", 3]] } }));
    assert_eq!(share(&flag, "on"), Ok(percent(25)));
    assert_eq!(at(&flag, 50), json!({ "fractional": [{ "var": "school" }, ["on", 50], ["off", 50]] }));
}

#[test]
fn what_cannot_be_a_percentage_is_refused_with_the_reason() {
    let why = |more: &Value| with_share(&flag(more), "on", percent(5)).unwrap_err();
    let targeting = ShareError::Targeting { variant: "on".to_owned(), rest: "off".to_owned() };
    for rule in [
        json!({ "fractional": [["on", 1], ["off", 1], ["blue", 1]] }),
        json!({ "fractional": [["on", { "var": "weight" }], ["off", 1]] }),
        json!({ "fractional": [["on", 0], ["off", 0]] }),
        json!({ "==": [{ "var": "tier" }, "gold"] }),
        json!({ "if": [true, "on", { "var": "wanted" }] }),
        json!([1]),
        json!("blue"),
    ] {
        assert_eq!(why(&json!({ "targeting": rule })), targeting, "{rule}");
    }
    assert_eq!(why(&json!({ "defaultVariant": "on" })), ShareError::IsDefault("on".to_owned()));
    assert_eq!(why(&json!({ "defaultVariant": null })), ShareError::NoDefault);
    assert_eq!(
        why(&json!({ "variants": { "an": true, "off": false } })).to_string(),
        "it has no variant `on`: it has `an`, `off`"
    );
}

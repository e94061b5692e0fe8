//! Whole flags: what stands where no rule chooses, values as they were written, metadata, prerequisites.

use serde_json::{Value, json};

use super::super::FlagSet;
use crate::flags::FlagDocument;

/// Returns reason, variant, value or error, and metadata of a flag.
fn told(document: &Value, key: &str, context: &Value) -> String {
    let set = FlagSet::compile(&serde_json::from_value::<FlagDocument>(document.clone()).unwrap());
    let text = context.to_string();
    let context = set.context(text.as_bytes()).unwrap();
    let found = set.evaluate(set.get(key).unwrap(), &context, "2026-11-21T12:00:00Z".parse().unwrap());
    let error = found.error.map(|error| format!(" {} {error}", error.code())).unwrap_or_default();
    let (variant, value) = (found.variant.unwrap_or("-"), found.value.unwrap_or("-"));
    format!("{} {variant} {value} {}{error}", found.reason.as_str(), found.metadata.unwrap_or("-"))
}

#[expect(clippy::needless_pass_by_value, reason = "what is written where it is called reads better without `&`")]
fn one(flag: Value) -> String {
    let mut whole = json!({"variants": {"on": true, "off": false, "7": 7}, "defaultVariant": "off"});
    whole.as_object_mut().unwrap().extend(flag.as_object().unwrap().clone());
    told(&json!({"flags": {"flag": whole}}), "flag", &json!({}))
}

#[test]
fn where_no_rule_chooses_the_default_variant_stands_and_says_why() {
    assert_eq!(one(json!({})), "STATIC off false -");
    assert_eq!(one(json!({"targeting": {}})), "STATIC off false -");
    assert_eq!(one(json!({"targeting": null})), "DEFAULT off false -");
    assert_eq!(one(json!({"targeting": {"var": "nowhere"}})), "DEFAULT off false -");
    assert_eq!(one(json!({"targeting": {"/": [0, 0]}})), "DEFAULT off false -");
    assert_eq!(one(json!({"defaultVariant": null})), "DEFAULT - - -");
    assert_eq!(one(json!({"defaultVariant": "", "targeting": {"var": "x"}})), "DEFAULT - - -");
    assert_eq!(one(json!({"state": "DISABLED", "targeting": "nonsense"})), "DISABLED - - -");
    assert_eq!(one(json!({"defaultVariant": "x"})), "ERROR - - - GENERAL the flag has no variant `x`");
    assert_eq!(one(json!({"targeting": {"cat": "x"}})), "ERROR - - - GENERAL the flag has no variant `x`");
    assert_eq!(one(json!({"targeting": {"+": [3, 4]}})), "TARGETING_MATCH 7 7 -");
    assert_eq!(one(json!({"targeting": {"merge": []}})), "ERROR - - - GENERAL the rule yields no name of a variant");
}

#[test]
fn a_rule_that_cannot_be_understood_says_where() {
    let rule = json!({"targeting": {"if": [{"and": [true, {"matches": [1, 2]}]}, "on"]}});
    assert_eq!(one(rule), "ERROR - - - PARSE_ERROR `matches` is not an operator (at `/if/0/and/1/matches`)");
    let document = json!({
        "flags": {"flag": {"variants": {}, "targeting": {"!": {"$ref": "outer"}}}},
        "$evaluators": {"outer": {"or": [{"$ref": "inner"}]}, "inner": {"!": [{"a/b": 1}]}},
    });
    assert_eq!(
        told(&document, "flag", &json!({})),
        "ERROR - - - PARSE_ERROR `a/b` is not an operator (at `/!/0/a~1b` of segment `inner`)"
    );
}

#[test]
fn values_come_as_they_were_written() {
    for (value, written) in
        [("10", "10"), ("10.0", "10.0"), ("\"\"", "\"\""), ("{}", "{}"), ("0.1", "0.1"), ("null", "null")]
    {
        let text = format!(r#"{{"flags": {{"flag": {{"variants": {{"it": {value}}}, "defaultVariant": "it"}}}}}}"#);
        let document = serde_json::from_str(&text).unwrap();
        assert_eq!(told(&document, "flag", &json!({})), format!("STATIC it {written} -"));
    }
}

#[test]
fn metadata_of_a_flag_weighs_more_than_that_of_its_set() {
    let document = json!({
        "flags": {
            "own": {"variants": {}, "metadata": {"owner": "web", "level": 2, "list": [1], "none": null}},
            "none": {"variants": {}, "targeting": "broken"},
        },
        "metadata": {"flagSetId": "production", "owner": "all"},
    });
    let own = r#"{"flagSetId":"production","level":2,"owner":"web"}"#;
    assert_eq!(told(&document, "own", &json!({})), format!("DEFAULT - - {own}"));
    let none = r#"{"flagSetId":"production","owner":"all"}"#;
    assert!(
        told(&document, "none", &json!({})).starts_with(&format!("ERROR - - {none} PARSE_ERROR the rule is no object"))
    );
}

#[test]
fn a_flag_whose_prerequisite_is_not_met_yields_its_default() {
    let requires = |flag: &str| json!({"requires": [{"flag": flag, "variant": "on"}]});
    let gate =
        |targeting: Value| json!({"variants": {"on": 1, "off": 0}, "defaultVariant": "off", "targeting": targeting});
    let mut inner = gate(json!({"if": [{"in": ["b", {"var": "email"}]}, "on"]}));
    inner["towpath"] = requires("beta");
    let mut outer = gate(json!({"if": [true, "on"]}));
    outer["towpath"] = requires("inner");
    let mut after_off = gate(json!({"if": [true, "on"]}));
    after_off["towpath"] = requires("switched-off");
    let document = json!({"flags": {
        "beta": gate(json!({"starts_with": [{"var": "email"}, "a"]})),
        "inner": inner, "outer": outer, "after-off": after_off,
        "switched-off": {"state": "DISABLED", "variants": {"on": 1}, "defaultVariant": "on"},
    }});
    assert_eq!(told(&document, "after-off", &json!({})), "DEFAULT off 0 -");
    assert_eq!(told(&document, "outer", &json!({"email": "a"})), "DEFAULT off 0 -");
    // `beta` yields `true`, which is no variant: an error there is a prerequisite that is not met here.
    assert_eq!(told(&document, "outer", &json!({"email": "ab"})), "DEFAULT off 0 -");
    let mut document = document;
    document["flags"]["beta"]["targeting"] = json!({"if": [{"starts_with": [{"var": "email"}, "a"]}, "on", "off"]});
    assert_eq!(told(&document, "outer", &json!({"email": "ab"})), "TARGETING_MATCH on 1 -");
    assert_eq!(told(&document, "outer", &json!({"email": "b"})), "DEFAULT off 0 -");
}

#[test]
fn a_greater_share_only_adds_users() {
    for bucketing in ["v1", "v2", "v3"] {
        let on = |percent: u32, user: u32| {
            let flag = json!({
                "variants": {"on": true, "off": false}, "towpath": {"bucketing": bucketing},
                "targeting": {"fractional": [["on", percent], ["off", 100 - percent]]},
            });
            let key = json!({"targetingKey": format!("user-{user}")});
            told(&json!({"flags": {"flag": flag}}), "flag", &key).contains("on true")
        };
        let mut shares = Vec::new();
        for percent in [0, 1, 5, 25, 50, 100] {
            let users: Vec<_> = (0..400).filter(|user| on(percent, *user)).collect();
            if let Some(before) = shares.last() {
                assert!(<Vec<u32> as AsRef<[u32]>>::as_ref(before).iter().all(|user| users.contains(user)));
            }
            shares.push(users);
        }
        let counts: Vec<_> = shares.iter().map(Vec::len).collect();
        assert!(counts[0] == 0 && counts[5] == 400 && (60..140).contains(&counts[3]), "{bucketing} {counts:?}");
    }
}

//! Plain flagd files evaluate as ours did, or say why they cannot.

use jiff::Timestamp;

use super::*;
use crate::flags::FlagSet;

fn document(flags: Value) -> FlagDocument {
    serde_json::from_value(flags).unwrap()
}

fn variants(document: &FlagDocument, key: &str) -> Vec<Option<String>> {
    let set = FlagSet::compile(document);
    let contexts = [r#"{"targetingKey":"a","country":"de"}"#, r#"{"targetingKey":"b","country":"fr"}"#, "{}"];
    let evaluate = |json: &&str| {
        let context = set.context(json.as_bytes()).unwrap();
        set.evaluate(set.get(key).unwrap(), &context, Timestamp::UNIX_EPOCH).variant.map(str::to_owned)
    };
    contexts.iter().map(evaluate).collect()
}

/// Checks that the plain file yields what the document does.
fn same(flags: Value) -> Exported {
    let document = document(flags);
    let exported = export(&document);
    let plain: FlagDocument = serde_json::from_value(exported.file.clone()).unwrap();
    for key in document.flags.keys() {
        assert_eq!(variants(&plain, key.as_str()), variants(&document, key.as_str()), "{key}: {:#}", exported.file);
        assert!(plain.flags[key].towpath.is_empty());
    }
    exported
}

#[expect(clippy::needless_pass_by_value, reason = "what is written where it is called reads better without `&`")]
fn with(required: Value) -> Value {
    let on_off = json!({ "on": true, "off": false });
    json!({"flags": {
        "needs": {
            "state": "ENABLED", "variants": on_off, "defaultVariant": "off", "targeting": {"if": [true, "on"]},
            "towpath": {"requires": [{"flag": "required", "variant": "on"}]},
        },
        "required": required,
    }})
}

#[test]
fn a_required_flag_becomes_a_condition_of_the_rule() {
    let variants = json!({ "on": 1, "off": 0 });
    for (default, state) in [("on", "ENABLED"), ("off", "ENABLED"), ("on", "DISABLED")] {
        let rule = json!({"if": [{"==": [{"var": "country"}, "de"]}, "on", null]});
        let flag = json!({"state": state, "variants": variants, "defaultVariant": default, "targeting": rule});
        assert_eq!(same(with(flag)).notes, []);
        let constant = json!({"state": state, "variants": variants, "defaultVariant": default});
        assert_eq!(same(with(constant)).notes, []);
    }
}

#[test]
fn a_rule_that_yields_truth_values_is_compared_by_their_names() {
    let mut flags = with(json!({
        "state": "ENABLED", "variants": {"true": true, "false": false}, "defaultVariant": "false",
        "targeting": {"==": [{"var": "country"}, "de"]},
    }));
    flags["flags"]["needs"]["towpath"]["requires"][0]["variant"] = json!("true");
    assert_eq!(same(flags).notes, []);
}

#[test]
fn what_users_are_chosen_by_another_flag_s_key_is_said_not_guessed() {
    let exported = export(&document(with(json!({
        "state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
        "targeting": {"fractional": [["on", 50], ["off", 50]]},
    }))));
    assert_eq!(exported.notes.len(), 1, "{:?}", exported.notes);
    assert_eq!(exported.file["flags"]["needs"].get("targeting"), None);
    assert_eq!(exported.file["flags"]["required"]["metadata"], json!({"towpath.bucketing": "v3"}));
}

#[test]
fn flags_that_require_each_other_end() {
    let flag = |other: &str| {
        json!({
            "state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on", "targeting": {"if": [true, "on"]},
            "towpath": {"requires": [{"flag": other, "variant": "on"}]},
        })
    };
    let exported = export(&document(json!({"flags": {"a": flag("b"), "b": flag("a"), "c": flag("nowhere")}})));
    assert_eq!(exported.notes.len(), 3);
}

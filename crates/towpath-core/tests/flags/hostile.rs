//! Input that nobody means well with: the error that the protocol names, never a panic, and soon.
//!
//! All on the stack that a thread of the server has.

use std::thread;

use serde_json::{Map, Value, json};
use towpath_core::flags::{ContextError, DEEPEST_CONTEXT};

use super::{answer, now, set};

const STACK: usize = 2 << 20;

fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(STACK).spawn(test).unwrap().join().unwrap();
}

fn flag(rule: &Value) -> Value {
    json!({"variants": {"on": true, "off": false, "true": 1, "false": 0}, "defaultVariant": "off", "targeting": rule})
}

fn one(rule: &Value) -> Value {
    json!({"flags": {"flag": flag(rule)}})
}

/// Everything that can look at a context.
fn curious() -> Value {
    json!({"if": [
        {"or": [
            {"==": [{"cat": [{"var": ""}, {"var": "a"}, {"var": "list"}]}, "x"]},
            {"some": [{"var": "list"}, {"in": ["x", {"var": ""}]}]},
            {"in": [{"var": "a"}, {"var": "list"}]},
            {"missing": {"var": "list"}},
            {"<": [{"var": "a"}, {"var": "list"}, {"var": "a.b.c"}]},
            {"sem_ver": [{"var": "a"}, ">", {"var": "b"}]},
            {"fractional": [{"var": "a"}, ["on", 1], [{"var": "b"}, {"var": "a"}]]},
        ]},
        "on",
        {"fractional": [{"var": "list"}, ["on", 50], ["off", 50]]},
    ]})
}

fn nested(levels: usize) -> String {
    let inside = levels - 1;
    format!("{{\"a\":{}{}}}", "[".repeat(inside), "]".repeat(inside))
}

#[test]
fn a_context_is_read_or_refused_whatever_it_is() {
    on_a_small_stack(|| {
        for rule in [curious(), json!({"var": "a"})] {
            let set = set(&one(&rule));
            let refused = |json: &[u8]| set.context(json).unwrap_err();
            for text in
                ["", "{", "{\"a\":1}}", "{\"a\"}", "{\"a\":01}", "{\"a\":\"\\x\"}", "{\"a\":1e999}", "{\"a\":\"\n\"}"]
            {
                assert!(matches!(refused(text.as_bytes()), ContextError::Parse(_)), "{text}");
            }
            assert!(matches!(refused(b"{\"a\":\"\xff\"}"), ContextError::Parse(_)));
            for text in ["[]", "1", "\"a\"", "true"] {
                assert!(matches!(refused(text.as_bytes()), ContextError::Invalid(_)), "{text}");
            }
            for levels in [DEEPEST_CONTEXT + 1, 129, 200, 500_000] {
                let deep = nested(levels);
                assert!(matches!(refused(deep.as_bytes()), ContextError::Invalid(_)), "{levels}");
                let member = format!("{{\"unknown\":{deep}}}");
                assert!(matches!(refused(member.as_bytes()), ContextError::Invalid(_)), "{levels}");
            }
            let deepest = nested(DEEPEST_CONTEXT);
            for text in ["{}", "null", " {\"a\": null} ", "{\"a\":18446744073709551615,\"a\":-0.0}", deepest.as_str()] {
                let context = set.context(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
                let _ = set.evaluate(set.get("flag").unwrap(), &context, now());
            }
        }
    });
}

#[test]
fn of_members_with_the_same_name_the_last_one_counts() {
    let set = set(&one(&json!({"var": "user.plan"})));
    let variant = |text: &str| {
        let context = set.context(text.as_bytes()).unwrap();
        set.evaluate(set.get("flag").unwrap(), &context, now()).variant.map(str::to_owned)
    };
    assert_eq!(variant(r#"{"user": {"plan": "off"}, "user": {"plan": "on"}}"#).as_deref(), Some("on"));
    assert_eq!(variant(r#"{"user": {"plan": "off", "plan": "on"}}"#).as_deref(), Some("on"));
    assert_eq!(variant(r#"{"user": {"plan": "on"}, "user": {}}"#).as_deref(), Some("off"));
}

#[test]
fn a_context_of_a_megabyte_is_evaluated() {
    on_a_small_stack(|| {
        let set = set(&one(&curious()));
        let long = "x".repeat(1 << 20);
        let many: Map<String, Value> = (0..40_000).map(|it| (format!("key-{it}"), json!({"b": it}))).collect();
        let keys: Vec<_> = many.keys().collect();
        let list: Vec<_> = (0..100_000).map(|it| it.to_string()).collect();
        let mut wide = many.clone();
        wide.insert("list".into(), json!(keys));
        for context in [
            json!({"a": long, "list": [long], "targetingKey": long}),
            Value::Object(wide),
            json!({"a": list, "b": list, "list": list}),
            json!({"a": many, "list": [many]}),
        ] {
            let (_, reason, error) = answer(&set, "flag", &context);
            assert!(reason != "ERROR" || error == Some("GENERAL"), "{reason} {error:?}");
        }
    });
}

#[test]
fn a_rule_that_would_take_too_long_is_ended() {
    on_a_small_stack(|| {
        let list: Vec<_> = (0..2000).collect();
        let sum = |body: Value| json!({"reduce": [{"var": "list"}, body, "x"]});
        let accumulator = json!({"var": "accumulator"});
        for rule in [
            sum(json!({"cat": [accumulator, accumulator]})),
            sum(json!({"merge": [accumulator, accumulator, [1]]})),
            json!({"cat": [sum(json!([accumulator, accumulator]))]}),
            json!({"some": [{"var": "list"}, {"some": [list, {"some": [list, {"==": [{"var": ""}, -1]}]}]}]}),
        ] {
            let set = set(&one(&rule));
            assert_eq!(answer(&set, "flag", &json!({"list": list})).2, Some("GENERAL"), "{rule}");
        }
    });
}

#[test]
fn a_rule_that_makes_no_sense_is_a_parse_error() {
    on_a_small_stack(|| {
        let deep = (0..1000).fold(json!(true), |rule, _| json!({ "!": rule }));
        let flat = (0..1000).fold(json!([]), |rule, _| json!([rule, {"a": 1, "b": rule_of_two()}]));
        for rule in [
            json!("on"),
            json!(["on"]),
            json!(7),
            json!({"no such operator": []}),
            json!({"if": [true, {"==": [{"x": 1}]}]}),
            json!({"$ref": "nowhere"}),
            json!({"$ref": 1}),
            json!({"": []}),
            deep,
            json!({ "in": [1, flat] }),
        ] {
            let set = set(&one(&rule));
            assert_eq!(answer(&set, "flag", &json!({})), (None, "ERROR", Some("PARSE_ERROR")));
            assert!(set.get("flag").unwrap().problem().is_some());
        }
    });
}

fn rule_of_two() -> Value {
    json!({"c": [], "d": {}})
}

#[test]
fn segments_in_circles_in_long_chains_and_in_heaps_are_parse_errors() {
    on_a_small_stack(|| {
        let refers = |name: &str| json!({ "$ref": name });
        let mut segments = json!({
            "self": refers("self"),
            "one": {"!": refers("other")}, "other": {"and": [true, refers("one")]},
            "laugh-0": {"==": [1, 1]}, "chain-0": {"==": [1, 1]},
        });
        for it in 1..5000 {
            segments[format!("chain-{it}")] = json!({ "!": refers(&format!("chain-{}", it - 1)) });
        }
        for it in 1..60 {
            let before = refers(&format!("laugh-{}", it - 1));
            segments[format!("laugh-{it}")] = json!({ "and": [before, before, before] });
        }
        let names = ["self", "one", "other", "chain-4999", "laugh-59", "laugh-20"];
        let flags: Map<String, Value> = names.map(|name| (name.to_owned(), flag(&refers(name)))).into_iter().collect();
        let set = set(&json!({"flags": flags, "$evaluators": segments}));
        for name in names {
            assert_eq!(answer(&set, name, &json!({})), (None, "ERROR", Some("PARSE_ERROR")), "{name}");
        }
    });
}

#[test]
fn prerequisites_in_circles_in_long_chains_and_in_heaps_are_parse_errors() {
    on_a_small_stack(|| {
        let requires = |flags: &[String]| {
            let list: Vec<_> = flags.iter().map(|flag| json!({"flag": flag, "variant": "on"})).collect();
            json!({"variants": {"on": true, "off": false}, "defaultVariant": "on", "towpath": {"requires": list}})
        };
        let mut flags = json!({
            "self": requires(&["self".into()]),
            "one": requires(&["other".into()]), "other": requires(&["one".into()]),
            "after": requires(&["one".into()]),
            "nowhere": requires(&["missing".into()]),
            "chain-0": requires(&[]), "heap-0": requires(&[]),
            "variant": {"variants": {}, "towpath": {"requires": [{"flag": "chain-0", "variant": "blue"}]}},
        });
        for it in 1..10_000 {
            flags[format!("chain-{it}")] = requires(&[format!("chain-{}", it - 1)]);
        }
        for it in 1..30 {
            flags[format!("heap-{it}")] = requires(&vec![format!("heap-{}", it - 1); 3]);
        }
        let set = set(&json!({ "flags": flags }));
        for name in ["self", "one", "other", "after", "nowhere", "variant", "chain-33", "heap-29"] {
            assert_eq!(answer(&set, name, &json!({})), (None, "ERROR", Some("PARSE_ERROR")), "{name}");
        }
        assert_eq!(answer(&set, "chain-32", &json!({})), (Some("on".into()), "STATIC", None));
        assert_eq!(answer(&set, "heap-5", &json!({})), (Some("on".into()), "STATIC", None));
    });
}

#[test]
fn a_context_that_was_read_for_other_flags_is_not_mistaken() {
    let (one, other) = (set(&one(&json!({"var": "a"}))), set(&one(&json!({"var": "b"}))));
    let context = one.context(b"{\"a\": \"on\"}").unwrap();
    let found = other.evaluate(other.get("flag").unwrap(), &context, now());
    assert_eq!(found.error.unwrap().code(), "GENERAL");
}

//! Evaluating allocates nothing once the context is read, also where the rule makes texts and lists on the way.
//!
//! Left out: reading the context, which brings the room for those along; results on the way of more than 1 KiB, for which the
//! room grows; lists and objects that a comparison takes for a text although the rule makes none; messages of errors.

use std::hint::black_box;

use serde_json::json;

use super::{now, set};

#[test]
fn evaluating_allocates_nothing() {
    let rules = [
        json!({"if": [{"in": [{"var": "country"}, ["CH", "DE"]]}, "on", "off"]}),
        json!({"if": [{"sem_ver": [{"var": "version"}, ">", "1.4.2"]}, "on", "off"]}),
        json!({"fractional": [["on", 25], ["off", 75]]}),
        json!({"fractional": [{"cat": [{"var": "$flagd.flagKey"}, {"var": "email"}]}, ["on", 25], ["off", 75]]}),
        json!({"fractional": [{"var": "user"}, ["on", {"if": [{"var": "email"}, 10, 20]}], ["off", 75]]}),
        json!({"if": [{"some": [{"var": "tags"}, {"==": [{"substr": [{"var": ""}, 0, 2]}, "be"]}]}, "on", "off"]}),
        json!({"if": [{"missing": ["country", "city"]}, "on", "off"]}),
        json!({"if": [{"reduce": [{"filter": [{"var": "tags"}, {"var": ""}]}, {"+": [1, {"var": "accumulator"}]}, 0]}, "on"]}),
        json!({"fractional": [{"var": "user"}, ["on", 25], ["off", 75]]}),
        json!({"if": [{"sem_ver": [{"var": "user.score"}, "<", "2"]}, "on", "off"]}),
        json!({"if": [{"in": [{"var": "user.id"}, {"var": "email"}]}, "on", "off"]}),
        json!({"if": [{"and": [{"<": [{"var": "user.id"}, 8]}, {"ends_with": [{"var": "email"}, ".org"]}]}, "on", "off"]}),
        json!({"if": [{"in": ["be-3", {"map": [{"var": "tags"}, {"cat": [{"var": ""}, "-", 3]}]}]}, "on", "off"]}),
        json!({"if": [{"in": [3, {"merge": [{"var": "tags"}, [1, 2], 3]}]}, "on", "off"]}),
        json!({"if": [{"==": [{"var": {"cat": ["coun", "try"]}}, "CH"]}, "on", "off"]}),
    ];
    let context = json!({
        "targetingKey": "user-1", "country": "CH", "version": "1.5.0-beta.1+7", "email": "ana@example.org",
        "user": {"name": "Ana", "id": 7, "score": 1.5}, "tags": ["beta", "staff", ""],
    })
    .to_string();
    for rule in rules {
        let flags = json!({"flags": {
            "gate": {"variants": {"on": true}, "defaultVariant": "on"},
            "flag": {
                "variants": {"on": true, "off": false}, "defaultVariant": "off", "targeting": rule,
                "towpath": {"requires": [{"flag": "gate", "variant": "on"}]},
            },
        }});
        let set = set(&flags);
        let context = set.context(context.as_bytes()).unwrap();
        let flag = set.get("flag").unwrap();
        let found = allocation_counter::measure(|| {
            // The very first one counts too.
            for _ in 0..10 {
                let found = black_box(set.evaluate(flag, &context, now()));
                assert!(found.error.is_none());
            }
        });
        assert_eq!(found.count_total, 0, "{rule}");
    }
    let counts = allocation_counter::measure(|| drop(black_box(context.clone())));
    assert!(counts.count_total > 0, "allocations are counted");
}

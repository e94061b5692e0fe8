//! Which flags changed between two documents.

use super::*;

#[expect(clippy::needless_pass_by_value, reason = "what is written where it is called reads better without `&`")]
fn document(flags: Json, rest: Json) -> FlagDocument {
    let mut document = json!({ "flags": flags });
    for (name, value) in rest.as_object().unwrap() {
        document[name] = value.clone();
    }
    serde_json::from_value(document).unwrap()
}

fn changed(before: (Json, Json), after: (Json, Json)) -> Option<Json> {
    let changes = changes(&document(before.0, before.1), &document(after.0, after.1))?;
    Some(changes.get("flags").unwrap().clone())
}

#[test]
fn a_change_names_what_was_made_changed_and_deleted() {
    let before = json!({ "kept": {}, "gone": {}, "turned": { "state": "ENABLED" } });
    let after = json!({ "kept": {}, "new": {}, "turned": { "state": "DISABLED" } });
    let expected = json!({ "gone": { "type": "delete" }, "new": { "type": "write" }, "turned": { "type": "update" } });
    assert_eq!(changed((before, json!({})), (after, json!({}))), Some(expected));
}

#[test]
fn who_owns_a_flag_changes_nothing() {
    let (before, after) = (json!({ "a": {} }), json!({ "a": { "towpath": { "owner": "ana" } } }));
    assert_eq!(changed((before, json!({})), (after, json!({}))), None);
}

#[test]
fn a_segment_changes_the_flags_that_name_one_and_those_that_need_them() {
    let flags = json!({
        "names": { "targeting": { "if": [{ "$ref": "s" }, "on"] } },
        "needs": { "towpath": { "requires": [{ "flag": "names", "variant": "on" }] } },
        "needs-that": { "towpath": { "requires": [{ "flag": "needs", "variant": "on" }] } },
        "apart": { "targeting": { "if": [true, "on"] } },
    });
    let segments = |value: bool| json!({ "$evaluators": { "s": value } });
    let update = json!({ "type": "update" });
    let expected = json!({ "names": update, "needs": update, "needs-that": update });
    assert_eq!(changed((flags.clone(), segments(true)), (flags, segments(false))), Some(expected));
}

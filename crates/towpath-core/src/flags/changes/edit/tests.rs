//! Tests of edits: what lies over the files afterwards, what is refused, and that taking back restores.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    event::{Event, Fact},
    flags::{FlagWish, FlagsChanged, taken_back, wished},
    ids::{FlagChangeNumber, PrincipalName},
};

fn place() -> EnvironmentName {
    "production".parse().unwrap()
}

fn key(name: &str) -> FlagKey {
    FlagKey::new(name).unwrap()
}

fn files() -> FlagDocument {
    let boolean = json!({ "on": true, "off": false });
    let document = json!({
        "flags": {
            "checkout": { "state": "ENABLED", "variants": boolean, "defaultVariant": "off",
                "targeting": { "if": [{ "$ref": "staff" }, "on", null] }, "towpath": { "owner": "ana" } },
            "search": { "state": "ENABLED", "variants": { "a": "A", "b": "B", "c": "C" }, "defaultVariant": "a" },
            "banner": { "state": "DISABLED", "variants": boolean, "defaultVariant": "on",
                "towpath": { "requires": [{ "flag": "checkout", "variant": "on" }] } },
        },
        "$evaluators": { "staff": { "ends_with": [{ "var": "email" }, "@shop.example"] } },
    });
    serde_json::from_value(document).unwrap()
}

fn worked(live: &LiveFlags, edits: &[FlagEdit]) -> Result<WorkedOut, Refusal> {
    work_out(&place(), &files(), live, edits)
}

fn refused(edit: FlagEdit) -> String {
    let refusal = worked(&LiveFlags::default(), &[edit]).unwrap_err();
    let next = refusal.next.map(|next| format!(" | {next}")).unwrap_or_default();
    format!("{}: {}{next}", refusal.code.name(), refusal.message)
}

fn patch(value: Value) -> FlagPatch {
    serde_json::from_value(value).unwrap()
}

/// Makes a change as the ledger tells it.
fn made(live: &mut LiveFlags, work: &WorkedOut, undoes: Option<FlagChangeNumber>) -> FlagChangeNumber {
    let number = live.next_number();
    let change = FlagsChanged {
        number,
        changes: work.changes.clone(),
        words: work.words.clone(),
        reason: None,
        undoes,
        from: None,
    };
    live.fold(&Event {
        sequence: number.0,
        at: jiff::Timestamp::UNIX_EPOCH,
        principal: PrincipalName::control_plane(),
        cause: "test".to_owned(),
        environment: Some(place()),
        fact: Fact::FlagsChanged(change),
    });
    number
}

fn laid(live: &LiveFlags, name: &str) -> String {
    live.live(&FlagTarget::Flag(key(name))).map_or_else(|| "the files".to_owned(), |patch| patch.to_string())
}

#[test]
fn what_is_as_in_the_files_is_left_to_them() {
    let mut live = LiveFlags::default();
    let off = worked(&live, &[FlagEdit::State(key("checkout"), FlagState::Disabled)]).unwrap();
    assert_eq!(off.words, ["checkout: state ENABLED → DISABLED"]);
    made(&mut live, &off, None);
    assert_eq!(laid(&live, "checkout"), r#"{"state":"DISABLED"}"#);
    assert!(worked(&live, &[FlagEdit::State(key("checkout"), FlagState::Disabled)]).unwrap().changes.is_empty());
    let on = worked(&live, &[FlagEdit::State(key("checkout"), FlagState::Enabled)]).unwrap();
    made(&mut live, &on, None);
    assert_eq!(laid(&live, "checkout"), "the files");
}

#[test]
fn edits_are_made_in_their_order_and_leave_what_they_do_not_name() {
    let mut live = LiveFlags::default();
    let edits = [
        FlagEdit::Patch(key("search"), patch(json!({ "metadata": { "team": "find" }, "variants": { "d": "D" } }))),
        FlagEdit::Default(key("search"), "d".to_owned()),
        FlagEdit::Percentage(key("checkout"), None, "10".parse().unwrap()),
    ];
    let work = worked(&live, &edits).unwrap();
    insta::assert_snapshot!(work.words.join("\n"), @r#"
    checkout: targeting {"if":[{"$ref":"staff"},"on",null]} → {"if":[{"$ref":"staff"},"on",{"fractional":[["on",10],["off",90]]}]}
    search: defaultVariant a → d
    search: metadata.team none → find
    search: variants.d none → D
    "#);
    made(&mut live, &work, None);
    insta::assert_snapshot!(laid(&live, "search"), @r#"{"defaultVariant":"d","metadata":{"team":"find"},"variants":{"d":"D"}}"#);
    let again = [FlagEdit::Patch(key("search"), patch(json!({ "metadata": { "team": null }, "defaultVariant": "b" })))];
    let work = worked(&live, &again).unwrap();
    made(&mut live, &work, None);
    insta::assert_snapshot!(laid(&live, "search"), @r#"{"defaultVariant":"b","variants":{"d":"D"}}"#);
    let reset = worked(&live, &[FlagEdit::Reset(FlagTarget::Flag(key("search")))]).unwrap();
    assert_eq!(reset.document.flags.get("search"), files().flags.get("search"));
}

#[test]
fn flags_that_would_not_work_are_refused_with_the_reason() {
    insta::assert_snapshot!(refused(FlagEdit::State(key("chekout"), FlagState::Disabled)), @"not_found: production has no flag `chekout` | did you mean `checkout`?");
    insta::assert_snapshot!(refused(FlagEdit::Default(key("search"), "z".to_owned())), @"flags_invalid: `search` has no variant `z` | one of: `a`, `b`, `c`");
    insta::assert_snapshot!(refused(FlagEdit::Percentage(key("search"), None, "5".parse().unwrap())), @"not_editable: a percentage of `search` cannot be set: it has 3 variants, so it has to be said which one the percentage is of | give the whole targeting: towpath flags edit production search --targeting FILE");
    insta::assert_snapshot!(refused(FlagEdit::Reset(FlagTarget::Flag(key("search")))), @"not_found: `search` has no live change in production: the files decide | towpath flags log production");
    for edit in [
        FlagEdit::Targeting(key("search"), Some(json!({ "frobnicate": [1] }))),
        FlagEdit::Targeting(key("search"), Some(json!({ "if": [{ "$ref": "nobody" }, "a"] }))),
        FlagEdit::Targeting(key("search"), Some(json!("z"))),
        FlagEdit::Patch(key("search"), patch(json!({ "variants": { "a": null } }))),
        FlagEdit::Patch(key("search"), patch(json!({ "state": "SOMETIMES" }))),
        FlagEdit::Patch(
            key("search"),
            patch(json!({ "towpath": { "requires": [{ "flag": "nothing", "variant": "on" }] } })),
        ),
        FlagEdit::Patch(
            key("checkout"),
            patch(json!({ "towpath": { "requires": [{ "flag": "banner", "variant": "on" }] } })),
        ),
        FlagEdit::Patch(key("new"), patch(json!({ "defaultVariant": "on" }))),
        FlagEdit::Segment("staff".to_owned(), json!({ "frobnicate": [] })),
    ] {
        let why = refused(edit.clone());
        assert!(why.starts_with("flags_invalid: "), "{edit:?}: {why}");
    }
}

#[test]
fn what_is_wrong_already_stops_nobody() {
    let mut files = files();
    files.flags.get_mut("search").unwrap().targeting = Some(json!({ "frobnicate": [1] }));
    let edit = FlagEdit::Patch(key("search"), patch(json!({ "metadata": { "team": "find" } })));
    assert!(work_out(&place(), &files, &LiveFlags::default(), &[edit]).is_ok());
}

#[test]
fn a_plan_is_of_the_flags_as_they_are() {
    let plan = |files: &FlagDocument| {
        let edit = FlagEdit::State(key("checkout"), FlagState::Disabled);
        work_out(&place(), files, &LiveFlags::default(), &[edit]).unwrap().plan
    };
    let mut other = files();
    other.flags.get_mut("search").unwrap().default_variant = Some("b".to_owned());
    assert_eq!(plan(&files()), plan(&other), "another flag is of no matter");
    other.flags.get_mut("checkout").unwrap().default_variant = Some("on".to_owned());
    assert_ne!(plan(&files()), plan(&other));
}

#[test]
fn a_conflict_says_what_was_changed_since_and_by_which_change() {
    let mut live = LiveFlags::default();
    for percent in ["10", "20"] {
        let edit = FlagEdit::Percentage(key("checkout"), None, percent.parse().unwrap());
        let work = worked(&live, &[edit]).unwrap();
        made(&mut live, &work, None);
    }
    let undo = |live: &LiveFlags, number: Option<u64>| {
        wished(&place(), &files(), live, &FlagWish::Undo(number.map(FlagChangeNumber)), &FlagDocument::default())
    };
    let refusal = undo(&live, Some(1)).unwrap_err();
    insta::assert_snapshot!(refusal.message, @"c1 cannot be taken back: `targeting` of checkout changed since by c2");
    insta::assert_snapshot!(refusal.next.unwrap(), @"towpath flags undo production c2, or set what you want");
    for (number, left) in [(2, 1), (1, 0)] {
        let wish = undo(&live, None).unwrap();
        assert_eq!(wish.undoes, Some(FlagChangeNumber(number)), "the latest that was not taken back");
        made(&mut live, &wish.work, wish.undoes);
        assert_eq!(live.patches.len(), left);
    }
    insta::assert_snapshot!(undo(&live, None).unwrap_err().message, @"production has no change that could be taken back");
    insta::assert_snapshot!(undo(&live, Some(1)).unwrap_err().message, @"everything that c1 changed is as it was before it already");
    insta::assert_snapshot!(undo(&live, Some(9)).unwrap_err().message, @"production has no change c9 of flags");
}

#[test]
fn flags_are_taken_over_with_the_segments_that_they_name_and_only_where_they_differ() {
    let mut there = files();
    there.flags.insert(key("new"), serde_json::from_value(json!({ "variants": { "on": true }, "defaultVariant": "on", "targeting": { "if": [{ "$ref": "beta" }, "on"] } })).unwrap());
    there.flags.remove("banner");
    there.evaluators.insert("beta".to_owned(), json!({ "$ref": "staff" }));
    there.evaluators.insert("staff".to_owned(), json!(true));
    there.evaluators.insert("other".to_owned(), json!(false));
    there.flags.get_mut("search").unwrap().default_variant = Some("b".to_owned());
    let from: EnvironmentName = "staging".parse().unwrap();
    let take = |keys: &[&str]| {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        wished(&place(), &files(), &LiveFlags::default(), &FlagWish::Promote { from: from.clone(), keys }, &there)
    };
    let lines = |keys: &[&str]| take(keys).unwrap().work.words.join("\n");
    insta::assert_snapshot!(lines(&["search"]), @"search: defaultVariant a → b");
    insta::assert_snapshot!(lines(&["checkout"]), @r#"segment staff: rule {"ends_with":[{"var":"email"},"@shop.example"]} → true"#);
    let new = take(&["new"]).unwrap().work;
    assert_eq!(new.document.flags.get("new"), there.flags.get("new"));
    assert_eq!((new.changes.len(), new.document.evaluators.get("other")), (3, None));
    let all = take(&[]).unwrap().work.document;
    assert!(all.flags.contains_key("banner"), "what is only here stays");
    assert!(differences(&there, &all).iter().all(|it| it.presence == crate::flags::Presence::Right));
    assert_eq!(take(&["serch"]).unwrap_err().next.unwrap(), "did you mean `search`?");
}

fn any_edit() -> impl Strategy<Value = FlagEdit> {
    let flag = prop_oneof![Just("checkout"), Just("search"), Just("banner")].prop_map(key);
    let value =
        prop_oneof![Just(json!("on")), Just(json!(true)), Just(json!(7)), Just(json!({ "a": 1.5 })), Just(Value::Null)];
    let member = (prop_oneof![Just("m"), Just("n"), Just("on")], value);
    let by_member = (prop_oneof![Just("metadata"), Just("variants")], prop::collection::vec(member, 0..3));
    prop_oneof![
        (flag.clone(), any::<bool>())
            .prop_map(|(key, on)| { FlagEdit::State(key, if on { FlagState::Enabled } else { FlagState::Disabled }) }),
        (flag.clone(), prop_oneof![Just("on"), Just("off"), Just("a"), Just("b")])
            .prop_map(|(key, variant)| FlagEdit::Default(key, variant.to_owned())),
        (flag.clone(), 0..=1000_u32).prop_map(|(key, part)| FlagEdit::Percentage(
            key,
            None,
            format!("{}.{}", part / 10, part % 10).parse().unwrap_or_else(|_| "1".parse().unwrap())
        )),
        (flag.clone(), any::<bool>())
            .prop_map(|(key, some)| FlagEdit::Targeting(key, some.then(|| json!({ "if": [true, null] })))),
        (flag.clone(), by_member).prop_map(|(key, (property, members))| {
            let members: Map<String, Value> =
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            FlagEdit::Patch(key, patch(json!({ property: members })))
        }),
        any::<bool>().prop_map(|truth| FlagEdit::Segment("staff".to_owned(), json!(truth))),
        flag.prop_map(|key| FlagEdit::Reset(FlagTarget::Flag(key))),
    ]
}

proptest! {
    #[test]
    fn a_change_makes_what_was_worked_out_and_taking_it_back_restores_what_was(
        earlier in prop::collection::vec(any_edit(), 0..6), edits in prop::collection::vec(any_edit(), 1..4),
    ) {
        let mut live = LiveFlags::default();
        for edit in &earlier {
            if let Ok(work) = worked(&live, std::slice::from_ref(edit)) {
                made(&mut live, &work, None);
            }
        }
        let before = live.over(&files());
        if let Ok(work) = worked(&live, &edits) {
            let number = made(&mut live, &work, None);
            prop_assert_eq!(&live.over(&files()), &work.document);
            prop_assert_eq!(work.words.is_empty(), differences(&before, &work.document).is_empty());
            let back = taken_back(&live, live.record(number).unwrap()).unwrap();
            let back = judge(&place(), &files(), &live, back).unwrap();
            made(&mut live, &back, Some(number));
            prop_assert_eq!(live.over(&files()), before);
        }
    }

    #[test]
    fn what_is_folded_reads_back_equal_and_the_same_again_changes_nothing(edits in prop::collection::vec(any_edit(), 1..8)) {
        let mut live = LiveFlags::default();
        for edit in &edits {
            if let Ok(work) = worked(&live, std::slice::from_ref(edit)) {
                made(&mut live, &work, None);
                if !matches!(edit, FlagEdit::Reset(_)) {
                    prop_assert!(worked(&live, std::slice::from_ref(edit)).unwrap().changes.is_empty());
                }
            }
        }
        let read: LiveFlags = serde_json::from_str(&serde_json::to_string(&live).unwrap()).unwrap();
        prop_assert_eq!(read, live);
    }
}

//! What YAML means here, and what hostile texts meet.

use proptest::prelude::*;

use super::*;
use crate::config::value::{Nulls, Value};

fn parse_text(text: &str) -> (Option<serde_json::Value>, Vec<String>) {
    let (document, diagnostics) = parse(SourceId(0), text, 0);
    let json = document.map(|document| Value::of(&document, document.root(), Nulls::Keep).to_json());
    (json, diagnostics.into_iter().map(|diagnostic| diagnostic.message).collect())
}

fn json(text: &str) -> serde_json::Value {
    let (json, errors) = parse_text(text);
    assert_eq!(errors, Vec::<String>::new());
    json.unwrap()
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    let lines: Vec<String> = (0..count).map(line).collect();
    lines.join("\n") + "\n"
}

fn first_error(text: &str) -> String {
    parse_text(text).1.into_iter().next().unwrap_or_default()
}

#[test]
fn scalars_follow_yaml_1_2() {
    let text =
        "[yes, no, on, true, False, ~, '', 012, 0x1f, 0o17, 1e3, .5, -7, '1', 1_000, .inf, 99999999999999999999]";
    assert_eq!(
        json(text),
        serde_json::json!([
            "yes",
            "no",
            "on",
            true,
            false,
            null,
            "",
            12,
            31,
            15,
            1000.0,
            0.5,
            -7,
            "1",
            "1_000",
            ".inf",
            "99999999999999999999"
        ])
    );
}

#[test]
fn anchors_and_merge_keys_work() {
    let text = "a: &a {x: 1, y: 2}\nb: *a\nc: {<<: *a, y: 3}\nd:\n  <<: [{z: 9, x: 8}, *a]\n";
    assert_eq!(
        json(text),
        serde_json::json!({
            "a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 2}, "c": {"x": 1, "y": 3}, "d": {"z": 9, "x": 8, "y": 2}
        })
    );
}

#[test]
fn json_is_read_too() {
    let text = "{\n\t\"a\": [1, 2.5, \"\\u00fc\\n\", null, true],\n\t\"b\": {}\n}";
    assert_eq!(json(text), serde_json::from_str::<serde_json::Value>(text).unwrap());
}

#[test]
fn an_empty_text_is_nothing() {
    assert_eq!(json(""), serde_json::Value::Null);
    assert_eq!(json("# nothing\n"), serde_json::Value::Null);
}

#[test]
fn block_collections_are_marked_by_their_key() {
    let text = "top:\n  - a\n  - b: 1\nflow: {c: [1]}\n";
    let (document, _) = parse(SourceId(0), text, 0);
    let document = document.unwrap();
    let NodeKind::Map(entries) = &document.node(document.root()).kind else { panic!() };
    let marked: Vec<&str> = entries
        .iter()
        .map(|entry| document.node(entry.value).span)
        .map(|span| &text[span.start as usize..span.end as usize])
        .collect();
    assert_eq!(marked, ["{c: [1]}", "top"], "in the order of the keys");
}

#[test]
fn mistakes_are_named() {
    assert_eq!(first_error("a: 1\nb: 2\na: 3\n"), "`a` is set twice");
    assert_eq!(first_error("a: *b\n"), "there is no anchor `&b` above this alias");
    assert_eq!(first_error("a: &a [*a]\n"), "this alias stands inside what it names");
    assert_eq!(first_error("? [a]\n: 1\n"), "a key must be a text or a number, not a list or a map");
    assert_eq!(first_error("a: !apend [1]\n"), "unknown tag `!apend`");
    assert_eq!(first_error("a: !!int x\n"), "`x` is not what its tag `!!int` says");
    assert_eq!(first_error("<<: 5\n"), "`<<` takes a map or a list of maps, usually an alias");
    assert_eq!(first_error("a: 1\n---\nb: 2\n"), "a second document begins here; a file holds one");
}

#[test]
fn hostile_texts_meet_limits() {
    let bomb: String = (1..=9).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
        let aliases = vec![format!("*a{}", n - 1); 9].join(", ");
        format!("{text}a{n}: &a{n} [{aliases}]\n")
    });
    assert_eq!(first_error(&bomb), "aliases repeat more than 100000 values");
    let keys = lines(1000, |n| format!("  k{n}: 1"));
    let merges = lines(1000, |n| format!("m{n}: {{<<: *big}}"));
    assert_eq!(first_error(&format!("big: &big\n{keys}{merges}")), "aliases repeat more than 100000 values");
    assert_eq!(first_error(&"[".repeat(100_000)), "nested deeper than 64 levels");
    let block = lines(1000, |n| format!("{}a:", " ".repeat(n)));
    assert_eq!(first_error(&block), "nested deeper than 64 levels");
    let deep: String =
        (1..=90).fold("a0: &a0 [x]\n".to_owned(), |text, n| format!("{text}a{n}: &a{n} [*a{}]\n", n - 1));
    assert_eq!(first_error(&deep), "nested deeper than 64 levels through this alias");
    assert!(first_error(&"a".repeat(MAX_BYTES + 1)).starts_with("the text has"));
}

#[test]
fn a_text_of_nothing_but_mistakes_is_not_read_to_its_end() {
    let doubles = format!("{{{}}}", "a: 1,".repeat(100_000));
    assert_eq!(parse_text(&doubles).1.len(), 100);
    let aliases = format!("[{}]", "*a ,".repeat(100_000));
    assert_eq!(parse_text(&aliases).1.len(), 100);
    assert_eq!(
        first_error("a: &a {x: 1}\nb: {<<: *a, <<: *a}\n"),
        "`<<` is used twice in one map; give it a list instead"
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*|[ \\n\\[\\]{}:,*&!<'\"#>|a-c-]{0,200}") {
        parse_text(&text);
    }

    #[test]
    fn labels_lie_inside_the_text(text in "[ \\n\\[\\]{}:,ü*&!<'\"#|a-c-]{0,80}") {
        let (_, diagnostics) = parse(SourceId(0), &text, 0);
        for label in diagnostics.iter().filter_map(|diagnostic| diagnostic.primary) {
            prop_assert!(label.span.start <= label.span.end);
            prop_assert!(label.span.start as usize <= text.len());
        }
    }

    #[test]
    fn whatever_json_says_is_read_the_same(value in arbitrary_json()) {
        let text = serde_json::to_string(&value).unwrap();
        prop_assert_eq!(json(&text), value);
    }
}

fn arbitrary_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        "[^\u{0}-\u{1f}\u{7f}-\u{a0}\u{2028}\u{2029}\u{feff}]{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::btree_map("[a-z]{1,4}", inner, 0..5)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

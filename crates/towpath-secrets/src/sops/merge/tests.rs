//! Tests of `merge`.

use proptest::prelude::*;

use super::*;

fn merged(format: Format, base: &str, ours: &str, theirs: &str) -> (String, Vec<String>) {
    let merged = merge_text(format, Some(base), ours, theirs, &|_| Side::Ours).unwrap();
    (merged.text.to_string(), merged.conflicts.iter().map(ToString::to_string).collect())
}

/// Merges both ways round, without conflicts.
#[track_caller]
fn clean(format: Format, [base, ours, theirs, wanted]: [&str; 4]) {
    let (text, conflicts) = merged(format, base, ours, theirs);
    assert_eq!((text.as_str(), conflicts.as_slice()), (wanted, &[] as &[String]));
    let (text, conflicts) = merged(format, base, theirs, ours);
    let values = |text: &str| {
        let tree = tree(format, text).unwrap();
        format!("{:?}", tree.documents.iter().map(|d| leaves(&d.root)).collect::<Vec<_>>())
    };
    assert!(conflicts.is_empty(), "{conflicts:?}");
    assert_eq!(values(&text), values(wanted), "{text}");
}

/// Returns every value by its keys, sorted.
fn leaves(block: &crate::sops::tree::Block) -> Vec<String> {
    use crate::sops::tree::Node;
    fn of(node: &Node, path: &str, out: &mut Vec<String>) {
        match node {
            Node::Leaf(leaf) => {
                out.push(format!("{path}={}", leaf.value.as_text().map_or_else(String::new, |t| t.to_string())));
            }
            Node::Map(block) => block.pairs().for_each(|pair| of(&pair.value, &format!("{path}/{}", pair.key), out)),
            Node::List(block) => block.elements().for_each(|node| of(node, &format!("{path}/-"), out)),
        }
    }
    let mut out = Vec::new();
    block.pairs().for_each(|pair| of(&pair.value, &pair.key, &mut out));
    out.sort();
    out
}

#[test]
fn neighbours_that_lines_would_make_a_conflict_of_merge() {
    clean(Format::Yaml, ["a: 1\nb: 2\nc: 3\n", "a: 10\nb: 2\nc: 3\n", "a: 1\nb: 20\nc: 3\n", "a: 10\nb: 20\nc: 3\n"]);
    clean(Format::Dotenv, ["A=1\nB=2\n", "A=10\nB=2\n", "A=1\nB=20\n", "A=10\nB=20\n"]);
    clean(
        Format::Json,
        [
            "{\n\t\"a\": 1,\n\t\"b\": {\"c\": [1, 2]}\n}\n",
            "{\n\t\"a\": 10,\n\t\"b\": {\"c\": [1, 2]}\n}\n",
            "{\n\t\"a\": 1,\n\t\"b\": {\"c\": [1, 2, 3]},\n\t\"d\": null\n}\n",
            "{\n\t\"a\": 10,\n\t\"b\": {\"c\": [1, 2, 3]},\n\t\"d\": null\n}\n",
        ],
    );
    clean(
        Format::Ini,
        [
            "[a]\nx = 1\ny = 2\n",
            "[a]\nx = 10\ny = 2\n",
            "[a]\nx = 1\ny = 20\n[b]\nz = 3\n",
            "[a]\nx = 10\ny = 20\n[b]\nz = 3\n",
        ],
    );
}

#[test]
fn keys_are_added_removed_and_moved_on_both_sides() {
    clean(
        Format::Yaml,
        [
            "a: 1\nb: 2\nc: 3\n",
            "a: 1\nours: x\nb: 2\nc: 3\nlast: o\n",
            "b: 2\ntheirs: y\nc: 3\nlater: t\n",
            "ours: x\nb: 2\ntheirs: y\nc: 3\nlast: o\nlater: t\n",
        ],
    );
    clean(
        Format::Yaml,
        ["a: 1\nb: 2\nc: 3\n", "c: 3\nb: 2\na: 1\n", "a: 1\nb: 2\nc: 4\nd: 5\n", "c: 4\nd: 5\nb: 2\na: 1\n"],
    );
    clean(Format::Json, [r#"{"a": 1, "b": 2}"#, r#"{"b": 2}"#, r#"{"a": 1}"#, "{}"]);
}

#[test]
fn comments_and_empty_lines_go_with_what_they_stand_over() {
    clean(
        Format::Yaml,
        [
            "# Head.\n\n# About a.\na: 1 # why\n\n# About b.\nb: 2\n# End.\n",
            "# Head.\n\n# About a.\na: 10 # why\n\n# About b.\nb: 2\n# End.\n",
            "# Head.\n\n# More about a.\na: 1 # why not\n\n# New.\nn: 0\n\n# About b.\nb: 2\n# The end.\n",
            "# Head.\n\n# More about a.\na: 10 # why not\n\n# New.\nn: 0\n\n# About b.\nb: 2\n# The end.\n",
        ],
    );
    let (_, conflicts) = merged(Format::Yaml, "# x\na: 1\n", "# y\na: 1\n", "# z\na: 1\n");
    assert_eq!(conflicts, ["`a`: both sides changed its comments"]);
}

#[test]
fn maps_in_maps_and_lists_merge_inside() {
    clean(
        Format::Yaml,
        [
            "db:\n    user: app\n    password: one\nlist:\n    - name: x\n      key: 1\n    - name: y\n      key: 2\n",
            "db:\n    user: app\n    password: two\nlist:\n    - name: x\n      key: 10\n    - name: y\n      key: 2\n",
            "db:\n    user: web\n    password: one\n    port: 5\nlist:\n    - name: x\n      key: 1\n      more: m\n    - name: y\n      key: 2\n    - z\n",
            "db:\n    user: web\n    password: two\n    port: 5\nlist:\n    - name: x\n      key: 10\n      more: m\n    - name: y\n      key: 2\n    - z\n",
        ],
    );
    // Written for another depth on one side.
    clean(
        Format::Yaml,
        [
            "a:\n  b: 1\n  c: 2\n",
            "a:\n    b: 1\n    c: 3\n",
            "a:\n  b: 1\n  c: 2\n  d: |\n    x\n     y\n",
            "a:\n    b: 1\n    c: 3\n    d: |\n      x\n       y\n",
        ],
    );
    clean(
        Format::Yaml,
        ["l: [a, b]\nx: 1\n", "l: [a, b, c]\nx: 1\n", "l: [z, a, b]\nx: 2\n", "l: [z, a, b, c]\nx: 2\n"],
    );
    clean(Format::Yaml, ["l:\n- a\n- b\n", "l:\n- a\n- b\n- c\n", "l:\n- b\n", "l:\n- b\n- c\n"]);
}

#[test]
fn documents_of_one_file_merge_each_for_itself() {
    clean(
        Format::Yaml,
        [
            "# One.\na: 1\n---\n# Two.\nb: 1\n# End.\n",
            "# One.\na: 2\n---\n# Two.\nb: 1\n# End.\n",
            "# First.\na: 1\n---\n# Two.\nb: 2\n# The end.\n",
            "# First.\na: 2\n---\n# Two.\nb: 2\n# The end.\n",
        ],
    );
}

#[test]
fn lists_in_lists_merge() {
    clean(
        Format::Yaml,
        [
            "l:\n  - - a\n    - b\n  - x\n",
            "l:\n  - - a\n    - c\n  - x\n",
            "l:\n  - - z\n    - b\n  - y\n",
            "l:\n  - - z\n    - c\n  - y\n",
        ],
    );
}

#[test]
fn long_texts_are_taken_whole() {
    clean(
        Format::Yaml,
        [
            "key: |\n    one\n    two\nb: 1\n",
            "key: |\n    one\n    three\nb: 1\n",
            "key: |\n    one\n    two\nb: 2",
            "key: |\n    one\n    three\nb: 2",
        ],
    );
    clean(
        Format::Yaml,
        ["a: x\nb: 1\n", "a: |\n    x\n    y\nb: 1\n", "a: x # why\nb: 2\n", "a: |\n    x\n    y\nb: 2\n"],
    );
}

#[test]
fn every_kind_of_conflict_is_told_by_its_path_and_one_side_holds() {
    let cases = [
        ("a: {b: 1}\n", "a: {b: 2}\n", "a: {b: 3}\n", "`a.b`: both sides gave it another value", "a: {b: 2}\n"),
        ("a: 1\n", "a: 1\nb: x\n", "a: 1\nb: y\n", "`b`: both sides added it, with different values", "a: 1\nb: x\n"),
        ("a: 1\nb: 2\n", "a: 1\n", "a: 1\nb: 3\n", "`b`: ours took it away, theirs changed it", "a: 1\n"),
        ("a: 1\nb: 2\n", "a: 1\nb: 3\n", "a: 1\n", "`b`: theirs took it away, ours changed it", "a: 1\nb: 3\n"),
        (
            "l:\n- a\n",
            "l:\n- a\n- b\n",
            "l:\n- a\n- c\n",
            "`l`: both sides changed the same items of the list",
            "l:\n- a\n- b\n",
        ),
        ("l:\n- a\n", "l:\n- b\n", "l:\n- c\n", "`l[0]`: both sides gave it another value", "l:\n- b\n"),
        (
            "a: 1\n",
            "a: [1]\n",
            "a: {b: 1}\n",
            "`a`: both sides changed it, and it is a value, a list or a map here and something else there",
            "a: [1]\n",
        ),
    ];
    for (base, ours, theirs, conflict, wanted) in cases {
        let (text, conflicts) = merged(Format::Yaml, base, ours, theirs);
        assert_eq!((text.as_str(), conflicts), (wanted, vec![conflict.to_owned()]), "{base}");
        let taken = merge_text(Format::Yaml, Some(base), ours, theirs, &|_| Side::Theirs).unwrap();
        assert_eq!(*taken.text, theirs);
    }
}

#[test]
fn without_a_base_what_one_side_has_is_added() {
    let merged = merge_text(Format::Yaml, None, "a: 1\nb: 2\n", "a: 1\nc: 3\n", &|_| Side::Ours).unwrap();
    assert_eq!((merged.text.as_str(), merged.conflicts.len()), ("a: 1\nb: 2\nc: 3\n", 0));
    let merged = merge_text(Format::Binary, None, "a", "b", &|_| Side::Theirs).unwrap();
    assert_eq!((merged.text.as_str(), merged.conflicts.len()), ("b", 1));
}

#[test]
fn the_same_value_in_another_spelling_is_no_change() {
    clean(Format::Yaml, ["a: x\nb: 1\n", "a: \"x\"\nb: 1\n", "a: x\nb: 2\n", "a: \"x\"\nb: 2\n"]);
    clean(Format::Yaml, ["a: x\nb: 1\n", "a: \"x\"\nb: 1\n", "a: y\nb: 1\n", "a: y\nb: 1\n"]);
}

#[test]
fn markers_stand_around_what_differs_only() {
    let quiet = |lines: &[&str]| lines.iter().all(|line| line.starts_with("mac"));
    let marked = lines::marked("a\nb\nmac 1\nc", "a\nx\ny\nmac 2\nc", ("ours", "theirs"), &quiet).unwrap();
    assert_eq!(marked, "a\n<<<<<<< ours\nb\nmac 1\n=======\nx\ny\nmac 2\n>>>>>>> theirs\nc");
    assert!(has_markers(&marked) && !has_markers("a\n=======\n"));
    assert_eq!(lines::marked("a\nmac 1\n", "a\nmac 2\n", ("ours", "theirs"), &quiet), None);
}

/// One change of a small file: a key gets a value or goes.
fn change() -> impl Strategy<Value = (u8, Option<u8>)> {
    (0_u8..6, prop::option::of(0_u8..5))
}

fn applied(
    base: &std::collections::BTreeMap<u8, u8>,
    changes: &[(u8, Option<u8>)],
) -> std::collections::BTreeMap<u8, u8> {
    let mut map = base.clone();
    for (key, value) in changes {
        match value {
            Some(value) => map.insert(*key, *value),
            None => map.remove(key),
        };
    }
    map
}

fn written(map: &std::collections::BTreeMap<u8, u8>, format: Format) -> String {
    let lines = |open: &str, between: &str, close: &str, pair: fn(u8, u8) -> String| {
        let pairs: Vec<String> = map.iter().map(|(key, value)| pair(*key, *value)).collect();
        format!("{open}{}{close}", pairs.join(between))
    };
    match format {
        Format::Yaml => {
            lines("# h\n\n", "", "top: 0\n", |k, v| format!("# about {k}\nk{k}:\n    v: {v}\n    w: [{v}]\n"))
        }
        Format::Json => lines("{", ", ", "}", |k, v| format!("\"k{k}\": {{\"v\": {v}, \"w\": [{v}]}}")),
        Format::Dotenv | Format::Ini | Format::Binary => lines("", "", "", |k, v| format!("K{k}={v}\n")),
    }
}

proptest! {
    #[test]
    fn a_merge_is_that_of_the_maps(
        base in prop::collection::btree_map(0_u8..6, 0_u8..5, 0..6),
        ours in prop::collection::vec(change(), 0..4),
        theirs in prop::collection::vec(change(), 0..4),
        format in prop::sample::select(vec![Format::Yaml, Format::Json, Format::Dotenv]),
    ) {
        let (o, t) = (applied(&base, &ours), applied(&base, &theirs));
        let mut wanted = std::collections::BTreeMap::new();
        let mut clash = std::collections::BTreeSet::new();
        for key in 0..6 {
            let value = match (base.get(&key), o.get(&key), t.get(&key)) {
                (b, o, t) if o == b => t,
                (b, o, t) if t == b || o == t => o,
                (_, o, _) => { clash.insert(key); o }
            };
            if let Some(value) = value { wanted.insert(key, *value); }
        }
        let merged = merge_text(format, Some(&written(&base, format)), &written(&o, format), &written(&t, format), &|_| Side::Ours).unwrap();
        let found: std::collections::BTreeSet<u8> = merged.conflicts.iter().filter_map(|conflict| {
            conflict.path.root().and_then(|key| key[1..].parse().ok())
        }).collect();
        prop_assert_eq!(&found, &clash, "{:?}", merged.conflicts);
        let values = |text: &str| tree(format, text).unwrap().documents.iter().flat_map(|d| leaves(&d.root)).collect::<Vec<_>>();
        prop_assert_eq!(values(&merged.text), values(&written(&wanted, format)), "{}", &*merged.text);
    }

    #[test]
    fn no_text_makes_it_fall_over(base in "[a-c:\\- #\\n{}\\[\\],\"|1]{0,40}", ours in "[a-c:\\- #\\n{}\\[\\],\"|1]{0,40}", theirs in "[a-c:\\- #\\n{}\\[\\],\"|1]{0,40}") {
        for format in [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini] {
            let _ = merge_text(format, Some(&base), &ours, &theirs, &|_| Side::Ours);
        }
    }
}

//! Layers over each other: who wins, who is remembered.

use proptest::prelude::*;

use super::*;
use crate::config::{SourceId, Span, schema::RULES, value::Path, yaml};

fn merged(layers: &[&str]) -> Value {
    let mut tree = ground(Label { source: SourceId(99), span: Span::default() });
    for (source, text) in (0_u32..).zip(layers) {
        let (document, diagnostics) = yaml::parse(SourceId(source), text, 0);
        assert_eq!(diagnostics, []);
        lay(&mut tree, &document.unwrap(), &RULES, |_| true);
    }
    tree
}

fn json(layers: &[&str]) -> serde_json::Value {
    merged(layers).to_json()
}

#[test]
fn maps_merge_deeply_and_later_wins() {
    let found = json(&["a: {x: 1, y: 2}\nb: 1", "a: {y: 3, z: 4}", "b: 5"]);
    assert_eq!(found, serde_json::json!({"a": {"x": 1, "y": 3, "z": 4}, "b": 5}));
}

#[test]
fn lists_replace_unless_tagged() {
    assert_eq!(json(&["a: [1, 2]", "a: [3]"]), serde_json::json!({"a": [3]}));
    assert_eq!(json(&["a: [1, 2]", "a: !append [3]"]), serde_json::json!({"a": [1, 2, 3]}));
    let base = "checks:\n  - {name: a, path: /, retries: 1}\n  - {name: b, path: /b}\n";
    let over = "checks: !merge-by:name\n  - {name: a, path: /x}\n  - !unset {name: b}\n  - {name: c}\n";
    let wanted = serde_json::json!({"checks": [{"name": "a", "path": "/x", "retries": 1}, {"name": "c"}]});
    assert_eq!(json(&[base, over]), wanted);
}

#[test]
fn items_come_before_after_and_in_place_and_leave() {
    assert_eq!(json(&["a: [1]", "a: !prepend [0]", "a: !append [2]"]), serde_json::json!({"a": [0, 1, 2]}));
    assert_eq!(json(&["a: !append [1]"]), serde_json::json!({"a": [1]}));
    let base = "c: [{n: 1, v: a}, {n: 2, v: b}, {n: 3, v: c}]";
    let gone = "c: !merge-by:n [!unset {n: 1}]";
    let tree = merged(&[base, gone, "c: !append [{n: 4}]", "c: !merge-by:n [{n: 5}, {n: 1, v: z}, {n: 3, w: 1}]"]);
    let wanted = serde_json::json!({"c": [
        {"n": 2, "v": "b"}, {"n": 3, "v": "c", "w": 1}, {"n": 4}, {"n": 5}, {"n": 1, "v": "z"}
    ]});
    assert_eq!(tree.to_json(), wanted);
    // What was taken away stands behind what is there, with who took it away.
    let last = tree.at(&"c[5]".parse::<Path>().unwrap()).unwrap();
    assert!(last.is_removed());
    assert_eq!((last.origin.source.0, last.shadowed[0].origin.source.0), (1, 0));
    assert_eq!(json(&["c: !merge-by:n [!unset {n: 1}, {n: 2}]"]), serde_json::json!({"c": [{"n": 2}]}));
}

#[test]
fn null_and_unset_take_away_and_replace_starts_anew() {
    assert_eq!(json(&["a: {x: 1, y: 2}", "a: {x: null}"]), serde_json::json!({"a": {"y": 2}}));
    assert_eq!(json(&["a: {x: 1, y: 2}", "a: {x: !unset 5}"]), serde_json::json!({"a": {"y": 2}}));
    assert_eq!(json(&["a: {x: 1}", "a: null", "a: {y: 2}"]), serde_json::json!({"a": {"y": 2}}));
    assert_eq!(json(&["a: {x: 1, y: 2}", "a: !replace {z: 3}"]), serde_json::json!({"a": {"z": 3}}));
}

#[test]
fn another_choice_takes_the_place_of_the_first() {
    let rolling = "deployment: {strategy: {rolling: {max_surge: 2}}}";
    let canary = "deployment: {strategy: {canary: {steps: []}}}";
    assert_eq!(json(&[rolling, canary]), serde_json::json!({"deployment": {"strategy": {"canary": {"steps": []}}}}));
    let bare = "deployment: {strategy: {recreate: }}";
    assert_eq!(json(&[canary, bare]), serde_json::json!({"deployment": {"strategy": {"recreate": {}}}}));
    let probe = "services: {web: {probes: {liveness: {tcp: true, period: 9s}}}}";
    let other = "services: {web: {probes: {liveness: {http: /}}}}";
    let wanted = serde_json::json!({"services": {"web": {"probes": {"liveness": {"http": "/", "period": "9s"}}}}});
    assert_eq!(json(&[probe, other]), wanted);
}

#[test]
fn everybody_who_said_something_is_remembered() {
    let tree = merged(&["a: 1\nl: [1]", "a: 2", "a: null", "a: 3\nl: [2, 3]"]);
    let at = |path: &str| tree.at(&path.parse::<Path>().unwrap()).unwrap();
    let who = |value: &Value| value.shadowed.iter().map(|one| one.origin.source.0).collect::<Vec<_>>();
    assert_eq!((at("a").origin.source.0, who(at("a"))), (3, vec![2, 1, 0]));
    assert_eq!((at("l[1]").origin.source.0, who(at("l"))), (3, vec![0]));
}

fn layer() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![Just("null".to_owned()), (0..9).prop_map(|n: i32| n.to_string())];
    let value = scalar.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::btree_map("[a-c]", inner.clone(), 0..3).prop_map(|map| {
                let body: Vec<String> = map.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
                format!("{{{}}}", body.join(", "))
            }),
            proptest::collection::vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(", "))),
        ]
    });
    proptest::collection::btree_map("[a-c]", value, 0..3)
        .prop_map(|map| map.into_iter().fold(String::new(), |text, (key, value)| format!("{text}{key}: {value}\n")))
}

proptest! {
    #[test]
    fn the_last_layer_wins_wherever_it_speaks(layers in proptest::collection::vec(layer(), 1..5)) {
        let texts: Vec<&str> = layers.iter().map(String::as_str).collect();
        let all = merged(&texts);
        let last = merged(&[texts[texts.len() - 1]]);
        let mut wrong = Vec::new();
        last.leaves(&mut |path, leaf| {
            let found = all.at(path);
            let empty_map = matches!(&leaf.data, Data::Map(map) if map.is_empty());
            if !empty_map && found.map(|value| &value.data) != Some(&leaf.data) {
                wrong.push(path.to_string());
            }
        });
        prop_assert_eq!(wrong, Vec::<String>::new());
    }

    #[test]
    fn every_leaf_names_a_layer_that_said_it(layers in proptest::collection::vec(layer(), 1..5)) {
        let texts: Vec<&str> = layers.iter().map(String::as_str).collect();
        let mut wrong = Vec::new();
        merged(&texts).leaves(&mut |path, leaf| {
            for value in std::iter::once(leaf).chain(&leaf.shadowed) {
                let source = value.origin.source.0 as usize;
                if !path.segments().is_empty() && source >= texts.len() {
                    wrong.push(path.to_string());
                }
            }
            let order: Vec<u32> = std::iter::once(leaf).chain(&leaf.shadowed).map(|one| one.origin.source.0).collect();
            if !order.is_sorted_by(|a, b| a > b) {
                wrong.push(format!("{path}: {order:?}"));
            }
        });
        prop_assert_eq!(wrong, Vec::<String>::new());
    }

    #[test]
    fn laying_the_same_twice_changes_no_value(base in layer(), over in layer()) {
        prop_assert_eq!(json(&[&base, &over]), json(&[&base, &over, &over]));
    }

    #[test]
    fn who_said_something_is_counted_once_a_layer(values in proptest::collection::vec(proptest::option::of(0..9), 1..6)) {
        // Each layer says a number, takes the key away, or says nothing of it.
        let texts: Vec<String> = values.iter().map(|value| match value {
            Some(0) => "k: null\n".to_owned(),
            Some(number) => format!("k: {number}\n"),
            None => "other: 1\n".to_owned(),
        }).collect();
        let tree = merged(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let spoke: Vec<u32> = (0_u32..6).zip(values.iter().map(Option::is_some)).filter(|(_, spoke)| *spoke).map(|(layer, _)| layer).collect::<Vec<_>>().into_iter().rev().collect();
        let found = tree.at(&Path::of_keys(["k"]));
        let heard: Vec<u32> = found.into_iter().flat_map(|value| std::iter::once(value).chain(&value.shadowed))
            .map(|value| value.origin.source.0).collect();
        prop_assert_eq!(heard, spoke);
    }

    #[test]
    fn layers_without_removal_may_be_put_together_in_any_grouping(
        a in layer_of_maps(), b in layer_of_maps(), c in layer_of_maps(),
    ) {
        // (a ⊕ b) ⊕ c = a ⊕ (b ⊕ c), where b ⊕ c is written out as one layer.
        let right = json(&[&b, &c]).to_string();
        prop_assert_eq!(json(&[&a, &b, &c]), json(&[&a, &right]));
    }

    #[test]
    fn merging_is_the_same_each_time(layers in proptest::collection::vec(layer(), 1..5)) {
        let texts: Vec<&str> = layers.iter().map(String::as_str).collect();
        prop_assert_eq!(merged(&texts), merged(&texts));
    }

    #[test]
    fn a_key_that_was_taken_away_is_not_there(layers in proptest::collection::vec(layer(), 0..4), key in "[a-c]") {
        let gone = format!("{key}: !unset 1\n");
        let texts: Vec<&str> = layers.iter().map(String::as_str).chain([gone.as_str()]).collect();
        let tree = merged(&texts);
        prop_assert!(tree.get(&key).is_none());
        prop_assert!(tree.to_json().get(&key).is_none());
    }
}

/// A layer of maps all the way down: no `null`, no scalar where another layer has a map.
fn layer_of_maps() -> impl Strategy<Value = String> {
    proptest::collection::btree_map("[a-c]", proptest::collection::btree_map("[x-z]", 0..9, 0..3), 0..3).prop_map(
        |map| {
            map.into_iter().fold(String::new(), |text, (key, inner)| {
                let inner: Vec<String> = inner.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
                format!("{text}{key}: {{{}}}\n", inner.join(", "))
            })
        },
    )
}

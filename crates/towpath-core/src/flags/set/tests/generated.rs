//! Rules and contexts by chance, the same ones each time, for comparing with other evaluators.
//!
//! Left out is where nobody agrees: objects as values, and `+` and `*` of what is neither a number nor a text of one
//! (JavaScript takes those texts apart as `parseFloat` does; here and in flagd they are read whole, and nothing is 0), and a third
//! value of `>` and `>=` (JavaScript passes over it; here and in flagd it counts, as it does for `<`).

use proptest::{
    prelude::*,
    sample::select,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

/// How many differences a failed test shows.
const SHOWN: usize = 12;

/// Returns rules and their contexts.
pub(super) fn cases(count: usize, seed: u8) -> Vec<(Value, Value)> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = rule();
    let contexts = [
        json!({"n": 3, "s": "ab", "b": true, "o": {"p": 2, "q": "abc"}, "l": [1, 2, 3]}),
        json!({"n": -2.5, "s": "", "b": false, "o": {"p": "7"}, "l": [0, 10]}),
        json!({"s": "a", "l": []}),
    ];
    let mut case =
        |round: usize| (strategy.new_tree(&mut runner).unwrap().current(), contexts[round % contexts.len()].clone());
    (0..count).map(&mut case).collect()
}

/// Checks that all answers are alike.
pub(super) fn assert_alike<'v>(answers: impl Iterator<Item = (&'v Value, &'v Value, Value)>) {
    let mut wrong = Vec::new();
    for (rule, context, theirs) in answers {
        let ours = super::apply(rule, context);
        if !alike(&ours, &theirs) {
            wrong.push(format!("{rule} | {context}\n  ours   {ours}\n  theirs {theirs}"));
        }
    }
    let shown = wrong[..wrong.len().min(SHOWN)].join("\n");
    assert!(wrong.is_empty(), "{} differ, such as\n{shown}", wrong.len());
}

#[expect(clippy::needless_pass_by_value, reason = "what is written where it is called reads better without `&`")]
fn pick(all: Value) -> impl Strategy<Value = Value> + Clone {
    select(all.as_array().unwrap().clone())
}

fn leaf() -> impl Strategy<Value = Value> + Clone {
    prop_oneof![
        pick(json!([0, 1, 2, 3, -1, 10, 1.5, true, false, null, "", "a", "ab", "1", "10", "é😀"])),
        pick(json!([
            {"var": "n"}, {"var": "s"}, {"var": "b"}, {"var": "none"}, {"var": ["none", 2]}, {"var": "o.p"}, {"var": "l.1"}
        ])),
    ]
}

fn text() -> impl Strategy<Value = Value> + Clone {
    pick(json!(["", "a", "abc", "é😀z", {"var": "s"}, {"cat": ["x", {"var": "s"}]}, {"var": ["o.q", "d"]}]))
}

fn number() -> impl Strategy<Value = Value> + Clone {
    pick(json!([0, 1, 2, 3, -1, 10, 1.5, "4", {"var": "n"}, {"var": "o.p"}, {"var": ["none", 2]}]))
}

fn present() -> impl Strategy<Value = Value> + Clone {
    pick(json!([0, 1, 2, 3, -1, 10, 1.5, "4", {"var": ["n", 1]}, {"var": ["o.p", 2]}, {"var": ["none", 2]}]))
}

fn rule() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        let op = |names: Value, args: BoxedStrategy<Vec<Value>>| {
            (pick(names), args).prop_map(|(name, args)| json!({ name.as_str().unwrap(): args }))
        };
        let some = |from: usize, to: usize| prop::collection::vec(inner.clone(), from..=to).boxed();
        let numbers = |from: usize, to: usize| prop::collection::vec(number(), from..=to).boxed();
        prop_oneof![
            op(json!(["and", "or"]), some(1, 4)),
            op(json!(["!", "!!"]), some(1, 1)),
            op(json!(["if", "?:"]), some(2, 5)),
            op(json!(["===", "!=="]), some(2, 2)),
            op(json!(["==", "!="]), numbers(2, 2)),
            op(json!(["<", "<="]), numbers(2, 3)),
            op(json!([">", ">="]), numbers(2, 2)),
            op(json!(["min", "max"]), numbers(1, 4)),
            op(json!(["+", "*"]), prop::collection::vec(present(), 2..=4).boxed()),
            op(json!(["-", "%"]), numbers(2, 2)),
            op(json!(["in", "cat"]), prop::collection::vec(text(), 2..=2).boxed()),
            (text(), -4..5_i32, -4..5_i32).prop_map(|(text, from, length)| json!({"substr": [text, from, length]})),
            (pick(json!(["all", "some", "none", "filter"])), number()).prop_map(
                |(name, number)| json!({ name.as_str().unwrap(): [{"var": "l"}, {">": [{"var": ""}, number]}] })
            ),
            present().prop_map(|it| json!({"map": [{"var": "l"}, {"+": [{"var": ""}, it]}]})),
            present().prop_map(|it| {
                json!({"reduce": [{"var": "l"}, {"+": [{"var": "current"}, {"var": "accumulator"}]}, it]})
            }),
            some(0, 3).prop_map(|args| json!({ "merge": args })),
            pick(json!([
                {"missing": ["n", "none"]}, {"missing": [["s", "o.p", "x.y"]]}, {"missing_some": [1, ["n", "none"]]},
                {"missing_some": [2, ["n", "none", "other"]]}, {"in": [{"var": "s"}, ["a", "b", "ab"]]}
            ])),
        ]
    })
}

/// Says whether two values are the same, however their numbers are written.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => (one.as_f64().unwrap() - other.as_f64().unwrap()).abs() < 1e-9,
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        _ => one == other,
    }
}

//! Generated rules, compared with `datalogic-rs`.
//!
//! Left out of what is generated is where it strays from the JavaScript that defines JsonLogic: empty objects and errors for
//! what is no number (those cases are passed over), floats that are whole in texts, `in` with types mixed.

use proptest::{
    prelude::*,
    sample::select,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

use super::apply;

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
            op(json!(["<", "<=", ">", ">="]), numbers(2, 3)),
            op(json!(["+", "*", "min", "max"]), numbers(1, 4)),
            op(json!(["-", "%"]), numbers(2, 2)),
            op(json!(["in", "cat"]), prop::collection::vec(text(), 2..=2).boxed()),
            (text(), -4..5_i32, -4..5_i32).prop_map(|(text, from, length)| json!({"substr": [text, from, length]})),
            (pick(json!(["all", "some", "none", "filter"])), number()).prop_map(
                |(name, number)| json!({ name.as_str().unwrap(): [{"var": "l"}, {">": [{"var": ""}, number]}] })
            ),
            number().prop_map(|it| json!({"map": [{"var": "l"}, {"+": [{"var": ""}, it]}]})),
            number().prop_map(|it| {
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

#[test]
fn rules_yield_what_datalogic_says() {
    const CASES: usize = 20_000;
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[5; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = rule();
    let contexts = [
        json!({"n": 3, "s": "ab", "b": true, "o": {"p": 2, "q": "abc"}, "l": [1, 2, 3]}),
        json!({"n": -2.5, "s": "", "b": false, "o": {"p": "7"}, "l": [0, 10]}),
        json!({"s": "a", "l": []}),
    ];
    let (mut passed_over, mut wrong) = (0, Vec::new());
    for round in 0..CASES {
        let rule = strategy.new_tree(&mut runner).unwrap().current();
        let context = &contexts[round % contexts.len()];
        let Ok(theirs) = datalogic_rs::eval_str(rule.to_string().as_str(), context.to_string().as_str()) else {
            passed_over += 1;
            continue;
        };
        let (theirs, ours): (Value, _) = (serde_json::from_str(&theirs).unwrap(), apply(&rule, context));
        if !alike(&ours, &theirs) {
            wrong.push(format!("{rule} | {context}\n  ours   {ours}\n  theirs {theirs}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {CASES} differ, such as\n{}",
        wrong.len(),
        wrong[..wrong.len().min(12)].join("\n")
    );
    assert!(passed_over < CASES / 10, "{passed_over} passed over");
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

//! Operators as the implementation of `JsonLogic` itself has them, hashes by published vectors, and another evaluator over generated rules.

use bumpalo::Bump;
use serde_json::{Map as Members, Number as JsonNumber, Value, json};

use super::{
    FlagSet,
    number::Number,
    rule::{Machine, Scope},
    value::{List, Map, Val},
};
use crate::flags::FlagDocument;

mod datalogic;
mod sets;

/// Returns what a rule yields for a context.
fn apply(rule: &Value, context: &Value) -> Value {
    let document = json!({"flags": {"flag": {"variants": {}, "targeting": {"if": [true, rule]}}}});
    let set = FlagSet::compile(&serde_json::from_value::<FlagDocument>(document).unwrap());
    let flag = set.get("flag").unwrap();
    let rule = flag.rule.as_ref().unwrap_or_else(|| panic!("{rule}: {:?}", flag.problem()));
    let text = context.to_string();
    let context = set.context(text.as_bytes()).unwrap();
    let room = Bump::new();
    let machine = Machine::new(&context, "flag", 1_795_262_400, &room);
    let value = rule.value(&Scope::root(&machine));
    assert_eq!(rule.holds(&Scope::root(&machine)), value.truthy(), "{text}");
    json_of(value)
}

fn json_of(value: Val<'_>) -> Value {
    match value {
        Val::Null => Value::Null,
        Val::Bool(it) => it.into(),
        Val::Num(number) => match number.whole() {
            Some(it) => JsonNumber::from_i128(it).map_or(Value::Null, Value::Number),
            None => number.float().into(),
        },
        Val::Str(it) => it.into(),
        Val::List(items) => list(items),
        Val::Map(Map::Kept(tape, at)) => {
            let members = tape.members(at).map(|(name, at)| (name.to_owned(), json_of(tape.value(at))));
            Value::Object(members.collect::<Members<_, _>>())
        }
        Val::Map(Map::Context) => json!("the context"),
        Val::Map(Map::Flagd | Map::Reduced(_)) => json!("an object"),
    }
}

fn list(items: List<'_>) -> Value {
    Value::Array(items.iter().map(json_of).collect())
}

/// Checks lines of `RULE | CONTEXT | RESULT`.
fn check(lines: &str) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let parts: Vec<Value> = line
            .split(" | ")
            .map(|part| serde_json::from_str(part).unwrap_or_else(|it| panic!("{part}: {it}")))
            .collect();
        let [rule, context, expected] = parts.as_slice() else { panic!("{line}") };
        assert_eq!(apply(rule, context), *expected, "{line}");
    }
}

#[test]
fn var_finds_members_places_and_defaults() {
    check(
        r#"
        {"var": "a"} | {"a": 1} | 1
        {"var": ["a"]} | {"a": "x"} | "x"
        {"var": "b"} | {"a": 1} | null
        {"var": ["b", 7]} | {"a": 1} | 7
        {"var": ["b", {"var": "a"}]} | {"a": 1} | 1
        {"var": ["a", 7]} | {"a": null} | 7
        {"var": ["a", 7]} | {"a": false} | false
        {"var": "a.b.c"} | {"a": {"b": {"c": [1]}}} | [1]
        {"var": "a.b"} | {"a.b": 1} | null
        {"var": "a.1.b"} | {"a": [0, {"b": 5}]} | 5
        {"var": "a.length"} | {"a": [0, 1]} | 2
        {"var": "a.length"} | {"a": {"length": "own"}} | "own"
        {"var": "a.length"} | {"a": "é😀"} | 3
        {"var": "a.01"} | {"a": [0, 1]} | null
        {"var": "a.0"} | {"a": "xy"} | "x"
        {"var": {"cat": ["a", ".b"]}} | {"a": {"b": 3}} | 3
        {"var": [{"if": [true, "a"]}, 9]} | {"b": 3} | 9
        {"var": 0} | {"0": "zero"} | "zero"
        {"var": ""} | {"0": "zero"} | "the context"
        {"var": []} | {} | "the context"
        {"var": null} | {} | "the context"
        {"var": "$flagd.flagKey"} | {"$flagd": {"flagKey": "forged"}} | "flag"
        {"var": "$flagd.timestamp"} | {} | 1795262400
        {"var": ["$flagd.other", 1]} | {"$flagd": {"other": 2}} | 1
    "#,
    );
}

#[test]
fn equality_coerces_as_in_javascript() {
    check(
        r#"
        {"==": [1, "1"]} | {} | true
        {"==": [1, "1.0"]} | {} | true
        {"==": [0, false]} | {} | true
        {"==": [0, ""]} | {} | true
        {"==": [" ", 0]} | {} | true
        {"==": ["a", 0]} | {} | false
        {"==": [null, 0]} | {} | false
        {"==": [null, {"var": "nowhere"}]} | {} | true
        {"==": [true, "1"]} | {} | true
        {"==": [true, "true"]} | {} | false
        {"==": [["a"], "a"]} | {} | true
        {"==": [[1, 2], "1,2"]} | {} | true
        {"==": [[], ""]} | {} | true
        {"==": [[], 0]} | {} | true
        {"==": [[1], [1]]} | {} | false
        {"==": [{"var": "a"}, {"var": "a"}]} | {"a": [1]} | true
        {"==": ["0x10", 16]} | {} | true
        {"==": ["inf", 1]} | {} | false
        {"==": [9007199254740993, 9007199254740992]} | {} | false
        {"!=": [1, "1"]} | {} | false
        {"===": [1, "1"]} | {} | false
        {"===": [1, 1.0]} | {} | true
        {"===": [null, 0]} | {} | false
        {"!==": [1, "1"]} | {} | true
    "#,
    );
}

#[test]
fn order_is_that_of_javascript_and_takes_a_third_value() {
    check(
        r#"
        {"<": [1, 2]} | {} | true
        {"<": ["10", "9"]} | {} | true
        {"<": ["10", 9]} | {} | false
        {"<": [null, 1]} | {} | true
        {"<": ["a", 1]} | {} | false
        {">": ["a", 1]} | {} | false
        {"<=": [2, 2]} | {} | true
        {"<": [1, 5, 10]} | {} | true
        {"<": [1, 11, 10]} | {} | false
        {"<=": [1, 1, 10]} | {} | true
        {">": [3, 2, 1]} | {} | true
        {">=": [3, 2, 2]} | {} | true
        {">": [1]} | {} | false
        {"<": []} | {} | false
        {"<": [[2], "10"]} | {} | false
        {"<": [true, 2]} | {} | true
    "#,
    );
}

#[test]
fn conditions_yield_what_decides() {
    check(
        r#"
        {"if": []} | {} | null
        {"if": ["only"]} | {} | "only"
        {"if": [true, "yes"]} | {} | "yes"
        {"if": [false, "yes"]} | {} | null
        {"if": [0, 1, "", 2, [], 3, "0", 4, 5]} | {} | 4
        {"?:": [{"var": "a"}, 1, 2]} | {"a": {}} | 1
        {"and": [1, "", 3]} | {} | ""
        {"and": [1, 2, 3]} | {} | 3
        {"or": [0, null, "x", 1]} | {} | "x"
        {"or": [0, null]} | {} | null
        {"or": []} | {} | null
        {"!": []} | {} | true
        {"!": [[]]} | {} | true
        {"!": "0"} | {} | false
        {"!!": [0]} | {} | false
        {"!!": {"var": "a"}} | {"a": [0]} | true
    "#,
    );
}

#[test]
fn numbers_are_made_of_everything() {
    check(
        r#"
        {"+": [1, "2", null, true]} | {} | 4
        {"+": ["3.14"]} | {} | 3.14
        {"+": []} | {} | 0
        {"*": [2, "3", 4]} | {} | 24
        {"-": [5, 2]} | {} | 3
        {"-": ["5"]} | {} | -5
        {"/": [7, 2]} | {} | 3.5
        {"%": [-7, 3]} | {} | -1
        {"%": [7.5, 2]} | {} | 1.5
        {"min": [3, "1", 2]} | {} | 1
        {"max": [3, [7], 2]} | {} | 7
        {"max": [1, "a"]} | {} | null
        {"+": [1, "a"]} | {} | null
    "#,
    );
}

#[test]
fn texts_are_joined_and_cut() {
    check(
        r#"
        {"cat": ["a", 1, 1.0, 0.5, true, null, [1, [2, null]], 1e21, 1e-7]} | {} | "a110.5true1,2,1e+211e-7"
        {"cat": "one"} | {} | "one"
        {"cat": [{"var": "o"}]} | {"o": {}} | "[object Object]"
        {"cat": []} | {} | ""
        {"substr": ["jsonlogic", 4]} | {} | "logic"
        {"substr": ["jsonlogic", -5]} | {} | "logic"
        {"substr": ["jsonlogic", 1, 3]} | {} | "son"
        {"substr": ["jsonlogic", 4, -2]} | {} | "log"
        {"substr": ["jsonlogic", -5, -2]} | {} | "log"
        {"substr": ["jsonlogic", 100]} | {} | ""
        {"substr": ["jsonlogic", -100, 4]} | {} | "json"
        {"substr": ["é😀z", 1, 1]} | {} | "😀"
        {"substr": [12345, 1, 2]} | {} | "23"
        {"in": ["Spring", "Springfield"]} | {} | true
        {"in": [2, "123"]} | {} | true
        {"in": ["", ""]} | {} | false
        {"in": ["a", ["b", "a"]]} | {} | true
        {"in": [1, ["1"]]} | {} | false
        {"in": [1, [1.0, null]]} | {} | true
        {"in": [null, [1, null]]} | {} | true
        {"in": ["k", {"var": "o"}]} | {"o": {"k": 1}} | false
        {"in": ["k"]} | {} | false
        {"starts_with": ["abc", "ab"]} | {} | true
        {"ends_with": ["abc", "ab"]} | {} | false
        {"starts_with": ["abc", 1]} | {} | null
        {"ends_with": ["abc"]} | {} | null
        {"log": ["x", "y"]} | {} | "x"
    "#,
    );
}

#[test]
fn loops_see_their_items() {
    check(
        r#"
        {"map": [{"var": "l"}, {"*": [{"var": ""}, 2]}]} | {"l": [1, 2]} | [2, 4]
        {"map": [{"var": "l"}, {"var": "a.b"}]} | {"l": [{"a": {"b": 1}}, {}]} | [1, null]
        {"map": [5, {"var": ""}]} | {} | []
        {"filter": [{"var": "l"}, {">": [{"var": ""}, 1]}]} | {"l": [1, 2, 3]} | [2, 3]
        {"reduce": [{"var": "l"}, {"+": [{"var": "current"}, {"var": "accumulator"}]}, {"var": "first"}]} | {"l": [1, 2], "first": 10} | 13
        {"reduce": [{"var": "l"}, {"+": [{"var": "current.n"}, {"var": "accumulator"}]}, 0]} | {"l": [{"n": 1}, {"n": 2}]} | 3
        {"reduce": [null, 1, 7]} | {} | 7
        {"all": [[], true]} | {} | false
        {"all": [[1, 2], {">": [{"var": ""}, 0]}]} | {} | true
        {"some": [[1, 2], {">": [{"var": ""}, 1]}]} | {} | true
        {"some": [[], true]} | {} | false
        {"none": [[], true]} | {} | true
        {"none": [{"var": "l"}, {"==": [{"var": "x"}, 1]}]} | {"l": [{"x": 1}]} | false
        {"merge": [[1], 2, [[3]]]} | {} | [1, 2, [3]]
        {"merge": []} | {} | []
        {"missing": ["a", "b.c", "d"]} | {"a": 1, "b": {"c": ""}} | ["b.c", "d"]
        {"missing": [["a", "b"]]} | {"a": 0} | ["b"]
        {"missing": {"merge": ["a", {"if": [true, ["b"], []]}]}} | {"b": 1} | ["a"]
        {"missing": []} | {} | []
        {"missing_some": [1, ["a", "b"]]} | {"a": 1} | []
        {"missing_some": [2, ["a", "b", "c"]]} | {"a": 1} | ["b", "c"]
        [1, {"var": "a"}, [{"+": [1, 1]}]] | {"a": 2} | [1, 2, [2]]
        {"a": 1, "b": {"var": "x"}} | {} | {"a": 1, "b": {"var": "x"}}
        {"==": [{"reduce": [{"var": "l"}, [{"var": "accumulator"}], 1]}, "1"]} | {"l": [1, 2]} | true
    "#,
    );
}

#[test]
fn versions_compare_by_their_precedence() {
    let order = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1",
        "1.2",
        "2",
        "10.0.0",
        "99999999999999999999999.0.0",
    ];
    for (here, one) in order.iter().enumerate() {
        for (there, other) in order.iter().enumerate() {
            for (relation, expected) in [
                ("<", here < there),
                ("<=", here <= there),
                ("=", here == there),
                ("!=", here != there),
                (">", here > there),
            ] {
                let known = json!({"sem_ver": [{"var": "v"}, relation, other]});
                let computed = json!({"sem_ver": [{"var": "v"}, relation, {"var": "w"}]});
                let context = json!({"v": one, "w": other});
                assert_eq!(apply(&known, &context), json!(expected), "{one} {relation} {other}");
                assert_eq!(apply(&computed, &context), json!(expected), "{one} {relation} {other}");
            }
        }
    }
    check(
        r#"
        {"sem_ver": ["v1.2.3+a", "=", "V1.2.3+b"]} | {} | true
        {"sem_ver": [{"var": "v"}, ">", "1.1"]} | {"v": 1.2} | true
        {"sem_ver": [{"var": "v"}, "^", "1"]} | {"v": 1} | true
        {"sem_ver": ["1.9.0", "~", "1.8.0"]} | {} | false
        {"sem_ver": ["1.0.0.0", "=", "1.0.0"]} | {} | null
        {"sem_ver": ["1.01.0", "=", "1.0.0"]} | {} | null
        {"sem_ver": ["1.0.0-01", "=", "1.0.0"]} | {} | null
        {"sem_ver": ["1.0.0-", "=", "1.0.0"]} | {} | null
        {"sem_ver": [" 1.0.0", "=", "1.0.0"]} | {} | null
        {"sem_ver": ["1.0.0", "=="]} | {} | null
        {"sem_ver": ["1.0.0", "==", "1.0.0"]} | {} | null
        {"sem_ver": [null, "=", "1.0.0"]} | {} | null
    "#,
    );
}

#[test]
fn numbers_are_written_as_javascript_writes_them() {
    let written = |number: f64| {
        let mut text = String::new();
        Number::Float(number).write(&mut text).unwrap();
        text
    };
    let cases = [
        (1.0, "1"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5e-7, "1.5e-7"),
        (1e-6, "0.000001"),
        (-1.25e30, "-1.25e+30"),
        (f64::INFINITY, "Infinity"),
        (f64::NAN, "NaN"),
    ];
    for (number, expected) in cases {
        assert_eq!(written(number), expected);
    }
}

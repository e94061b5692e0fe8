//! Generated rules, compared with `datalogic-rs`.
//!
//! Passed over is where it strays from the JavaScript that defines `JsonLogic`: `merge` drops `null` there, what is left of a
//! division by zero is a number, the empty text holds the empty text and is not missing, `null` equals 0, and what is no number
//! is an error.

use serde_json::Value;

use super::generated;

const CASES: usize = 10_000;

#[test]
fn rules_yield_what_datalogic_says() {
    let cases = generated::cases(CASES, 5);
    let answers: Vec<_> = cases
        .iter()
        .filter(|(rule, context)| !strays(&rule.to_string(), context))
        .filter_map(|(rule, context)| {
            let theirs = datalogic_rs::eval_str(rule.to_string().as_str(), context.to_string().as_str()).ok()?;
            Some((rule, context, serde_json::from_str(&theirs).unwrap()))
        })
        .collect();
    assert!(answers.len() > CASES / 3 * 2, "only {} compared", answers.len());
    generated::assert_alike(answers.into_iter());
}

fn strays(rule: &str, context: &Value) -> bool {
    let uses = |names: &[&str]| names.iter().any(|name| rule.contains(&format!("\"{name}\":")));
    let empty = context["s"] == "" || rule.contains("\"\"");
    let absent = context["n"].is_null();
    uses(&["merge", "%"]) || (empty && uses(&["in", "missing", "missing_some"])) || (absent && uses(&["==", "!="]))
}

//! Generated rules, compared with the JavaScript that defines `JsonLogic` (`json-logic-js` of npm).
//!
//! Passed over is what is meant to be otherwise here: a place in a text counts characters, not UTF-16.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use towpath_testkit::tools;

use super::generated;

const CASES: usize = 10_000;
const PACKAGE: &str = "json-logic-js@2.0.5";
const SCRIPT: &str = "\
const logic = require('json-logic-js');
const lines = require('node:fs').readFileSync(0, 'utf8').trim().split('\\n');
const answer = ([rule, context]) => JSON.stringify(logic.apply(rule, context) ?? null);
process.stdout.write(lines.map((line) => answer(JSON.parse(line))).join('\\n'));
";

#[test]
fn rules_yield_what_the_javascript_says_that_defines_them() {
    let executable = std::env::current_exe().unwrap();
    let target = executable.ancestors().nth(3).unwrap().join("tmp");
    let Some(packages) = tools::provide(&target, "json-logic-js-2.0.5", |folder| {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefix"]);
        npm.arg(folder).arg(PACKAGE);
        npm
    }) else {
        return;
    };
    let mut cases = generated::cases(CASES, 5);
    cases.retain(|(rule, _)| {
        let rule = rule.to_string();
        !(rule.contains("substr") && rule.contains('😀'))
    });
    let answers = answers(&packages, &cases);
    assert_eq!(answers.len(), cases.len());
    assert!(answers.len() > CASES / 4 * 3, "only {} compared", answers.len());
    generated::assert_alike(cases.iter().zip(answers).map(|((rule, context), theirs)| (rule, context, theirs)));
}

fn answers(packages: &Path, cases: &[(Value, Value)]) -> Vec<Value> {
    let mut node = Command::new("node")
        .args(["-e", SCRIPT])
        .env("NODE_PATH", packages.join("node_modules"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = node.stdin.take().unwrap();
    let lines: Vec<_> = cases.iter().map(|(rule, context)| json!([rule, context]).to_string()).collect();
    // It reads all before it answers.
    input.write_all(lines.join("\n").as_bytes()).unwrap();
    drop(input);
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

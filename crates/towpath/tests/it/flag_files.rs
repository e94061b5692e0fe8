//! Flags from files, without a server and with one that is away.

use std::{fs, io::Write as _, process::Stdio};

use serde_json::{Value, json};

use crate::project::{Project, ran};

const FLAGS: &str = r#"{
  "metadata": {"team": "web"},
  "$evaluators": {"germany": {"==": [{"var": "country"}, "de"]}},
  "flags": {
    "checkout": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
      "targeting": {"if": [{"$ref": "germany"}, "on"]}, "towpath": {"client": false}},
    "size": {"state": "ENABLED", "variants": {"ten": 10, "exact": 10.0}, "defaultVariant": "exact"},
    "asleep": {"state": "DISABLED", "variants": {"on": true}, "defaultVariant": "on"},
    "bare": {"state": "ENABLED", "variants": {"on": true}},
    "broken": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on", "targeting": {"frobnicate": [1]}},
    "lost": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on", "targeting": {"if": [true, "nowhere"]}}
  }
}"#;

/// Evaluates in a file and returns the answer as it was printed, and how the command ended.
fn eval(project: &Project, rest: &str) -> (String, i32) {
    let ran = project.run(&format!("flags eval --file flags.json -o json {rest}"));
    (ran.out.trim_end().to_owned(), ran.exit)
}

#[test]
fn a_file_alone_answers_as_the_protocol_says() {
    let project = Project::empty();
    project.write("flags.json", FLAGS);
    let metadata = r#""metadata":{"team":"web"}"#;
    for (rest, answer, exit) in [
        ("checkout", r#"{"key":"checkout","reason":"DEFAULT","variant":"off","value":false,M}"#, 0),
        (
            r#"checkout --context '{"country":"de"}'"#,
            r#"{"key":"checkout","reason":"TARGETING_MATCH","variant":"on","value":true,M}"#,
            0,
        ),
        ("size", r#"{"key":"size","reason":"STATIC","variant":"exact","value":10.0,M}"#, 0),
        ("asleep", r#"{"key":"asleep","reason":"DISABLED","variant":"",M}"#, 0),
        ("bare", r#"{"key":"bare","reason":"DEFAULT","variant":"",M}"#, 0),
    ] {
        let answer = answer.replace(",M}", &format!(",{metadata}}}"));
        assert_eq!(eval(&project, rest), (answer, exit), "{rest}");
    }
    for (rest, code, exit) in [
        ("nowhere", "FLAG_NOT_FOUND", 1),
        ("broken", "PARSE_ERROR", 1),
        ("lost", "GENERAL", 1),
        ("checkout --context '[]'", "INVALID_CONTEXT", 2),
        ("checkout --context '{'", "PARSE_ERROR", 1),
    ] {
        let (answer, ended) = eval(&project, rest);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let details = answer["errorDetails"].as_str().unwrap_or_default();
        assert!(answer["errorCode"] == code && !details.is_empty() && ended == exit, "{rest}: {answer} {ended}");
        assert_eq!(answer["key"], rest.split(' ').next().unwrap());
    }
}

#[test]
fn who_asks_may_come_from_a_file_or_from_standard_input() {
    let project = Project::empty();
    project.write("flags.json", FLAGS);
    project.write("who.json", r#"{"country": "de"}"#);
    let (answer, _) = eval(&project, "checkout --context @who.json");
    assert!(answer.contains("TARGETING_MATCH"), "{answer}");
    let args = ["flags", "eval", "checkout", "--file", "flags.json", "-o", "json", "--context", "-"];
    let mut child = project.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(br#"{"country": "de"}"#).unwrap();
    assert_eq!(ran(child.wait_with_output().unwrap()).out.trim_end(), answer);
    project.write("large.json", &format!("{{\"a\": \"{}\"}}", "x".repeat(1 << 20)));
    assert!(eval(&project, "checkout --context @large.json").0.contains("INVALID_CONTEXT"));
    let nested = "[".repeat(200) + &"]".repeat(200);
    project.write("deep.json", &format!("{{\"a\": {nested}}}"));
    let _ = eval(&project, "checkout --context @deep.json");
    project.fails("flags eval checkout --file flags.json --context @nowhere.json", 1);
    project.fails("flags eval checkout --file nowhere.json", 1);
    project.write("flags.json", "{\"flags\": {");
    assert!(eval(&project, "checkout").0.contains("PARSE_ERROR"));
}

#[test]
fn the_last_known_state_is_there_while_the_server_is_away() {
    let mut project = Project::small();
    project.write("flags/a.json", FLAGS);
    // What a rule of one flag yields is a mistake that no release takes along.
    let flags = FLAGS.replace("nowhere", "on").replace("frobnicate", "!!").replace("{\"!!\": [1]}", "{}");
    project.up();
    project.fails("release create --version 1.0", 1);
    project.write("flags/a.json", &flags);
    let release = project.release("1.0");
    project.arrives("development", release);
    project.write("flags/a.json", &flags.replace("\"defaultVariant\": \"off\"", "\"defaultVariant\": \"on\""));
    for kill in [false, true] {
        if kill {
            project.kill();
        }
        let ran = project.run("flags eval checkout --env development -o json");
        assert!(ran.out.contains(r#""variant":"off""#), "{}{}", ran.out, ran.err);
        assert!(ran.err.contains("the last known state of development: release r1"), "{}", ran.err);
        let ran = project.run("flags eval checkout --env development --files -o json");
        assert!(ran.out.contains(r#""variant":"on""#), "{}{}", ran.out, ran.err);
        // Nothing was ever deployed there.
        let ran = project.run("flags eval checkout --env production -o json");
        assert!(ran.out.contains(r#""variant":"on""#), "{}{}", ran.out, ran.err);
        assert!(ran.err.contains("the files of the project"), "{}", ran.err);
    }
}

#[test]
fn a_page_gets_what_it_may_see_and_a_plain_file_says_the_same() {
    let project = Project::empty();
    project.write("flags.json", FLAGS);
    let page: Value =
        serde_json::from_str(&project.ok("flags bootstrap --file flags.json --context '{\"country\": \"de\"}'"))
            .unwrap();
    assert_eq!(page["flags"], json!({ "size": 10.0 }));
    assert_eq!(page["details"]["broken"]["errorCode"], "PARSE_ERROR");
    assert_eq!(page["details"].get("checkout"), None);
    let page: Value =
        serde_json::from_str(&project.ok("flags bootstrap --all --file flags.json --context '{\"country\": \"de\"}'"))
            .unwrap();
    assert_eq!(page["flags"]["checkout"], true);
    for format in ["json", "yaml"] {
        fs::write(project.file("plain"), project.ok(&format!("flags export --file flags.json --format {format}")))
            .unwrap();
        let answer = project.run("flags eval checkout --file plain --context '{\"country\":\"de\"}' -o json").out;
        assert!(answer.contains(r#""variant":"on","value":true,"metadata":{"team":"web"}"#), "{format}: {answer}");
        let size = project.run("flags eval size --file plain -o json").out;
        assert!(size.contains("10.0"), "{format}: {size}");
    }
}

#[test]
fn uses_are_found_and_flags_that_should_be_gone_are_listed_with_why() {
    let project = Project::small();
    project.write(
        "flags/a.yaml",
        "flags:\n  used: {variants: {on: true, off: false}, defaultVariant: off, targeting: {if: [{var: x}, on]}}\n  \
         old: {variants: {on: true}, defaultVariant: on, towpath: {expires: 2020-01-01, owner: ana}}\n  \
         switch: {variants: {on: true}, defaultVariant: on, towpath: {permanent: true}}\n",
    );
    project.write("src/a.py", "from openfeature import api\nx = c.get_boolean_value('used', True)\n");
    project.write("node_modules/b.js", "'old'");
    project.write("src/c.bin", "\u{0}'old'");
    let refs = project.json("flags refs");
    let places: Vec<String> = refs["references"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{}:{}:{}", one["path"].as_str().unwrap(), one["line"], one["column"]))
        .collect();
    assert_eq!(places, ["src/a.py:2:26"]);
    assert_eq!(refs["unreferenced"], json!(["old", "switch"]));
    let ran = project.run("flags stale -o json");
    assert_eq!(ran.exit, 4, "{}", ran.err);
    let stale: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(stale["items"].as_array().unwrap().len(), 1, "{stale:#}");
    let reasons: Vec<&str> =
        stale["items"][0]["reasons"].as_array().unwrap().iter().filter_map(|one| one["reason"].as_str()).collect();
    assert_eq!(reasons, ["expired", "constant", "unreferenced"]);
    assert!(project.ok("flags validate").contains("should be gone"));
    project.fails("flags validate --strict", 1);
    assert!(project.ok("env validate").contains("no mistakes"));
}

#[test]
fn what_a_flag_is_made_of_is_told_with_its_places() {
    let project = Project::small();
    project.ok("flags add a --owner ana --type number");
    project.fails("flags add a", 2);
    project.write("flags/environments/base.yaml", "flags: {a: {defaultVariant: high}}\n");
    project.write("flags/environments/production.yaml", "flags: {a: {state: DISABLED, defaultVariant: null}}\n");
    let explained = project.ok("flags explain a --env production");
    for place in ["flags/a.yaml:", "flags/environments/base.yaml:1:", "flags/environments/production.yaml:1:"] {
        assert!(explained.contains(place), "{explained}");
    }
    let list = project.json("flags list production");
    assert_eq!(list["items"][0]["state"], "DISABLED");
    assert_eq!(list["items"][0]["towpath"]["owner"], "ana");
    assert!(project.fails("flags show b", 1).contains("there is no flag `b`"));
    project.fails("flags list nowhere", 2);
    project.ok("schema --write");
    project.ok("schema --check");
    assert!(project.read("schema/flags.json").contains("defaultVariant"));
}

//! Odd and hostile files: told, never a crash, and never slow.

use std::fmt::Write as _;

use super::*;

fn mistakes(text: &str) -> Vec<Diagnostic> {
    read_flags(&[("flags.json", text)].into_iter().collect()).1
}

#[test]
fn json_as_other_programs_write_it_is_read() {
    let text = "\u{feff}{\n\t\"flags\": {\"a\\/b\": {\"state\":\"ENABLED\",\"variants\":{\"on\":\"\\ud83d\\ude00\"},\"defaultVariant\":\"on\"}}\n}";
    let (document, found) = read_flags(&[("flags.json", text)].into_iter().collect());
    assert_eq!(found, []);
    assert_eq!(document.flags["a/b"].variants["on"], "\u{1F600}");
}

#[test]
fn numbers_stay_as_they_are_written() {
    let text = r#"{"flags": {"a": {"variants": {"a": 10, "b": 10.0, "c": 1e3, "d": -0.5, "e": 18446744073709551615, "f": 0.1}}}}"#;
    let (document, found) = read_flags(&[("flags.json", text)].into_iter().collect());
    assert_eq!(found, []);
    let variants = serde_json::to_string(&document.flags["a"].variants).unwrap();
    assert_eq!(variants, r#"{"a":10,"b":10.0,"c":1000.0,"d":-0.5,"e":18446744073709551615,"f":0.1}"#);
}

#[test]
fn what_is_no_file_of_flags_is_told() {
    for text in
        ["[]", "5", "flags", "{", "{\"flags\": []}", "{\"flags\": {\"a\": 5}}", "{\"a\": {}}", "\u{0}", "- a\n- b"]
    {
        assert!(!mistakes(text).is_empty(), "{text:?}");
    }
    for text in ["", "{}", "# nothing\n", "~", "flags:\n", "flags: {}", "{\"$schema\": \"x\"}"] {
        assert_eq!(mistakes(text), [], "{text:?}");
    }
}

#[test]
fn rules_that_nest_too_deep_are_told() {
    let deep = |depth: usize| {
        let rule = format!("{}true{}", r#"{"!":["#.repeat(depth), "]}".repeat(depth));
        format!(r#"{{"flags": {{"a": {{"variants": {{"true": true, "false": false}}, "targeting": {rule}}}}}}}"#)
    };
    assert_eq!(mistakes(&deep(25)), []);
    assert_eq!(mistakes(&deep(100_000))[0].code, "yaml::limit");
}

#[test]
fn aliases_that_repeat_themselves_are_told() {
    let mut text = "x: &a0 [on, on]\n".to_owned();
    for level in 1..40 {
        let _ = writeln!(text, "y{level}: &a{level} [*a{}, *a{}]", level - 1, level - 1);
    }
    assert!(mistakes(&text).iter().any(|one| one.code == "yaml::limit"));
}

#[test]
fn segments_that_refer_to_each_other_many_times_are_looked_at_once() {
    let mut text = "flags: {a: {variants: {on: true}, targeting: {if: [true, {$ref: s0}]}}}\n$evaluators:\n".to_owned();
    for level in 0..500 {
        let next = level + 1;
        let _ = writeln!(text, "  s{level}: {{if: [true, {{$ref: s{next}}}, {{$ref: s{next}}}]}}");
    }
    text += "  s500: {if: [true, on]}\n";
    assert_eq!(mistakes(&text), []);
}

#[test]
fn a_long_way_of_prerequisites_is_followed_to_its_end() {
    let mut text = "flags:\n".to_owned();
    for number in 0..20_000 {
        let next = (number + 1) % 20_000;
        let _ = writeln!(
            text,
            "  f{number}: {{variants: {{on: true}}, towpath: {{requires: [{{flag: f{next}, variant: on}}]}}}}"
        );
    }
    let found = mistakes(&text);
    assert_eq!(found.len(), 1);
    assert!(found[0].message.starts_with("flags require each other in a cycle"), "{}", found[0].message);
    assert!(found[0].message.len() < 300);
}

#[test]
fn very_many_mistakes_end_and_take_no_flag_away() {
    let mut text = "flags:\n".to_owned();
    for number in 0..5_000 {
        let _ = writeln!(text, "  f{number}: {{variants: {{on: true}}, defaultVariant: off}}");
    }
    let (document, found) = read_flags(&[("flags.yaml", text)].into_iter().collect());
    assert!((1000..1100).contains(&found.len()), "{}", found.len());
    assert_eq!(document.flags.len(), 5_000);
}

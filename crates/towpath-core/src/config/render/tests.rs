//! Formats and the readers they are for.

use proptest::prelude::*;

use super::*;

fn one(format: Format, value: &str) -> String {
    render(format, "web", &BTreeMap::from([("A".to_owned(), value.to_owned())])).unwrap()
}

#[test]
fn every_format_quotes_what_its_reader_would_change() {
    let value = "it's \"5 $\" # ü\\n";
    let all: Vec<String> =
        Format::ALL.iter().map(|(name, format)| format!("{name}: {}", one(*format, value))).collect();
    insta::assert_snapshot!(all.join(""));
}

#[test]
fn a_docker_env_file_refuses_several_lines() {
    let variables = BTreeMap::from([("A".to_owned(), "1\n2".to_owned())]);
    let error = render(Format::DockerEnv, "web", &variables).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the value of `A` has several lines, which a Docker env file cannot hold; use another format"
    );
}

#[test]
fn without_variables_every_format_is_sound() {
    for (_, format) in Format::ALL {
        assert!(render(format, "web", &BTreeMap::new()).is_ok());
    }
    assert_eq!(one(Format::Shell, ""), "export A=''\n");
}

/// What POSIX makes of the quoting.
fn unquote_shell(line: &str) -> String {
    let text = line.strip_prefix("export A=").unwrap().strip_suffix('\n').unwrap();
    let mut out = String::new();
    let mut chars = text.chars();
    let mut inside = false;
    while let Some(c) = chars.next() {
        match c {
            '\'' => inside = !inside,
            '\\' if !inside => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    assert!(!inside);
    out
}

proptest! {
    #[test]
    fn what_is_written_reads_back(value in "[^\0]*") {
        let yaml = one(Format::Yaml, &value);
        let (document, diagnostics) = crate::config::yaml::parse(crate::config::SourceId(0), &yaml, 0);
        prop_assert_eq!(diagnostics, []);
        let document = document.unwrap();
        let tree = crate::config::Value::of(&document, document.root(), crate::config::value::Nulls::Keep);
        prop_assert_eq!(tree.to_json(), serde_json::json!({ "A": value }));
        let json: serde_json::Value = serde_json::from_str(&one(Format::Json, &value)).unwrap();
        prop_assert_eq!(json, serde_json::json!({ "A": value }));
        prop_assert_eq!(unquote_shell(&one(Format::Shell, &value)), value);
    }
}

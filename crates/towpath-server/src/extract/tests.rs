//! Tests of `extract`.

use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[expect(dead_code, reason = "only read")]
    list: Vec<Item>,
}

#[derive(Debug, Deserialize)]
struct Item {
    #[serde(rename = "a/b")]
    #[expect(dead_code, reason = "only read")]
    number: u8,
}

fn problem(body: &str) -> (u16, String) {
    let problem = parse::<Sample>(body.as_bytes()).unwrap_err().0;
    (problem.status, problem.errors.first().map(|error| error.pointer.clone()).unwrap_or_default())
}

#[test]
fn a_mistake_is_pointed_at() {
    assert_eq!(problem(r#"{"list": [{"a/b": 1}, {"a/b": 300}]}"#), (422, "/list/1/a~1b".to_owned()));
    assert_eq!(problem(r#"{"list": [{}]}"#), (422, "/list/0".to_owned()));
    assert_eq!(problem(r#"{"list": [], "more": 1}"#), (422, "/more".to_owned()));
}

#[test]
fn what_is_no_json_is_a_bad_request() {
    for body in ["", "{", "nul", "\u{0}", "{\"list\": [}"] {
        assert_eq!(problem(body).0, 400, "{body}");
    }
    assert_eq!(problem(r#"{"list": []} x"#).0, 400);
}

#[test]
fn texts_are_trimmed_and_limited() {
    assert_eq!(words("/reason", Some("  because ".to_owned())).unwrap().as_deref(), Some("because"));
    assert_eq!(words("/reason", Some(" \n".to_owned())).unwrap(), None);
    assert!(words("/reason", Some("x".repeat(MAX_TEXT + 1))).is_err());
    assert!(words("/reason", Some("a\0b".to_owned())).is_err());
}

#[test]
fn numbers_may_have_their_letter() {
    assert_eq!(number("release", 'r', "r12").unwrap(), 12);
    assert_eq!(number("release", 'r', "12").unwrap(), 12);
    for wrong in ["", "r", "d12", "-1", "99999999999999999999", "1.0"] {
        assert!(number("release", 'r', wrong).is_err(), "{wrong}");
    }
}

#[test]
fn depth_is_no_danger() {
    let body = "[".repeat(1_000_000);
    assert_eq!(parse::<serde_json::Value>(body.as_bytes()).unwrap_err().0.status, 400);
    assert_eq!(problem(&body).0, 422);
}

#[test]
fn a_text_for_people_cannot_write_over_a_terminal() {
    let said = |text: &str| words("/reason", Some(text.to_owned())).map_err(|error| error.0.status);
    assert_eq!(
        said(" rotated\nafter the leak\t(ticket 7) "),
        Ok(Some("rotated\nafter the leak\t(ticket 7)".to_owned()))
    );
    for hostile in ["\u{1b}[2K", "a\u{8}b", "\u{9b}31m", "a\u{7f}b", "a\0b"] {
        assert_eq!(said(hostile), Err(422), "{hostile:?}");
    }
}

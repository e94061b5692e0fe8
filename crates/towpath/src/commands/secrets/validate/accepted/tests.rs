//! Which lines accept what.

use towpath_core::secrets::findings::{Finding, FindingPlace, FindingSeverity};

use super::Accepted;

fn finding(code: &str, path: &str) -> Finding {
    let place = FindingPlace { path: path.to_owned(), line: 1, column: 1, commit: None };
    Finding::new(code, FindingSeverity::High, &[path], "", "").at(Some(place))
}

#[test]
fn a_pattern_accepts_what_rules_find_and_a_fingerprint_anything() {
    let own = finding("leak::own-value", "tests/a.txt");
    let text = format!("# a comment\n\ntests/ # made up\n*.snap # made up\n{} # known\n", own.fingerprint);
    let accepted = Accepted::of(&text).ok().unwrap();
    assert!(accepted.has(&finding("leak::npm-token", "tests/deep/b.txt")));
    assert!(accepted.has(&finding("leak::npm-token", "x/y.snap")));
    assert!(!accepted.has(&finding("leak::npm-token", "src/b.txt")));
    assert!(accepted.has(&own));
    assert!(!accepted.has(&finding("leak::own-value", "tests/b.txt")), "own values are accepted one by one");
    assert!(!accepted.has(&finding("secret::weak", "tests/b.txt")));
    assert!(accepted.doubtful(true).is_empty());
}

#[test]
fn a_line_without_a_reason_or_a_use_is_told() {
    let accepted = Accepted::of("tests/\n0123456789abcdef # gone\n").ok().unwrap();
    let codes: Vec<String> = accepted.doubtful(true).into_iter().map(|one| one.code).collect();
    assert_eq!(codes, ["accepted::no-reason", "accepted::stale", "accepted::stale"]);
    assert_eq!(accepted.doubtful(false).len(), 1, "who looked at a part does not know what is stale");
}

//! References, defaults, and what goes round.

use proptest::prelude::*;

use super::*;
use crate::config::source::{SourceId, Span};

fn run(values: &[(&str, &str)]) -> (Vec<(String, Option<String>)>, Vec<String>) {
    let label = Label { source: SourceId(0), span: Span::default() };
    let raw: BTreeMap<Name<'_>, Raw> = values
        .iter()
        .map(|(name, text)| ((None, *name), Raw { text: (*text).to_owned(), label, secret: false, literal: false }))
        .collect();
    let mut diagnostics = Vec::new();
    let texts = interpolate(&raw, ["UNSET"].into_iter(), &mut diagnostics);
    let texts = texts.into_iter().map(|((_, name), text)| (name.to_owned(), text.map(|text| text.text))).collect();
    (texts, diagnostics.into_iter().map(|diagnostic| diagnostic.message).collect())
}

fn one(text: &str) -> String {
    let (texts, errors) = run(&[("A", "1"), ("EMPTY", ""), ("X", text)]);
    errors.first().cloned().or_else(|| texts.last().and_then(|(_, text)| text.clone())).unwrap_or_default()
}

#[test]
fn references_defaults_and_dollars_are_replaced() {
    assert_eq!(one("a${A}b"), "a1b");
    assert_eq!(one("${UNSET:-x}"), "x");
    assert_eq!(one("${EMPTY:-x}"), "x");
    assert_eq!(one("${UNSET:-${A}${A}}!"), "11!");
    assert_eq!(one("$$ $5 $${A} $"), "$ $5 ${A} $");
    assert_eq!(one("${A:-}"), "1");
}

#[test]
fn what_cannot_be_replaced_is_said() {
    assert_eq!(one("${A"), "`${` is not closed by `}`");
    assert_eq!(one("${a b}"), "a reference is `${NAME}` or `${NAME:-default}`");
    assert_eq!(one("${UNSET}"), "`UNSET` has no value here");
    assert_eq!(one("${B}"), "there is no variable `B`");
}

#[test]
fn a_bomb_is_stopped() {
    let values: Vec<(String, String)> =
        (0..40).map(|n| (format!("V{n:02}"), format!("${{V{:02}}}${{V{:02}}}", n + 1, n + 1))).collect();
    let mut values: Vec<(&str, &str)> = values.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    values.push(("V40", "boom"));
    let (_, errors) = run(&values);
    assert!(errors.iter().any(|error| error.contains("grows beyond")), "{errors:?}");
}

#[test]
fn a_long_chain_is_refused_not_a_crash() {
    let values: Vec<(String, String)> =
        (0..5000).map(|n| (format!("V{n:05}"), format!("${{V{:05}}}", n + 1))).collect();
    let values: Vec<(&str, &str)> = values.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert!(!run(&values).1.is_empty());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(a in ".*", b in "[${}:\\-AB]*") {
        run(&[("A", &a), ("B", &b)]);
    }
}

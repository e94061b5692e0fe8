//! Tests of `selection`.

use super::*;

fn regex(pattern: &str, text: &str) -> bool {
    Chooser::new(&Selection::EncryptedRegex(pattern.to_owned())).unwrap().matches_key(text)
}

#[test]
fn expressions_mean_what_they_mean_in_go() {
    for (pattern, text, matches) in [
        ("^(data|stringData)$", "data", true),
        ("^(data|stringData)$", "mydata", false),
        ("ass", "password", true),
        (r"^\d+$", "123", true),
        (r"^\d+$", "١٢٣", false),
        (r"\bb", "a b", true),
        (r"^\w$", "é", false),
        (r"^[[a]$", "[", true),
        (r"^[]a]$", "]", true),
        (r"^[[:alpha:]_]+$", "ab_", true),
        (r"^[a&&b]+$", "a&b", true),
        (r"^[\d.]+$", "1.2", true),
        (r"\Qa.b\E$", "a.b", true),
        (r"\Qa.b\E$", "axb", false),
        ("(?i)^PASS", "password", true),
        ("", "anything", true),
    ] {
        assert_eq!(regex(pattern, text), matches, "{pattern} on {text}");
    }
}

#[test]
fn an_expression_that_is_none_is_refused_by_name() {
    let error = Selection::EncryptedRegex("(".to_owned()).check().unwrap_err().to_string();
    assert!(error.starts_with("`encrypted_regex` cannot be used: "), "{error}");
    Selection::UnencryptedRegex("(a{1000}){1000}".to_owned()).check().unwrap_err();
    Selection::UnencryptedRegex("a".repeat(5000)).check().unwrap_err();
}

#[test]
fn a_comment_that_asks_for_encryption_is_not_encrypted_itself() {
    let chooser = Chooser::new(&Selection::EncryptedCommentRegex("sops:enc".to_owned())).unwrap();
    let decide = |chooser: &Chooser, comments: &[&[&str]], is_comment: bool| {
        let level = |comments: &&[&str]| {
            let mut level = Level::default();
            comments.iter().for_each(|comment| level.add(comment, chooser));
            level
        };
        chooser.decide(false, &comments.iter().map(level).collect::<Vec<_>>(), is_comment)
    };
    assert!(!decide(&chooser, &[&["sops:enc"]], true));
    assert!(decide(&chooser, &[&["sops:enc"]], false));
    assert!(decide(&chooser, &[&["sops:enc", "more"]], true));
    assert!(decide(&chooser, &[&["sops:enc"], &["other"]], true));
    let chooser = Chooser::new(&Selection::UnencryptedCommentRegex("plain".to_owned())).unwrap();
    assert!(!decide(&chooser, &[&["plain"]], true));
    assert!(decide(&chooser, &[&[]], false));
}

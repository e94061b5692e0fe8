//! Scanning whole files: places, own values in every form, what is allowed, what is never shown.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use towpath_core::secrets::SecretText;

use super::{Form, Hit, LeakSeverity, OwnValue, Scanner, is_searched, rules::tests::made};

const OWN: &str = "Zq7/k!m \"2\\wé";

fn scanner(values: &[&str]) -> Scanner {
    let own: Vec<OwnValue> = values
        .iter()
        .enumerate()
        .map(|(n, value)| OwnValue { name: format!("S{n}"), value: SecretText::new(*value) })
        .collect();
    Scanner::new(&own)
}

fn scan(text: &str) -> Vec<Hit> {
    scanner(&[]).scan("src/main.rs", text.as_bytes())
}

fn form_of(text: &str) -> Option<Form> {
    let hits = scanner(&[OWN]).scan("a.txt", text.as_bytes());
    hits.first().and_then(|hit| hit.own).map(|own| own.1)
}

#[test]
fn a_hit_says_line_column_and_shows_nothing_of_the_value() {
    let token = made("ghp_{A36}", 3);
    let hits = scan(&format!("a\nßß let t = \"{token}\"; // x\n"));
    assert_eq!(hits.len(), 1);
    assert_eq!((hits[0].line, hits[0].column, hits[0].severity), (2, 13, LeakSeverity::Critical));
    assert_eq!(hits[0].excerpt, "ßß let t = \"ghp_••••••••\"; // x");
    assert!(!format!("{hits:?}").contains(&token[6..]));
}

#[test]
fn every_hit_on_a_line_is_masked_in_the_excerpt_of_each() {
    let (one, two) = (made("ghp_{A36}", 1), made("sk_live_{A24}", 2));
    let hits = scan(&format!("{one} {two}"));
    assert_eq!(hits.len(), 2);
    assert!(hits.iter().all(|hit| !hit.excerpt.contains(&one[8..]) && !hit.excerpt.contains(&two[8..])), "{hits:?}");
}

#[test]
fn a_value_of_our_own_is_found_in_every_form() {
    assert_eq!(form_of(&format!("x = {OWN};")), Some(Form::Plain));
    assert_eq!(form_of(&serde_json::json!({ "x": OWN }).to_string()), Some(Form::Json));
    assert_eq!(form_of("?p=Zq7%2Fk%21m%20%222%5Cw%C3%A9&x"), Some(Form::Url));
    assert_eq!(form_of(&hex::encode(OWN)), Some(Form::Hex));
    assert_eq!(form_of(&hex::encode_upper(OWN)), Some(Form::Hex));
    for (before, after) in [("", ""), ("a", ""), ("ab", "c"), ("abc:", "de"), ("user:", "\n")] {
        let encoded = STANDARD.encode(format!("{before}{OWN}{after}"));
        assert_eq!(form_of(&encoded), Some(Form::Base64), "{before:?} {after:?}");
    }
}

#[test]
fn a_key_of_many_lines_is_found_with_other_line_breaks() {
    let key = made("-----BEGIN X-----\n{B64}\n{B64}\n{B20}\n-----END X-----\n", 5);
    assert!(!scanner(&[&key]).scan("a", key.replace('\n', "\r\n").as_bytes()).is_empty());
    assert!(!scanner(&[&key]).scan("a", key.replace('\n', "\\n").as_bytes()).is_empty());
}

#[test]
fn a_usual_word_is_not_looked_for_as_a_value() {
    for value in ["postgres", "password", "12345678", "aaaaaaaaaaaa", "abc", "", "hello-you"] {
        assert!(!is_searched(value), "{value}");
    }
    for value in ["Tr0ub4dor&3", "k9#mQ2x", "correct horse battery staple", "0123456789abcdef"] {
        assert!(is_searched(value), "{value}");
    }
}

#[test]
fn a_short_value_must_stand_alone() {
    let scanner = scanner(&["k9#mQ2x"]);
    assert_eq!(scanner.scan("a", b"p=k9#mQ2x;").len(), 1);
    assert_eq!(scanner.scan("a", b"ak9#mQ2xb").len(), 0);
}

#[test]
fn a_comment_allows_a_line_or_the_next_but_no_value_of_our_own() {
    let token = made("ghp_{A36}", 9);
    assert!(scan(&format!("{token} # towpath:allow a test\n")).is_empty());
    assert!(scan(&format!("# towpath:allow\n{token}\n")).is_empty());
    assert!(scan(&format!("x // gitleaks:allow {token}\n")).is_empty());
    assert!(scan(&format!("{token} # towpath:allow github-personal-token\n")).is_empty());
    assert_eq!(scan(&format!("{token} # towpath:allow npm-token\n")).len(), 1);
    assert_eq!(scan(&format!("x = 1 # towpath:allow\n{token}\n")).len(), 1, "the line above is no comment");
    assert_eq!(scanner(&[OWN]).scan("a", format!("{OWN} # towpath:allow").as_bytes()).len(), 1);
}

#[test]
fn lock_files_minified_and_binary_ones_are_not_guessed_in_but_tokens_are_found() {
    let guess = made("secret = \"{A32}\"\n", 4);
    let token = made("ghp_{A36}\n", 4);
    for path in ["a/package-lock.json", "x.min.js", "go.sum", "icon.svg"] {
        assert_eq!(scanner(&[]).scan(path, guess.as_bytes()).len(), 0, "{path}");
        assert_eq!(scanner(&[]).scan(path, token.as_bytes()).len(), 1, "{path}");
    }
    assert_eq!(scanner(&[]).scan("a.js", guess.as_bytes()).len(), 1);
    let minified = format!("{}{guess}", "x();".repeat(1_000));
    assert_eq!(scanner(&[]).scan("a.js", minified.as_bytes()).len(), 0);
    assert_eq!(scanner(&[]).scan("a.bin", format!("\0{guess}").as_bytes()).len(), 0);
}

#[test]
fn a_fingerprint_stays_when_lines_move_and_changes_with_the_value_the_file_and_the_rule() {
    let of = |path: &str, text: &str| scanner(&[]).scan(path, text.as_bytes())[0].fingerprint.clone();
    let (one, two) = (made("t = ghp_{A36}", 1), made("t = ghp_{A36}", 2));
    assert_eq!(of("a", &one), of("a", &format!("\n\n{one}\n")));
    assert_ne!(of("a", &one), of("a", &two));
    assert_ne!(of("a", &one), of("b", &one));
    assert_eq!(super::Fingerprint::parse(of("a", &one).as_str()), Some(of("a", &one)));
}

#[test]
fn a_credential_at_the_edge_of_a_window_in_an_endless_line_is_found() {
    let token = made("ghp_{A36}", 6);
    for before in [3_500, 3_583, 3_584, 3_585, 4_050, 4_095, 4_096, 4_097, 8_191, 20_000] {
        let text = format!("ghp_ {}{token} {}", ".".repeat(before), "-".repeat(9_000));
        assert_eq!(scan(&text).len(), 1, "{before}");
    }
}

#[test]
fn a_file_of_nothing_but_keywords_takes_time_in_proportion() {
    let text = "secret token password api_key = ".repeat(60_000);
    let begun = std::time::Instant::now();
    scan(&text);
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), tail in "[ -~\n]{0,200}") {
        let mut text = bytes;
        text.extend_from_slice(tail.as_bytes());
        for hit in scanner(&["Abcdefg1!", "another value 2"]).scan("x.env", &text) {
            prop_assert!(hit.line >= 1 && hit.column >= 1);
        }
    }

    #[test]
    fn a_value_is_found_wherever_it_stands_and_never_shown(before in "[ -~\n]{0,80}", value in "[!-~]{14,40}", after in "[ -~\n]{0,80}") {
        prop_assume!(is_searched(&value));
        let text = format!("{before} {value} {after}");
        let hits = scanner(&[&value]).scan("x", text.as_bytes());
        prop_assert!(hits.iter().any(|hit| hit.own.is_some()));
        let shown = format!("{hits:?}");
        prop_assert!(!shown.contains(&value));
    }

    #[test]
    fn a_value_is_found_in_base64_at_any_place(before in prop::collection::vec(any::<u8>(), 0..40), value in "[!-~]{16,40}", after in prop::collection::vec(any::<u8>(), 0..40)) {
        prop_assume!(is_searched(&value));
        let mut bytes = before;
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(&after);
        let hits = scanner(&[&value]).scan("x", STANDARD.encode(bytes).as_bytes());
        prop_assert!(hits.iter().any(|hit| hit.own.is_some_and(|own| own.1 == Form::Base64)));
    }
}

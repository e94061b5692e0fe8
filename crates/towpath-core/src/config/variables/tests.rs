//! What each type accepts and refuses, and what declarations may ask.

use super::*;
use crate::config::{
    load, render_diagnostics,
    source::{SourceId, SourceSet, Span},
};

fn kind(word: &str) -> Declared {
    let label = Label { source: SourceId(0), span: Span::default() };
    let kinds = [
        VariableType::String,
        VariableType::Int,
        VariableType::Float,
        VariableType::Bool,
        VariableType::Url,
        VariableType::Email,
        VariableType::Duration,
        VariableType::Bytes,
        VariableType::Port,
        VariableType::Json,
    ];
    let r#type = kinds.into_iter().find(|kind| kind.as_str() == word).unwrap();
    let declaration = Declaration { r#type, ..Declaration::default() };
    let variables = BTreeMap::from([("X".to_owned(), DeclaredVariable { label, declaration: Some(declaration) })]);
    Declared::new(variables, &mut Vec::new())
}

/// Every wrong guess about whether the type takes these texts.
fn wrong(word: &str, accepted: &[&str], refused: &[&str]) -> Vec<String> {
    let declared = kind(word);
    let takes = |text: &&&str| declared.check("X", text).is_ok();
    let should = accepted.iter().filter(|text| !takes(text)).map(|text| format!("should take `{text}`"));
    let should_not = refused.iter().filter(takes).map(|text| format!("should refuse `{text}`"));
    should.chain(should_not).collect()
}

fn why(word: &str, text: &str) -> String {
    kind(word).check("X", text).unwrap_err().why
}

#[test]
fn a_string_is_any_text_without_nul() {
    assert_eq!(wrong("string", &["", " ", "1.10", "äöü🙂", "a\nb"], &["a\0b"]), [""; 0]);
}

#[test]
fn a_whole_number_has_one_spelling() {
    let accepted = ["0", "7", "-7", "9223372036854775807", "-9223372036854775808"];
    let refused = [
        "",
        "-",
        "+5",
        "007",
        "-0",
        "-01",
        "1_000",
        "1,000",
        "1.0",
        "1e3",
        "0x1F",
        "0o17",
        " 5",
        "5\n",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999999999999999999999999",
        "٣",
        "５",
        "NaN",
        "true",
    ];
    assert_eq!(wrong("int", &accepted, &refused), [""; 0]);
    assert_eq!(
        why("int", "007"),
        "`007` is not a whole number; leave out the leading zeros, which some programs read as octal"
    );
    assert_eq!(why("int", "1_000"), "`1_000` is not a whole number; write the digits without separators");
    assert_eq!(
        why("int", "9223372036854775808"),
        "`9223372036854775808` is not a whole number from -9223372036854775808 to 9223372036854775807"
    );
}

#[test]
fn a_number_is_finite() {
    let accepted = ["0", "1", "-1.5", ".5", "5.", "1e3", "1E-3", "1.7976931348623157e308", "-0"];
    let refused = [
        "", ".", "NaN", "nan", "inf", ".inf", "-.inf", "infinity", "1e999", "1,5", "1_0", "+1.5", "007.5", "1.5 ",
        "0x1p3", "e5", "1e", "½",
    ];
    assert_eq!(wrong("float", &accepted, &refused), [""; 0]);
}

#[test]
fn a_truth_value_is_spelled_out() {
    assert_eq!(wrong("bool", &["true", "false"], &["", "True", "TRUE", "yes", "1", "0", "on", " true", "t"]), [""; 0]);
    assert_eq!(why("bool", "yes"), "`yes` is not `true` or `false`; write `true`");
    assert_eq!(why("bool", "OFF"), "`OFF` is not `true` or `false`; write `false`");
}

const URLS: [&str; 20] = [
    "http://localhost",
    "https://example.org/a?b=c#d",
    "https://EXAMPLE.org.",
    "http://127.0.0.1:8080/",
    "http://[::1]:8080/x",
    "http://[2001:db8::1]",
    "https://münchen.example/straße",
    "https://例え.テスト",
    "https://xn--mnchen-3ya.de",
    "https://नमस्ते.example",
    "postgres://user:p%40ss@db.internal:5432/app?sslmode=require",
    "mongodb://a:1,b:2,c/db",
    "jdbc:postgresql://db/app",
    "redis://:secret@cache:6379/0",
    "http://my_service:80",
    "sqlite:///var/lib/app.db",
    "file:///etc/hosts",
    "unix:///run/app.sock",
    "amqp://mq/%2F",
    "wss://example.org",
];

const NO_URLS: [&str; 32] = [
    "",
    "example.org",
    "http//x",
    "http:/x",
    "://x",
    "1http://x",
    "http://",
    "https:///path",
    "ws://?x",
    "redis://",
    "http://a b",
    "http://a\tb",
    "http://a:port",
    "http://a:99999",
    "http://a:",
    "http://::1/",
    "http://[::1",
    "http://[::g]",
    "http://[::1]x",
    "http://999.1.1.1",
    "http://1.2.3",
    "http://-a.b",
    "http://a..b",
    "http://.a",
    "http://u:p@ss@host",
    "http://u:p%w@host",
    "http://x/100%",
    "http://<host>/",
    "http://a\\b",
    "javascript:alert(1)",
    "mailto:a@b.org",
    "\u{feff}\u{0}http://x",
];

#[test]
fn a_url_has_a_scheme_and_a_host() {
    assert_eq!(wrong("url", &URLS, &NO_URLS), [""; 0]);
    assert_eq!(
        why("url", "http://u:p@ss@host"),
        "`http://u:p@ss@host` is not a URL such as `https://example.org`; an `@` in a name or password is written `%40`"
    );
}

#[test]
fn an_address_has_one_at() {
    let accepted =
        ["a@b", "a.b+c@example.org", "o'neil@example.org", "jörg@münchen.example", "用户@例え.テスト", "a@1.2.3.4"];
    let long = format!("{}@example.org", "a".repeat(65));
    let refused = [
        "",
        "a",
        "@b",
        "a@",
        "a@b@c",
        ".a@b",
        "a.@b",
        "a..b@c",
        "a b@c",
        "Ana <a@b.org>",
        "a@b,c@d",
        "a@-b",
        "a@b.",
        "a@b_c",
        "mailto:a@b",
        "a@[1.2.3.4]",
        &long,
    ];
    assert_eq!(wrong("email", &accepted, &refused), [""; 0]);
    assert_eq!(
        why("email", "Ana <a@b.org>"),
        "`Ana <a@b.org>` is not an e-mail address; the address alone, without a name"
    );
}

#[test]
fn a_duration_says_its_unit() {
    let accepted = ["0", "0s", "250ms", "30s", "1h30m", "2d", "007s"];
    let refused = ["", "-5s", "5", "1.5h", "1 h", "5S", "5min", " 5s", "s", "99999999999999999999d", "∞"];
    assert_eq!(wrong("duration", &accepted, &refused), [""; 0]);
    assert_eq!(why("duration", "-5s"), "`-5s` is not a duration such as `30s` or `1h30m`; it cannot be negative");
    assert_eq!(why("duration", "30"), "`30` is not a duration such as `30s` or `1h30m`; say the unit: `30s` or `30ms`");
}

#[test]
fn a_size_says_thousands_or_1024s() {
    let refused = ["", "-1", "1.5Gi", "5MB", "5 Mi", "Mi", "5mi", "99999999999999999999Ti", " 5"];
    assert_eq!(wrong("bytes", &["0", "1500000", "64Ki", "512Mi", "1Gi", "5k", "5M"], &refused), [""; 0]);
    assert_eq!(
        why("bytes", "5MB"),
        "`5MB` is not a size such as `512Mi` or `1500000`; `M` is 1000² and `Mi` 1024² bytes"
    );
}

#[test]
fn a_port_is_one_of_65535() {
    let refused = ["", "0", "65536", "+80", "080", "-1", "http", "80.0", "80 ", "0x50"];
    assert_eq!(wrong("port", &["1", "80", "65535"], &refused), [""; 0]);
}

#[test]
fn json_is_json() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let accepted = ["null", "1", "\"a\"", "{\"a\": [1, 2]}", " {} ", "\"\\u00e4\""];
    assert_eq!(wrong("json", &accepted, &["", "{a: 1}", "{'a': 1}", "[1,]", "NaN", "{} {}", &deep]), [""; 0]);
}

fn report(variables: &str, production: &str) -> String {
    let mut sources = SourceSet::new();
    sources.insert("towpath.yaml", format!("project: shop\npipeline: [production]\nvariables:\n{variables}"));
    sources.insert("environments/production.yaml", production);
    let loaded = load(&sources);
    let diagnostics = loaded.validate();
    let lines: Vec<String> = diagnostics
        .iter()
        .map(|one| {
            let place = one.primary.map(|label| sources.place(label)).unwrap_or_default();
            let related = one.related.iter().map(|(label, words)| format!(" ({words}: {})", sources.place(*label)));
            format!("{place} {}{}", one.message, related.collect::<String>())
        })
        .collect();
    let shown = render_diagnostics(&sources, &diagnostics, false);
    assert!(!shown.contains("hunter2"), "{shown}");
    lines.join("\n")
}

#[test]
fn defaults_and_examples_are_what_they_are_examples_of() {
    insta::assert_snapshot!(report(
        "  A: {type: int, default: x, example: 5}
  B: {type: port, default: 80, example: 99999}
  C: {type: enum, values: [1, true, off], default: 1, example: On}
  D: {type: int, min: 5, default: 3}
  E: {type: duration, example: [1]}
  F: {type: url, default: 'https://${A}.example.org', example: 'http//x'}
  G: {type: json, default: {a: [1]}, example: '{a'}
  H: {secret: true, pattern: '[0-9]+', example: hunter2}
",
        ""
    ));
}

#[test]
fn bounds_and_patterns_show_both_places() {
    insta::assert_snapshot!(report(
        "  A: {type: int, min: 9007199254740993}
  B: {type: bytes, min: 1Mi, max: 1k}
  C: {pattern: 'a|ab'}
  D: {pattern: 'a)(b'}
  E: {pattern: '(?x) [a-z]+ # letters'}
  F: {pattern: '(\\pL{1000}){100}'}
  G: {max: 3}
  H: {min: -1}
  I: {type: bool, max: 1}
  J: {type: float, max: .inf}
  K: {type: duration, max: 1m, secret: true}
  L: {pattern: '(a*)*b'}
  M: {type: port, min: 1024}
",
        "variables:
  {A: 9007199254740992, C: ab, E: abc, G: äöü🙂, K: 2m, L: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, M: 80}
"
    ));
}

#[test]
fn what_a_variable_may_be_declared_as_is_checked() {
    insta::assert_snapshot!(report(
        "  A: {type: enum, values: [a, b, a]}
  B: {must_differ_between: [production]}
  C: {deprecated: {use: D1}}
  D: {deprecated: {}}
  E: {deprecated: 5}
  F: {forbidden_in: [prodution], required_in: [testing]}
  G: {required: true, forbidden_in: [prod]}
  H: {owner: [x]}
  D2: {deprecated: {since: '1.4', use: the vault}}
",
        ""
    ));
}

#[test]
fn a_deprecated_variable_is_named_where_it_is_set() {
    insta::assert_snapshot!(report(
        "  OLD: {deprecated: {since: '1.4', use: NEW}, default: x}
  OLDER: {deprecated: ask ana}
  UNUSED: {deprecated: gone, default: y}
  NEW: string
",
        "variables: {OLD: 1, OLDER: 2}\n"
    ), @r"
    environments/production.yaml:1:18 `OLD` is deprecated: since 1.4; use `NEW`
    environments/production.yaml:1:28 `OLDER` is deprecated: ask ana
    ");
}

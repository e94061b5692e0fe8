//! Differences, declared and not.

use proptest::prelude::*;

use super::*;
use crate::config::{Inputs, Loaded, SourceSet, load};

const PROJECT: &str = "project: shop
services: {web: {command: [serve], env: {A: 1}}}
variables:
  LOG_LEVEL: {default: info}
  MAIL_URL: {}
  API_KEY: {secret: true}
pipeline: [development, staging, production]
";

fn project(more: &str, files: &[(&str, &str)]) -> Loaded {
    let mut sources = SourceSet::new();
    sources.insert("towpath.yaml", format!("{PROJECT}{more}"));
    for name in ["development", "staging", "production"] {
        let text = files.iter().find(|(of, _)| *of == name).map_or("", |(_, text)| *text);
        sources.insert(format!("environments/{name}.yaml"), text.to_owned());
    }
    load(&sources)
}

fn compared(loaded: &Loaded, names: &[&str], keys: &[&str]) -> Comparison {
    assert!(!crate::config::has_errors(&loaded.validate()));
    let resolved: Vec<ResolvedEnvironment> =
        names.iter().map(|name| loaded.resolve(name, &Inputs::default()).environment.unwrap()).collect();
    let keys: Vec<KeyPattern> = keys.iter().map(|key| key.parse().unwrap()).collect();
    loaded.compare(&resolved.iter().collect::<Vec<_>>(), &keys)
}

fn lines(comparison: &Comparison) -> Vec<String> {
    let different = comparison.rows.iter().filter(|row| !row.same());
    different.map(|row| format!("{} {:?} {:?} {:?}", row.key, row.kind(), row.values, row.expected)).collect()
}

const FILES: [(&str, &str); 3] = [
    ("development", "variables: {MAIL_URL: 'log:', LOG_LEVEL: debug}\n"),
    ("staging", "variables: {MAIL_URL: 'smtp:a'}\nservices: {web: {replicas: 2}}\n"),
    ("production", "services: {web: {replicas: 4}}\n"),
];

#[test]
fn a_missing_value_is_not_a_differing_one() {
    let comparison = compared(&project("", &FILES), &["staging", "production"], &[]);
    insta::assert_snapshot!(lines(&comparison).join("\n"), @r#"
    services.web.replicas Differs [Some("2"), Some("4")] None
    variables.MAIL_URL Missing [Some("smtp:a"), None] None
    "#);
    let production = &comparison.environments[1];
    assert_eq!(comparison.missing(production).len(), 1);
    assert_eq!(comparison.missing(&comparison.environments[0]).len(), 0);
}

#[test]
fn a_declared_difference_counts_as_parity_with_its_reason() {
    let more = "compare:
  expected:
  - {keys: ['services.*.replicas'], reason: production has more load}
  - {keys: [variables.MAIL_URL], between: [staging, prod]}
";
    let loaded = project(more, &FILES);
    let comparison = compared(&loaded, &["staging", "production"], &[]);
    assert_eq!((comparison.parity_percent(), comparison.unexpected().count()), (100, 0));
    assert_eq!(comparison.rows.iter().filter(|row| !row.same()).count(), 2);
    assert_eq!(
        comparison.rows.iter().find(|row| row.key.ends_with("replicas")).unwrap().expected.as_deref(),
        Some("production has more load")
    );
    // Development differs in the mail address too, and nobody said that it may.
    let all = compared(&loaded, &["development", "staging", "production"], &[]);
    let unexpected: Vec<&str> = all.unexpected().map(|row| row.key.as_str()).collect();
    assert_eq!(unexpected, ["variables.LOG_LEVEL", "variables.MAIL_URL"]);
    assert!(all.parity_percent() < 100);
    assert_eq!(all.stale, []);
}

#[test]
fn two_declarations_can_cover_three_environments_together() {
    let more = "compare:
  expected:
  - {keys: [variables.MAIL_URL], between: [development, staging], reason: one}
  - {keys: [variables.MAIL_URL], between: [development, production], reason: two}
  - {keys: [variables.MAIL_URL], between: [staging, production], reason: two}
";
    let comparison =
        compared(&project(more, &FILES), &["development", "staging", "production"], &["variables.MAIL_URL"]);
    assert_eq!(comparison.rows.len(), 1);
    assert_eq!(comparison.rows[0].expected.as_deref(), Some("one; two"));
}

#[test]
fn a_declaration_that_is_out_of_date_is_reported_where_it_can_be_judged() {
    let more = "compare:
  expected:
  - {keys: [services.web.artifact, services.web.env]}
  - {keys: [services.web.replicas], between: [development, staging]}
  - {keys: [services.web.drain], between: [staging, production]}
";
    let loaded = project(more, &[("staging", "services: {web: {replicas: 2}}\n")]);
    let of = |names: &[&str]| -> Vec<String> {
        let stale = compared(&loaded, names, &[]).stale;
        stale.iter().map(|stale| format!("{} {} {:?}", stale.place, stale.keys, stale.why)).collect()
    };
    insta::assert_snapshot!(of(&["development", "staging", "production"]).join("\n"), @r#"
    towpath.yaml:10:13 services.web.artifact MatchesNothing
    towpath.yaml:10:36 services.web.env NoDifference
    towpath.yaml:12:13 services.web.drain NoDifference
    "#);
    assert_eq!(of(&["development", "staging"]), Vec::<String>::new());
    assert_eq!(of(&["staging", "production"]).len(), 1);
}

#[test]
fn a_wrong_declaration_is_a_mistake_with_its_place() {
    let said = |more: &str| -> String {
        let loaded = project(more, &[]);
        let of = |one: &crate::config::Diagnostic| format!("{} | {:?}", one.message, one.help);
        loaded.diagnostics().iter().map(of).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(said("compare: {expected: [{keys: ['a..b', 'x[y]', ''], between: [stagin]}]}\n"), @r#"
    `a..b` is not a pattern of keys such as `services.*.replicas`, `variables.LOG_*` or `verification[*].name` | Some("write it as `towpath env explain` shows the key, with `*` for any text")
    `x[y]` is not a pattern of keys such as `services.*.replicas`, `variables.LOG_*` or `verification[*].name` | Some("write it as `towpath env explain` shows the key, with `*` for any text")
    `` is not a pattern of keys such as `services.*.replicas`, `variables.LOG_*` or `verification[*].name` | Some("write it as `towpath env explain` shows the key, with `*` for any text")
    there is no environment `stagin` | Some("did you mean `staging`? known: `development`, `production`, `staging`")
    "#);
    let one = said("compare: {expected: [{keys: [variables], between: [staging]}]}\n");
    assert!(one.contains("`between` names only `staging`"), "{one}");
    insta::assert_snapshot!(said("compare: {expected: [{keys: [variables.*], reson: x}]}\n"), @r#"unknown key `reson` in `compare.expected[0]` | Some("did you mean `reason`?")"#);
}

#[test]
fn secrets_are_compared_and_never_shown() {
    let files = [("staging", "variables: {API_KEY: hunter2}\n"), ("production", "variables: {API_KEY: hunter3}\n")];
    let comparison = compared(&project("", &files), &["staging", "production"], &[]);
    assert_eq!(comparison.unexpected().count(), 1);
    assert!(!format!("{comparison:?}").contains("hunter"));
    let same = [("staging", "variables: {API_KEY: hunter2}\n"), ("production", "variables: {API_KEY: hunter2}\n")];
    assert_eq!(compared(&project("", &same), &["staging", "production"], &[]).unexpected().count(), 0);
}

#[test]
fn parity_is_the_share_of_keys_rounded_down() {
    let loaded = project("", &FILES);
    let comparison = compared(&loaded, &["staging", "production"], &["variables", "services.web.replicas"]);
    // LOG_LEVEL agrees; MAIL_URL and the replicas do not.
    assert_eq!((comparison.rows.len(), comparison.parity_percent()), (3, 33));
    assert_eq!(compared(&loaded, &["staging", "production"], &["nothing.*"]).parity_percent(), 100);
}

#[test]
fn environments_stand_in_the_order_a_release_goes_through_them() {
    let order = |loaded: &Loaded| -> Vec<String> { loaded.in_order().iter().map(ToString::to_string).collect() };
    assert_eq!(order(&project("", &[])), ["development", "staging", "production"]);
    let mut sources = SourceSet::new();
    sources.insert("towpath.yaml", "project: a\npipeline: {b: {after: c}, a: {after: b}, c: {}}\n".to_owned());
    for name in ["a", "aa", "b", "c"] {
        sources.insert(format!("environments/{name}.yaml"), String::new());
    }
    assert_eq!(order(&load(&sources)), ["c", "b", "a", "aa"]);
}

#[test]
fn a_pattern_stands_for_keys_and_what_is_under_them() {
    let fits = |pattern: &str, key: &str| pattern.parse::<KeyPattern>().unwrap().matches(&key.parse().unwrap());
    assert!(fits("services.*.replicas", "services.web.replicas"));
    assert!(!fits("services.*.replicas", "services.web.drain"));
    assert!(!fits("services.*", "services"));
    assert!(fits("services.*", "services.web.env.A"));
    assert!(fits("variables.LOG_*", "variables.LOG_LEVEL") && fits("variables.*_LEVEL", "variables.LOG_LEVEL"));
    assert!(!fits("variables.LOG_*", "variables.LOGS"));
    assert!(fits("verification[*].name", "verification[3].name"));
    assert!(!fits("verification[2].name", "verification[3].name"));
    assert!(fits("a.\"x.*\"", "a.\"x.*\"") && !fits("a.\"x.*\"", "a.\"x.y\""));
    assert!(fits("a.*", "a.\"x.y\"") && !fits("a.*", "a[0]"));
    for wrong in ["", ".", "a.", ".a", "a..b", "a[x]", "a[", "a[1]b", "\"a"] {
        assert!(wrong.parse::<KeyPattern>().is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn every_key_is_a_pattern_of_itself(keys in prop::collection::vec("[a-z_.\\-]{1,8}", 1..5)) {
        let path = Path::of_keys(keys.iter().map(String::as_str));
        prop_assert!(path.to_string().parse::<KeyPattern>().unwrap().matches(&path));
    }

    #[test]
    fn a_star_is_any_text(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
        let regex = regex::Regex::new(&format!("^{}$", pattern.replace('*', ".*"))).unwrap();
        prop_assert_eq!(pattern::glob(pattern.as_bytes(), text.as_bytes()), regex.is_match(&text));
    }

    #[test]
    fn patterns_of_anything_are_read_or_refused(text in "\\PC*") {
        let _ = text.parse::<KeyPattern>();
    }
}

//! What people read when something is wrong.

use super::*;

const HEAD: &str = "== towpath.yaml
project: shop
services: {web: {command: ./serve}}
pipeline: [development, production]
variables: {LOG_LEVEL: {type: enum, values: [debug, info], default: info}, WORKERS: int}
== environments/development.yaml
";

fn with(rest: &str) -> String {
    report(&format!("{HEAD}{rest}"))
}

#[test]
fn broken_yaml_points_at_the_line() {
    insta::assert_snapshot!(with(
        "url: http://localhost\n== environments/production.yaml\nservices:\n  web: {replicas: 3\nvariables:\n  A: 1\n"
    ));
}

#[test]
fn an_unknown_key_gets_the_nearest() {
    insta::assert_snapshot!(with("== environments/production.yaml\nservices:\n  web:\n    replcias: 3\n"));
}

#[test]
fn a_cycle_in_extends_is_shown_once() {
    insta::assert_snapshot!(with(
        "== environments/production.yaml\nextends: eu\n== environments/eu.yaml\nextends: us\n== environments/us.yaml\nextends: eu\n"
    ));
}

#[test]
fn an_unknown_parent_gets_the_nearest() {
    insta::assert_snapshot!(with("== environments/production.yaml\nextends: developmet\n"));
}

#[test]
fn a_wrong_type_points_at_the_layer_that_set_it() {
    insta::assert_snapshot!(with(
        "services: {web: {replicas: 2}}\n== environments/base.yaml\nservices:\n  web:\n    stop_grace: soon\n== environments/production.yaml\nservices:\n  web: {replicas: many}\nvariables: {WORKERS: 1.5, LOG_LEVEL: inf}\n"
    ));
}

#[test]
fn references_to_what_is_not_there_are_found() {
    insta::assert_snapshot!(with(
        "verification: [{name: up, http: {service: wbe}}]\nvariables: {LOG_LEVLE: debug}\nservices: {web: {env: {A: '${LOG_LEVE}', B: '${PORT}', C: '${WORKERS}'}}}\n== environments/production.yaml\n"
    ));
}

#[test]
fn variables_that_go_round_show_the_way() {
    insta::assert_snapshot!(with(
        "services:\n  web:\n    env:\n      A: ${B}\n      B: x${C}\n      C: ${A:-1}\n      D: ${A}\n== environments/production.yaml\n"
    ));
}

#[test]
fn a_missing_file_is_named() {
    insta::assert_snapshot!(with(""));
    assert!(report("== environments/a.yaml\ntier: staging\n").contains("towpath init"));
}

#[test]
fn a_duplicate_key_shows_both_places() {
    insta::assert_snapshot!(with(
        "url: http://a.b\napi_url: http://a.b\nurl: http://c.d\n== environments/production.yaml\n"
    ));
}

#[test]
fn a_secret_is_not_shown_in_its_own_error() {
    let text = "== towpath.yaml
project: shop
pipeline: [production]
variables: {KEY: {secret: true, pattern: '[a-f]+'}}
== environments/production.yaml
variables: {KEY: hunter2}
";
    let shown = report(text);
    assert!(!shown.contains("hunter2"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_flag_that_is_wrong_is_shown_like_a_file() {
    let sources = sources(&format!("{HEAD}== environments/production.yaml\n"));
    let flags = vec![("services.web.replicas".to_owned(), "lots".to_owned()), ("tier".to_owned(), "x".to_owned())];
    let resolution = resolve(&sources, "prod", &Inputs { flags, ..Inputs::default() });
    assert!(resolution.environment.is_none());
    insta::assert_snapshot!(render_diagnostics(&resolution.sources, &resolution.diagnostics, false));
}

#[test]
fn a_name_that_no_process_can_be_given_is_refused() {
    let text = "== towpath.yaml
project: shop
services: {web: {command: x, env: {'A=B': 1, '': 2, 'a b': 3, \"c\\nd\": 4, spring.profiles.active: 5}}}
pipeline: [production]
== environments/production.yaml
";
    let diagnostics = load(&sources(text)).validate();
    let messages: Vec<&str> = diagnostics.iter().map(|one| one.message.as_str()).collect();
    let said = |name: &str| format!("`{name}` cannot be the name of an environment variable");
    assert_eq!(messages, ["A=B", "", "a b", "c\\nd"].map(said));
}

#[test]
fn a_mistyped_variable_that_stands_alone_is_answered_with_the_nearest() {
    let said = |key: &str| {
        let inputs = Inputs { flags: vec![(key.to_owned(), "1".to_owned())], ..Inputs::default() };
        let resolution = resolve(&sources(&with_files()), "production", &inputs);
        let first = resolution.diagnostics.into_iter().next().unwrap();
        format!("{}; {}", first.message, first.help.unwrap_or_default())
    };
    assert_eq!(said("WORKRS"), "there is no variable and no key `WORKRS`; did you mean `WORKERS`?");
    assert_eq!(said("ur").split(';').next(), Some("unknown key `ur`"));
    assert_eq!(said("replicaCount").split(';').next(), Some("unknown key `replicaCount`"));
}

fn with_files() -> String {
    format!("{HEAD}== environments/production.yaml\n")
}

#[test]
fn a_mistyped_name_of_a_required_variable_is_one_mistake() {
    let project = HEAD.replace("WORKERS: int", "REGION: {required_in: [production]}");
    let told = report(&format!("{project}== environments/production.yaml\nvariables: {{REGIO: eu}}\n"));
    assert!(told.contains("`REGIO` is not declared") && !told.contains("config::required"), "{told}");
}

//! Who set a value, and what differs between environments.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::{good::PROJECT, *};
use crate::ids::PrincipalName;

fn overlay(key: &str, value: Option<&str>) -> OverlayEntry {
    let origin = OverlayOrigin {
        sequence: 41,
        at: Timestamp::UNIX_EPOCH,
        principal: PrincipalName::new("ana").unwrap(),
        reason: Some("too noisy".to_owned()),
    };
    OverlayEntry { key: key.to_owned(), value: value.map(str::to_owned), origin }
}

fn told(environment: &ResolvedEnvironment, key: &str) -> String {
    let mut out = String::new();
    for explanation in environment.explain(key).unwrap() {
        writeln!(out, "{} = {:?}", explanation.key, explanation.value).unwrap();
        for one in explanation.contributions {
            let by = one.by.map(|by| format!(" by {by}: {}", one.reason.unwrap_or_default())).unwrap_or_default();
            writeln!(out, "  {} ({}) {:?}{by}", one.layer, one.place, one.value).unwrap();
        }
    }
    out
}

#[test]
fn explain_shows_every_layer_that_said_something() {
    let inputs = Inputs {
        overlay: vec![overlay("variables.LOG_LEVEL", Some("info")), overlay("services.web.replicas", Some("5"))],
        process: map(&[("LOG_LEVEL", "debug"), ("HOME", "somewhere"), ("API_KEY", "hunter2")]),
        flags: vec![("services.web.replicas".to_owned(), "7".to_owned())],
        ..Inputs::default()
    };
    let production = resolved_with(PROJECT, "production", &inputs);
    let keys = [
        "LOG_LEVEL",
        "services.web.replicas",
        "services.worker.replicas",
        "services.web.command",
        "API_KEY",
        "API_URL",
    ];
    let all: Vec<String> = keys.iter().map(|key| told(&production, key)).collect();
    assert!(!production.variables.contains_key("HOME"));
    insta::assert_snapshot!(all.join(""));
}

#[test]
fn what_was_taken_away_is_explained() {
    let staging = resolved(PROJECT, "staging");
    insta::assert_snapshot!(told(&staging, "gates.approvals"), @r#"
    gates.approvals = None
      staging (environments/staging.yaml:4:20) None
      production (environments/production.yaml:10:14) Some("{\"required\":1,\"roles\":[\"tech-lead\"]}")
    "#);
}

#[test]
fn an_unknown_key_is_answered_with_the_nearest() {
    let error = resolved(PROJECT, "staging").explain("services.web.replica").unwrap_err();
    assert_eq!(error.to_string(), "nothing sets `services.web.replica`; did you mean `services.web.replicas`?");
    assert!(resolved(PROJECT, "staging").explain("a..b").is_err());
}

#[test]
fn an_overlay_can_take_a_value_away() {
    let inputs = Inputs { overlay: vec![overlay("variables.REGION", None)], ..Inputs::default() };
    let resolution = resolve(&sources(PROJECT), "production", &inputs);
    assert!(resolution.environment.is_none());
    let messages: Vec<&str> = resolution.diagnostics.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(messages, ["`REGION` has no value here", "`REGION` has no value here"]);
}

#[test]
fn a_value_set_by_the_process_is_not_replaced_in() {
    let inputs = Inputs { process: map(&[("REGION", "${HOME}")]), ..Inputs::default() };
    assert_eq!(resolved_with(PROJECT, "development", &inputs).variables["REGION"].value, "${HOME}");
}

#[test]
fn a_difference_is_one_row_and_secrets_stay_hidden() {
    let secret = Inputs { process: map(&[("API_KEY", "hunter2")]), ..Inputs::default() };
    let staging = resolved_with(PROJECT, "staging", &secret);
    let production = resolved(PROJECT, "production");
    let comparison = diff(&staging, &production);
    let rows: Vec<String> = comparison.rows.iter().map(|row| format!("{}: {:?}", row.key, row.values)).collect();
    insta::assert_snapshot!(rows.join("\n"));
    assert!(compare(&[&staging, &production]).parity_percent() > 70);
    assert_eq!(compare(&[&staging, &staging]).parity_percent(), 100);
}

#[test]
fn every_leaf_of_every_environment_has_a_place() {
    for name in ["development", "staging", "production"] {
        for explanation in resolved(PROJECT, name).explain_all() {
            assert!(!explanation.contributions.is_empty());
            for contribution in explanation.contributions {
                let known = ["default", "project", "base", "staging", "production"];
                assert!(known.contains(&contribution.layer.as_str()), "{}: {contribution:?}", explanation.key);
            }
        }
    }
}

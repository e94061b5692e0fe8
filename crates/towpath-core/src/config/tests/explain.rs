//! Every leaf says where it comes from, however it came there.

use std::fmt::Write as _;

use super::*;

const PROJECT: &str = r#"== towpath.yaml
project: shop
services:
  web: &web
    command: [./serve, --port, "${PORT}"]
    replicas: 2
    probes: {readiness: {http: /health}}
  api:
    <<: *web
    listen: 9000
variables:
  DOMAIN: {default: example.org}
  API_URL: {type: url, default: "https://api.${DOMAIN}/${environment.name}"}
  DATABASE_URL: {secret: true, forbidden_in: [development]}
  TOKEN: {secret: true}
  LIMITS: {type: json, default: {a: 1}}
  PEER: {default: "${services.api.url}/${infrastructure.region:-nowhere}"}
pipeline: [development, staging, production]
== environments/base.yaml
description: &words common words
verification:
  - {name: home, http: {service: web, path: /}}
  - {name: status, http: {service: web, path: /status}, retries: 1}
  - {name: old, http: {service: web, path: /old}}
variables: {TOKEN: hunter2}
features: {dark: true, beta: false}
== environments/development.yaml
== environments/staging.yaml
extends: production
tier: staging
verification: !merge-by:name
  - {name: status, retries: 5, timeout: &time 10s}
  - !unset {name: old}
  - {name: new, http: {service: api, path: /}, timeout: *time}
features: !replace {dark: false}
services:
  web: {command: !append [--verbose], env: {GREETING: "hello ${DOMAIN:-nobody}"}}
  api: {command: !prepend [nice]}
gates: {approvals: null}
== environments/production.yaml
url: https://www.${DOMAIN}
variables:
  TOKEN: hunter3
  LIMITS: {b: 2}
gates:
  approvals: {required: 2}
  windows:
    maintenance:
      - {cron: "0 3 * * *", duration: 1h, reason: "${DOMAIN} sleeps"}
deployment: {strategy: blue-green}
"#;

fn told(environment: &str, keys: &[&str]) -> String {
    told_with(environment, keys, &Inputs::default())
}

fn told_with(environment: &str, keys: &[&str], inputs: &Inputs) -> String {
    let resolved = resolved_with(PROJECT, environment, inputs);
    let mut out = String::new();
    for explanation in keys.iter().flat_map(|key| resolved.explain(key).unwrap()) {
        writeln!(out, "{} = {:?}", explanation.key, explanation.value).unwrap();
        if let Some(written) = explanation.written {
            writeln!(out, "  written {written}").unwrap();
        }
        for one in explanation.contributions {
            let alias = one.alias.map(|alias| format!(" through {alias}")).unwrap_or_default();
            let whole = one.whole.map(|whole| format!("{whole} = ")).unwrap_or_default();
            writeln!(out, "  {} ({}{alias}) {whole}{:?}", one.layer, one.place, one.value).unwrap();
        }
        for one in explanation.references {
            writeln!(out, "  $ {} = {} ({:?})", one.key, one.value, one.place).unwrap();
        }
    }
    out
}

#[test]
fn items_of_merged_lists_are_explained_by_field() {
    insta::assert_snapshot!(told("staging", &["verification", "services.web.command", "services.api.command"]));
}

#[test]
fn an_item_of_a_list_can_be_asked_for_alone() {
    let told = told("staging", &["gates.windows.maintenance[0].cron", "verification[1].retries"]);
    insta::assert_snapshot!(told);
}

#[test]
fn a_text_with_references_shows_what_went_in() {
    let keys = ["API_URL", "PEER", "url", "services.web.env.GREETING", "gates.windows.maintenance[0].reason"];
    insta::assert_snapshot!(told("staging", &keys));
}

#[test]
fn what_came_through_an_alias_shows_both_places() {
    insta::assert_snapshot!(told(
        "staging",
        &["services.api.replicas", "services.api.probes", "verification[2].timeout"]
    ));
}

#[test]
fn what_was_taken_away_or_replaced_says_by_whom() {
    let keys = ["gates.approvals", "gates.approvals.required", "features.beta", "features.dark", "LIMITS", "LIMITS.a"];
    insta::assert_snapshot!(told("staging", &keys));
}

#[test]
fn secrets_are_masked_wherever_they_stand() {
    let flags = vec![("variables".to_owned(), "!replace {DOMAIN: x.org}".to_owned())];
    let told = told_with("production", &["variables", "TOKEN"], &Inputs { flags, ..Inputs::default() });
    assert!(!told.contains("hunter"), "{told}");
    insta::assert_snapshot!(told);
    let all = serde_json::to_string(&resolved(PROJECT, "staging").explain_all()).unwrap();
    assert!(!all.contains("hunter") && all.contains(MASK));
}

#[test]
fn every_contribution_of_every_leaf_has_a_place() {
    for name in ["development", "staging", "production"] {
        for explanation in resolved(PROJECT, name).explain_all() {
            assert!(!explanation.contributions.is_empty(), "{}", explanation.key);
            for one in &explanation.contributions {
                assert!(one.layer == "default" || one.place.contains(".yaml:"), "{}: {one:?}", explanation.key);
            }
            let again = resolved(PROJECT, name).explain(&explanation.key).unwrap();
            assert_eq!(again, [explanation], "what is listed can be asked for");
        }
    }
}

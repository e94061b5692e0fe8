//! A project with many mistakes: each is reported, and nothing else.

use super::*;

const PLANTED: &str = r#"== towpath.yaml
project: Shop
peple: {}
people:
  ana: {roles: [tech-lead], phone: 5}
  Ben: {roles: dev}
services:
  web:
    command: []
    listn: 8080
    replicas: -1
    stop_grace: 10
    probes:
      readiness: {http: health, period: 0s}
      liveness: {tcp: true, command: [x]}
      start: {tcp: true}
    resources: {cpu: lots, memory: 5Q}
  api: {replicas: 2}
  Api_2: {command: x}
variables:
  A: {type: sting}
  B: {type: enum}
  C: {type: int, min: low}
  D: {pattern: "("}
  E: {required_in: [producton]}
  F: {type: port, default: 99999}
  PORT: int
  "a b": string
  G: {type: int, min: 5, max: 10}
  H: {required: true}
  I: {type: url}
pipeline:
  development: {deploy: sometimes}
  production: {after: [stagging, development]}
  staging: {after: production}
== environments/base.yaml
tier: production
api_url: example.org
== environments/development.yaml
aliases: [live]
variables: {G: 3, I: "http//x", J: 1, H: "${K}"}
verification:
  - {name: a, http: {service: wbe}}
  - {name: d, http: {service: web}, command: [x]}
  - {http: {service: web, path: x}}
  - {name: c, http: {service: webb}}
features: {dark: maybe}
security: {network_policy: closed, encryption: {at_rest: 1}}
observability: {tracing: {sample_rate: 2}}
== environments/production.yaml
aliases: [live]
tier: prod
deployment:
  strategy:
    canary:
      steps: [{weight: 50}, {weight: 10}, {wait: 5s}, {pause: soon}, {analysis: {count: 0, max_error_rate: 1}}]
  progress_deadline: forever
gates:
  approvals: {required: 0, roles: [tech-led]}
  windows:
    freeze:
      - {cron: "* * *", duration: 1h}
      - {cron: "0 0 * * *", duration: 1h, timezone: Mars/Base}
      - {from: 2026-12-24T00:00:00Z}
      - {from: 2026-12-24T00:00:00Z, to: 2026-12-23T00:00:00Z}
variables: {H: 1, E: 2}
== environments/eu.yaml
extends: us
== environments/us.yaml
extends: eu
variables: {ZZZ: 1}
== environments/odd.yaml
variables: {H: 1}
== environments/Bad_Name.yaml
url: 5
"#;

#[test]
fn every_planted_mistake_is_reported_once_and_nothing_else() {
    let sources = sources(PLANTED);
    let diagnostics = load(&sources).validate();
    let lines: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| {
            let place = diagnostic.primary.map(|label| sources.place(label)).unwrap_or_default();
            format!("{place} {}: {}", diagnostic.code, diagnostic.message)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn mistakes_are_told_to_machines_too() {
    let sources = sources(
        "== towpath.yaml\nproject: shop\nservices: {web: {comand: x}}\npipeline: [dev]\n== environments/dev.yaml\ntier: development\n",
    );
    let views: Vec<DiagnosticView> = load(&sources).validate().iter().map(|one| one.view(&sources)).collect();
    insta::assert_json_snapshot!(views);
}

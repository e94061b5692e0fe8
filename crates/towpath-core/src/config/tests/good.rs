//! What a sound project means.

use super::*;
use crate::{
    deployment::{CanaryStep, Strategy},
    ids::{ArtifactName, Digest, ServiceName},
    project::Tier,
};

pub(super) const PROJECT: &str = r#"== towpath.yaml
project: notice-board
people:
  ana: {roles: [tech-lead]}
  ben: {roles: [developer, qa]}
services:
  web:
    command: ["./serve", "--port", "${PORT}"]
    env: {GREETING: "hello from ${REGION}", LIMIT: 5}
    probes:
      readiness: {http: /health, period: 1s}
      liveness: {tcp: true}
    resources: {cpu: 500m, memory: 256Mi}
  worker:
    command: ./work | tee log
variables:
  LOG_LEVEL: {type: enum, values: [debug, info, warn], default: info}
  REGION: {default: eu}
  API_URL: {type: url, required_in: [prod]}
  TIMEOUT: {type: duration, default: 30s, max: 5m}
  API_KEY: {secret: true}
pipeline:
  development: {deploy: automatic}
  staging: {after: development}
  production: {after: [staging]}
== environments/base.yaml
services:
  worker: {replicas: 2}
variables: {LOG_LEVEL: debug}
== environments/development.yaml
== environments/staging.yaml
extends: production
tier: staging
variables: {API_URL: "https://api.staging.example.org"}
gates: {approvals: null}
== environments/production.yaml
aliases: [live]
url: https://example.org
services:
  web: {replicas: 3, listen: 8080}
variables:
  LOG_LEVEL: warn
  API_URL: https://api.${REGION}.example.org
deployment: {strategy: canary}
gates:
  approvals: {required: 1, roles: [tech-lead]}
  soak: 1h
  windows:
    freeze: [{cron: "0 16 * * FRI", duration: 2d, timezone: Europe/Berlin, reason: weekend}]
verification:
  - {name: home page, http: {service: web, path: /, contains: notices}}
"#;

#[test]
fn a_sound_project_has_no_mistakes() {
    assert_eq!(report(PROJECT), "");
}

#[test]
fn production_is_what_its_layers_say() {
    let production = resolved(PROJECT, "prod");
    assert_eq!(production.tier, Tier::Production);
    let web = &production.services[&ServiceName::new("web").unwrap()];
    assert_eq!(web.replicas, 3);
    assert_eq!(web.env, map(&[("GREETING", "hello from eu"), ("LIMIT", "5")]));
    assert_eq!(production.variables["API_URL"].value, "https://api.eu.example.org");
    let worker = &production.services[&ServiceName::new("worker").unwrap()];
    assert_eq!((worker.replicas, worker.command[0].as_str()), (2, "/bin/sh"));
    let Strategy::Canary { steps } = &production.strategy else { panic!() };
    let weights: Vec<u8> = steps
        .iter()
        .filter_map(|step| if let CanaryStep::Weight { percent } = step { Some(percent.get()) } else { None })
        .collect();
    assert_eq!(weights, [10, 25, 50, 100]);
}

#[test]
fn a_deployment_names_artifacts_and_environments_by_digest() {
    let web = ServiceName::new("web").unwrap();
    let digest = Digest::of(b"tree");
    let artifacts = [(ArtifactName::new("web").unwrap(), digest)].into();
    let (spec, environments) = resolved(PROJECT, "production").to_deployment_spec(&artifacts).unwrap();
    let service = &spec.services[&web];
    assert_eq!(service.artifact, Some(digest));
    assert_eq!(service.environment, Digest::of(&environment_bytes(&environments[&web])));
    assert_eq!(
        environments[&web].0,
        map(&[
            ("API_URL", "https://api.eu.example.org"),
            ("GREETING", "hello from eu"),
            ("LIMIT", "5"),
            ("LOG_LEVEL", "warn"),
            ("REGION", "eu"),
            ("TIMEOUT", "30s"),
        ])
    );
}

#[test]
fn the_project_says_who_guards_what() {
    let (project, diagnostics) = load(&sources(PROJECT)).project();
    assert_eq!(diagnostics, []);
    insta::assert_json_snapshot!(project.unwrap());
}

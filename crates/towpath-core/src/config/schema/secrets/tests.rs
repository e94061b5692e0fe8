//! What the `secrets` section says, and what it cannot say.

use crate::{
    config::{
        Inputs, render_diagnostics, resolve,
        tests::{resolved, sources},
    },
    secrets::{KeySpec, SourceSpec, SyncSpec, VaultAuth},
    units::Millis,
};

const PROJECT: &str = "== towpath.yaml\nproject: shop\npipeline: [production]\n== environments/base.yaml\n";

fn said(base: &str, production: &str) -> String {
    let text = format!("{PROJECT}{base}\n== environments/production.yaml\n{production}");
    let resolution = resolve(&sources(&text), "production", &Inputs::default());
    render_diagnostics(&resolution.sources, &resolution.diagnostics, false)
}

#[test]
fn without_a_section_secrets_come_from_files_then_the_store() {
    let spec = resolved(&format!("{PROJECT}== environments/production.yaml\n"), "production").secret_spec;
    assert_eq!(spec.from, [SourceSpec::Files, SourceSpec::Store]);
    assert_eq!(spec.key, KeySpec::Age { identity: None });
    assert_eq!(spec.data_key_every, Millis::from_secs(90 * 86_400));
    assert!(spec.sync.is_empty());
}

#[test]
fn every_source_key_and_target_can_be_said_and_layers_merge() {
    let text = format!(
        "{PROJECT}secrets: {{key: {{passphrase: {{variable: PASS}}}}, from: [files]}}
== environments/production.yaml
secrets:
  from:
    - environment
    - environment: {{prefix: SHOP_}}
    - vault: {{path: /shop/production/, mount: kv, auth: {{approle: {{role_id: r}}}}}}
    - command: {{run: [pass, show, 'shop/${{NAME}}']}}
  key: {{age: {{identity: /etc/key.txt}}}}
  data_key: {{rotate_every: 30d}}
  sync:
    - github: {{organization: acme}}
    - vercel: {{project: shop, targets: [preview, production]}}
    - kubernetes: {{secret: shop}}
"
    );
    let spec = resolved(&text, "production").secret_spec;
    assert_eq!(spec.key, KeySpec::Age { identity: Some("/etc/key.txt".into()) }, "another key drives the first out");
    let [SourceSpec::Environment { prefix: none }, SourceSpec::Environment { prefix }, vault, command] = &spec.from[..]
    else {
        panic!("{:?}", spec.from)
    };
    assert_eq!((none.as_str(), prefix.as_str()), ("", "SHOP_"));
    let SourceSpec::Vault { server, mount, path } = vault else { panic!("{vault:?}") };
    assert_eq!((mount.as_str(), path.as_str()), ("kv", "shop/production"));
    assert!(matches!(&server.auth, VaultAuth::AppRole { role_id, .. } if role_id == "r"));
    assert!(matches!(command, SourceSpec::Command { command, .. } if command[2] == "shop/${NAME}"));
    assert!(matches!(&spec.sync[..], [SyncSpec::GitHub { .. }, SyncSpec::Vercel { .. }, SyncSpec::Kubernetes { .. }]));
}

#[test]
fn what_cannot_be_is_told_with_its_place() {
    insta::assert_snapshot!(said(
        "secrets: {form: [files]}",
        "secrets:
  from:
    - file
    - {vault: {path: a/../b}, command: {run: [x]}}
    - {}
    - environment: {prefix: 9x}
    - command: {run: [], timeout: 0s}
    - vault: {path: x, auth: {token: {}, approle: {role_id: r}}}
  key: {age: {}, vault-transit: {mount: '', key: k}}
  data_key: {rotate_every: 0s}
  sync:
    - {}
    - github: {repository: shop}
    - github: {organization: a, environment: b}
    - vercel: {project: x, targets: [prod]}
    - vercel: {project: x}
    - kubernetes: {secret: Not_A_Name, only: [9]}
"
    ));
}

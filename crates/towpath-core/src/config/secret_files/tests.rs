//! Files of secrets as layers: names, places and mistakes without any key.

use std::collections::BTreeMap;

use crate::{
    config::{
        Bundle, Inputs, MASK, compare, has_errors, load, render_diagnostics, resolve,
        tests::{report, resolved, resolved_with, sources},
    },
    ids::ServiceName,
    secrets::{SecretPin, SecretText, SecretVersion, SourceId, template},
};

const PROJECT: &str = "\
== towpath.yaml
project: shop
services: {web: {command: [./serve]}}
variables:
  DB_PASSWORD: {secret: true, min: 8, required_in: [production]}
  DB_URL: {secret: true, type: url, required_in: [production]}
  API_KEY: {secret: true}
  PORT_NAME: {default: http}
pipeline: [staging, production]
== environments/base.yaml
variables: {DB_URL: 'postgres://app:${secret:DB_PASSWORD}@db/shop'}
== environments/staging.yaml
== environments/production.yaml
extends: staging
";
const STAGING: &str = "== secrets/staging.yaml
DB_PASSWORD: ENC[AES256_GCM,data:c3RhZ2luZw==,iv:aXY=,tag:dGFn,type:str]
API_KEY: ENC[AES256_GCM,data:a2V5,iv:aXY=,tag:dGFn,type:str]
sops: {version: 3.13.1}
";
const PRODUCTION: &str = "== secrets/production.env
#ENC[AES256_GCM,data:Y29tbWVudA==,iv:aXY=,tag:dGFn,type:comment]
DB_PASSWORD=ENC[AES256_GCM,data:cHJvZA==,iv:aXY=,tag:dGFn,type:str]
sops_version=3.13.1
";

fn project(more: &[&str]) -> String {
    format!("{PROJECT}{}", more.concat())
}

fn pin(from: &str, version: &str) -> SecretPin {
    SecretPin { from: SourceId(from.to_owned()), version: SecretVersion(version.to_owned()) }
}

fn asked(pairs: &[(&str, &str, &str)]) -> Inputs {
    let pins = pairs.iter().map(|(name, from, version)| ((*name).to_owned(), pin(from, version))).collect();
    Inputs { secrets: Some(pins), ..Inputs::default() }
}

#[test]
fn a_secret_of_a_file_is_a_place_with_its_version_and_later_layers_win() {
    let production = resolved(&project(&[STAGING, PRODUCTION]), "production");
    let (spec, environments) = production.to_deployment_spec(&BTreeMap::new()).unwrap();
    let from = |name: &str| spec.secrets[name].from.to_string();
    assert_eq!([from("DB_PASSWORD"), from("API_KEY")], ["file secrets/production.env", "file secrets/staging.yaml"]);
    let web = &environments[&ServiceName::new("web").unwrap()].0;
    assert_eq!(web["DB_PASSWORD"], template::placeholder("DB_PASSWORD"));
    assert_eq!(web["DB_URL"], format!("postgres://app:{}@db/shop", template::placeholder("DB_PASSWORD")));
    assert_eq!(web["PORT_NAME"], "http");
    let staging = resolved(&project(&[STAGING, PRODUCTION]), "staging");
    assert_ne!(staging.secret_pins["DB_PASSWORD"].version, production.secret_pins["DB_PASSWORD"].version);
    assert_eq!(staging.secret_pins["API_KEY"], production.secret_pins["API_KEY"]);
}

#[test]
fn without_secrets_a_specification_is_written_as_it_ever_was() {
    let (spec, _) = resolved(PROJECT, "staging").to_deployment_spec(&BTreeMap::new()).unwrap();
    assert!(!serde_json::to_string(&spec).unwrap().contains("secrets"));
}

#[test]
fn explain_shows_the_file_and_a_mask() {
    let production = resolved(&project(&[STAGING, PRODUCTION]), "production");
    let [password] = &production.explain("DB_PASSWORD").unwrap()[..] else { panic!() };
    assert_eq!((password.value.as_deref(), password.secret), (Some(MASK), true));
    let said: Vec<_> = password.contributions.iter().map(|one| (one.layer.as_str(), one.place.as_str())).collect();
    assert_eq!(said, [("secret file", "secrets/production.env:2:13"), ("secret file", "secrets/staging.yaml:1:14")]);
    let [url] = &production.explain("DB_URL").unwrap()[..] else { panic!() };
    assert_eq!(url.value.as_deref(), Some(MASK));
    assert!(!format!("{url:?}").contains('\0'), "{url:?}");
}

#[test]
fn compare_tells_versions_apart_without_showing_them() {
    let text = project(&[STAGING, PRODUCTION]);
    let (staging, production) = (resolved(&text, "staging"), resolved(&text, "production"));
    let rows = compare(&[&staging, &production]).rows;
    let same = |key: &str| rows.iter().find(|row| row.key == key).unwrap().same();
    assert!(same("variables.API_KEY") && !same("variables.DB_PASSWORD") && !same("variables.DB_URL"));
    assert!(!format!("{rows:?}").contains("ENC["));
}

#[test]
fn other_sources_fill_what_no_file_has_and_a_missing_one_is_missing_once_all_were_asked() {
    let text = project(&[]);
    let unjudged = resolve(&sources(&text), "production", &Inputs::default());
    assert!(unjudged.environment.is_some(), "nobody has looked into the store");
    let roots = unjudged.environment.unwrap().secret_roots;
    assert_eq!(roots.elsewhere.into_iter().collect::<Vec<_>>(), ["API_KEY", "DB_PASSWORD"]);
    let inputs = asked(&[("DB_PASSWORD", "store", "4")]);
    let production = resolved_with(&text, "production", &inputs);
    assert_eq!(production.secret_pins["DB_PASSWORD"], pin("store", "4"));
    assert!(production.variables["DB_URL"].value.contains('\0'));
    let missing = resolve(&sources(&text), "production", &asked(&[]));
    let messages: Vec<_> = missing.diagnostics.iter().map(|one| one.message.clone()).collect();
    assert_eq!(
        messages,
        [
            "`production` has no value for `DB_PASSWORD`",
            "`DB_URL` is made of the secret `DB_PASSWORD`, which has no value here"
        ]
    );
}

#[test]
fn an_environment_that_does_not_use_files_has_nothing_of_them() {
    let text = project(&[STAGING]).replace("extends: staging\n", "extends: staging\nsecrets: {from: [store]}\n");
    let production = resolved(&text, "production");
    assert!(production.secret_pins.is_empty() && !production.variables.contains_key("API_KEY"));
    assert!(production.secret_roots.elsewhere.contains("API_KEY"));
    assert!(resolved(&text, "staging").secret_pins.contains_key("API_KEY"));
}

#[test]
fn with_files_alone_a_missing_secret_is_found_at_once() {
    let text = project(&[STAGING]).replace("extends: staging\n", "secrets: {from: [files]}\n");
    let found = resolve(&sources(&text), "production", &Inputs::default());
    assert!(found.diagnostics.iter().any(|one| one.message == "`production` has no value for `DB_PASSWORD`"));
}

#[test]
fn a_process_wins_over_a_file_and_is_checked_at_once() {
    let text = project(&[STAGING, PRODUCTION]);
    let process = [("DB_PASSWORD".to_owned(), "short".to_owned())].into();
    let wrong = resolve(&sources(&text), "production", &Inputs { process, ..Inputs::default() });
    let [error] = &wrong.diagnostics[..] else { panic!("{:?}", wrong.diagnostics) };
    assert_eq!(error.message, "`variables.DB_PASSWORD`: the value is shorter than 8 characters");
    let process = [("DB_PASSWORD".to_owned(), "long-enough".to_owned())].into();
    let right = resolved_with(&text, "production", &Inputs { process, ..Inputs::default() });
    assert!(!right.secret_pins.contains_key("DB_PASSWORD"));
    assert_eq!(right.variables["DB_URL"].value, "postgres://app:long-enough@db/shop");
}

#[test]
fn values_are_checked_where_they_are_known_and_never_shown() {
    let text = project(&[STAGING]);
    let loaded = load(&sources(&text));
    let staging = loaded.resolve("staging", &Inputs::default()).environment.unwrap();
    let values = |password: &str| {
        [("DB_PASSWORD", password), ("API_KEY", "k")]
            .map(|(name, value)| (name.to_owned(), SecretText::new(value)))
            .into()
    };
    let wrong = loaded.wrong_secrets(&staging, &values("hunt er"));
    let said: Vec<_> = wrong.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "`variables.DB_PASSWORD`: the value is shorter than 8 characters",
            "`variables.DB_URL`: the value is not a URL such as `https://example.org`"
        ]
    );
    assert!(loaded.wrong_secrets(&staging, &values("hunter-22")).is_empty());
    let rendered = loaded.rendered_with(&staging, None, &values("hunter-22"));
    assert_eq!(rendered["DB_URL"].value, "postgres://app:hunter-22@db/shop");
    assert!(!loaded.rendered(&staging, None).contains_key("DB_URL"), "no place is ever written as a value");
}

#[test]
fn the_bundle_carries_ciphertexts_and_nothing_in_plain_text() {
    let stray = "== secrets/elsewhere.yaml\nX: hunter2\n";
    let plain = "== secrets/base.json\n{\"API_KEY\": \"hunter2\", \"DEEP\": {\"a\": [\"hunter2\"]}}\n";
    let loaded = load(&sources(&project(&[STAGING, PRODUCTION, stray, plain])));
    let bundle = Bundle::of(loaded.sources());
    let text = String::from_utf8(bundle.to_bytes()).unwrap();
    assert!(!text.contains("hunter2"), "{text}");
    assert!(bundle.files()["secrets/staging.yaml"].contains("ENC[AES256_GCM,data:c3RhZ2luZw=="));
    assert!(bundle.files()["secrets/production.env"].contains("sops_version"));
    assert!(has_errors(loaded.diagnostics()));
}

#[test]
fn mistakes_in_files_of_secrets_are_told_with_their_place_and_without_values() {
    let files = "== secrets/base.yaml
DB_PASWORD: ENC[AES256_GCM,data:YQ==,iv:aXY=,tag:dGFn,type:str]
PORT_NAME: ENC[AES256_GCM,data:YQ==,iv:aXY=,tag:dGFn,type:str]
API_KEY:
  nested: ENC[AES256_GCM,data:YQ==,iv:aXY=,tag:dGFn,type:str]
DB_PASSWORD: hunter2-in-plain
sops: {}
== secrets/staging.json
{\"API_KEY\": \"hunter2-not-encrypted\", \"DB_PASSWORD\": \"hunter2\"}
== secrets/production.env
API_KEY=hunter2
== secrets/prodution.yaml
API_KEY: hunter2
";
    let loaded = load(&sources(&project(&[files])));
    let told = render_diagnostics(loaded.sources(), loaded.diagnostics(), false);
    assert!(!told.contains("hunter2"), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn the_place_of_a_secret_cannot_be_smuggled_in() {
    let text = project(&[STAGING])
        .replace("{web: {command: [./serve]}}", "{web: {command: [./serve], env: {X: \"\\0API_KEY\\0\"}}}");
    let wrong = resolve(&sources(&text), "staging", &Inputs::default());
    let shown = render_diagnostics(&wrong.sources, &wrong.diagnostics, false);
    assert!(shown.contains("`services.web.env.X` has a NUL character"), "{shown}");
    let open = PROJECT.replace("PORT_NAME: {default: http}", "PORT_NAME: {default: \"\\0API_KEY\\0\"}");
    assert!(report(&format!("{open}{STAGING}")).contains("it has a NUL character"));
}

#[test]
fn where_secrets_come_from_is_not_laid_over_what_runs() {
    let origin = crate::config::OverlayOrigin {
        sequence: 3,
        at: jiff::Timestamp::UNIX_EPOCH,
        principal: crate::ids::PrincipalName::new("ana").unwrap(),
        reason: None,
    };
    let entry =
        crate::config::OverlayEntry { key: "secrets.from".to_owned(), value: Some("[store]".to_owned()), origin };
    let wrong = resolve(&sources(PROJECT), "staging", &Inputs { overlay: vec![entry], ..Inputs::default() });
    assert!(wrong.diagnostics[0].message.contains("can only be set in files"), "{:?}", wrong.diagnostics);
}

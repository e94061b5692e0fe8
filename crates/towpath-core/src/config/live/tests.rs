//! What the ledger lays over the files.

use super::*;
use crate::config::OverlayOrigin;

fn entry(sequence: u64, key: &str, value: Option<&str>) -> OverlayEntry {
    let origin = OverlayOrigin {
        sequence,
        at: jiff::Timestamp::UNIX_EPOCH,
        principal: "ana".parse().unwrap(),
        reason: Some("because".to_owned()),
    };
    OverlayEntry { key: key.to_owned(), value: value.map(str::to_owned), origin }
}

#[test]
fn a_key_set_again_counts_as_set_last() {
    let mut live = Live::default();
    live.set(entry(1, "a", Some("1")));
    live.set(entry(2, "b", Some("1")));
    live.set(entry(3, "a", None));
    let order: Vec<(&str, u64)> = live.overlay.iter().map(|it| (it.key.as_str(), it.origin.sequence)).collect();
    assert_eq!(order, [("b", 2), ("a", 3)]);
    live.unset("b");
    assert!(live.get("b").is_none() && live.get("a").is_some());
}

#[test]
fn the_digest_names_values_and_their_order_and_not_who_set_them() {
    let of = |entries: &[OverlayEntry]| Live { overlay: entries.to_vec(), ..Live::NONE }.digest();
    let (a, b) = (entry(1, "a", Some("1")), entry(2, "b", Some("1")));
    assert_eq!(of(&[a.clone(), b.clone()]), of(&[entry(7, "a", Some("1")), b.clone()]));
    assert_ne!(of(&[a.clone(), b.clone()]), of(&[b.clone(), a.clone()]));
    assert_ne!(of(std::slice::from_ref(&a)), of(&[entry(1, "a", None)]));
    assert_ne!(Live { file: Some(String::new()), ..Live::default() }.digest(), Live::NONE.digest());
}

#[test]
fn changed_keys_are_those_of_which_different_things_are_said() {
    let one = Live { overlay: vec![entry(1, "a", Some("1")), entry(2, "b", Some("1"))], ..Live::NONE };
    let two = Live { overlay: vec![entry(3, "b", None), entry(4, "c", None), entry(5, "a", Some("1"))], ..Live::NONE };
    assert_eq!(one.changed(&two), ["b", "c"]);
    assert!(one.changed(&one).is_empty());
}

#[test]
fn a_file_in_the_ledger_takes_the_place_of_the_one_in_the_release() {
    let files: SourceSet = [("towpath.yaml", "x"), ("environments/p.yml", "old")].into_iter().collect();
    let live = Live { file: Some("new".to_owned()), ..Live::NONE };
    let sources = live.sources(&files, &"p".parse().unwrap());
    let found: Vec<(&str, &str)> = sources.files().collect();
    assert_eq!(found, [("towpath.yaml", "x"), ("environments/p.yaml", "new")]);
}

fn loaded() -> crate::config::Loaded {
    let project = "project: board
variables:
  LEVEL: {type: enum, values: [info, debug], default: info}
  DB_PASSWORD: {secret: true}
  TOKEN_TTL: {type: duration, default: 5m}
services: {web: {command: [./serve], env: {PASSWORD_RULES: strict}}}
pipeline: [staging]
";
    let files: SourceSet = [("towpath.yaml", project), ("environments/staging.yaml", "")].into_iter().collect();
    crate::config::load(&files)
}

#[test]
fn no_key_leads_the_value_of_a_secret_into_the_ledger() {
    let tries = [
        ("variables.DB_PASSWORD", "hunter2"),
        ("variables.\"DB_PASSWORD\"", "hunter2"),
        ("variables.DB_PASSWORD.x", "hunter2"),
        ("services.web.env.DB_PASSWORD", "hunter2"),
        ("services.web.env", "{DB_PASSWORD: hunter2}"),
        ("services", "{web: {env: {DB_PASSWORD: hunter2}}}"),
        ("services.web.env.API_TOKEN", "hunter2"),
        ("services.web", "{env: {stripe_secret: hunter2}}"),
        ("services.web.env.DB", "postgres://app:hunter2@db/x"),
        ("services.web.command", "[./serve, --db=https://u:hunter2@h]"),
    ];
    let loaded = loaded();
    for (key, value) in tries {
        let live = Live { overlay: vec![entry(1, key, Some(value))], ..Live::NONE };
        let found = loaded.secrets_laid(&live, &[key.to_owned()]);
        assert_eq!(found.len(), 1, "{key}={value}");
        assert!(!format!("{:?}", found[0]).contains("hunter2"), "{:?}", found[0]);
    }
    let fine = [
        ("variables.LEVEL", "debug"),
        ("variables.TOKEN_TTL", "10m"),
        ("services.web.env.TOKEN_TTL", "10m"),
        ("services.web.env.DB", "postgres://app:${DB_PASSWORD}@db/x"),
        ("services.web.env.AT", "https://example.org/@ana"),
        ("deployment.strategy", "{canary: {steps: [{weight: 5}]}}"),
        ("services.web.replicas", "{[}"),
    ];
    for (key, value) in fine {
        let live = Live { overlay: vec![entry(1, key, Some(value))], ..Live::NONE };
        assert_eq!(loaded.secrets_laid(&live, &[key.to_owned()]), [], "{key}={value}");
    }
}

#[test]
fn a_declared_variable_may_be_named_alone() {
    let keys = ["LEVEL", "variables.LEVEL", "url", "services.web.replicas"].map(|key| loaded().overlay_key(key));
    assert_eq!(keys, ["variables.LEVEL", "variables.LEVEL", "url", "services.web.replicas"]);
}

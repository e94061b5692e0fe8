//! Each rule finds what it is for, is silent where all is well, and no value is in what it says.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{EnvironmentFacts, FileFacts, Finding, FindingSeverity, OneSecret, SecretFacts, in_order, judge};
use crate::{ids::EnvironmentName, project::Tier};

fn set(words: &str) -> BTreeSet<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

fn environment(name: &str, tier: Tier, files: &str, secrets: &[(&str, OneSecret)]) -> EnvironmentFacts {
    EnvironmentFacts {
        name: EnvironmentName::new(name).unwrap(),
        tier,
        secrets: secrets.iter().map(|(name, secret)| ((*name).to_owned(), secret.clone())).collect(),
        key: None,
        files: set(files),
    }
}

fn valued(digest: &str) -> OneSecret {
    OneSecret { digest: Some(digest.to_owned()), ..OneSecret::default() }
}

fn file(recipients: &str, expected: Option<&str>) -> FileFacts {
    FileFacts { recipients: set(recipients), expected: expected.map(set), has_mac: true, encrypted: true, broken: None }
}

fn told(facts: &SecretFacts) -> String {
    let mut findings = judge(facts, Timestamp::from_second(1_700_000_000).unwrap());
    in_order(&mut findings);
    let line = |one: &Finding| format!("{} {} {}", one.severity, one.code, one.message);
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn files(all: &[(&str, FileFacts)]) -> BTreeMap<String, FileFacts> {
    all.iter().map(|(path, facts)| ((*path).to_owned(), facts.clone())).collect()
}

#[test]
fn a_value_that_production_shares_is_high_and_one_that_others_share_is_low() {
    let facts = SecretFacts {
        environments: vec![
            environment("development", Tier::Development, "", &[("A", valued("1")), ("B", valued("2"))]),
            environment("staging", Tier::Staging, "", &[("B", valued("2"))]),
            environment(
                "production",
                Tier::Production,
                "",
                &[("A", valued("1")), ("C", valued("3")), ("D", valued("3"))],
            ),
        ],
        files: BTreeMap::new(),
    };
    insta::assert_snapshot!(told(&facts), @r"
    high secret::reused `A` has the same value in development, production
    low secret::reused `B` has the same value in development, staging
    ");
}

#[test]
fn a_key_of_development_that_reads_production_is_found_also_by_way_of_the_base() {
    let apart = SecretFacts {
        environments: vec![
            environment("development", Tier::Development, "secrets/development.yaml", &[]),
            environment("production", Tier::Production, "secrets/production.yaml", &[]),
        ],
        files: files(&[
            ("secrets/development.yaml", file("age1dev age1ana", None)),
            ("secrets/production.yaml", file("age1prod", None)),
        ]),
    };
    assert_eq!(told(&apart), "");
    let mut shared = apart.clone();
    shared.files.insert("secrets/production.yaml".to_owned(), file("age1prod age1ana", None));
    shared.files.insert("secrets/base.yaml".to_owned(), file("age1dev age1prod", None));
    for environment in &mut shared.environments {
        environment.files.insert("secrets/base.yaml".to_owned());
    }
    insta::assert_snapshot!(told(&shared), @r"
    high secret::shared-recipient `secrets/base.yaml` holds secrets of production and can be read with age1dev, a key of development
    high secret::shared-recipient `secrets/production.yaml` holds secrets of production and can be read with age1ana, a key of development
    ");
}

#[test]
fn a_store_key_that_production_shares_is_found() {
    let mut facts = SecretFacts {
        environments: vec![
            environment("development", Tier::Development, "", &[]),
            environment("production", Tier::Production, "", &[]),
        ],
        files: BTreeMap::new(),
    };
    assert_eq!(told(&facts), "");
    for environment in &mut facts.environments {
        environment.key = Some("age /keys/all.txt".to_owned());
    }
    assert!(told(&facts).starts_with("high secret::shared-key the stores of production and development"));
}

#[test]
fn a_file_that_is_not_as_its_rule_or_its_code_says_is_found() {
    let facts = SecretFacts {
        environments: Vec::new(),
        files: files(&[
            ("a.yaml", file("x y", Some("y z"))),
            ("b.yaml", FileFacts { has_mac: false, ..file("x", Some("x")) }),
            ("c.yaml", FileFacts { broken: Some("its code does not fit".to_owned()), ..file("x", None) }),
            ("plain.yaml", FileFacts::default()),
        ]),
    };
    insta::assert_snapshot!(told(&facts), @r"
    critical secret::damaged `c.yaml` is not as it was encrypted: its code does not fit
    high secret::stray-recipient `a.yaml` can be read with x, which `.sops.yaml` does not name for it
    high secret::no-mac `b.yaml` has no authentication code, so that nobody can tell whether it was changed
    medium secret::missing-recipient `a.yaml` cannot be read with z, which `.sops.yaml` names for it
    ");
}

#[test]
fn weak_and_expired_secrets_weigh_by_environment_and_time() {
    let at = |second| Some(Timestamp::from_second(second).unwrap());
    let weak = OneSecret { weak: Some("it is short".to_owned()), ..OneSecret::default() };
    let past = OneSecret { expires: at(1_600_000_000), ..OneSecret::default() };
    let soon = OneSecret { expires: at(1_700_600_000), ..OneSecret::default() };
    let far = OneSecret { expires: at(1_800_000_000), ..OneSecret::default() };
    let facts = SecretFacts {
        environments: vec![
            environment("development", Tier::Development, "", &[("W", weak.clone())]),
            environment("production", Tier::Production, "", &[("F", far), ("P", past), ("S", soon), ("W", weak)]),
        ],
        files: BTreeMap::new(),
    };
    insta::assert_snapshot!(told(&facts), @r"
    critical secret::expired `P` in production has expired: 2020-09-13
    high secret::weak `W` in production is easy to guess: it is short
    medium secret::expires-soon `S` in production expires soon: 2023-11-21
    low secret::weak `W` in development is easy to guess: it is short
    ");
}

#[test]
fn a_fingerprint_depends_on_what_it_is_about_only() {
    let one =
        |identity: &[&str], message: &str| Finding::new("c", FindingSeverity::Low, identity, message, "").fingerprint;
    assert_eq!(one(&["a", "b"], "x"), one(&["a", "b"], "y"));
    assert_ne!(one(&["a", "b"], "x"), one(&["ab"], "x"));
    assert_eq!("high".parse(), Ok(FindingSeverity::High));
    assert!("serious".parse::<FindingSeverity>().is_err());
}

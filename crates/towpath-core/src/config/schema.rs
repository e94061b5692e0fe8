//! The typed documents: what `towpath.yaml` and `environments/*.yaml` may say.
//!
//! Every field's documentation is meant for the people who write the files.

pub mod access;
pub mod compare;
pub mod environment;
pub mod flags;
pub mod gates;
pub mod keeping;
pub mod project;
pub mod promises;
pub mod retention;
pub mod rotation;
pub mod scaling;
pub mod secrets;
pub mod sections;
pub mod service;
pub mod strategy;
pub mod values;
pub mod variable;

use super::merge::Rule;

const PROBE: Rule = Rule { choices: &["http", "tcp", "command"], ..Rule::NONE };
const PROBES: Rule = Rule { any: Some(&PROBE), ..Rule::NONE };
const SERVICE: Rule = Rule { fields: &[("probes", PROBES)], ..Rule::NONE };
const SERVICES: Rule = Rule { any: Some(&SERVICE), ..Rule::NONE };
const STRATEGY: Rule = Rule { choices: strategy::FORMS, ..Rule::NONE };
const DEPLOYMENT: Rule = Rule { fields: &[("strategy", STRATEGY)], ..Rule::NONE };
const GEO: Rule = Rule { choices: &["allow", "block"], ..Rule::NONE };
const SECURITY: Rule = Rule { fields: &[("geo_blocking", GEO)], ..Rule::NONE };
const AUTH: Rule = Rule { choices: &["token", "approle"], ..Rule::NONE };
const TRANSIT: Rule = Rule { fields: &[("auth", AUTH)], ..Rule::NONE };
const KEY: Rule =
    Rule { fields: &[("vault-transit", TRANSIT)], choices: &["age", "passphrase", "vault-transit"], ..Rule::NONE };
const SECRETS: Rule = Rule { fields: &[("key", KEY)], ..Rule::NONE };

/// A production environment that says something in every section: part of the reference.
pub(crate) const EXAMPLE: &str = include_str!("schema/example.yaml");

/// How the layers of an environment are merged where it is not the usual way.
pub(crate) const RULES: Rule = Rule {
    fields: &[("services", SERVICES), ("deployment", DEPLOYMENT), ("security", SECURITY), ("secrets", SECRETS)],
    ..Rule::NONE
};

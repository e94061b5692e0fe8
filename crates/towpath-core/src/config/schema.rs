//! The typed documents: what `towpath.yaml` and `environments/*.yaml` may say.
//!
//! Every field's documentation is meant for the people who write the files.

pub mod environment;
pub mod gates;
pub mod project;
pub mod retention;
pub mod sections;
pub mod service;
pub mod strategy;
pub mod variable;

use super::merge::Rule;

const PROBE: Rule = Rule { choices: &["http", "tcp", "command"], ..Rule::NONE };
const PROBES: Rule = Rule { any: Some(&PROBE), ..Rule::NONE };
const SERVICE: Rule = Rule { fields: &[("probes", PROBES)], ..Rule::NONE };
const SERVICES: Rule = Rule { any: Some(&SERVICE), ..Rule::NONE };
const STRATEGY: Rule = Rule { choices: strategy::FORMS, ..Rule::NONE };
const DEPLOYMENT: Rule = Rule { fields: &[("strategy", STRATEGY)], ..Rule::NONE };

/// How the layers of an environment are merged where it is not the usual way.
pub(crate) const RULES: Rule = Rule { fields: &[("services", SERVICES), ("deployment", DEPLOYMENT)], ..Rule::NONE };

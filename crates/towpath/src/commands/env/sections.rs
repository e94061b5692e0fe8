//! The sections of an environment that are shown as they were decided, without words of their own.

use serde_json::{Map, Value};
use towpath_core::config::{Data, ResolvedEnvironment};

/// What else an environment may say of itself.
const SECTIONS: [&str; 14] = [
    "api_url",
    "namespace",
    "infrastructure",
    "resources",
    "data",
    "access",
    "sla",
    "alerts",
    "backups",
    "budget",
    "autoscaling",
    "security",
    "observability",
    "features",
];

/// Returns each section that says something, as JSON.
pub(super) fn json(resolved: &ResolvedEnvironment) -> Map<String, Value> {
    let found = SECTIONS.iter().filter_map(|name| Some((name, resolved.values.get(name)?)));
    let mut sections: Map<String, Value> = found.map(|(name, value)| ((*name).to_owned(), value.to_json())).collect();
    let rollback = resolved.values.get("deployment").and_then(|deployment| deployment.get("rollback"));
    sections.extend(rollback.map(|value| ("rollback".to_owned(), value.to_json())));
    sections
}

/// Returns every value of these sections with its key.
pub(super) fn leaves(resolved: &ResolvedEnvironment) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    resolved.values.leaves(&mut |path, value| {
        let path = path.to_string();
        let first = path.split(['.', '[']).next().unwrap_or_default();
        if !SECTIONS.contains(&first) && !path.starts_with("deployment.rollback.") {
            return;
        }
        let text = match &value.data {
            Data::Removed => return,
            Data::Scalar(scalar) => scalar.text().to_owned(),
            Data::List(_) | Data::Map(_) => value.to_json().to_string(),
        };
        leaves.push((path, text));
    });
    leaves
}

//! Environments beside each other: which keys differ.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    explain::{shown, variable_of},
    resolved::{MASK, ResolvedEnvironment},
    schema::environment::OWN_KEYS,
    value::{Path, Segment},
};
use crate::ids::EnvironmentName;

/// A table of keys and environments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The columns.
    pub environments: Vec<EnvironmentName>,
    /// The rows, by key.
    pub rows: Vec<Row>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The key.
    pub key: String,
    /// The value in each environment, `None` where it has none; secrets masked.
    pub values: Vec<Option<String>>,
    /// Whether all are the same; secrets are compared, not their masks.
    pub same: bool,
    /// Whether the values are masked.
    pub secret: bool,
}

/// Compares any number of environments, every leaf that one of them has.
pub fn compare(environments: &[&ResolvedEnvironment]) -> Comparison {
    let leaves: Vec<BTreeMap<String, Leaf>> = environments.iter().map(|one| leaves(one)).collect();
    let keys: BTreeSet<&String> = leaves.iter().flat_map(BTreeMap::keys).collect();
    let rows = keys.into_iter().map(|key| row(key, &leaves)).collect();
    Comparison { environments: environments.iter().map(|one| one.name.clone()).collect(), rows }
}

/// Compares two environments and keeps only what differs.
pub fn diff(a: &ResolvedEnvironment, b: &ResolvedEnvironment) -> Comparison {
    let mut comparison = compare(&[a, b]);
    comparison.rows.retain(|row| !row.same);
    comparison
}

impl Comparison {
    /// Returns the share of keys on which all agree, in percent, rounded down; 100 where there is no key.
    pub fn parity_percent(&self) -> u8 {
        let same = self.rows.iter().filter(|row| row.same).count();
        u8::try_from((same * 100).checked_div(self.rows.len()).unwrap_or(100)).unwrap_or(100)
    }
}

/// A plain value and whether it is secret.
type Leaf = (String, bool);

fn row(key: &str, leaves: &[BTreeMap<String, Leaf>]) -> Row {
    let cells: Vec<Option<&Leaf>> = leaves.iter().map(|leaves| leaves.get(key)).collect();
    let secret = cells.iter().flatten().any(|(_, secret)| *secret);
    let show = |cell: Option<&Leaf>| cell.map(|(value, _)| if secret { MASK.to_owned() } else { value.clone() });
    let same = cells.windows(2).all(|pair| match pair {
        [a, b] => a.map(|(value, _)| value) == b.map(|(value, _)| value),
        _ => true,
    });
    Row { key: key.to_owned(), values: cells.iter().copied().map(show).collect(), same, secret }
}

/// Returns every leaf of an environment with its plain value and whether that is secret.
fn leaves(environment: &ResolvedEnvironment) -> BTreeMap<String, Leaf> {
    let mut leaves = BTreeMap::new();
    environment.values.leaves(&mut |path, leaf| {
        if is_own(path) || variable_of(path).is_some() {
            return;
        }
        if let Some(value) = shown(leaf, false) {
            leaves.insert(path.to_string(), (replaced(environment, path).unwrap_or(value), false));
        }
    });
    for (name, variable) in &environment.variables {
        let key = Path::of_keys(["variables", name]).to_string();
        leaves.insert(key, (variable.value.clone(), variable.secret));
    }
    leaves
}

fn is_own(path: &Path) -> bool {
    matches!(path.segments().first(), Some(Segment::Key(key)) if OWN_KEYS.contains(&key.as_str()))
}

/// Returns a text with its references replaced, if it has any.
fn replaced(environment: &ResolvedEnvironment, path: &Path) -> Option<String> {
    environment.replacements.get(&path.to_string())?.text.as_deref().map(str::to_owned)
}

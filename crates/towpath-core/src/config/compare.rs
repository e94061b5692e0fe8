//! Environments beside each other: which keys differ, and whether they are meant to.
//!
//! Only what is declared is compared, not what runs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, ser::SerializeStruct as _};

use super::{
    explain::{shown, variable_of},
    resolved::{MASK, ResolvedEnvironment},
    schema::environment::OWN_KEYS,
    value::{Path, Segment},
};
use crate::ids::EnvironmentName;

mod expected;
mod pattern;

pub use expected::{Stale, StaleWhy};
pub use pattern::{KeyPattern, PatternError};

/// A table of keys and environments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The columns.
    pub environments: Vec<EnvironmentName>,
    /// The rows, by key.
    pub rows: Vec<Row>,
    /// Declared differences that are out of date.
    pub stale: Vec<Stale>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key as a path.
    pub path: Path,
    /// The key.
    pub key: String,
    /// The value in each environment, `None` where it has none; secrets masked.
    pub values: Vec<Option<String>>,
    /// Whether the values are masked.
    pub secret: bool,
    /// Why the key may differ as it does, an empty text where no reason is given; `None` if it may not.
    pub expected: Option<String>,
    /// For each environment the first one with the same value; secrets are compared, not their masks.
    classes: Vec<usize>,
}

/// What becomes of a key from environment to environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Some environments have no value, others have.
    Missing,
    /// All have one, and they differ.
    Differs,
    /// All have the same.
    Same,
}

/// Compares any number of environments, every leaf that one of them has, without regard to declared differences.
pub fn compare(environments: &[&ResolvedEnvironment]) -> Comparison {
    compare_where(environments, |_| true)
}

/// Compares two environments and keeps only what differs.
pub fn diff(a: &ResolvedEnvironment, b: &ResolvedEnvironment) -> Comparison {
    let mut comparison = compare(&[a, b]);
    comparison.rows.retain(|row| !row.same());
    comparison
}

impl Comparison {
    /// Returns the share of keys on which all agree or differ only as declared, in percent, rounded down; 100 where
    /// there is no key.
    pub fn parity_percent(&self) -> u8 {
        let as_meant = self.rows.len() - self.unexpected().count();
        u8::try_from((as_meant * 100).checked_div(self.rows.len()).unwrap_or(100)).unwrap_or(100)
    }

    /// Returns the keys that differ and are not declared to.
    pub fn unexpected(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.is_unexpected())
    }

    /// Returns the keys that an environment has no value for and another has, without those that are declared.
    pub fn missing(&self, environment: &EnvironmentName) -> Vec<&Row> {
        let Some(column) = self.environments.iter().position(|name| name == environment) else { return Vec::new() };
        self.unexpected().filter(|row| row.values.get(column).is_some_and(Option::is_none)).collect()
    }
}

impl Row {
    /// Says whether all environments have the same value, or none.
    pub fn same(&self) -> bool {
        self.classes.iter().all(|class| *class == 0)
    }

    /// Returns what becomes of the key.
    pub fn kind(&self) -> Kind {
        if self.same() {
            Kind::Same
        } else if self.values.iter().any(Option::is_none) {
            Kind::Missing
        } else {
            Kind::Differs
        }
    }

    /// Says whether it differs and is not declared to.
    pub fn is_unexpected(&self) -> bool {
        !self.same() && self.expected.is_none()
    }

    /// Returns the section of the key, such as `variables`.
    pub fn section(&self) -> &str {
        match self.path.segments().first() {
            Some(Segment::Key(section)) => section,
            Some(Segment::Index(_)) | None => "",
        }
    }
}

impl Serialize for Row {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_struct("Row", 8)?;
        row.serialize_field("key", &self.key)?;
        row.serialize_field("section", self.section())?;
        row.serialize_field("kind", &self.kind())?;
        row.serialize_field("same", &self.same())?;
        row.serialize_field("declared", &self.expected.is_some())?;
        row.serialize_field("reason", &self.expected.as_ref().filter(|reason| !reason.is_empty()))?;
        row.serialize_field("secret", &self.secret)?;
        row.serialize_field("values", &self.values)?;
        row.end()
    }
}

/// A plain value and whether it is secret.
type Leaf = (String, bool);

fn compare_where(environments: &[&ResolvedEnvironment], wanted: impl Fn(&Path) -> bool) -> Comparison {
    let leaves: Vec<BTreeMap<Path, Leaf>> = environments.iter().map(|one| leaves(one, &wanted)).collect();
    let paths: BTreeSet<&Path> = leaves.iter().flat_map(BTreeMap::keys).collect();
    let rows = paths.into_iter().map(|path| row(path, &leaves)).collect();
    let environments = environments.iter().map(|one| one.name.clone()).collect();
    Comparison { environments, rows, stale: Vec::new() }
}

fn row(path: &Path, leaves: &[BTreeMap<Path, Leaf>]) -> Row {
    let cells: Vec<Option<&Leaf>> = leaves.iter().map(|leaves| leaves.get(path)).collect();
    let secret = cells.iter().flatten().any(|(_, secret)| *secret);
    let show = |cell: Option<&Leaf>| cell.map(|(value, _)| if secret { MASK.to_owned() } else { value.clone() });
    let classes = cells.iter().enumerate().map(|(place, cell)| {
        let value = cell.map(|(value, _)| value);
        cells.iter().position(|other| other.map(|(value, _)| value) == value).unwrap_or(place)
    });
    Row {
        path: path.clone(),
        key: path.to_string(),
        values: cells.iter().copied().map(show).collect(),
        secret,
        expected: None,
        classes: classes.collect(),
    }
}

/// Returns every leaf of an environment with its plain value and whether that is secret.
fn leaves(environment: &ResolvedEnvironment, wanted: &impl Fn(&Path) -> bool) -> BTreeMap<Path, Leaf> {
    let mut leaves = BTreeMap::new();
    environment.values.leaves(&mut |path, leaf| {
        if is_own(path) || variable_of(path).is_some() || !wanted(path) {
            return;
        }
        if let Some(value) = shown(leaf, false) {
            leaves.insert(path.clone(), (replaced(environment, path).unwrap_or(value), false));
        }
    });
    for (name, variable) in &environment.variables {
        let path = Path::of_keys(["variables", name]);
        if wanted(&path) {
            leaves.insert(path, (environment.comparable(variable), variable.secret));
        }
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

#[cfg(test)]
mod tests;

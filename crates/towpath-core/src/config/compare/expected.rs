//! Differences that are declared: which there are, what they cover, and which are out of date.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Comparison, Row, pattern::KeyPattern};
use crate::{
    config::{diagnostic::Diagnostic, load::Loaded, schema::compare::ExpectedFile, source::Label, value::Path},
    ids::EnvironmentName,
};

/// A declared difference: one pattern of one entry.
#[derive(Debug)]
pub(super) struct Expected {
    pattern: KeyPattern,
    label: Label,
    between: BTreeSet<EnvironmentName>,
    reason: Option<String>,
    /// Whether a key fitted, and whether one differed where it may.
    matched: bool,
    used: bool,
}

/// A declaration that is out of date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stale {
    /// The pattern.
    pub keys: String,
    /// Where it is declared.
    pub place: String,
    /// What is wrong with it.
    pub why: StaleWhy,
}

/// Why a declaration is out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StaleWhy {
    /// No environment has such a key.
    MatchesNothing,
    /// The keys are the same in all the environments it is for.
    NoDifference,
}

impl Loaded {
    /// Compares environments, with the differences that `towpath.yaml` declares, and reports declarations that are out of
    /// date as far as the compared environments can tell. With `keys`, only these and what is under them.
    pub fn compare(&self, environments: &[&crate::config::ResolvedEnvironment], keys: &[KeyPattern]) -> Comparison {
        let mut expected = self.expected();
        let wanted = |path: &Path| keys.is_empty() || keys.iter().any(|pattern| pattern.matches(path));
        let mut comparison = super::compare_where(environments, wanted);
        for row in &mut comparison.rows {
            row.explain(&comparison.environments, &mut expected);
        }
        // A selection of keys cannot tell what other keys need.
        if keys.is_empty() {
            comparison.stale = self.stale(&comparison.environments, &expected);
        }
        comparison
    }

    fn entries(&self) -> &[ExpectedFile] {
        self.project.compare.as_ref().map_or(&[], |compare| &compare.expected)
    }

    fn expected(&self) -> Vec<Expected> {
        let of = |entry: &ExpectedFile| {
            let between: BTreeSet<EnvironmentName> =
                entry.between.iter().filter_map(|name| self.find(&name.value).ok()).collect();
            let reason = entry.reason.clone();
            let patterns = entry.keys.iter().filter_map(|key| Some((key.value.parse().ok()?, key.label)));
            let of = |(pattern, label)| Expected {
                pattern,
                label,
                between: between.clone(),
                reason: reason.clone(),
                matched: false,
                used: false,
            };
            patterns.map(of).collect::<Vec<_>>()
        };
        self.entries().iter().flat_map(of).collect()
    }

    fn stale(&self, compared: &[EnvironmentName], expected: &[Expected]) -> Vec<Stale> {
        let seen = |name: &EnvironmentName| compared.contains(name);
        let judged = expected.iter().filter(|one| {
            !one.used && if one.between.is_empty() { self.files.keys().all(seen) } else { one.between.iter().all(seen) }
        });
        judged
            .map(|one| Stale {
                keys: one.pattern.to_string(),
                place: self.sources.place(one.label),
                why: if one.matched { StaleWhy::NoDifference } else { StaleWhy::MatchesNothing },
            })
            .collect()
    }

    /// Returns the environments in the order a release goes through them, those outside the pipeline last.
    pub fn in_order(&self) -> Vec<EnvironmentName> {
        let stages = self.project.pipeline.iter().flat_map(|pipeline| &pipeline.stages);
        let mut depths: BTreeMap<&str, usize> = stages.clone().map(|(name, _)| (name.value.as_str(), 0)).collect();
        // No way through the pipeline is longer than it has stages; a cycle, which is a mistake, ends here too.
        for _ in 0..depths.len() {
            for (name, stage) in stages.clone() {
                let before = stage.after.0.iter().filter_map(|before| depths.get(before.value.as_str()));
                let depth = before.max().map_or(0, |depth| depth + 1);
                depths.insert(name.value.as_str(), depth);
            }
        }
        let mut names: Vec<EnvironmentName> = self.files.keys().cloned().collect();
        names.sort_by_key(|name| depths.get(name.as_str()).copied().unwrap_or(usize::MAX));
        names
    }

    /// Checks that declared differences name environments that exist and keys that can be.
    pub(crate) fn check_expected(&mut self) {
        let mut errors = Vec::new();
        for entry in self.entries() {
            for name in &entry.between {
                if let Err(error) = self.find(&name.value) {
                    errors.push(error.diagnostic(name.label));
                }
            }
            if let [only] = entry.between.as_slice()
                && self.find(&only.value).is_ok()
            {
                let message = format!("`between` names only `{}`, and a difference is between two", only.value);
                errors.push(
                    Diagnostic::error("config::value", only.label, message)
                        .help("name two or more, or leave it out for all"),
                );
            }
            for key in &entry.keys {
                if let Err(error) = key.value.parse::<KeyPattern>() {
                    let error = Diagnostic::error("config::value", key.label, error.to_string());
                    errors.push(error.help("write it as `towpath env explain` shows the key, with `*` for any text"));
                }
            }
        }
        self.diagnostics.append(&mut errors);
    }
}

impl Row {
    /// Finds out whether every two environments that differ may.
    fn explain(&mut self, environments: &[EnvironmentName], expected: &mut [Expected]) {
        let mut fitting: Vec<&mut Expected> =
            expected.iter_mut().filter(|one| one.pattern.matches(&self.path)).collect();
        for one in &mut fitting {
            one.matched = true;
        }
        if self.same() || fitting.is_empty() {
            return;
        }
        let mut all = true;
        let mut reasons = Vec::new();
        for (place, (a, class)) in environments.iter().zip(&self.classes).enumerate() {
            for (b, other) in environments.iter().zip(&self.classes).skip(place + 1) {
                if class == other {
                    continue;
                }
                let mut covered = false;
                for one in fitting.iter_mut().filter(|one| one.covers(a, b)) {
                    covered = true;
                    one.used = true;
                    let reason = one.reason.clone().unwrap_or_default();
                    if !reasons.contains(&reason) {
                        reasons.push(reason);
                    }
                }
                all &= covered;
            }
        }
        reasons.retain(|reason| !reason.is_empty());
        self.expected = all.then(|| reasons.join("; "));
    }
}

impl Expected {
    fn covers(&self, a: &EnvironmentName, b: &EnvironmentName) -> bool {
        self.between.is_empty() || (self.between.contains(a) && self.between.contains(b))
    }
}

//! What the ledger lays over the files of a release in one environment.
//!
//! Plain data that the world keeps; laying it over the files is the resolver's work. Nothing here says who may set what.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Inputs, OverlayEntry, SourceSet,
    source::{ENVIRONMENT_FOLDER, environment_stem},
};
use crate::{
    ids::{Digest, EnvironmentName},
    secrets::SecretVersion,
};

mod check;

/// What the ledger lays over the files of a release in one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The values set through the API, in the order they were set; each key once.
    #[serde(default)]
    pub overlay: Vec<OverlayEntry>,
    /// The environment's file, where it is in the ledger only.
    #[serde(default)]
    pub file: Option<String>,
    /// The versions of the secrets in the server's own store that are in force.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretVersion>,
}

impl Live {
    /// Nothing.
    pub const NONE: Self = Self { overlay: Vec::new(), file: None, secrets: BTreeMap::new() };

    /// Says whether the files alone decide.
    pub fn is_empty(&self) -> bool {
        self.overlay.is_empty() && self.file.is_none() && self.secrets.is_empty()
    }

    /// Returns what the overlay says of a key.
    pub fn get(&self, key: &str) -> Option<&OverlayEntry> {
        self.overlay.iter().find(|entry| entry.key == key)
    }

    /// Sets a key; one that was set before counts as set last.
    pub fn set(&mut self, entry: OverlayEntry) {
        self.unset(&entry.key);
        self.overlay.push(entry);
    }

    /// Says nothing of a key any more.
    pub fn unset(&mut self, key: &str) {
        self.overlay.retain(|entry| entry.key != key);
    }

    /// Returns a name of everything that decides values: two that have the same resolve to the same. Who set what, when and
    /// why is not part of it.
    pub fn digest(&self) -> Digest {
        let overlay: Vec<(&str, Option<&str>)> =
            self.overlay.iter().map(|entry| (entry.key.as_str(), entry.value.as_deref())).collect();
        // Without secrets as it always was: promotions that wait were asked for with it.
        let bytes = if self.secrets.is_empty() {
            serde_json::to_vec(&(overlay, &self.file))
        } else {
            serde_json::to_vec(&(overlay, &self.file, &self.secrets))
        };
        Digest::of(&bytes.unwrap_or_default())
    }

    /// Returns the keys of which this and another say different things, sorted.
    pub fn changed(&self, other: &Self) -> Vec<String> {
        let value = |live: &Self, key: &str| live.get(key).map(|entry| entry.value.clone());
        let mut keys: Vec<String> = self.overlay.iter().chain(&other.overlay).map(|entry| entry.key.clone()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.retain(|key| value(self, key) != value(other, key));
        keys
    }

    /// Returns the sources of a release as they hold in an environment: with its file from the ledger, if it has one.
    #[must_use]
    pub fn sources(&self, files: &SourceSet, environment: &EnvironmentName) -> SourceSet {
        let Some(text) = &self.file else { return files.clone() };
        let others = files.files().filter(|(path, _)| environment_stem(path) != Some(environment.as_str()));
        let mut sources: SourceSet = others.collect();
        sources.insert(format!("{ENVIRONMENT_FOLDER}/{environment}.yaml"), text.clone());
        sources
    }

    /// Returns what is laid over the files.
    pub fn inputs(&self) -> Inputs {
        Inputs { overlay: self.overlay.clone(), ..Inputs::default() }
    }
}

/// Says whether it need not be written down.
pub(crate) fn is_nothing(live: &std::sync::Arc<Live>) -> bool {
    live.is_empty()
}

#[cfg(test)]
mod tests;

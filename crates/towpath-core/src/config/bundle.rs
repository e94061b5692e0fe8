//! All sources of a project as one blob, named by its digest: what a release pins.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    plain_secrets::{self, SecretPlace},
    source::{BASE, SourceKind, SourceSet, environment_stem, is_source, secret_stem},
};
use crate::ids::Digest;

const FORMAT: &str = "towpath-bundle/1";

/// The sources of a project, sorted by path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    files: BTreeMap<String, String>,
    format: String,
}

/// Why bytes are no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// They are not JSON of the right shape.
    #[error("the bundle cannot be read")]
    Json(#[from] serde_json::Error),
    /// Another version wrote them.
    #[error("the bundle has the format `{0}`, which this version does not know")]
    Format(String),
    /// They say the same as a bundle but are not its bytes, so the digest means nothing.
    #[error("the bundle is not in canonical form")]
    NotCanonical,
}

impl Bundle {
    /// Takes every file of the configuration; what the configuration is not read from is left out, and so are
    /// values of secrets if the sources were loaded.
    pub fn of(sources: &SourceSet) -> Self {
        // Secrets of what is no environment are none of ours.
        let ours = |path: &str| secret_stem(path).is_none_or(|stem| stem == BASE || has_environment(sources, stem));
        let files = sources.iter().filter(|(_, source)| *source.kind() == SourceKind::File);
        let files = files.filter(|(_, source)| is_source(source.name()) && ours(source.name()));
        let text = |id, text: &str| {
            let secrets = sources.secrets().iter().filter(|place| place.label.source == id && !place.derived);
            let span = |place: &SecretPlace| place.label.span.start as usize..place.label.span.end as usize;
            plain_secrets::without(text, secrets.map(span).collect())
        };
        let files = files.map(|(id, source)| (source.name().to_owned(), text(id, source.text()))).collect();
        Self { files, format: FORMAT.to_owned() }
    }

    /// Returns the canonical bytes: the same files always give the same.
    pub fn to_bytes(&self) -> Vec<u8> {
        let files: serde_json::Map<_, _> =
            self.files.iter().map(|(path, text)| (path.clone(), text.clone().into())).collect();
        serde_json::json!({ "files": files, "format": self.format }).to_string().into_bytes()
    }

    /// Reads what [`Bundle::to_bytes`] wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        let bundle: Self = serde_json::from_slice(bytes)?;
        if bundle.format != FORMAT {
            return Err(BundleError::Format(bundle.format));
        }
        if bundle.to_bytes() != bytes {
            return Err(BundleError::NotCanonical);
        }
        Ok(bundle)
    }

    /// Returns the name of the bundle.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// Returns path and text of each file.
    pub fn files(&self) -> &BTreeMap<String, String> {
        &self.files
    }

    /// Returns the sources to load.
    pub fn to_sources(&self) -> SourceSet {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect()
    }
}

fn has_environment(sources: &SourceSet, name: &str) -> bool {
    sources.files().any(|(path, _)| environment_stem(path) == Some(name))
}

#[cfg(test)]
mod tests;

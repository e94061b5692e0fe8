//! An encrypted file of a project as a source of secrets: read with whatever keys are at hand, never written.
//!
//! Which version a value has is told by its ciphertext, without any key. Writing such files is for people and their git, not for
//! what runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    sync::Arc,
};

use async_trait::async_trait;
use towpath_core::{
    config::{secret_file_id, secret_versions},
    secrets::{SecretText, SecretVersion, SourceId},
};
use towpath_engine::ports::{PastVersion, SecretSource, SourceError};
use towpath_secrets::sops::{File, Format, MasterKeys, Path, UnwrapError};

/// The keys that may open files.
pub type FileKeys = Arc<dyn MasterKeys + Send + Sync>;

/// One encrypted file.
pub struct SecretFile {
    path: String,
    text: Arc<str>,
    keys: FileKeys,
    /// What to do when none of the keys opens it.
    hint: String,
}

impl SecretFile {
    /// Takes a file by its path in the project, what stands in it, the keys, and what to do when none of them fits.
    pub fn new(path: &str, text: &str, keys: FileKeys, hint: impl Into<String>) -> Self {
        Self { path: path.to_owned(), text: text.into(), keys, hint: hint.into() }
    }

    /// Returns the values of these versions.
    pub fn values(
        &self,
        wanted: &BTreeMap<String, SecretVersion>,
    ) -> Result<BTreeMap<String, SecretText>, SourceError> {
        let there = secret_versions(&self.path, &self.text);
        for (name, version) in wanted {
            if there.get(name) != Some(version) {
                return Err(SourceError::Missing {
                    source_id: self.id(),
                    name: name.clone(),
                    version: version.clone(),
                });
            }
        }
        let Some(first) = wanted.keys().next() else { return Ok(BTreeMap::new()) };
        let damaged =
            |name: &str, reason: String| SourceError::Damaged { source_id: self.id(), name: name.to_owned(), reason };
        let file = File::parse(self.text.as_bytes(), Format::of_path(&self.path));
        let file = file.map_err(|error| damaged(first, chain(&error)))?;
        let key = file.unwrap_key(&*self.keys).map_err(|error| self.locked(&error))?;
        let plain = file.decrypt(&key).map_err(|error| damaged(first, chain(&error)))?;
        let mut values = BTreeMap::new();
        for name in wanted.keys() {
            let value = plain.get(&Path::of_key(name.as_str())).and_then(towpath_secrets::sops::Value::as_text);
            let value = value.ok_or_else(|| damaged(name, "it is no text".to_owned()))?;
            values.insert(name.clone(), SecretText::new(value.as_str()));
        }
        Ok(values)
    }

    fn locked(&self, error: &UnwrapError) -> SourceError {
        let hint = if self.hint.is_empty() { String::new() } else { format!("; {}", self.hint) };
        SourceError::Refused { source_id: self.id(), reason: format!("{}{hint}", chain(error)) }
    }
}

#[async_trait]
impl SecretSource for SecretFile {
    fn id(&self) -> SourceId {
        secret_file_id(&self.path)
    }

    async fn current(&self, names: Option<&BTreeSet<String>>) -> Result<BTreeMap<String, SecretVersion>, SourceError> {
        let mut there = secret_versions(&self.path, &self.text);
        if let Some(names) = names {
            there.retain(|name, _| names.contains(name));
        }
        Ok(there)
    }

    async fn read(
        &self,
        wanted: &BTreeMap<String, SecretVersion>,
    ) -> Result<BTreeMap<String, SecretText>, SourceError> {
        let file = Self {
            path: self.path.clone(),
            text: Arc::clone(&self.text),
            keys: Arc::clone(&self.keys),
            hint: self.hint.clone(),
        };
        let wanted = wanted.clone();
        // A key may be stretched for a second, and one in a service is asked for without waiting in turns.
        let read = tokio::task::spawn_blocking(move || file.values(&wanted)).await;
        read.unwrap_or_else(|_| {
            Err(SourceError::Away { source_id: self.id(), reason: "the server is stopping".to_owned() })
        })
    }

    async fn write(
        &self,
        _name: &str,
        _value: &SecretText,
        _expected: Option<&SecretVersion>,
    ) -> Result<SecretVersion, SourceError> {
        Err(SourceError::Unable { source_id: self.id(), what: "be written by what runs" })
    }

    async fn history(&self, name: &str) -> Result<Vec<PastVersion>, SourceError> {
        let version = secret_versions(&self.path, &self.text).remove(name);
        Ok(version.into_iter().map(|version| PastVersion { version, at: None, destroyed: false }).collect())
    }

    async fn destroy(&self, _name: &str, _versions: &BTreeSet<SecretVersion>) -> Result<(), SourceError> {
        Err(SourceError::Unable { source_id: self.id(), what: "forget values: git keeps them" })
    }
}

/// Returns an error with everything under it, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;

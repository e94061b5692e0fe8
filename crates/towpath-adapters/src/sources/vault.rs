//! Secrets in Vault's key-value engine: one Vault secret for an environment, whose keys are the names of our secrets.
//!
//! A version is the number of the Vault secret's version, which is that of all its keys: writing one makes a new version of
//! the others too, with the values they had.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use towpath_core::secrets::{SecretText, SecretVersion, SourceId};
use towpath_engine::ports::{PastVersion, SecretSource, SourceError};

use crate::vault::{KvData, KvRead, KvValue, KvWritten, VaultClient, VaultError};

/// How often a write that lost against another one is tried again.
const RACES: usize = 20;
/// More versions than this are not looked into one by one.
const MOST_HISTORY: usize = 100;

/// A Vault secret as a source of secrets.
#[derive(Debug)]
pub struct VaultSource {
    client: Arc<VaultClient>,
    mount: String,
    path: String,
}

impl VaultSource {
    /// Takes the Vault secret at a path of a mount. Nothing is asked yet, and it need not be there.
    pub fn new(client: Arc<VaultClient>, mount: &str, path: &str) -> Self {
        Self { client, mount: mount.trim_matches('/').to_owned(), path: path.trim_matches('/').to_owned() }
    }

    fn failed(&self, error: &VaultError) -> SourceError {
        let (source_id, reason) = (self.id(), error.chain());
        if error.is_away() {
            SourceError::Away { source_id, reason }
        } else {
            SourceError::Refused { source_id, reason }
        }
    }

    fn missing(&self, name: &str, version: &SecretVersion) -> SourceError {
        SourceError::Missing { source_id: self.id(), name: name.to_owned(), version: version.clone() }
    }

    /// Returns the names of a version. Without the right to read names alone, the values are read and forgotten.
    async fn names(&self, version: Option<u64>) -> Result<KvRead<Vec<String>>, VaultError> {
        match self.client.kv_names(&self.mount, &self.path, version).await {
            // Servers before 1.10 know no subkeys.
            Err(VaultError::Denied { .. } | VaultError::Rejected { .. }) | Ok(KvRead::Absent) => {}
            other => return other,
        }
        Ok(match self.data(version).await? {
            KvRead::Found(version, data) => KvRead::Found(version, data.into_keys().collect()),
            KvRead::Gone(gone) => KvRead::Gone(gone),
            KvRead::Absent => KvRead::Absent,
        })
    }

    async fn data(&self, version: Option<u64>) -> Result<KvRead<KvData>, VaultError> {
        let read = self.client.kv_read(&self.mount, &self.path, version).await?;
        Ok(match read {
            KvRead::Found(version, mut data) => {
                // What is nothing in Vault is nothing here.
                data.retain(|_, value| !matches!(value, KvValue::Json(json) if json.expose() == "null"));
                KvRead::Found(version, data)
            }
            other @ (KvRead::Gone(_) | KvRead::Absent) => other,
        })
    }

    /// Returns the value of a secret at a version, if it is there.
    async fn value(&self, name: &str, version: u64) -> Result<Option<SecretText>, VaultError> {
        Ok(match self.data(Some(version)).await? {
            KvRead::Found(_, mut data) => data.remove(name).map(|value| value.text().clone()),
            KvRead::Gone(_) | KvRead::Absent => None,
        })
    }

    /// Writes one name if `cas` is still the current version. What stands beside it stays, by `patch` where the token may
    /// do that, else by writing everything anew.
    async fn write_at(&self, name: &str, value: &SecretText, at: &KvRead<KvData>) -> Result<KvWritten, VaultError> {
        let one = KvData::from([(name.to_owned(), KvValue::Text(value.clone()))]);
        let cas = at.version();
        // A Vault secret can have metadata and no version yet: its current version is 0 too.
        let KvRead::Found(_, there) = at else {
            return self.client.kv_write(&self.mount, &self.path, &one, cas).await;
        };
        match self.client.kv_patch(&self.mount, &self.path, &one, cas).await {
            // Without the right to patch, or on a server before 1.9.
            Err(VaultError::Denied { .. } | VaultError::Rejected { status: 405 | 415, .. }) => {
                let mut all = there.clone();
                all.extend(one);
                self.client.kv_write(&self.mount, &self.path, &all, cas).await
            }
            written => written,
        }
    }

    /// Says whether a write that replaces `expected` may go on with what is there.
    async fn admit(
        &self,
        name: &str,
        there: Option<(u64, &SecretText)>,
        expected: Option<&SecretVersion>,
    ) -> Result<(), SourceError> {
        let changed = |found: u64| SourceError::Changed {
            source_id: self.id(),
            name: name.to_owned(),
            found: SecretVersion(found.to_string()),
        };
        match (there, expected) {
            (None, None) => Ok(()),
            (None, Some(expected)) => Err(self.missing(name, expected)),
            (Some((found, _)), None) => Err(changed(found)),
            (Some((found, _)), Some(expected)) if number(expected) == Some(found) => Ok(()),
            (Some((found, value)), Some(expected)) => {
                // Another name may have been written: then this one has still the value that is to be replaced.
                let old = match number(expected) {
                    Some(expected) if expected < found => self.value(name, expected).await,
                    Some(_) | None => Ok(None),
                };
                let same = old.map_err(|error| self.failed(&error))?.is_some_and(|old| old == *value);
                if same { Ok(()) } else { Err(changed(found)) }
            }
        }
    }
}

/// A version of Vault's: a number from 1, written in one way.
fn number(version: &SecretVersion) -> Option<u64> {
    version.0.parse().ok().filter(|number: &u64| *number > 0 && number.to_string() == version.0)
}

#[async_trait]
impl SecretSource for VaultSource {
    fn id(&self) -> SourceId {
        let namespace = self.client.namespace().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        SourceId(format!("vault {namespace}{}/{}", self.mount, self.path))
    }

    async fn current(&self, names: Option<&BTreeSet<String>>) -> Result<BTreeMap<String, SecretVersion>, SourceError> {
        if names.is_some_and(BTreeSet::is_empty) {
            return Ok(BTreeMap::new());
        }
        let found = self.names(None).await.map_err(|error| self.failed(&error))?;
        let KvRead::Found(version, there) = found else { return Ok(BTreeMap::new()) };
        let asked = there.into_iter().filter(|name| names.is_none_or(|names| names.contains(name)));
        Ok(asked.map(|name| (name, SecretVersion(version.to_string()))).collect())
    }

    async fn read(
        &self,
        wanted: &BTreeMap<String, SecretVersion>,
    ) -> Result<BTreeMap<String, SecretText>, SourceError> {
        let mut by_version: BTreeMap<&SecretVersion, Vec<&String>> = BTreeMap::new();
        for (name, version) in wanted {
            by_version.entry(version).or_default().push(name);
        }
        let mut values = BTreeMap::new();
        for (version, names) in by_version {
            let read = match number(version) {
                Some(number) => self.data(Some(number)).await.map_err(|error| self.failed(&error))?,
                None => KvRead::Absent,
            };
            let mut data = match read {
                KvRead::Found(_, data) => data,
                KvRead::Gone(_) | KvRead::Absent => KvData::new(),
            };
            for name in names {
                let value = data.remove(name).ok_or_else(|| self.missing(name, version))?;
                values.insert(name.clone(), value.text().clone());
            }
        }
        Ok(values)
    }

    async fn write(
        &self,
        name: &str,
        value: &SecretText,
        expected: Option<&SecretVersion>,
    ) -> Result<SecretVersion, SourceError> {
        for _ in 0..RACES {
            let at = self.data(None).await.map_err(|error| self.failed(&error))?;
            let there = match &at {
                KvRead::Found(version, data) => data.get(name).map(|value| (*version, value.text())),
                KvRead::Gone(_) | KvRead::Absent => None,
            };
            self.admit(name, there, expected).await?;
            match self.write_at(name, value, &at).await.map_err(|error| self.failed(&error))? {
                KvWritten::Version(version) => return Ok(SecretVersion(version.to_string())),
                KvWritten::Absent => {}
                // It may be our own write whose answer was lost: then the next version has our value.
                KvWritten::Raced => {
                    let next = at.version() + 1;
                    let ours = self.value(name, next).await.map_err(|error| self.failed(&error))?;
                    if ours.is_some_and(|ours| ours == *value) {
                        return Ok(SecretVersion(next.to_string()));
                    }
                }
            }
        }
        let reason = "others write to it without end: try again".to_owned();
        Err(SourceError::Away { source_id: self.id(), reason })
    }

    async fn history(&self, name: &str) -> Result<Vec<PastVersion>, SourceError> {
        let failed = |error: VaultError| self.failed(&error);
        let metadata = self.client.kv_metadata(&self.mount, &self.path).await.map_err(failed)?;
        let mut history = Vec::new();
        let mut known = false;
        for version in metadata.into_iter().flat_map(|it| it.versions.into_iter().rev()).take(MOST_HISTORY) {
            if !version.destroyed && !version.deleted {
                let names = self.names(Some(version.version)).await.map_err(failed)?;
                if !matches!(names, KvRead::Found(_, names) if names.iter().any(|it| it == name)) {
                    continue;
                }
                known = true;
            }
            // Which names stood in what is gone nobody knows any more.
            history.push(PastVersion {
                version: SecretVersion(version.version.to_string()),
                at: version.made,
                destroyed: version.destroyed,
            });
        }
        Ok(if known { history } else { Vec::new() })
    }

    async fn destroy(&self, name: &str, versions: &BTreeSet<SecretVersion>) -> Result<(), SourceError> {
        let failed = |error: VaultError| self.failed(&error);
        let asked: Vec<u64> = versions.iter().filter_map(number).collect();
        let current = self.names(None).await.map_err(failed)?;
        if let KvRead::Found(version, names) = &current
            && asked.contains(version)
            && names.iter().any(|it| it != name)
        {
            let reason = format!(
                "version {version} of the Vault secret is the current one, and destroying it would take {} other secrets with it: write a new value of `{name}` first",
                names.len().saturating_sub(1)
            );
            return Err(SourceError::Refused { source_id: self.id(), reason });
        }
        if asked.is_empty() || matches!(current, KvRead::Absent) {
            return Ok(());
        }
        self.client.kv_destroy(&self.mount, &self.path, &asked).await.map_err(failed)
    }
}

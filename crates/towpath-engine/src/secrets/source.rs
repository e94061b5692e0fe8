//! The store as one of the sources that secrets come from.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use towpath_core::{
    ids::EnvironmentName,
    refusal::RefusalCode,
    secrets::{SecretText, SecretVersion, SourceId, store::SecretOrigin},
};

use super::{Principal, Secrets, SecretsError, Wish, store_of};
use crate::ports::{KeyError, PastVersion, SecretSource, SourceError};

/// The store of one environment as a source. What is written through it is written on behalf of somebody.
pub struct StoreSource {
    secrets: Arc<Secrets>,
    environment: EnvironmentName,
    who: Principal,
    reason: Option<String>,
}

impl Secrets {
    /// Returns the store of an environment as a source.
    pub fn source(
        self: &Arc<Self>,
        environment: &EnvironmentName,
        who: Principal,
        reason: Option<String>,
    ) -> StoreSource {
        StoreSource { secrets: Arc::clone(self), environment: environment.clone(), who, reason }
    }
}

impl StoreSource {
    fn error(&self, name: &str, version: Option<&SecretVersion>, error: SecretsError) -> SourceError {
        let source_id = self.id();
        let reason = chain(&error);
        let missing = version.cloned().unwrap_or_else(|| SecretVersion("1".to_owned()));
        match error {
            SecretsError::Changed { name, found: Some(found) } => SourceError::Changed { source_id, name, found },
            SecretsError::Changed { name, found: None } => SourceError::Missing { source_id, name, version: missing },
            SecretsError::Tampered { .. }
            | SecretsError::Damaged { .. }
            | SecretsError::NotThisKey { .. }
            | SecretsError::Key(KeyError::Damaged { .. }) => {
                SourceError::Damaged { source_id, name: name.to_owned(), reason }
            }
            SecretsError::Key(KeyError::Away { .. })
            | SecretsError::Blob(_)
            | SecretsError::Resolve(_)
            | SecretsError::NoEntropy(_)
            | SecretsError::Stopping => SourceError::Away { source_id, reason },
            SecretsError::Submit(ref submit) => match error.refusal().map(|refusal| refusal.code) {
                Some(RefusalCode::NotFound | RefusalCode::SecretDestroyed) => {
                    SourceError::Missing { source_id, name: name.to_owned(), version: missing }
                }
                Some(_) => SourceError::Refused { source_id, reason: submit.to_string() },
                None => SourceError::Away { source_id, reason },
            },
            SecretsError::Key(KeyError::Refused { .. }) | SecretsError::OtherKey { .. } | SecretsError::Seal(_) => {
                SourceError::Refused { source_id, reason }
            }
        }
    }

    fn number(&self, name: &str, version: &SecretVersion) -> Result<u32, SourceError> {
        // Written in one way only: `01` is no version.
        let number = version.0.parse().ok().filter(|number: &u32| number.to_string() == version.0);
        number.ok_or_else(|| SourceError::Missing {
            source_id: self.id(),
            name: name.to_owned(),
            version: version.clone(),
        })
    }
}

#[async_trait]
impl SecretSource for StoreSource {
    fn id(&self) -> SourceId {
        SourceId("store".to_owned())
    }

    async fn current(&self, names: Option<&BTreeSet<String>>) -> Result<BTreeMap<String, SecretVersion>, SourceError> {
        let engine = self.secrets.engine().map_err(|error| self.error("", None, error))?;
        let mut in_force = store_of(&engine.world(), &self.environment).in_force();
        if let Some(names) = names {
            in_force.retain(|name, _| names.contains(name));
        }
        Ok(in_force)
    }

    async fn read(
        &self,
        wanted: &BTreeMap<String, SecretVersion>,
    ) -> Result<BTreeMap<String, SecretText>, SourceError> {
        let mut values = BTreeMap::new();
        for (name, version) in wanted {
            let one = BTreeMap::from([(name.clone(), self.number(name, version)?)]);
            let revealed = self.secrets.reveal(&self.environment, &one).await;
            values.extend(revealed.map_err(|error| self.error(name, Some(version), error))?);
        }
        Ok(values)
    }

    async fn write(
        &self,
        name: &str,
        value: &SecretText,
        expected: Option<&SecretVersion>,
    ) -> Result<SecretVersion, SourceError> {
        let wish = Wish { reason: self.reason.clone(), expected: Some(expected.cloned()), record_only: false };
        let set = self.secrets.set(&self.who, &self.environment, name, value, SecretOrigin::Given, &wish).await;
        let changed = set.map_err(|error| self.error(name, expected, error))?;
        Ok(changed.version.unwrap_or_else(|| SecretVersion("1".to_owned())))
    }

    async fn history(&self, name: &str) -> Result<Vec<PastVersion>, SourceError> {
        let engine = self.secrets.engine().map_err(|error| self.error(name, None, error))?;
        let store = store_of(&engine.world(), &self.environment);
        let versions = store.secrets.get(name).map(|secret| secret.versions.clone()).unwrap_or_default();
        let past = versions.iter().rev().map(|(version, it)| PastVersion {
            version: SecretVersion(version.to_string()),
            at: Some(it.at),
            destroyed: it.destroyed.is_some(),
        });
        Ok(past.collect())
    }

    async fn destroy(&self, name: &str, versions: &BTreeSet<SecretVersion>) -> Result<(), SourceError> {
        let numbers: Result<BTreeSet<u32>, SourceError> =
            versions.iter().map(|version| self.number(name, version)).collect();
        let mut numbers = numbers?;
        let engine = self.secrets.engine().map_err(|error| self.error(name, None, error))?;
        let store = store_of(&engine.world(), &self.environment);
        // What is gone already stays gone.
        let known = store.secrets.get(name).map(|secret| secret.versions.clone()).unwrap_or_default();
        numbers.retain(|number| known.get(number).is_none_or(|version| version.destroyed.is_none()));
        if numbers.is_empty() {
            return Ok(());
        }
        let wish = Wish { reason: self.reason.clone(), ..Wish::default() };
        let destroyed = self.secrets.destroy(&self.who, &self.environment, name, &numbers, &wish).await;
        destroyed.map(drop).map_err(|error| self.error(name, versions.first(), error))
    }
}

/// Returns an error with everything under it, in one line.
fn chain(error: &SecretsError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

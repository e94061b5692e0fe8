//! A fake of the port to sources of secrets: a map with all versions.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;
use towpath_core::secrets::{SecretText, SecretVersion, SourceId};
use towpath_engine::ports::{PastVersion, SecretSource, SourceError};

/// Secrets in memory.
#[derive(Default)]
pub struct MemorySource {
    secrets: Mutex<BTreeMap<String, Vec<Option<SecretText>>>>,
    away: Mutex<bool>,
}

impl MemorySource {
    /// Writes a value, whatever is there.
    pub fn put(&self, name: &str, value: &str) {
        self.lock().entry(name.to_owned()).or_default().push(Some(SecretText::new(value)));
    }

    /// Forgets a secret with all its versions.
    pub fn remove(&self, name: &str) {
        self.lock().remove(name);
    }

    /// Lets every call fail from here on as if nobody answered, or none any more.
    pub fn set_away(&self, away: bool) {
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = away;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Option<SecretText>>>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self) -> Result<(), SourceError> {
        if *self.away.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(SourceError::Away { source_id: self.id(), reason: "the test says so".to_owned() });
        }
        Ok(())
    }
}

/// The newest version, if its value is there.
fn newest(versions: &[Option<SecretText>]) -> Option<SecretVersion> {
    versions.last()?.as_ref().map(|_| SecretVersion(versions.len().to_string()))
}

#[async_trait]
impl SecretSource for MemorySource {
    fn id(&self) -> SourceId {
        SourceId("memory".to_owned())
    }

    async fn current(&self, names: Option<&BTreeSet<String>>) -> Result<BTreeMap<String, SecretVersion>, SourceError> {
        self.check()?;
        let secrets = self.lock();
        let asked = secrets.iter().filter(|(name, _)| names.is_none_or(|names| names.contains(*name)));
        Ok(asked.filter_map(|(name, versions)| Some((name.clone(), newest(versions)?))).collect())
    }

    async fn read(
        &self,
        wanted: &BTreeMap<String, SecretVersion>,
    ) -> Result<BTreeMap<String, SecretText>, SourceError> {
        self.check()?;
        let secrets = self.lock();
        let mut found = BTreeMap::new();
        for (name, version) in wanted {
            let index = version.0.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let value = index.and_then(|index| secrets.get(name)?.get(index)?.clone());
            let missing =
                || SourceError::Missing { source_id: self.id(), name: name.clone(), version: version.clone() };
            found.insert(name.clone(), value.ok_or_else(missing)?);
        }
        Ok(found)
    }

    async fn write(
        &self,
        name: &str,
        value: &SecretText,
        expected: Option<&SecretVersion>,
    ) -> Result<SecretVersion, SourceError> {
        self.check()?;
        let mut secrets = self.lock();
        let there = secrets.get(name).and_then(|versions| newest(versions));
        match (there, expected) {
            (Some(found), expected) if Some(&found) != expected => {
                return Err(SourceError::Changed { source_id: self.id(), name: name.to_owned(), found });
            }
            (None, Some(expected)) => {
                let (name, version) = (name.to_owned(), expected.clone());
                return Err(SourceError::Missing { source_id: self.id(), name, version });
            }
            (Some(_) | None, _) => {}
        }
        let versions = secrets.entry(name.to_owned()).or_default();
        versions.push(Some(value.clone()));
        Ok(SecretVersion(versions.len().to_string()))
    }

    async fn history(&self, name: &str) -> Result<Vec<PastVersion>, SourceError> {
        self.check()?;
        let past = |(index, value): (usize, &Option<SecretText>)| PastVersion {
            version: SecretVersion((index + 1).to_string()),
            at: i64::try_from(index).ok().and_then(|second| Timestamp::from_second(second).ok()),
            destroyed: value.is_none(),
        };
        Ok(self.lock().get(name).into_iter().flat_map(|versions| versions.iter().enumerate().map(past).rev()).collect())
    }

    async fn destroy(&self, name: &str, versions: &BTreeSet<SecretVersion>) -> Result<(), SourceError> {
        self.check()?;
        let mut secrets = self.lock();
        let Some(kept) = secrets.get_mut(name) else { return Ok(()) };
        for (index, value) in kept.iter_mut().enumerate() {
            if versions.contains(&SecretVersion((index + 1).to_string())) {
                *value = None;
            }
        }
        Ok(())
    }
}

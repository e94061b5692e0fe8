//! Secrets from the variables of a process: of the server for deployments, of the command line for `towpath run`.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    sync::Arc,
};

use async_trait::async_trait;
use towpath_core::{
    ids::EnvironmentName,
    secrets::{SecretText, SecretVersion, SourceId},
};
use towpath_engine::ports::{PastVersion, SecretSource, SourceError};

use super::VersionKey;

/// Finds a variable.
type Find = dyn Fn(&str) -> Option<OsString> + Send + Sync;

/// The variables of a process as a source of secrets. They are looked up anew at each call.
pub struct EnvironmentSource {
    environment: EnvironmentName,
    prefix: String,
    key: VersionKey,
    find: Arc<Find>,
}

impl EnvironmentSource {
    /// Takes the variables of this process; `prefix` stands before the names of secrets there.
    pub fn of_process(environment: EnvironmentName, prefix: &str, key: VersionKey) -> Self {
        Self::new(environment, prefix, key, Arc::new(|name| std::env::var_os(name)))
    }

    /// Takes variables from wherever they are found.
    pub fn new(environment: EnvironmentName, prefix: &str, key: VersionKey, find: Arc<Find>) -> Self {
        Self { environment, prefix: prefix.to_owned(), key, find }
    }

    fn look_up(&self, name: &str) -> Result<Option<(SecretText, SecretVersion)>, SourceError> {
        let variable = format!("{}{name}", self.prefix);
        // What can be no name of a variable would end the process that asks for it.
        if variable.is_empty() || variable.contains(['=', '\0']) {
            return Ok(None);
        }
        let Some(value) = (self.find)(&variable) else { return Ok(None) };
        let value = value.into_string().map_err(|_| SourceError::Damaged {
            source_id: self.id(),
            name: name.to_owned(),
            reason: format!("the variable `{variable}` holds no UTF-8"),
        })?;
        let value = SecretText::new(value);
        let version = self.key.version(&self.id(), self.environment.as_str(), name, &value);
        Ok(Some((value, version)))
    }

    fn unable(&self, what: &'static str) -> SourceError {
        SourceError::Unable { source_id: self.id(), what }
    }
}

#[async_trait]
impl SecretSource for EnvironmentSource {
    fn id(&self) -> SourceId {
        SourceId("environment".to_owned())
    }

    async fn current(&self, names: Option<&BTreeSet<String>>) -> Result<BTreeMap<String, SecretVersion>, SourceError> {
        let names = names.ok_or_else(|| self.unable("list secrets: it is asked for each by its name"))?;
        let mut found = BTreeMap::new();
        for name in names {
            if let Some((_, version)) = self.look_up(name)? {
                found.insert(name.clone(), version);
            }
        }
        Ok(found)
    }

    async fn read(
        &self,
        wanted: &BTreeMap<String, SecretVersion>,
    ) -> Result<BTreeMap<String, SecretText>, SourceError> {
        let mut values = BTreeMap::new();
        for (name, version) in wanted {
            let found = self.look_up(name)?.filter(|(_, found)| found == version);
            let missing =
                || SourceError::Missing { source_id: self.id(), name: name.clone(), version: version.clone() };
            values.insert(name.clone(), found.ok_or_else(missing)?.0);
        }
        Ok(values)
    }

    async fn write(&self, _: &str, _: &SecretText, _: Option<&SecretVersion>) -> Result<SecretVersion, SourceError> {
        Err(self.unable("be written to: set the variable where the process is started"))
    }

    async fn history(&self, name: &str) -> Result<Vec<PastVersion>, SourceError> {
        let found = self.look_up(name)?;
        Ok(found.into_iter().map(|(_, version)| PastVersion { version, at: None, destroyed: false }).collect())
    }

    async fn destroy(&self, _: &str, _: &BTreeSet<SecretVersion>) -> Result<(), SourceError> {
        Err(self.unable("erase anything: take the variable away where the process is started"))
    }
}

impl std::fmt::Debug for EnvironmentSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnvironmentSource").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

//! The server's store of secrets: what its data keys are encrypted by, and the store as a source for what runs.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use towpath_adapters::keys::{AgeKeyFile, Cost, PassphraseKey};
use towpath_core::{
    config::{Bundle, Inputs, load},
    ids::{EnvironmentName, PrincipalName},
    secrets::{KeySpec, SecretText, SecretsSpec, SourceSpec},
};
use towpath_engine::{
    ports::{KeyError, KeyProvider, KeyProviders, Opening, SecretSource, SecretSources, SourceError},
    secrets::{Principal, Secrets},
};
use towpath_secrets::entropy::SystemEntropy;

use crate::sources::{self, Opener};

/// Finds what encrypts the data keys of an environment: what its files say, else an age identity of the environment's own in
/// the server's data folder.
pub(super) struct ServerKeys {
    /// The server's data folder.
    pub(super) data: PathBuf,
    /// The project's folder.
    pub(super) root: PathBuf,
    /// The files of the project as the server was started with them.
    pub(super) bundle: Bundle,
}

#[async_trait]
impl KeyProviders for ServerKeys {
    async fn of(&self, environment: &EnvironmentName) -> Result<Arc<dyn KeyProvider>, KeyError> {
        match self.spec(environment) {
            KeySpec::Age { identity: None } => {
                let file = self.data.join("keys").join(format!("{environment}.agekey"));
                Ok(Arc::new(AgeKeyFile::open_or_make(&file)?))
            }
            KeySpec::Age { identity: Some(file) } => Ok(Arc::new(AgeKeyFile::open(&self.root.join(file))?)),
            KeySpec::Passphrase { variable } => {
                let passphrase = std::env::var(&variable).map_err(|_| KeyError::Refused {
                    provider: "passphrase".to_owned(),
                    reason: format!("the variable `{variable}` of the server's process is not set: start it with that"),
                })?;
                Ok(Arc::new(PassphraseKey::new(&variable, SecretText::new(passphrase), Cost::RECOMMENDED)?))
            }
            KeySpec::VaultTransit { key, .. } => Err(KeyError::Refused {
                provider: format!("vault-transit {key}"),
                reason: "this server has no client of Vault".to_owned(),
            }),
        }
    }
}

impl ServerKeys {
    fn spec(&self, environment: &EnvironmentName) -> KeySpec {
        let loaded = load(&self.bundle.to_sources());
        let resolved = loaded.resolve(environment.as_str(), &Inputs::default()).environment;
        // What is in no file is a preview, which says nothing of keys.
        resolved.map_or(KeySpec::Age { identity: None }, |resolved| resolved.secret_spec.key)
    }
}

/// Opens the sources of secrets that this server has.
pub(super) struct ServerSources {
    /// The store.
    pub(super) secrets: Arc<Secrets>,
    /// The server's data folder.
    pub(super) data: PathBuf,
    /// The project's folder.
    pub(super) root: PathBuf,
    /// What opens those that are neither.
    pub(super) opener: Arc<Opener>,
}

#[async_trait]
impl SecretSources for ServerSources {
    async fn open(
        &self,
        environment: &EnvironmentName,
        spec: &SecretsSpec,
        what: Opening<'_>,
    ) -> Result<Arc<dyn SecretSource>, SourceError> {
        match what {
            Opening::Named(SourceSpec::Store) => {
                let who = Principal { name: PrincipalName::control_plane(), cause: "control loop".to_owned() };
                Ok(Arc::new(self.secrets.source(environment, who, None)))
            }
            Opening::File { path, text } => {
                let folders = (self.data.as_path(), self.root.as_path());
                Ok(Arc::new(sources::file_for(environment, spec, folders, (path, text))))
            }
            Opening::Named(other) => self.opener.named(environment, other),
        }
    }
}

/// Returns the store, not yet attached to a control plane.
pub(super) fn store(keys: ServerKeys) -> Arc<Secrets> {
    Secrets::new(Arc::new(keys), Arc::new(SystemEntropy))
}

//! The resolver port: from a release's bundle to what would run in an environment.

use std::collections::BTreeMap;

use async_trait::async_trait;
use towpath_core::{
    config::Live,
    deployment::DeploymentSpec,
    ids::EnvironmentName,
    release::Release,
    secrets::{SecretPin, SecretText},
};

use super::SourceError;

/// Why a release cannot be resolved for an environment.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// Its configuration has mistakes, each a line for people.
    #[error("the configuration of {environment} has {} mistakes", mistakes.len())]
    Invalid {
        /// Where.
        environment: EnvironmentName,
        /// What is wrong.
        mistakes: Vec<String>,
    },
    /// A blob it needs cannot be read.
    #[error("the bundle cannot be read")]
    Blob(#[from] super::BlobError),
    /// A source of secrets does not give what is asked for.
    #[error("its secrets cannot be had")]
    Secrets(#[source] SourceError),
}

impl ResolveError {
    /// Says whether the same question may have another answer later although nobody mends anything of the release.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Invalid { .. } => false,
            Self::Blob(_) => true,
            Self::Secrets(error) => matches!(error, SourceError::Away { .. }),
        }
    }
}

/// Resolves releases. The same release, environment and live state give the same specification.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// Returns what would run, with what the ledger lays over the release's files. The environments of its services are in
    /// the blob storage when it returns.
    async fn resolve(
        &self,
        release: &Release,
        environment: &EnvironmentName,
        live: &Live,
    ) -> Result<DeploymentSpec, ResolveError>;

    /// Says whether the values of the secrets that a specification names can be had and are what they were declared to be.
    async fn check_secrets(
        &self,
        release: &Release,
        environment: &EnvironmentName,
        live: &Live,
        spec: &DeploymentSpec,
    ) -> Result<(), ResolveError> {
        self.reveal(release, environment, live, &spec.secrets).await.map(|_| ())
    }

    /// Returns the values of these versions of secrets, to start an instance of a release with.
    async fn reveal(
        &self,
        _release: &Release,
        _environment: &EnvironmentName,
        _live: &Live,
        pins: &BTreeMap<String, SecretPin>,
    ) -> Result<BTreeMap<String, SecretText>, ResolveError> {
        match pins.values().next() {
            None => Ok(BTreeMap::new()),
            Some(pin) => {
                let source_id = pin.from.clone();
                Err(ResolveError::Secrets(SourceError::Unable { source_id, what: "be opened by this server" }))
            }
        }
    }
}

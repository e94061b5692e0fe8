//! The resolver port: from a release's bundle to what would run in an environment.

use async_trait::async_trait;
use towpath_core::{config::Live, deployment::DeploymentSpec, ids::EnvironmentName, release::Release};

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
}

//! The port that opens the sources of secrets that an environment names.

use std::sync::Arc;

use async_trait::async_trait;
use towpath_core::{
    ids::EnvironmentName,
    secrets::{SecretsSpec, SourceSpec},
};

use super::{SecretSource, SourceError};

/// A source to open.
#[derive(Debug, Clone, Copy)]
pub enum Opening<'a> {
    /// A file of secrets of a release, by its path in the project.
    File {
        /// The path.
        path: &'a str,
        /// What stands in it: ciphertexts.
        text: &'a str,
    },
    /// What an environment names beside its files.
    Named(&'a SourceSpec),
}

/// Opens sources of secrets.
#[async_trait]
pub trait SecretSources: Send + Sync {
    /// Opens a source as an environment's `secrets` section says. Keys and credentials are found by whoever opens it.
    async fn open(
        &self,
        environment: &EnvironmentName,
        spec: &SecretsSpec,
        what: Opening<'_>,
    ) -> Result<Arc<dyn SecretSource>, SourceError>;
}

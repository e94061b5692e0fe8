//! The port to whatever makes a value valid and invalid: a database's roles, a program, or nothing.

use async_trait::async_trait;
use towpath_core::{
    ids::EnvironmentName,
    secrets::{SecretText, rotation::Credential},
};

/// Which secret is being rotated, and what makes its values valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialJob {
    /// Where.
    pub environment: EnvironmentName,
    /// Which secret.
    pub name: String,
    /// What makes its values valid.
    pub credential: Credential,
}

/// Why a backend does not do what it is asked. Never has a value in it.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// It cannot be reached, or is busy: worth another try.
    #[error("{backend} cannot be reached: {reason}")]
    Away {
        /// Which, as people know it.
        backend: String,
        /// Why.
        reason: String,
    },
    /// It answered no, or is asked for what cannot be.
    #[error("{backend} refuses: {reason}")]
    Refused {
        /// Which, as people know it.
        backend: String,
        /// Why, and what to do.
        reason: String,
    },
}

/// Makes values valid and invalid. Everything may be asked twice, also by a process that takes over from one that is gone.
#[async_trait]
pub trait CredentialBackend: Send + Sync {
    /// Returns the value to be stored for what a generator made, given the value in force: a URL with another role and password,
    /// for example. Nothing is changed.
    fn compose(
        &self,
        job: &CredentialJob,
        generated: SecretText,
        current: Option<&SecretText>,
    ) -> Result<SecretText, CredentialError>;

    /// Makes a value valid while `keep` stays valid, and sees that it is.
    async fn create(
        &self,
        job: &CredentialJob,
        new: &SecretText,
        keep: Option<&SecretText>,
    ) -> Result<(), CredentialError>;

    /// Sees that a value is valid, by using it.
    async fn verify(&self, job: &CredentialJob, value: &SecretText) -> Result<(), CredentialError>;

    /// Makes a value invalid while `keep` stays valid.
    async fn revoke(
        &self,
        job: &CredentialJob,
        old: &SecretText,
        keep: Option<&SecretText>,
    ) -> Result<(), CredentialError>;
}

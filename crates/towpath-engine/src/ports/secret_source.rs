//! The port to wherever values of secrets come from: the own store, files, Vault, the process environment, a command.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use towpath_core::secrets::{SecretText, SecretVersion, SourceId};

/// Why a source does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be reached, or is sealed, or says to come later: worth another try.
    #[error("{source_id} cannot be reached: {reason}")]
    Away {
        /// Which.
        source_id: SourceId,
        /// Why.
        reason: String,
    },
    /// It answered no.
    #[error("{source_id} refuses: {reason}")]
    Refused {
        /// Which.
        source_id: SourceId,
        /// Why, and what to do.
        reason: String,
    },
    /// It cannot do that at all: nobody writes into a process environment.
    #[error("{source_id} cannot {what}")]
    Unable {
        /// Which.
        source_id: SourceId,
        /// What it was asked.
        what: &'static str,
    },
    /// Somebody else wrote in between.
    #[error("`{name}` in {source_id} has changed meanwhile: it is at version {found} now")]
    Changed {
        /// Which.
        source_id: SourceId,
        /// Which secret.
        name: String,
        /// The version that is there.
        found: SecretVersion,
    },
    /// There is no such version, or it was destroyed.
    #[error("{source_id} has no version {version} of `{name}`")]
    Missing {
        /// Which.
        source_id: SourceId,
        /// Which secret.
        name: String,
        /// Which version.
        version: SecretVersion,
    },
    /// What it holds is damaged or does not belong where it stands.
    #[error("`{name}` in {source_id} cannot be read: {reason}")]
    Damaged {
        /// Which.
        source_id: SourceId,
        /// Which secret.
        name: String,
        /// Why.
        reason: String,
    },
}

/// One version in the history of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastVersion {
    /// Which.
    pub version: SecretVersion,
    /// Since when, if the source knows.
    pub at: Option<Timestamp>,
    /// Whether its value is gone for good.
    pub destroyed: bool,
}

/// Where values of one environment come from.
#[async_trait]
pub trait SecretSource: Send + Sync {
    /// Which it is.
    fn id(&self) -> SourceId;

    /// Returns the current version of each of these secrets that it has; of all it has without names.
    ///
    /// A source that cannot list (a process environment, a command) is asked with names only.
    async fn current(&self, names: Option<&BTreeSet<String>>) -> Result<BTreeMap<String, SecretVersion>, SourceError>;

    /// Returns the values of exactly these versions.
    async fn read(&self, wanted: &BTreeMap<String, SecretVersion>)
    -> Result<BTreeMap<String, SecretText>, SourceError>;

    /// Writes a value; `expected` is the version it replaces (`None`: it is not there yet), another one is
    /// [`SourceError::Changed`].
    async fn write(
        &self,
        name: &str,
        value: &SecretText,
        expected: Option<&SecretVersion>,
    ) -> Result<SecretVersion, SourceError>;

    /// Returns the versions of a secret, newest first.
    async fn history(&self, name: &str) -> Result<Vec<PastVersion>, SourceError>;

    /// Erases values for good.
    async fn destroy(&self, name: &str, versions: &BTreeSet<SecretVersion>) -> Result<(), SourceError>;
}

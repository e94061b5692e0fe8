//! The server's own store of secrets as the ledger tells it: names, versions, which blob holds which ciphertext, which data
//! key it was encrypted by.
//!
//! Neither values nor keys are here, encrypted or not: ciphertexts and wrapped keys are blobs, named by digest, so that they can
//! be erased while the ledger keeps the fact. Commands are decided in `decide::secrets`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use imbl::OrdMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::SecretVersion;
use crate::ids::{Digest, PrincipalName};

mod command;
mod fact;
mod fold;

pub use command::{NewDataKey, Restoration, StoreChange, StoreCommand};
pub use fact::{
    DataKeyMade, DataKeyRetired, DataKeyRewrapped, Mark, Reading, Resealed, SecretDestroyed, SecretOrigin,
    SecretRestored, SecretUnset, SecretWritten, SecretsRead, SecretsResealed,
};

/// Most secrets of one environment.
pub const MAX_SECRETS: usize = 2_000;
/// Most versions of one secret that are kept; older ones have to be destroyed first.
pub const MAX_VERSIONS: usize = 1_000;
/// The longest name in bytes.
pub const MAX_SECRET_NAME: usize = 256;
/// Most secrets read, and re-encrypted, by one command.
pub const MAX_AT_ONCE: usize = 500;

/// The store of one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretStore {
    /// What the project was called when the first data key was made: everything is bound to that name.
    pub project: Option<String>,
    /// The keyed checksum over everything that the store holds, with its revision; `None` while it was never used.
    pub mark: Option<Mark>,
    /// The data keys by version. New values are encrypted by the newest.
    pub data_keys: OrdMap<u32, DataKey>,
    /// The secrets by name, with those that have no value any more.
    pub secrets: OrdMap<String, Arc<StoredSecret>>,
}

/// A data key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataKey {
    /// The blob with the key, encrypted by the provider's.
    pub wrapped: Digest,
    /// What it was encrypted by, as the provider calls itself.
    pub provider: String,
    /// What the key must give when it is decrypted: a keyed hash of a constant.
    pub commitment: Digest,
    /// When it was made.
    pub at: Timestamp,
    /// Who by.
    pub by: PrincipalName,
    /// When it was last encrypted anew by its provider.
    #[serde(default)]
    pub rewrapped_at: Option<Timestamp>,
    /// How many values were ever encrypted by it.
    #[serde(default)]
    pub seals: u64,
    /// Since when nothing is encrypted by it and its blob is erased.
    #[serde(default)]
    pub retired_at: Option<Timestamp>,
}

/// A secret and its versions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSecret {
    /// Every version ever written, from 1.
    pub versions: OrdMap<u32, StoredVersion>,
    /// The version in force; `None` if the store gives no value.
    pub current: Option<u32>,
    /// When that last changed.
    pub changed_at: Timestamp,
    /// When its value was taken away, each time.
    #[serde(default)]
    pub unsets: Vec<Unset>,
}

/// A time from which the store gave no value for a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unset {
    /// Since when.
    pub at: Timestamp,
    /// Who asked.
    pub by: PrincipalName,
    /// The version that was in force before.
    pub was: Option<u32>,
    /// Why, in the words of who asked.
    pub reason: Option<String>,
}

/// One version of a secret. The same version always means the same value, whatever key it is encrypted by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredVersion {
    /// The blob with the ciphertext.
    pub ciphertext: Digest,
    /// The version of the data key that it is encrypted by.
    pub data_key: u32,
    /// When it was written.
    pub at: Timestamp,
    /// Who wrote it.
    pub by: PrincipalName,
    /// How it came about.
    pub origin: SecretOrigin,
    /// Why, in the words of who wrote it.
    #[serde(default)]
    pub reason: Option<String>,
    /// Since when its value is gone for good.
    #[serde(default)]
    pub destroyed: Option<Destroyed>,
}

/// The end of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destroyed {
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub by: PrincipalName,
    /// Why, in the words of who asked.
    #[serde(default)]
    pub reason: Option<String>,
}

impl StoredSecret {
    /// Returns the number that the next version gets. Numbers are never used again.
    pub fn next_version(&self) -> u32 {
        self.versions.get_max().map_or(1, |(version, _)| version.saturating_add(1))
    }

    /// Returns the version in force.
    pub fn current(&self) -> Option<(u32, &StoredVersion)> {
        let version = self.current?;
        Some((version, self.versions.get(&version)?))
    }

    /// Returns the version that was in force at a moment, if there was one; its value may be gone since.
    pub fn at(&self, moment: Timestamp) -> Option<u32> {
        let written =
            self.versions.iter().filter(|(_, version)| version.at <= moment).map(|(number, _)| *number).max()?;
        let unset = self.unsets.iter().any(|unset| unset.was == Some(written) && unset.at <= moment);
        (!unset).then_some(written)
    }

    /// Returns a version that has a value.
    pub fn living(&self, version: u32) -> Option<&StoredVersion> {
        self.versions.get(&version).filter(|version| version.destroyed.is_none())
    }
}

impl SecretStore {
    /// Says whether it was never used.
    pub fn is_empty(&self) -> bool {
        self.mark.is_none() && self.data_keys.is_empty() && self.secrets.is_empty()
    }

    /// Returns how often it has changed.
    pub fn revision(&self) -> u64 {
        self.mark.map_or(0, |mark| mark.revision)
    }

    /// Returns the data key that new values are encrypted by.
    pub fn newest_key(&self) -> Option<(u32, &DataKey)> {
        self.data_keys.get_max().map(|(version, key)| (*version, key)).filter(|(_, key)| key.retired_at.is_none())
    }

    /// Returns the version of a secret in force, as pins name it.
    pub fn current(&self, name: &str) -> Option<SecretVersion> {
        self.secrets.get(name)?.current.map(|version| SecretVersion(version.to_string()))
    }

    /// Returns the version in force of every secret that has one.
    pub fn in_force(&self) -> BTreeMap<String, SecretVersion> {
        let in_force = self.secrets.iter().filter_map(|(name, secret)| Some((name.clone(), secret.current?)));
        in_force.map(|(name, version)| (name, SecretVersion(version.to_string()))).collect()
    }

    /// Returns every version that has a value: name, version, what is known of it.
    pub fn living(&self) -> impl Iterator<Item = (&str, u32, &StoredVersion)> {
        self.secrets.iter().flat_map(|(name, secret)| {
            let living = secret.versions.iter().filter(|(_, version)| version.destroyed.is_none());
            living.map(move |(number, version)| (name.as_str(), *number, version))
        })
    }

    /// Returns the versions of data keys that a value is still encrypted by.
    pub fn keys_in_use(&self) -> BTreeSet<u32> {
        self.living().map(|(_, _, version)| version.data_key).collect()
    }

    /// Returns the blobs that it needs: ciphertexts of versions that have a value, and wrapped keys.
    pub fn blobs(&self) -> impl Iterator<Item = Digest> {
        let keys = self.data_keys.values().filter(|key| key.retired_at.is_none()).map(|key| key.wrapped);
        self.living().map(|(_, _, version)| version.ciphertext).chain(keys)
    }

    /// Returns the blobs that must not be there any more: of versions that were destroyed and keys that were retired.
    pub fn erased(&self) -> impl Iterator<Item = Digest> {
        let versions = self.secrets.values().flat_map(|secret| secret.versions.values());
        let versions = versions.filter(|version| version.destroyed.is_some()).map(|version| version.ciphertext);
        let keys = self.data_keys.values().filter(|key| key.retired_at.is_some()).map(|key| key.wrapped);
        versions.chain(keys)
    }
}

/// Says whether a store need not be written down.
pub(crate) fn is_unused(store: &Arc<SecretStore>) -> bool {
    store.is_empty()
}

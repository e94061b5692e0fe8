//! What happens in the store, as it is written into the ledger: never a value, never a key.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::Digest;

/// A keyed checksum over everything that a store holds: the name, version and ciphertext of every version that has a value,
/// and the revision. Who cannot decrypt a data key cannot make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// How often the store has changed, from 1.
    pub revision: u64,
    /// The version of the data key that it is keyed by.
    pub data_key: u32,
    /// HMAC-SHA-256.
    pub mac: Digest,
}

/// How a version of a secret came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SecretOrigin {
    /// Somebody gave it.
    Given,
    /// It was made by a generator.
    Generated {
        /// Which, as the project's files call it.
        generator: String,
    },
    /// It is an older version again.
    Restored {
        /// Which.
        of: u32,
    },
    /// It was made for a rotation, which says when it is in force.
    Rotated {
        /// The number of the rotation.
        rotation: u32,
        /// The generator, as the project's files call it; `None` if a person brought it.
        generator: Option<String>,
    },
    /// It was taken over from another source or program.
    Imported {
        /// Where from.
        from: String,
    },
}

/// A data key was made; values are encrypted by it from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataKeyMade {
    /// Its version, from 1.
    pub version: u32,
    /// What the project is called: everything that is encrypted is bound to it.
    pub project: String,
    /// The blob with the key, encrypted by the provider's.
    pub wrapped: Digest,
    /// What encrypts it, as the provider calls itself.
    pub provider: String,
    /// The key's commitment: a keyed hash of a constant.
    pub commitment: Digest,
    /// The store after it.
    pub mark: Mark,
}

/// A data key was encrypted anew, by another or a newer key of its provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataKeyRewrapped {
    /// Its version.
    pub version: u32,
    /// The blob that takes the place of the one before.
    pub wrapped: Digest,
    /// What encrypts it now.
    pub provider: String,
    /// The store after it.
    pub mark: Mark,
}

/// Nothing is encrypted by a data key any more, and it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataKeyRetired {
    /// Its version.
    pub version: u32,
    /// The store after it.
    pub mark: Mark,
}

/// A secret got a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretWritten {
    /// Which.
    pub name: String,
    /// The version that is in force from here on.
    pub version: u32,
    /// The blob with the ciphertext.
    pub ciphertext: Digest,
    /// The version of the data key.
    pub data_key: u32,
    /// How it came about.
    pub origin: SecretOrigin,
    /// Why, in the words of who asked.
    pub reason: Option<String>,
    /// The store after it.
    pub mark: Mark,
}

/// A secret has a value again that it had before, as a new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRestored {
    /// Which.
    pub name: String,
    /// The version that is in force from here on.
    pub version: u32,
    /// The version with the same value.
    pub of: u32,
    /// The blob with the ciphertext.
    pub ciphertext: Digest,
    /// The version of the data key.
    pub data_key: u32,
    /// Why, in the words of who asked.
    pub reason: Option<String>,
    /// The store after it.
    pub mark: Mark,
}

/// The store gives no value for a secret any more; its versions can be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretUnset {
    /// Which.
    pub name: String,
    /// Why, in the words of who asked.
    pub reason: Option<String>,
    /// The store after it.
    pub mark: Mark,
}

/// Values are gone for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretDestroyed {
    /// Which.
    pub name: String,
    /// Which versions.
    pub versions: BTreeSet<u32>,
    /// Why, in the words of who asked.
    pub reason: Option<String>,
    /// The store after it.
    pub mark: Mark,
}

/// Values were encrypted anew by another data key; they are the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretsResealed {
    /// The version of the data key that encrypts them now.
    pub data_key: u32,
    /// Which.
    pub secrets: Vec<Resealed>,
    /// The store after it.
    pub mark: Mark,
}

/// A version that was encrypted anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resealed {
    /// Of which secret.
    pub name: String,
    /// Which version.
    pub version: u32,
    /// The blob that takes the place of the one before.
    pub ciphertext: Digest,
}

/// Somebody was shown values in the clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretsRead {
    /// Which.
    pub secrets: Vec<Reading>,
    /// Why, in the words of who asked.
    pub reason: Option<String>,
}

/// A value that was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Of which secret.
    pub name: String,
    /// Where from: `store`, or another source of the environment.
    pub from: String,
    /// Which version.
    pub version: String,
}

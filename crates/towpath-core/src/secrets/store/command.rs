//! What can be asked of the store. Values and keys are encrypted before; here are the blobs that hold them.

use std::collections::BTreeSet;

use super::fact::{Mark, Resealed, SecretOrigin};
use crate::{
    command::Configured,
    ids::{Digest, EnvironmentName},
};

/// A change of one environment's store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreCommand {
    /// Where.
    pub environment: EnvironmentName,
    /// What.
    pub change: StoreChange,
    /// Why.
    pub reason: Option<String>,
    /// The store after each event that this leads to, in order: one, but for restoring several secrets one for each. The first
    /// revision must be the one after the store's, else somebody else was quicker.
    pub marks: Vec<Mark>,
    /// What it was found to lead to, for changes of values in force; without it the change is only recorded.
    pub configured: Option<Configured>,
}

/// What changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreChange {
    /// Makes a data key that values are encrypted by from here on.
    MakeDataKey(NewDataKey),
    /// Replaces a wrapped data key by the same, encrypted anew.
    Rewrap {
        /// Which key.
        version: u32,
        /// The new blob.
        wrapped: Digest,
        /// What encrypts it.
        provider: String,
    },
    /// Gives up a data key that nothing is encrypted by.
    RetireDataKey {
        /// Which key.
        version: u32,
    },
    /// Gives a secret a value.
    Write {
        /// Which.
        name: String,
        /// The version it gets.
        version: u32,
        /// The blob with the ciphertext.
        ciphertext: Digest,
        /// The data key it is encrypted by: the newest.
        data_key: u32,
        /// How it came about.
        origin: SecretOrigin,
    },
    /// Gives secrets values again that they had before.
    Restore {
        /// Which.
        secrets: Vec<Restoration>,
        /// The data key they are encrypted by: the newest.
        data_key: u32,
    },
    /// Gives no value for a secret any more.
    Unset {
        /// Which.
        name: String,
    },
    /// Erases values for good.
    Destroy {
        /// Of which secret.
        name: String,
        /// Which versions.
        versions: BTreeSet<u32>,
    },
    /// Replaces ciphertexts by the same values, encrypted by the newest data key.
    Reseal {
        /// The data key.
        data_key: u32,
        /// Which.
        secrets: Vec<Resealed>,
    },
}

/// A data key to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDataKey {
    /// Its version: the next.
    pub version: u32,
    /// What the project is called in what is encrypted by it.
    pub project: String,
    /// The blob with the key, encrypted by the provider's.
    pub wrapped: Digest,
    /// What encrypts it.
    pub provider: String,
    /// The key's commitment.
    pub commitment: Digest,
}

/// A secret to be given an older value again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restoration {
    /// Which.
    pub name: String,
    /// The version it gets.
    pub version: u32,
    /// The version with the value.
    pub of: u32,
    /// The blob with the ciphertext of the new version.
    pub ciphertext: Digest,
}

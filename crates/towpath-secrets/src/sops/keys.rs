//! Who can open a file: its data key, and the master keys that hold it.
//!
//! Age is done here. What lives in a service (Vault's transit, a KMS, a PGP agent) is asked for through [`MasterKeys`] and
//! [`WrapKeys`], since nothing here does IO.

use zeroize::Zeroizing;

use super::{
    MasterKey, Metadata,
    shamir::{self, CombineError},
};
use crate::entropy::{Entropy, NoEntropy};

mod age;
mod identity;

pub use age::{Identities, PASSPHRASE_RECIPIENT, PassphraseRecipient, wrap_age};
pub use identity::{NewIdentity, new_identity, recipients_of};

/// The key that all values of a file are encrypted with. Erased when it is dropped; has no `Debug`.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// Makes a new one.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        let mut key = Zeroizing::new([0; 32]);
        entropy.fill(&mut *key)?;
        Ok(Self(key))
    }

    /// Takes over 32 bytes; any other number is none.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(…)")
    }
}

/// Opens what master keys hold.
pub trait MasterKeys {
    /// Opens `key.enc`. None where this holds no such key; an error where it should and could not.
    fn open(&self, key: &MasterKey) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError>;
}

/// Encrypts a data key, or a group's part of it, for master keys that are not age's.
pub trait WrapKeys {
    /// Returns what is to stand in `enc`.
    fn wrap(&self, key: &MasterKey, part: &[u8]) -> Result<String, KeyError>;
}

/// Wraps for age recipients and nobody else.
#[derive(Debug, Clone, Copy, Default)]
pub struct AgeOnly;

impl WrapKeys for AgeOnly {
    fn wrap(&self, key: &MasterKey, _: &[u8]) -> Result<String, KeyError> {
        Err(KeyError::Unsupported(key.kind.name()))
    }
}

/// Answers fetched beforehand, by what they are answers to: a service is asked first, then the file is opened.
#[derive(Default)]
pub struct Answers(Vec<(String, Zeroizing<Vec<u8>>)>);

impl Answers {
    /// Adds what a service made of a master key's `enc`.
    pub fn add(&mut self, key: &MasterKey, opened: Zeroizing<Vec<u8>>) {
        self.0.push((key.enc.clone(), opened));
    }
}

impl MasterKeys for Answers {
    fn open(&self, key: &MasterKey) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
        Ok(self.0.iter().find(|(enc, _)| *enc == key.enc).map(|(_, opened)| opened.clone()))
    }
}

/// Why a master key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A recipient that is none.
    #[error(
        "`{0}` is no age recipient: those begin with `age1` or are a line of an SSH public key (`ssh-ed25519 …`, `ssh-rsa …`)"
    )]
    Recipient(String),
    /// A recipient or an identity of a kind that is not supported.
    #[error("`{0}…` needs a plugin of age or a post-quantum key, which are not supported: use an X25519 or SSH key")]
    Plugin(String),
    /// A line of identities that is none. The line is not shown: it may hold a key.
    #[error("line {0} of the age identities is none: they begin with `AGE-SECRET-KEY-1`")]
    Identity(usize),
    /// An SSH private key that cannot be read or is of a kind that is not supported.
    #[error("the SSH private key cannot be used: {0}")]
    Ssh(&'static str),
    /// A passphrase is wanted or wrong.
    #[error("the passphrase is missing or wrong")]
    Passphrase,
    /// A kind of key nobody here can use.
    #[error("keys of `{0}` cannot be used here")]
    Unsupported(&'static str),
    /// Decryption by age failed although an identity fitted.
    #[error("age could not open it")]
    Open(#[source] Box<::age::DecryptError>),
    /// Encryption by age failed.
    #[error("age could not encrypt it")]
    Seal(#[source] Box<::age::EncryptError>),
    /// A service said no.
    #[error("the service that holds the key refused")]
    Service(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why the data key of a file could not be had.
#[derive(Debug, thiserror::Error)]
pub enum UnwrapError {
    /// No master key could be opened.
    #[error("none of the keys that open the file is at hand: {}; give one in `SOPS_AGE_KEY` or `SOPS_AGE_KEY_FILE`, or be added as a recipient", list(.wanted))]
    NoKey {
        /// The master keys of the file.
        wanted: Vec<String>,
        /// What went wrong with those that fitted.
        #[source]
        source: Option<KeyError>,
    },
    /// Too few key groups could be opened.
    #[error("{opened} of the {needed} key groups needed could be opened")]
    TooFew {
        /// How many could.
        opened: usize,
        /// How many are needed.
        needed: usize,
        /// What went wrong with a key that fitted.
        #[source]
        source: Option<KeyError>,
    },
    /// The parts of the groups do not go together.
    #[error("the parts of the key groups do not go together")]
    Parts(#[source] CombineError),
    /// What a master key held is no data key.
    #[error("what the master keys hold is no data key: it has not 32 bytes")]
    Length,
}

fn list(names: &[String]) -> String {
    names.join(", ")
}

/// Opens the data key by whatever keys there are.
pub(crate) fn unwrap(metadata: &Metadata, keys: &dyn MasterKeys) -> Result<DataKey, UnwrapError> {
    let mut parts = Vec::new();
    let mut failed = None;
    for group in &metadata.groups {
        for key in &group.keys {
            match keys.open(key) {
                Ok(Some(part)) => {
                    parts.push(part);
                    break;
                }
                Ok(None) => {}
                Err(error) => failed = Some(error),
            }
        }
    }
    let needed = metadata.needed();
    if metadata.groups.len() <= 1 {
        let part = parts.pop().ok_or_else(|| {
            let wanted = metadata.keys().map(|key| format!("{} `{}`", key.kind.name(), key.name())).collect();
            UnwrapError::NoKey { wanted, source: failed }
        })?;
        return DataKey::of_bytes(&part).ok_or(UnwrapError::Length);
    }
    if parts.len() < needed {
        return Err(UnwrapError::TooFew { opened: parts.len(), needed, source: failed });
    }
    let whole = shamir::combine(&parts).map_err(UnwrapError::Parts)?;
    DataKey::of_bytes(&whole).ok_or(UnwrapError::Length)
}

#[cfg(test)]
mod tests;

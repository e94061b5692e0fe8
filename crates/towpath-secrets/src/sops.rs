//! Files that `sops` reads and writes.
//!
//! A file keeps the names of its values in clear and encrypts the values, each bound to its name, under a data key that
//! recipients hold. Texts are changed in place: comments, order and what did not change stay byte for byte. Reading a
//! file or a key from disk, asking a service, and the clock are the caller's. `shamir` splits data keys among groups.
//!
//! The MAC of the format covers values without lengths or names, so it does not notice a byte moved between two values
//! that are not encrypted, nor their keys renamed. What is encrypted is bound to its name besides.

pub(crate) mod cipher;
mod dotenv;
mod error;
mod file;
mod format;
mod ini;
mod json;
mod keys;
mod layout;
pub mod merge;
mod metadata;
mod path;
pub mod rules;
mod seal;
mod selection;
pub mod shamir;
mod time;
mod tree;
mod value;
mod yaml;

use jiff::Timestamp;

pub use error::{Position, SopsError};
pub use file::{File, Name, Plain};
pub use format::Format;
pub use keys::{
    AgeOnly, Answers, DataKey, Identities, KeyError, MasterKeys, NewIdentity, PASSPHRASE_RECIPIENT,
    PassphraseRecipient, UnwrapError, WrapKeys, new_identity, recipients_of, wrap_age,
};
pub use metadata::{KeyGroup, KeyKind, MasterKey, Metadata, VERSION};
pub use path::{Path, PathError, Step};
pub use selection::{DEFAULT_SUFFIX, SELECTION_NAMES, Selection};
pub use value::Value;

use crate::entropy::Entropy;

/// How a new file is encrypted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Creation {
    /// For whom: one of each group, of as many groups as the threshold says.
    pub groups: Vec<KeyGroup>,
    /// How many groups are needed; all where nothing is said.
    pub threshold: Option<usize>,
    /// Which values.
    pub selection: Selection,
    /// Whether the MAC is over encrypted values only.
    pub mac_only_encrypted: bool,
}

/// Encrypts a plain text. Age recipients are served here, all other master keys by `wrap`.
pub fn encrypt(
    plain: &[u8],
    format: Format,
    creation: &Creation,
    wrap: &dyn WrapKeys,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, SopsError> {
    seal::create(plain, format, creation, wrap, now, entropy, true)
}

#[cfg(test)]
mod tests;

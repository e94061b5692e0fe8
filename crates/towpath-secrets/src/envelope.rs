//! Envelope encryption of the server's own store: values under data keys, data keys under a key that lives elsewhere.
//!
//! Pure: which blob holds what and who may ask is not known here. Format 1, byte by byte (integers are big-endian):
//!
//! ```text
//! sealed value                           associated data of it and label of a manifest
//! 0   4  "TPS1"                          each part is its length (8 bytes) and its bytes, in this order:
//! 4   4  version of the data key         "TPS1", project, environment, name,
//! 8   4  version of the secret           version of the secret (4 bytes), version of the data key (4 bytes)
//! 12 12  nonce, random
//! 24  n  ciphertext (AES-256-GCM)        commitment of a data key: HMAC-SHA-256(key, parts("TPS1 commitment",
//! 24+n 16 tag                              project, environment, version of the data key))
//!
//! manifest: HMAC-SHA-256(k, …) with k = HMAC-SHA-256(key, parts("TPS1 manifest", project, environment, version of the key))
//! over parts(revision (8 bytes)) and then for each entry, sorted by name and version, parts(name, version (4 bytes),
//! SHA-256 of the sealed value)
//! ```
//!
//! AES-GCM does not commit to its key (one ciphertext can be made to open under two), hence the commitment, which is compared
//! in constant time whenever a data key is unwrapped. A nonce is 96 random bits (NIST SP 800-38D section 8.2.2); with at most
//! 2^30 seals under one key the chance that any two are equal stays below 2^-37, and the limit of section 8.3 is 2^32.

mod key;
mod manifest;
mod opened;
mod sealed;

pub use key::{Commitment, DataKey, KeyName, MAX_SEALS, NotThisKey};
pub use manifest::{Entry, Manifest};
pub use opened::Opened;
pub use sealed::{OVERHEAD, OpenError, SealError, SecretName};

/// The format: what every sealed value begins with.
pub(crate) const FORMAT: &[u8; 4] = b"TPS1";

/// Adds a part with its length before it, so that no two lists of parts have the same bytes.
pub(crate) fn part(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    to.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;

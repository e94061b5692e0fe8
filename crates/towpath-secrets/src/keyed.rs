//! Keyed digests of values: to see whether two are the same, or one has changed, without keeping either.
//!
//! Without the key nothing can be learnt from a digest, not even by guessing. So the key must never lie where digests do;
//! where it lives is the caller's to say.

use std::fmt;

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use towpath_core::secrets::SecretText;
use zeroize::Zeroizing;

use crate::entropy::{Entropy, NoEntropy};

/// What a digest is bound to, so that digests for one purpose say nothing for another.
const DOMAIN: &str = "towpath keyed digest v1";

/// The key of digests. Erased when it is dropped, not shown by `Debug`.
#[derive(Clone)]
pub struct DigestKey(Zeroizing<[u8; 32]>);

/// The digest of a value: HMAC-SHA-256 (RFC 2104), in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyedDigest(String);

impl DigestKey {
    /// Returns a key that nobody has seen.
    pub fn random(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// Takes a key over.
    pub fn of_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Returns the key that a text stands for, such as one kept as a secret of CI.
    pub fn of_text(text: &SecretText) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, DOMAIN.as_bytes());
        let tag = hmac::sign(&key, text.expose().as_bytes());
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.iter_mut().zip(tag.as_ref()).for_each(|(byte, of)| *byte = *of);
        Self(bytes)
    }

    /// Returns the bytes, to be kept where only their owner reads them.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the digest of a value for a purpose. Each part of the purpose goes in with its length.
    pub fn digest(&self, purpose: &[&str], value: &SecretText) -> KeyedDigest {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        let mut context = hmac::Context::with_key(&key);
        for part in [DOMAIN].iter().chain(purpose).chain([&value.expose()]) {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part.as_bytes());
        }
        KeyedDigest(hex::encode(context.sign()))
    }

    /// Returns half of a digest, for keys of many rows: enough that no two of 2^48 values meet but by a chance of 2^-32.
    pub fn tag(&self, purpose: &[&str], value: &[u8]) -> [u8; 16] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        let mut context = hmac::Context::with_key(&key);
        for part in [DOMAIN].iter().chain(purpose).map(|part| part.as_bytes()).chain([value]) {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; 16];
        tag.iter_mut().zip(context.sign().as_ref()).for_each(|(byte, of)| *byte = *of);
        tag
    }
}

impl KeyedDigest {
    /// Returns the first digits, enough for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }

    /// Returns all digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(…)")
    }
}

#[cfg(test)]
mod tests;

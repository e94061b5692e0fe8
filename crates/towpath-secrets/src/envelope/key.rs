//! Data keys: made, named, committed to. They never leave but to be wrapped.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use aws_lc_rs::{
    aead::{AES_256_GCM, LessSafeKey, UnboundKey},
    constant_time::verify_slices_are_equal,
    hmac,
};
use zeroize::Zeroizing;

use super::{FORMAT, part};
use crate::entropy::{Entropy, NoEntropy};

/// Most values that are encrypted by one data key.
pub const MAX_SEALS: u64 = 1 << 30;

/// What a data key belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyName {
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// Its version, from 1.
    pub version: u32,
}

/// What a data key gives when it is asked for it: nobody can find another key that gives the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commitment(pub [u8; 32]);

/// What was unwrapped is not the key that was wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what was unwrapped is not the data key that was made: its commitment is another")]
pub struct NotThisKey;

/// A data key, ready to be used. Its bytes are erased when it is dropped, and `Debug` shows nothing of them.
pub struct DataKey {
    name: KeyName,
    // What AES-GCM uses is kept, and erased, by aws-lc.
    cipher: LessSafeKey,
    bytes: Zeroizing<[u8; 32]>,
    // What the associated data of everything begin with.
    place: Vec<u8>,
    seals: AtomicU64,
}

impl DataKey {
    /// Makes a key.
    pub fn make(name: KeyName, entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(bytes.as_mut_slice())?;
        Self::new(name, bytes, 0).ok_or(NoEntropy)
    }

    /// Takes a key that was unwrapped, if it is the one that was made. `seals` is how many values are known to be encrypted by
    /// it already.
    pub fn unwrapped(
        name: KeyName,
        bytes: Zeroizing<[u8; 32]>,
        commitment: &Commitment,
        seals: u64,
    ) -> Result<Self, NotThisKey> {
        let key = Self::new(name, bytes, seals).ok_or(NotThisKey)?;
        verify_slices_are_equal(&key.commitment().0, &commitment.0).map_err(|_| NotThisKey)?;
        Ok(key)
    }

    fn new(name: KeyName, bytes: Zeroizing<[u8; 32]>, seals: u64) -> Option<Self> {
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes.as_slice()).ok()?);
        let mut place = Vec::with_capacity(32 + name.project.len() + name.environment.len());
        part(&mut place, FORMAT);
        part(&mut place, name.project.as_bytes());
        part(&mut place, name.environment.as_bytes());
        Some(Self { name, cipher, bytes, place, seals: AtomicU64::new(seals) })
    }

    /// Returns what it belongs to.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Shows the bytes to what wraps them.
    pub fn expose(&self) -> &Zeroizing<[u8; 32]> {
        &self.bytes
    }

    /// Returns what it gives when it is asked for it.
    pub fn commitment(&self) -> Commitment {
        Commitment(self.derive(b"TPS1 commitment"))
    }

    /// Says how many values were encrypted by it, as far as is known.
    pub fn seals(&self) -> u64 {
        self.seals.load(Ordering::Relaxed)
    }

    /// Returns a keyed hash of a label and of what the key belongs to.
    pub(super) fn derive(&self, label: &[u8]) -> [u8; 32] {
        let mut message = Vec::with_capacity(128);
        part(&mut message, label);
        part(&mut message, self.name.project.as_bytes());
        part(&mut message, self.name.environment.as_bytes());
        part(&mut message, &self.name.version.to_be_bytes());
        mac(self.bytes.as_slice(), &message)
    }

    /// Returns the first parts of the associated data: the format, the project, the environment.
    pub(super) fn place(&self) -> &[u8] {
        &self.place
    }

    pub(super) fn cipher(&self) -> &LessSafeKey {
        &self.cipher
    }

    /// Counts one more value, unless there are too many.
    pub(super) fn count(&self) -> bool {
        let more = |seals: u64| (seals < MAX_SEALS).then_some(seals + 1);
        self.seals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({} of {}/{}, …)", self.name.version, self.name.project, self.name.environment)
    }
}

/// HMAC-SHA-256 (RFC 2104).
pub(super) fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    bytes
}

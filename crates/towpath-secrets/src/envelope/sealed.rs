//! Sealed values: one value of one version of one secret, encrypted for exactly that place.

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};

use super::{DataKey, FORMAT, Opened};
use crate::entropy::{Entropy, NoEntropy};

/// What stands before the ciphertext: format, two versions, nonce.
const HEADER: usize = 4 + 4 + 4 + NONCE_LEN;
const TAG: usize = 16;
/// How long associated data mostly are at most.
const NEAR: usize = 192;

/// How many bytes longer a sealed value is than the value.
pub const OVERHEAD: usize = HEADER + TAG;

/// What a value is the value of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretName<'a> {
    /// The secret.
    pub name: &'a str,
    /// Its version, from 1.
    pub version: u32,
}

/// Why a value is not encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key has encrypted as many values as one key may.
    #[error("the data key has encrypted as many values as one key may; make a newer one")]
    Exhausted,
    /// The system gives no randomness.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// The library refuses: a value of many gigabytes.
    #[error("the value is too long to be encrypted")]
    TooLong,
}

/// Why a sealed value is not opened. What exactly does not fit cannot be told from the ciphertext, by design.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// These bytes are no sealed value of a format that is known.
    #[error("this is no encrypted value of a format that this program knows")]
    Format,
    /// It says itself that it belongs elsewhere.
    #[error("it was encrypted as another version, or by another data key")]
    Elsewhere,
    /// It was changed, or was encrypted for another project, environment, name or version, or by another key.
    #[error("it was changed, or it was encrypted for another environment, name or version")]
    Damaged,
}

impl DataKey {
    /// Encrypts a value for one version of one secret of the key's project and environment.
    pub fn seal(&self, secret: SecretName<'_>, value: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, SealError> {
        if !self.count() {
            return Err(SealError::Exhausted);
        }
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce)?;
        let mut sealed = Vec::with_capacity(OVERHEAD + value.len());
        sealed.extend_from_slice(FORMAT);
        sealed.extend_from_slice(&self.name().version.to_be_bytes());
        sealed.extend_from_slice(&secret.version.to_be_bytes());
        sealed.extend_from_slice(&nonce);
        // Room was made at first, so that nothing of the value is left behind where the vector stood before.
        sealed.extend_from_slice(value);
        let (header, text) = sealed.split_at_mut(HEADER);
        debug_assert_eq!(header.len(), HEADER, "the header is as long as documented");
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .associated(secret, |aad| self.cipher().seal_in_place_separate_tag(nonce, Aad::from(aad), text))
            .map_err(|_| SealError::TooLong)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Decrypts what was encrypted for exactly this version of this secret of the key's project and environment.
    pub fn open(&self, secret: SecretName<'_>, sealed: &[u8]) -> Result<Opened, OpenError> {
        let (header, text) = sealed.split_at_checked(HEADER).ok_or(OpenError::Format)?;
        let (format, rest) = header.split_at(FORMAT.len());
        let (key, rest) = rest.split_at(4);
        let (version, nonce) = rest.split_at(4);
        if format != FORMAT || text.len() < TAG {
            return Err(OpenError::Format);
        }
        if key != self.name().version.to_be_bytes() || version != secret.version.to_be_bytes() {
            return Err(OpenError::Elsewhere);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError::Format)?;
        let mut value = Opened(text.to_vec());
        let length = self
            .associated(secret, |aad| {
                Some(self.cipher().open_in_place(nonce, Aad::from(aad), &mut value.0).ok()?.len())
            })
            .ok_or(OpenError::Damaged)?;
        value.0.truncate(length);
        Ok(value)
    }

    /// Calls with the associated data of a value, which no memory is taken for unless names are very long.
    fn associated<T>(&self, secret: SecretName<'_>, with: impl FnOnce(&[u8]) -> T) -> T {
        let name = (secret.name.len() as u64).to_be_bytes();
        let number = 4_u64.to_be_bytes();
        let (version, key) = (secret.version.to_be_bytes(), self.name().version.to_be_bytes());
        let pieces: [&[u8]; 7] = [self.place(), &name, secret.name.as_bytes(), &number, &version, &number, &key];
        let size = pieces.iter().map(|piece| piece.len()).sum();
        let (mut near, mut far) = ([0; NEAR], Vec::new());
        let room = near.get_mut(..size).unwrap_or_else(|| {
            far.resize(size, 0);
            &mut far
        });
        let mut rest = &mut *room;
        for piece in pieces {
            let (to, after) = rest.split_at_mut(piece.len());
            to.copy_from_slice(piece);
            rest = after;
        }
        with(room)
    }
}

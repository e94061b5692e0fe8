//! Sealed boxes of libsodium (`crypto_box_seal`), which GitHub takes secrets in.
//!
//! Only who has the secret key opens one; who made it cannot be told from it. Fetching a public key is not here.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crypto_box::{
    PublicKey,
    aead::rand_core::{CryptoRng, Error, RngCore},
};
use towpath_core::secrets::SecretText;
use zeroize::Zeroizing;

use crate::entropy::{Entropy, NoEntropy};

/// Why nothing is sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key is none.
    #[error("the public key is not 32 bytes in base64: ask for it again")]
    Key,
    /// There is no randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The value cannot be encrypted.
    #[error("the value cannot be sealed")]
    Value,
}

/// Encrypts a value for the owner of a public key, both in base64.
pub fn seal(public_key: &str, value: &SecretText, entropy: &dyn Entropy) -> Result<String, SealError> {
    let bytes = STANDARD.decode(public_key.trim()).map_err(|_| SealError::Key)?;
    let key = PublicKey::from(<[u8; 32]>::try_from(bytes).map_err(|_| SealError::Key)?);
    let mut ephemeral = Once { bytes: Zeroizing::new([0; 32]), asked: 0 };
    entropy.fill(ephemeral.bytes.as_mut_slice())?;
    let sealed = key.seal(&mut ephemeral, value.expose().as_bytes()).map_err(|_| SealError::Value)?;
    // INVARIANT: a box is only given away if all of its randomness came from `entropy`.
    if ephemeral.asked == 1 { Ok(STANDARD.encode(sealed)) } else { Err(SealError::Entropy(NoEntropy)) }
}

/// The 32 bytes of the key that a box is made with, to be asked for once: whoever asks again gets zeros and is refused.
struct Once {
    bytes: Zeroizing<[u8; 32]>,
    asked: u32,
}

impl RngCore for Once {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, wanted: &mut [u8]) {
        self.asked += 1;
        match self.bytes.get(..wanted.len()) {
            Some(bytes) if self.asked == 1 => wanted.copy_from_slice(bytes),
            _ => {
                self.asked = u32::MAX / 2;
                wanted.fill(0);
            }
        }
    }

    fn try_fill_bytes(&mut self, wanted: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(wanted);
        Ok(())
    }
}

impl CryptoRng for Once {}

#[cfg(test)]
mod tests;

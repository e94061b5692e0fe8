//! Data keys encrypted by a key that argon2id stretches from a passphrase.
//!
//! A wrapped key is: form (1 byte) ‖ memory in KiB, passes, lanes (4 bytes each, big endian) ‖ salt (16) ‖ nonce (12) ‖
//! ciphertext (32) ‖ tag (16), by AES-256-GCM with what stands before the nonce, and the context, as associated data. The
//! parameters stand in it, so that they can be raised later without losing what was wrapped before.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use tokio::sync::Mutex;
use towpath_core::secrets::SecretText;
use towpath_engine::ports::{DataKeyBytes, KeyContext, KeyError, KeyProvider};
use towpath_secrets::entropy::{Entropy, SystemEntropy};
use zeroize::{Zeroize as _, Zeroizing};

use super::context;

#[cfg(test)]
mod tests;

const FORM: u8 = 1;
const SALT_BYTES: usize = 16;
const HEADER_BYTES: usize = 1 + 12 + SALT_BYTES;
const WRAPPED_BYTES: usize = HEADER_BYTES + NONCE_LEN + 32 + 16;
/// Stretched keys that are kept: more than one only after the cost was raised or the process began anew.
const MOST_KEPT: usize = 16;
/// Fewer would be guessed however much stretching costs.
const FEWEST_CHARACTERS: usize = 12;

/// What stretching a passphrase costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Cost {
    /// The second recommended option of RFC 9106, section 4: 64 MiB, 3 passes, 4 lanes.
    pub const RECOMMENDED: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };
    /// What a wrapped key may ask for at most: it comes from a file, which must not exhaust the machine.
    const MOST: Self = Self { memory_kib: 1024 * 1024, passes: 16, lanes: 16 };

    fn params(self) -> Option<Params> {
        let Self { memory_kib, passes, lanes } = self;
        if memory_kib > Self::MOST.memory_kib || passes > Self::MOST.passes || lanes > Self::MOST.lanes {
            return None;
        }
        Params::new(memory_kib, passes, lanes, Some(32)).ok()
    }
}

/// What a stretched key depends on besides the passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    cost: Cost,
    salt: [u8; SALT_BYTES],
}

impl Stretch {
    fn header(&self) -> Vec<u8> {
        let mut header = vec![FORM];
        for number in [self.cost.memory_kib, self.cost.passes, self.cost.lanes] {
            header.extend_from_slice(&number.to_be_bytes());
        }
        header.extend_from_slice(&self.salt);
        header
    }

    fn parse(header: &[u8]) -> Option<Self> {
        let (form, rest) = header.split_first()?;
        let (numbers, salt) = rest.split_first_chunk::<12>()?;
        let number = |at: usize| Some(u32::from_be_bytes(numbers.get(at..at + 4)?.try_into().ok()?));
        let cost = Cost { memory_kib: number(0)?, passes: number(4)?, lanes: number(8)? };
        (*form == FORM).then_some(())?;
        Some(Self { cost, salt: salt.try_into().ok()? })
    }
}

/// A stretched passphrase.
type Stretched = Arc<Zeroizing<[u8; 32]>>;

/// A key provider over a passphrase. Stretching is done once for each salt and kept; the salt of what was unwrapped or
/// wrapped before is used again, so that usually there is one.
pub struct PassphraseKey {
    label: String,
    passphrase: SecretText,
    cost: Cost,
    stretched: Mutex<Vec<(Stretch, Stretched)>>,
    #[cfg(test)]
    stretches: std::sync::atomic::AtomicUsize,
}

impl PassphraseKey {
    /// Takes a passphrase from a variable, whose name is what people know it by.
    ///
    /// One that is too short to resist guessing is refused.
    pub fn new(variable: &str, passphrase: SecretText, cost: Cost) -> Result<Self, KeyError> {
        let label = format!("the passphrase in {variable}");
        let refuse = |reason: String| KeyError::Refused { provider: label.clone(), reason };
        if passphrase.expose().chars().count() < FEWEST_CHARACTERS {
            return Err(refuse(format!(
                "it is shorter than {FEWEST_CHARACTERS} characters: take several random words"
            )));
        }
        if cost.params().is_none() {
            return Err(refuse("the cost of stretching it is out of range".to_owned()));
        }
        Ok(Self {
            label,
            passphrase,
            cost,
            stretched: Mutex::new(Vec::new()),
            #[cfg(test)]
            stretches: std::sync::atomic::AtomicUsize::new(0),
        })
    }

    fn refused(&self, reason: &str) -> KeyError {
        KeyError::Refused { provider: self.label.clone(), reason: reason.to_owned() }
    }

    fn damaged(&self, context: &KeyContext) -> KeyError {
        KeyError::Damaged {
            provider: self.label.clone(),
            environment: context.environment.clone(),
            version: context.version,
        }
    }

    /// Returns the key for what is asked, or for a salt that is known already or new.
    async fn stretched(&self, asked: Option<Stretch>) -> Result<(Stretch, Stretched), KeyError> {
        // Held while stretching: whoever comes meanwhile wants the same key and must not take the memory again.
        let mut kept = self.stretched.lock().await;
        let fits = |stretch: &Stretch| asked.map_or(stretch.cost == self.cost, |asked| asked == *stretch);
        if let Some(found) = kept.iter().rev().find(|(stretch, _)| fits(stretch)) {
            return Ok(found.clone());
        }
        let stretch = if let Some(asked) = asked {
            asked
        } else {
            let mut salt = [0; SALT_BYTES];
            SystemEntropy.fill(&mut salt).map_err(|error| self.refused(&error.to_string()))?;
            Stretch { cost: self.cost, salt }
        };
        let passphrase = self.passphrase.clone();
        let key = tokio::task::spawn_blocking(move || derive(&passphrase, stretch)).await;
        let key =
            Arc::new(key.ok().flatten().ok_or_else(|| self.refused("it cannot be stretched: too little memory"))?);
        #[cfg(test)]
        self.stretches.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if kept.len() >= MOST_KEPT {
            kept.remove(0);
        }
        kept.push((stretch, key.clone()));
        Ok((stretch, key))
    }

    async fn seal(&self, key: &DataKeyBytes, context: &KeyContext) -> Result<Vec<u8>, KeyError> {
        let (stretch, kek) = self.stretched(None).await?;
        let mut wrapped = stretch.header();
        let mut nonce = [0; NONCE_LEN];
        SystemEntropy.fill(&mut nonce).map_err(|error| self.refused(&error.to_string()))?;
        let associated = Aad::from([wrapped.as_slice(), &context::bytes(context)].concat());
        let mut sealed = Zeroizing::new(Vec::with_capacity(32 + 16));
        sealed.extend_from_slice(key.as_slice());
        cipher(&kek)
            .and_then(|cipher| {
                cipher.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), associated, &mut *sealed).ok()
            })
            .ok_or_else(|| self.refused("encryption failed"))?;
        wrapped.extend_from_slice(&nonce);
        wrapped.extend_from_slice(&sealed);
        Ok(wrapped)
    }

    async fn open(&self, wrapped: &[u8], context: &KeyContext) -> Result<DataKeyBytes, KeyError> {
        let damaged = || self.damaged(context);
        let (header, rest) = wrapped.split_at_checked(HEADER_BYTES).ok_or_else(damaged)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
        let stretch = Stretch::parse(header).filter(|stretch| stretch.cost.params().is_some()).ok_or_else(damaged)?;
        if wrapped.len() != WRAPPED_BYTES {
            return Err(damaged());
        }
        let (_, kek) = self.stretched(Some(stretch)).await?;
        let associated = Aad::from([header, &context::bytes(context)].concat());
        let mut plain = Zeroizing::new(sealed.to_vec());
        let cipher = cipher(&kek).ok_or_else(damaged)?;
        let opened = cipher.open_in_place(Nonce::assume_unique_for_key(*nonce), associated, &mut plain);
        let key: &[u8] = opened.map_err(|_| damaged())?;
        Ok(Zeroizing::new(<[u8; 32]>::try_from(key).map_err(|_| damaged())?))
    }
}

#[async_trait]
impl KeyProvider for PassphraseKey {
    // Not a digest of the passphrase: with it, guesses could be tried without stretching them for the salt in use.
    fn id(&self) -> String {
        self.label.trim_start_matches("the ").to_owned()
    }

    async fn wrap(&self, key: &DataKeyBytes, context: &KeyContext) -> Result<Vec<u8>, KeyError> {
        self.seal(key, context).await
    }

    async fn unwrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<DataKeyBytes, KeyError> {
        self.open(wrapped, context).await
    }

    async fn rewrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Vec<u8>, KeyError> {
        let key = self.open(wrapped, context).await?;
        self.seal(&key, context).await
    }
}

impl std::fmt::Debug for PassphraseKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PassphraseKey").field("label", &self.label).field("cost", &self.cost).finish_non_exhaustive()
    }
}

fn cipher(key: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).ok().map(LessSafeKey::new)
}

/// Stretches a passphrase; nothing if there is not so much memory. What the computation leaves in memory is erased.
fn derive(passphrase: &SecretText, stretch: Stretch) -> Option<Zeroizing<[u8; 32]>> {
    let params = stretch.cost.params()?;
    let mut memory: Vec<Block> = Vec::new();
    memory.try_reserve_exact(params.block_count()).ok()?;
    memory.resize(params.block_count(), Block::default());
    let mut key = Zeroizing::new([0; 32]);
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let done =
        argon.hash_password_into_with_memory(passphrase.expose().as_bytes(), &stretch.salt, &mut *key, &mut memory);
    memory.zeroize();
    done.ok().map(|()| key)
}

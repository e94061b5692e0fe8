//! One value: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.
//!
//! AES-256-GCM with a nonce of 32 bytes and, as additional data, the keys on the way to the value.

use aes_gcm::{
    Aes256Gcm, AesGcm, KeyInit as _,
    aead::{AeadInOut as _, consts},
    aes::Aes256,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::value::Kind;
use crate::entropy::{Entropy, NoEntropy};

/// How long a nonce is.
const NONCE: usize = 32;
const TAG: usize = 16;
const START: &str = "ENC[AES256_GCM,data:";

/// A data key made ready.
pub(crate) struct Cipher {
    key: AesGcm<Aes256, consts::U32>,
    /// For nonces of 12 bytes, which sops reads and never wrote.
    short: Aes256Gcm,
}

/// Why a ciphertext does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is no ciphertext.
    Form,
    /// The key, the place or the text is not what was encrypted.
    Sealed,
    /// What was encrypted is not of the kind it says.
    Kind,
}

impl Wrong {
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Form => {
                "should be encrypted and is not (or was damaged); encrypt it with `towpath secrets edit` or take it out"
            }
            Self::Sealed => {
                "does not open: the ciphertext was changed, moved here from another key, or encrypted with another data key"
            }
            Self::Kind => "opens, but is not of the type the ciphertext says",
        }
    }
}

/// Says whether a text looks like a ciphertext.
pub(crate) fn is_sealed(text: &[u8]) -> bool {
    text.starts_with(START.as_bytes()) && text.ends_with(b"]")
}

impl Cipher {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self { key: AesGcm::new(key.into()), short: Aes256Gcm::new(key.into()) }
    }

    /// Opens a ciphertext; `aad` is what it was bound to.
    pub(crate) fn open(&self, sealed: &str, aad: &[u8]) -> Result<(Kind, Zeroizing<Vec<u8>>), Wrong> {
        let Parts { data, nonce, tag, kind } = parts(sealed).ok_or(Wrong::Form)?;
        let kind = Kind::of_word(kind).ok_or(Wrong::Form)?;
        let mut data = Zeroizing::new(STANDARD.decode(data).map_err(|_| Wrong::Form)?);
        let nonce = STANDARD.decode(nonce).map_err(|_| Wrong::Form)?;
        let tag: [u8; TAG] = STANDARD.decode(tag).ok().and_then(|tag| tag.try_into().ok()).ok_or(Wrong::Form)?;
        let done = if let Ok(nonce) = <[u8; NONCE]>::try_from(nonce.as_slice()) {
            self.key.decrypt_inout_detached(&nonce.into(), aad, data.as_mut_slice().into(), &tag.into())
        } else {
            let nonce: [u8; 12] = nonce.try_into().map_err(|_| Wrong::Form)?;
            self.short.decrypt_inout_detached(&nonce.into(), aad, data.as_mut_slice().into(), &tag.into())
        };
        done.map_err(|_| Wrong::Sealed)?;
        Ok((kind, data))
    }

    /// Encrypts bytes; `aad` is what they are bound to.
    pub(crate) fn seal(
        &self,
        kind: Kind,
        plain: &[u8],
        aad: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<String, NoEntropy> {
        let mut nonce = [0_u8; NONCE];
        entropy.fill(&mut nonce)?;
        let mut data = Zeroizing::new(plain.to_vec());
        // Fails only above 64 GiB, which no file that is read has.
        let tag =
            self.key.encrypt_inout_detached(&nonce.into(), aad, data.as_mut_slice().into()).map_err(|_| NoEntropy)?;
        let [data, nonce, tag] = [data.as_slice(), &nonce, tag.as_slice()].map(|bytes| STANDARD.encode(bytes));
        Ok(format!("{START}{data},iv:{nonce},tag:{tag},type:{}]", kind.word()))
    }
}

struct Parts<'s> {
    data: &'s str,
    nonce: &'s str,
    tag: &'s str,
    kind: &'s str,
}

fn parts(sealed: &str) -> Option<Parts<'_>> {
    let inner = sealed.strip_prefix(START)?.strip_suffix(']')?;
    let (data, rest) = inner.split_once(",iv:")?;
    let (nonce, rest) = rest.split_once(",tag:")?;
    let (tag, kind) = rest.split_once(",type:")?;
    Some(Parts { data, nonce, tag, kind })
}

/// Returns what a value is bound to: the keys on its way, each with a colon after it.
pub(crate) fn bound(keys: &[&str]) -> Vec<u8> {
    let mut aad = keys.join(":").into_bytes();
    aad.push(b':');
    aad
}

#[cfg(test)]
mod tests;

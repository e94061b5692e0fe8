//! Data keys encrypted by a key of Vault's transit engine, which never leaves Vault.
//!
//! The context is the associated data of the encryption, so that Vault itself refuses to decrypt for another one.

use std::sync::Arc;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use towpath_engine::ports::{DataKeyBytes, KeyContext, KeyError, KeyProvider};
use zeroize::Zeroizing;

use super::context;
use crate::vault::{VaultClient, VaultError};

/// More than a wrapped key has.
const MOST_WRAPPED_BYTES: usize = 4096;

/// A key provider over Vault's transit engine.
#[derive(Debug)]
pub struct VaultTransitKey {
    client: Arc<VaultClient>,
    mount: String,
    key: String,
}

impl VaultTransitKey {
    /// Takes a key of the engine at a mount. Nothing is asked yet.
    pub fn new(client: Arc<VaultClient>, mount: &str, key: &str) -> Self {
        Self { client, mount: mount.trim_matches('/').to_owned(), key: key.to_owned() }
    }

    /// Checks that the key is there and can be used, before anything depends on it.
    pub async fn check(&self) -> Result<(), KeyError> {
        let refused = |reason: String| KeyError::Refused { provider: self.provider(), reason };
        match self.client.transit_key(&self.mount, &self.key).await {
            Ok(Some(key)) if key.derived => Err(refused(
                "the key is a derived one, which needs another context for each use: take one that is not".into(),
            )),
            Ok(Some(key)) if !key.kind.contains("gcm") && !key.kind.contains("poly1305") => Err(refused(format!(
                "a key of type `{}` takes no associated data: take one of type `aes256-gcm96`",
                key.kind
            ))),
            Ok(Some(_)) => Ok(()),
            Ok(None) => {
                Err(refused(format!("there is no such key: `vault write -f {}/keys/{}`", self.mount, self.key)))
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn provider(&self) -> String {
        format!("the key `{}` of Vault at {}", self.key, self.client.address())
    }

    fn damaged(&self, context: &KeyContext) -> KeyError {
        KeyError::Damaged {
            provider: self.provider(),
            environment: context.environment.clone(),
            version: context.version,
        }
    }

    fn failed(&self, error: &VaultError) -> KeyError {
        let (provider, mut reason) = (self.provider(), error.chain());
        if error.is_away() {
            return KeyError::Away { provider, reason };
        }
        if reason.contains("too old") {
            reason = format!(
                "{reason}: `min_decryption_version` of the key is above the version that wrapped this; lower it, wrap the data keys anew, and raise it again"
            );
        } else if reason.contains("encryption key not found") {
            reason = format!("{reason}: `vault write -f {}/keys/{}`", self.mount, self.key);
        }
        KeyError::Refused { provider, reason }
    }

    async fn open(&self, wrapped: &[u8], context: &KeyContext) -> Result<DataKeyBytes, KeyError> {
        let damaged = || self.damaged(context);
        let text = std::str::from_utf8(wrapped).ok().filter(|text| is_canonical(text)).ok_or_else(damaged)?;
        let associated = context::bytes(context);
        let opened = self.client.transit_decrypt(&self.mount, &self.key, text, &associated).await;
        let plain = opened.map_err(|error| if is_damage(&error) { damaged() } else { self.failed(&error) })?;
        Ok(Zeroizing::new(<[u8; 32]>::try_from(plain.as_slice()).map_err(|_| damaged())?))
    }

    async fn seal(&self, key: &DataKeyBytes, context: &KeyContext) -> Result<Vec<u8>, KeyError> {
        let associated = context::bytes(context);
        let sealed = self.client.transit_encrypt(&self.mount, &self.key, key.as_slice(), &associated).await;
        sealed.map(String::into_bytes).map_err(|error| self.failed(&error))
    }
}

/// Says whether Vault could not decrypt what it was given. A version that is too new is one too: another key has fewer.
fn is_damage(error: &VaultError) -> bool {
    matches!(error, VaultError::Rejected { status: 400, reason, .. }
        if reason.contains("invalid ciphertext") || reason.contains("message authentication failed"))
}

/// Vault is lenient in how versions and base64 are written; what is stored has one form only, so that no byte of it can be
/// changed unnoticed.
fn is_canonical(text: &str) -> bool {
    let Some((version, sealed)) = text.strip_prefix("vault:v").and_then(|rest| rest.split_once(':')) else {
        return false;
    };
    let number = version.parse::<u32>().ok().filter(|number| *number > 0);
    text.len() <= MOST_WRAPPED_BYTES
        && number.is_some_and(|number| number.to_string() == version)
        && STANDARD.decode(sealed).is_ok()
}

#[async_trait]
impl KeyProvider for VaultTransitKey {
    fn id(&self) -> String {
        let namespace = self.client.namespace().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        format!("vault-transit {}/{namespace}{}/{}", self.client.address(), self.mount, self.key)
    }

    async fn wrap(&self, key: &DataKeyBytes, context: &KeyContext) -> Result<Vec<u8>, KeyError> {
        self.seal(key, context).await
    }

    async fn unwrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<DataKeyBytes, KeyError> {
        self.open(wrapped, context).await
    }

    // Vault's own rewrapping takes no associated data, so it cannot be used with it: the key passes through this process,
    // as it does each time it is used.
    async fn rewrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Vec<u8>, KeyError> {
        let key = self.open(wrapped, context).await?;
        self.seal(&key, context).await
    }
}

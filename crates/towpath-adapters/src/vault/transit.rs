//! The transit engine: encryption by keys that never leave Vault.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    VaultClient, VaultError,
    client::{Call, READ, UPDATE, WRITE},
    path::join,
};

/// What Vault says of a key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TransitKey {
    /// Its name.
    pub name: String,
    /// Such as `aes256-gcm96`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The version that encrypts.
    pub latest_version: u32,
    /// What older versions encrypted is not decrypted any more.
    pub min_decryption_version: u32,
    /// Whether each use needs a context.
    pub derived: bool,
    /// Whether the key may be taken out of Vault.
    #[serde(default)]
    pub exportable: bool,
    /// When each version was made, in seconds since 1970.
    #[serde(default)]
    pub keys: BTreeMap<u32, i64>,
}

#[derive(Deserialize)]
struct Reply<T> {
    data: T,
}

#[derive(Deserialize)]
struct Encrypted {
    ciphertext: String,
}

#[derive(Deserialize)]
struct Decrypted {
    plaintext: String,
}

impl VaultClient {
    /// Encrypts; what comes back is `vault:vN:…`. The same associated data must be given for decrypting; empty is none.
    ///
    /// Vault makes a key that is not there if the token may `create`; without it that is refused.
    pub async fn transit_encrypt(
        &self,
        mount: &str,
        key: &str,
        plain: &[u8],
        associated: &[u8],
    ) -> Result<String, VaultError> {
        let path = join(&[mount, "encrypt", key])?;
        let text = Zeroizing::new(STANDARD.encode(plain));
        let reply: Encrypted = self.transit(&path, WRITE, ("plaintext", &text), associated).await?;
        Ok(reply.ciphertext)
    }

    /// Decrypts `vault:vN:…`.
    pub async fn transit_decrypt(
        &self,
        mount: &str,
        key: &str,
        ciphertext: &str,
        associated: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let path = join(&[mount, "decrypt", key])?;
        let reply: Decrypted = self.transit(&path, UPDATE, ("ciphertext", ciphertext), associated).await?;
        let text = Zeroizing::new(reply.plaintext);
        let plain = STANDARD.decode(text.as_bytes());
        plain.map(Zeroizing::new).map_err(|_| VaultError::Malformed { path, reason: "the plaintext is no base64" })
    }

    /// Encrypts anew by the latest version of the key, without showing the plaintext.
    ///
    /// Vault's API knows no associated data here: what was encrypted with some is refused.
    pub async fn transit_rewrap(&self, mount: &str, key: &str, ciphertext: &str) -> Result<String, VaultError> {
        let path = join(&[mount, "rewrap", key])?;
        let reply: Encrypted = self.transit(&path, UPDATE, ("ciphertext", ciphertext), &[]).await?;
        Ok(reply.ciphertext)
    }

    /// Returns what Vault says of a key; nothing if it is not there.
    pub async fn transit_key(&self, mount: &str, key: &str) -> Result<Option<TransitKey>, VaultError> {
        let path = join(&[mount, "keys", key])?;
        let answered = self.call(Call::new(Method::GET, &path, READ)).await?;
        if !answered.status.is_success() {
            return Ok(None);
        }
        Ok(Some(answered.parse::<Reply<TransitKey>>(&path)?.data))
    }

    async fn transit<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        needs: (&'static str, &'static str),
        (field, text): (&str, &str),
        associated: &[u8],
    ) -> Result<T, VaultError> {
        let associated = STANDARD.encode(associated);
        // Base64 and `vault:vN:` need no escaping, so the body is put together without copies of the text.
        if text.contains(['"', '\\']) || text.chars().any(char::is_control) {
            return Err(VaultError::Malformed { path: path.to_owned(), reason: "the ciphertext is none of Vault's" });
        }
        let mut body = Zeroizing::new(Vec::with_capacity(text.len() + associated.len() + 64));
        body.extend_from_slice(format!("{{\"{field}\":\"").as_bytes());
        body.extend_from_slice(text.as_bytes());
        if !associated.is_empty() {
            body.extend_from_slice(b"\",\"associated_data\":\"");
            body.extend_from_slice(associated.as_bytes());
        }
        body.extend_from_slice(b"\"}");
        let mut call = Call::new(Method::POST, path, needs);
        call.body = Some(body);
        call.hidden = vec![text];
        let answered = self.call(call).await?;
        if !answered.status.is_success() {
            let reason = "there is nothing at this path".to_owned();
            return Err(VaultError::Rejected { path: path.to_owned(), status: answered.status.as_u16(), reason });
        }
        Ok(answered.parse::<Reply<T>>(path)?.data)
    }
}

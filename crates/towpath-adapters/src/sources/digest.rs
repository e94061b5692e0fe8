//! Versions for sources that do not count any: a keyed digest of the value, from which it cannot be guessed.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use towpath_core::secrets::{SecretText, SecretVersion, SourceId};

/// The key of the digests. Whoever has it can try values; without it a version says nothing about its value.
///
/// With the same key the same value has the same version: a server keeps its key, so that a restart changes no version.
#[derive(Clone)]
pub struct VersionKey(hmac::Key);

impl VersionKey {
    /// Takes a key of 32 random bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Names a value of a secret in a source. The same value of another secret or source has another name, so that nobody
    /// sees where values are used twice.
    pub(super) fn version(
        &self,
        source: &SourceId,
        environment: &str,
        name: &str,
        value: &SecretText,
    ) -> SecretVersion {
        let mut context = hmac::Context::with_key(&self.0);
        for part in ["towpath secret version 1", &source.0, environment, name, value.expose()] {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part.as_bytes());
        }
        let tag = context.sign();
        let mut text = String::with_capacity(32);
        // 128 bits: nobody finds two values of the same name.
        for byte in tag.as_ref().iter().take(16) {
            let _ = write!(text, "{byte:02x}");
        }
        SecretVersion(text)
    }
}

impl std::fmt::Debug for VersionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VersionKey(…)")
    }
}

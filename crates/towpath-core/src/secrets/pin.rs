//! Which version of a secret a deployment runs with.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A source of an environment, as people know it: `file secrets/production.yaml`, `store`, `vault secret/shop/production`,
/// `environment`, `command op`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(pub String);

/// A version of a secret in its source: a number for sources that count, else a name from which the value cannot be guessed
/// (a digest of a ciphertext, or a keyed digest of the value). The same version always means the same value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretVersion(pub String);

/// Where the value of a secret comes from, and which it is. Part of what is approved and written into the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretPin {
    /// Where from.
    pub from: SourceId,
    /// Which.
    pub version: SecretVersion,
}

impl fmt::Display for SecretPin {
    /// Says where from and which version; one that is a digest is cut short.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        let version = self.version.0.strip_prefix("sha256:").unwrap_or(&self.version.0);
        let short = version.char_indices().nth(SHOWN).map_or(version, |(end, _)| version.get(..end).unwrap_or(version));
        write!(f, "{} version {short}", self.from)
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SecretVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

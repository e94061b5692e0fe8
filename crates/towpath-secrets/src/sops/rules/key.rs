//! The keys that a rule names: whose public half or service will open the file.

use std::fmt;

/// One key of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// An age recipient: `age1…` or a public key of SSH.
    Age(String),
    /// A key of Vault's transit engine.
    Vault(VaultKey),
    /// One of a service that is not spoken here.
    Foreign {
        /// The word for it in rules, such as `pgp`.
        kind: &'static str,
        /// Its fingerprint, ARN, path or address.
        name: String,
    },
}

/// A key of Vault's transit engine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VaultKey {
    /// The address of the server, without a path.
    pub address: String,
    /// Where the engine is mounted.
    pub engine: String,
    /// The name of the key.
    pub name: String,
}

/// An address that names no key of a transit engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultKeyError {
    /// It begins with no `http://` or `https://`.
    #[error("the address of a Vault key begins with `https://`")]
    Scheme,
    /// The path is not that of a key.
    #[error("the path of a Vault key is `/v1/ENGINE/keys/NAME`")]
    Path,
    /// Somebody's password or token would be kept in files that many read.
    #[error("the address of a Vault key names no user and has no query")]
    Extra,
}

impl VaultKey {
    /// Reads an address such as `https://vault.example.com:8200/v1/transit/keys/NAME`.
    pub fn of_uri(uri: &str) -> Result<Self, VaultKeyError> {
        let scheme = ["https://", "http://"].into_iter().find(|scheme| uri.starts_with(scheme));
        let rest = scheme.and_then(|scheme| uri.strip_prefix(scheme)).ok_or(VaultKeyError::Scheme)?;
        let (host, path) = rest.split_once('/').ok_or(VaultKeyError::Path)?;
        if host.contains('@') || path.contains(['?', '#']) {
            return Err(VaultKeyError::Extra);
        }
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        let version =
            |text: &str| text.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        // A mount may have a path of several parts.
        match parts.as_slice() {
            [first, engine @ .., "keys", name]
                if version(first) && !engine.is_empty() && !host.is_empty() && parts.iter().all(|p| !p.is_empty()) =>
            {
                let address = uri.get(..uri.len() - path.len() - 1).unwrap_or_default().to_owned();
                Ok(Self { address, engine: engine.join("/"), name: (*name).to_owned() })
            }
            _ => Err(VaultKeyError::Path),
        }
    }
}

impl fmt::Display for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/v1/{}/keys/{}", self.address, self.engine, self.name)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Age(recipient) => f.write_str(recipient),
            Self::Vault(key) => key.fmt(f),
            Self::Foreign { kind, name } => write!(f, "{kind} {name}"),
        }
    }
}

//! The port to whatever encrypts data keys: an age identity, a passphrase, a key of Vault's transit engine.

use async_trait::async_trait;
use towpath_core::ids::EnvironmentName;
use zeroize::Zeroizing;

/// A data key in the clear: 32 bytes, erased when dropped.
pub type DataKeyBytes = Zeroizing<[u8; 32]>;

/// What a wrapped key is bound to: it cannot be unwrapped for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyContext {
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: EnvironmentName,
    /// The version of the data key, from 1.
    pub version: u32,
}

/// Why a key provider does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be reached, or is sealed, or says to come later: worth another try.
    #[error("{provider} cannot be reached: {reason}")]
    Away {
        /// Which, as people know it.
        provider: String,
        /// Why.
        reason: String,
    },
    /// It answered no: a wrong key, no right, a disabled key version.
    #[error("{provider} refuses: {reason}")]
    Refused {
        /// Which, as people know it.
        provider: String,
        /// Why, and what to do.
        reason: String,
    },
    /// What was wrapped is damaged, or was wrapped by another key or for another environment or version.
    #[error(
        "{provider} cannot unwrap data key {version} of {environment}: it was wrapped by another key, for another environment or version, or it is damaged"
    )]
    Damaged {
        /// Which, as people know it.
        provider: String,
        /// Where.
        environment: EnvironmentName,
        /// Which version of the data key.
        version: u32,
    },
}

/// Encrypts data keys. The key-encryption key itself stays inside.
#[async_trait]
pub trait KeyProvider: Send + Sync {
    /// Says which key it is, so that another one is noticed: `age age1…`, `passphrase 3f2a…`, `vault-transit https://…/transit/app`.
    /// Nothing secret is in it.
    fn id(&self) -> String;

    /// Encrypts a data key, bound to its context.
    async fn wrap(&self, key: &DataKeyBytes, context: &KeyContext) -> Result<Vec<u8>, KeyError>;

    /// Decrypts a data key. Anything wrapped for another context is [`KeyError::Damaged`].
    async fn unwrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<DataKeyBytes, KeyError>;

    /// Encrypts the same data key by the newest key-encryption key, without showing it where the provider can do so.
    async fn rewrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Vec<u8>, KeyError>;
}

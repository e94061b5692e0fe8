//! Vault over its HTTP API: signing in, transit, KV version 2.
//!
//! What is asked for is decided by `keys` and `sources`; this speaks the protocol and turns every answer into something a
//! person can act on. Tokens and values are never in an error, a log or `Debug`.

mod client;
mod error;
mod kv;
mod path;
mod session;
mod settings;
#[cfg(test)]
pub(crate) mod tests;
mod transit;

pub use client::{Health, VaultClient};
pub use error::VaultError;
pub use kv::{KvData, KvMetadata, KvRead, KvValue, KvVersion, KvWritten};
pub use settings::{VaultLogin, VaultSettings};
pub use transit::TransitKey;

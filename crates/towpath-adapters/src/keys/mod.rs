//! What encrypts data keys: an age identity in a file, a passphrase, a key of Vault's transit engine.
//!
//! Which one an environment uses, and where its file or variable is, is decided by whoever wires them; the encryption of
//! values by data keys is in `towpath-secrets`.

mod age;
mod context;
mod passphrase;
#[cfg(test)]
mod tests;
mod vault_transit;

pub use age::AgeKeyFile;
pub use passphrase::{Cost, PassphraseKey};
pub use vault_transit::VaultTransitKey;

//! Secrets: what they are called, where they come from, which version a deployment runs with, how they are rotated.
//!
//! Values are seen here only as [`SecretText`], on their way through; encryption is in `towpath-secrets`, IO in adapters.

pub mod findings;
mod pin;
pub mod rotation;
mod spec;
pub mod store;
mod sync;
pub mod template;
mod text;

pub use pin::{SecretPin, SecretVersion, SourceId};
pub use spec::{KeySpec, SecretsSpec, SourceSpec, SyncSpec, VaultAuth, VaultServer};
pub use sync::{Remote, SyncItem, SyncReason, SyncStep, Written, plan_sync};
pub use text::SecretText;

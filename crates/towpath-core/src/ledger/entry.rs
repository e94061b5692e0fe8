//! One line of the ledger: an event with who, when and why, as it is stored and hashed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{EnvironmentName, PrincipalName};

/// An event as the ledger keeps it. `kind`, `version` and `body` are read by the typed events, which also
/// lift old versions; nothing here depends on what they mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Place in the ledger, from 0.
    pub sequence: u64,
    /// When it happened, by the clock of the server that wrote it.
    pub at: Timestamp,
    /// Who caused it.
    pub principal: PrincipalName,
    /// The command that led to it: a request id, or what the control plane was doing.
    pub cause: String,
    /// The environment it concerns, if it concerns one.
    pub environment: Option<EnvironmentName>,
    /// What happened, such as `release_created`.
    pub kind: String,
    /// Version of the body's shape for this kind, from 1.
    pub version: u16,
    /// The rest.
    pub body: serde_json::Value,
}

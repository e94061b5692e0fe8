//! Checkpoints and proofs, so that anybody can check that the ledger was only added to (RFC 6962, C2SP signed note).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The newest signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckpointView {
    /// Number of entries it covers.
    pub size: u64,
    /// The root of the Merkle tree over them, 64 hexadecimal digits.
    pub root: String,
    /// The signed note.
    pub note: String,
}

/// Proof that an entry is in the ledger (RFC 6962 section 2.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InclusionProof {
    /// The entry.
    pub sequence: u64,
    /// Its leaf hash in hexadecimal digits.
    pub leaf_hash: String,
    /// The hashes that lead to the root, in hexadecimal digits.
    pub hashes: Vec<String>,
    /// The checkpoint that the proof leads to.
    pub checkpoint: CheckpointView,
}

/// Proof that the ledger of `to` entries begins with that of `from` entries (RFC 6962 section 2.1.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsistencyProof {
    /// The earlier number of entries.
    pub from: u64,
    /// The later number of entries.
    pub to: u64,
    /// The root at `from`, in hexadecimal digits.
    pub from_root: String,
    /// The root at `to`, in hexadecimal digits.
    pub to_root: String,
    /// The hashes that prove it, in hexadecimal digits.
    pub hashes: Vec<String>,
}

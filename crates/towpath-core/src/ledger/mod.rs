//! The ledger: entries, their canonical form, the Merkle tree over them, checkpoints, proofs and the audit.
//!
//! Nothing here stores anything: the ledger port and the journal over it are the engine's.

mod audit;
mod canonical;
mod checkpoint;
mod entry;
mod proof;
mod tree;

pub use audit::{AuditReport, Finding, LedgerAudit};
pub use canonical::canonical_json;
pub use checkpoint::{
    Checkpoint, CheckpointError, CheckpointKeyError, CheckpointSigner, CheckpointVerifier, StoredCheckpoint,
};
pub use entry::{Entry, EntryError, LeafEntry, MAX_BODY_DEPTH};
pub use proof::{ProofError, prove_consistency, prove_inclusion, verify_consistency, verify_inclusion};
pub use tree::{Hash, Tree, leaf_hash, node_hash};

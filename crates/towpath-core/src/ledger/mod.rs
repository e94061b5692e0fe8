//! The ledger: entries, their canonical form, the Merkle tree over them, checkpoints and proofs.

mod entry;

pub use entry::Entry;

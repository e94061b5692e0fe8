//! The ledger port: durable, ordered, append-only storage of entries.

use async_trait::async_trait;
use towpath_core::ledger::Entry;

/// Where a stored ledger ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerHead {
    /// Number of entries.
    pub size: u64,
    /// The signed checkpoint stored with the last append (C2SP signed note text); `None` while empty.
    pub checkpoint: Option<String>,
}

/// A folded world kept to start faster. Disposable: it is checked and ignored when it does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Number of entries folded into it.
    pub size: u64,
    /// The shape of `bytes`; another shape than the reader's is ignored.
    pub format: String,
    /// The folded state.
    pub bytes: Vec<u8>,
}

/// Why the ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another writer appended first; nothing was written.
    #[error("the ledger has {actual} entries, not the expected {expected}; nothing was written")]
    Conflict {
        /// What the writer expected.
        expected: u64,
        /// What is there.
        actual: u64,
    },
    /// No space is left; nothing was written.
    #[error("no space is left for the ledger; nothing was written")]
    Full(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The stored ledger is damaged.
    #[error("the stored ledger is damaged at entry {sequence}: {reason}")]
    Damaged {
        /// The first entry that is wrong.
        sequence: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The storage failed otherwise.
    #[error("the ledger's storage failed")]
    Storage(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Durable, ordered, append-only storage of entries.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Returns where the ledger ends.
    async fn head(&self) -> Result<LedgerHead, LedgerError>;

    /// Appends all of `entries` and stores `checkpoint`, in one durable transaction, if the ledger has exactly
    /// `expected` entries; otherwise writes nothing. When it returns `Ok`, a power cut loses nothing of it.
    async fn append(&self, expected: u64, entries: &[Entry], checkpoint: &str) -> Result<(), LedgerError>;

    /// Returns up to `limit` entries from `from` on, in order.
    async fn read(&self, from: u64, limit: usize) -> Result<Vec<Entry>, LedgerError>;

    /// Returns up to `limit` Merkle leaf hashes from `from` on, as they were stored with their entries.
    async fn leaf_hashes(&self, from: u64, limit: usize) -> Result<Vec<[u8; 32]>, LedgerError>;

    /// Keeps a snapshot in place of the one before.
    async fn save_snapshot(&self, snapshot: &Snapshot) -> Result<(), LedgerError>;

    /// Returns the newest snapshot, if there is one.
    async fn snapshot(&self) -> Result<Option<Snapshot>, LedgerError>;
}

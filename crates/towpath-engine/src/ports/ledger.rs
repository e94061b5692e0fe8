//! The ledger port: durable, ordered, append-only storage of entries.

use async_trait::async_trait;
use jiff::Timestamp;
use towpath_core::{
    ids::{EnvironmentName, PrincipalName},
    ledger::{Entry, Hash, LeafEntry, StoredCheckpoint},
};

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

/// Which entries to look for; what is `None` does not narrow the search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryFilter {
    /// The environment they concern.
    pub environment: Option<EnvironmentName>,
    /// What happened.
    pub kind: Option<String>,
    /// Who caused it.
    pub principal: Option<PrincipalName>,
    /// When at the earliest, inclusive.
    pub since: Option<Timestamp>,
    /// When at the latest, exclusive.
    pub until: Option<Timestamp>,
    /// Only entries with a lower sequence: the last one of the page before, to get the next page.
    pub before: Option<u64>,
    /// How many at most.
    pub limit: usize,
}

impl Default for EntryFilter {
    fn default() -> Self {
        Self { environment: None, kind: None, principal: None, since: None, until: None, before: None, limit: 100 }
    }
}

impl EntryFilter {
    /// Says whether this entry is looked for, the limit aside.
    pub fn matches(&self, entry: &Entry) -> bool {
        self.environment.as_ref().is_none_or(|name| entry.environment.as_ref() == Some(name))
            && self.kind.as_ref().is_none_or(|kind| entry.kind == *kind)
            && self.principal.as_ref().is_none_or(|name| entry.principal == *name)
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
            && self.before.is_none_or(|before| entry.sequence < before)
    }
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
    /// An entry cannot be stored; nothing was written.
    #[error("entry {sequence} cannot be stored: {reason}; nothing was written")]
    Unfit {
        /// Which entry.
        sequence: u64,
        /// What is wrong with it.
        reason: String,
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
    /// The storage failed otherwise. After a failed append nobody knows whether it was written: read the head.
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
    /// The entries are numbered on from `expected`; [`crate::journal::Journal`] sees to that and to their hashes.
    async fn append(&self, expected: u64, entries: &[LeafEntry], checkpoint: &str) -> Result<(), LedgerError>;

    /// Returns up to `limit` entries from `from` on, in order, with their leaf hashes as stored. Entries that are missing
    /// are passed over; one that cannot be read is [`LedgerError::Damaged`] with its sequence, unless entries before it
    /// can be returned.
    async fn read(&self, from: u64, limit: usize) -> Result<Vec<LeafEntry>, LedgerError>;

    /// Returns up to `limit` Merkle leaf hashes from `from` on, as they were stored with their entries, without gaps:
    /// a missing or malformed one is [`LedgerError::Damaged`].
    async fn leaf_hashes(&self, from: u64, limit: usize) -> Result<Vec<Hash>, LedgerError>;

    /// Returns up to `limit` of the checkpoints ever stored whose size is above `after`, smallest first.
    async fn checkpoints(&self, after: u64, limit: usize) -> Result<Vec<StoredCheckpoint>, LedgerError>;

    /// Returns the entries that the filter looks for, newest first.
    async fn search(&self, filter: &EntryFilter) -> Result<Vec<Entry>, LedgerError>;

    /// Keeps a snapshot in place of the one before.
    async fn save_snapshot(&self, snapshot: &Snapshot) -> Result<(), LedgerError>;

    /// Returns the newest snapshot, if there is one.
    async fn snapshot(&self) -> Result<Option<Snapshot>, LedgerError>;
}

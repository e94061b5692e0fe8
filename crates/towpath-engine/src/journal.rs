//! The journal: the only writer of the ledger. It numbers and hashes entries, keeps the Merkle tree and signs one
//! checkpoint per group.
//!
//! It does not know what the entries mean and it folds nothing.

mod audit;

use std::sync::Arc;

use towpath_core::ledger::{
    Checkpoint, CheckpointSigner, CheckpointVerifier, Entry, Hash, LeafEntry, ProofError, Tree, prove_consistency,
    prove_inclusion,
};

use crate::ports::{Ledger, LedgerError};

pub use audit::audit;

/// How many leaf hashes one request to the ledger asks for: 2 MiB of them.
const HASHES_AT_ONCE: usize = 65_536;

/// The only writer of a ledger.
pub struct Journal {
    ledger: Arc<dyn Ledger>,
    signer: CheckpointSigner,
    tree: Tree,
    checkpoint: Option<String>,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// What is asked for cannot be proved of this ledger.
    #[error("there is no such proof")]
    Impossible(#[source] ProofError),
    /// The ledger could not be read.
    #[error("the ledger could not be read for the proof")]
    Ledger(#[source] LedgerError),
}

impl Journal {
    /// Opens the ledger for writing: rebuilds the tree from the stored leaf hashes and checks it against the newest
    /// checkpoint. [`LedgerError::Damaged`] says what does not fit; nothing is changed then.
    pub async fn open(ledger: Arc<dyn Ledger>, signer: CheckpointSigner) -> Result<Self, LedgerError> {
        Self::open_from(ledger, signer, Tree::default()).await
    }

    /// Opens the ledger with a tree that is known of its first entries, so that only the leaf hashes after those are read. The
    /// newest checkpoint is signed over all of them: a tree that is not of this ledger is found out as damage.
    pub async fn open_from(
        ledger: Arc<dyn Ledger>,
        signer: CheckpointSigner,
        known: Tree,
    ) -> Result<Self, LedgerError> {
        let head = ledger.head().await?;
        let mut tree = known;
        // Not beyond the head: another writer may be appending, which the first append will find out.
        while tree.size() < head.size {
            for hash in page(ledger.as_ref(), tree.size(), head.size).await? {
                tree.append(hash);
            }
        }
        check_head(head.checkpoint.as_deref(), &tree, signer.verifier())?;
        Ok(Self { ledger, signer, tree, checkpoint: head.checkpoint })
    }

    /// Appends a group of entries durably, with one signed checkpoint. The entries must be numbered on from
    /// [`Journal::size`]; an empty group does nothing.
    ///
    /// After any error the journal is as before. If it was [`LedgerError::Storage`] the group may have been written all
    /// the same: the next append then fails with [`LedgerError::Conflict`], and the writer has to open the journal
    /// again and fold what it did not know of.
    pub async fn append(&mut self, entries: Vec<Entry>) -> Result<(), LedgerError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut tree = self.tree.clone();
        let mut leaves: Vec<LeafEntry> = Vec::with_capacity(entries.len());
        for entry in entries {
            let unfit = |reason: String| LedgerError::Unfit { sequence: entry.sequence, reason };
            if entry.sequence != tree.size() {
                return Err(unfit(format!("its place would be {}", tree.size())));
            }
            entry.check().map_err(|error| unfit(error.to_string()))?;
            let leaf = entry.into_leaf();
            tree.append(leaf.leaf_hash);
            leaves.push(leaf);
        }
        let checkpoint = self.signer.sign(tree.size(), tree.root());
        self.ledger.append(self.tree.size(), &leaves, &checkpoint).await?;
        self.tree = tree;
        self.checkpoint = Some(checkpoint);
        Ok(())
    }

    /// Returns the number of entries.
    pub const fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Returns the Merkle tree over all entries.
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Returns the root of the Merkle tree over all entries.
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Returns the newest signed checkpoint; `None` while the ledger is empty.
    pub fn checkpoint(&self) -> Option<&str> {
        self.checkpoint.as_deref()
    }

    /// Returns what checks this ledger's checkpoints.
    pub const fn verifier(&self) -> &CheckpointVerifier {
        self.signer.verifier()
    }

    /// Proves that an entry is in the ledger of the newest checkpoint.
    pub async fn prove_inclusion(&self, sequence: u64) -> Result<Vec<Hash>, ProveError> {
        let leaves = self.leaves(self.size()).await?;
        prove_inclusion(&leaves, sequence).map_err(ProveError::Impossible)
    }

    /// Proves that the ledger of `to` entries begins with that of `from` entries.
    pub async fn prove_consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, ProveError> {
        if to > self.size() {
            return Err(ProveError::Impossible(ProofError::NoSuchRange { from, to }));
        }
        let leaves = self.leaves(to).await?;
        prove_consistency(&leaves, from).map_err(ProveError::Impossible)
    }

    async fn leaves(&self, size: u64) -> Result<Vec<Hash>, ProveError> {
        let mut leaves = Vec::new();
        while (leaves.len() as u64) < size {
            let more = page(self.ledger.as_ref(), leaves.len() as u64, size).await;
            leaves.extend(more.map_err(ProveError::Ledger)?);
        }
        Ok(leaves)
    }
}

/// Returns some leaf hashes, at least one, from `from` on and below `end`.
async fn page(ledger: &dyn Ledger, from: u64, end: u64) -> Result<Vec<Hash>, LedgerError> {
    let limit = usize::try_from(end - from).unwrap_or(HASHES_AT_ONCE).min(HASHES_AT_ONCE);
    let hashes = ledger.leaf_hashes(from, limit).await?;
    if hashes.is_empty() { Err(damaged(from, "it is missing")) } else { Ok(hashes) }
}

fn check_head(note: Option<&str>, tree: &Tree, verifier: &CheckpointVerifier) -> Result<(), LedgerError> {
    let last = tree.size().saturating_sub(1);
    let Some(note) = note else {
        return if tree.size() == 0 { Ok(()) } else { Err(damaged(last, "there is no checkpoint over it")) };
    };
    let Checkpoint { size, root, .. } = verifier.verify(note).map_err(|error| damaged(last, &error.to_string()))?;
    if size > tree.size() {
        return Err(damaged(tree.size(), &format!("it is missing; the checkpoint covers {size} entries")));
    }
    if size < tree.size() {
        return Err(damaged(size, "it was added without a checkpoint"));
    }
    if root == tree.root() {
        Ok(())
    } else {
        Err(damaged(last, "the entries up to it are not those of the checkpoint"))
    }
}

fn damaged(sequence: u64, reason: &str) -> LedgerError {
    LedgerError::Damaged { sequence, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;

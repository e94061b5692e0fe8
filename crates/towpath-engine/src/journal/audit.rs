//! Feeds a stored ledger to the audit of core, a page at a time.

use towpath_core::ledger::{AuditReport, Checkpoint, CheckpointVerifier, LedgerAudit};

use crate::ports::{Ledger, LedgerError};

/// How many entries are held in memory at once.
const PAGE: usize = 4096;

/// Reads the whole ledger and says what is wrong with it. `expected` is a checkpoint that was kept elsewhere and is
/// believed: without one, a ledger that was put back to an earlier state in all its parts cannot be told from that state.
/// An error means that the storage failed, not that something is wrong with the entries.
pub async fn audit(
    ledger: &dyn Ledger,
    verifier: &CheckpointVerifier,
    expected: Option<Checkpoint>,
) -> Result<AuditReport, LedgerError> {
    let mut audit = LedgerAudit::new(verifier.clone());
    if let Some(expected) = expected {
        audit = audit.expect(expected);
    }
    let (mut next, mut covered) = (0, 0);
    loop {
        // There is at most one checkpoint per entry, so a page of them reaches at least as far as a page of entries.
        for checkpoint in ledger.checkpoints(covered, PAGE).await? {
            covered = checkpoint.size;
            audit.push_checkpoint(checkpoint);
        }
        let page = match ledger.read(next, PAGE).await {
            Ok(page) => page,
            Err(LedgerError::Damaged { sequence, reason }) if sequence >= next => {
                let hash = ledger.leaf_hashes(sequence, 1).await.unwrap_or_default().first().copied();
                audit.push_unreadable(sequence, hash, reason);
                next = sequence.saturating_add(1);
                continue;
            }
            Err(error) => return Err(error),
        };
        let Some(last) = page.last() else { return Ok(audit.finish()) };
        next = last.entry.sequence.saturating_add(1);
        for leaf in &page {
            audit.push(leaf);
        }
    }
}

//! A fake of the ledger port with faults on demand. It is deterministic: no clock, no chance, no waiting.

use std::{
    collections::VecDeque,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use towpath_core::ledger::{Entry, Hash, LeafEntry, StoredCheckpoint};
use towpath_engine::ports::{EntryFilter, Ledger, LedgerError, LedgerHead, Snapshot};

/// What goes wrong with an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerFault {
    /// The disk is full: nothing is written.
    Full,
    /// The storage fails and nothing is written.
    FailsBefore,
    /// Everything is written but the answer is lost.
    FailsAfter,
    /// The power goes before anything is written; nothing works until [`MemoryLedger::restart`].
    CrashesBefore,
    /// The power goes after everything is written; nothing works until [`MemoryLedger::restart`].
    CrashesAfter,
}

/// A ledger in memory. It survives a simulated crash as a disk would.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    state: Mutex<State>,
}

#[derive(Debug, Clone, Default)]
struct State {
    entries: Vec<LeafEntry>,
    checkpoints: Vec<StoredCheckpoint>,
    snapshot: Option<Snapshot>,
    faults: VecDeque<(u64, LedgerFault)>,
    down: bool,
}

impl MemoryLedger {
    /// Lets an append go wrong after `skip` more appends have gone well, counted from the fault planned before this one.
    pub fn plan_fault(&self, skip: u64, fault: LedgerFault) {
        self.lock().faults.push_back((skip, fault));
    }

    /// Forgets all faults that are still to come.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Says whether a crash has happened since the last restart.
    pub fn is_down(&self) -> bool {
        self.lock().down
    }

    /// Lets the ledger work again after a crash.
    pub fn restart(&self) {
        self.lock().down = false;
    }

    /// Returns a copy of what is stored, as a second disk with the same content; planned faults are not copied.
    #[must_use]
    pub fn copy(&self) -> Self {
        let mut state = self.lock().clone();
        state.faults.clear();
        state.down = false;
        Self { state: Mutex::new(state) }
    }

    /// Changes what is stored behind the ledger's back.
    pub fn tamper(&self, change: impl FnOnce(&mut Vec<LeafEntry>, &mut Vec<StoredCheckpoint>)) {
        let state = &mut *self.lock();
        change(&mut state.entries, &mut state.checkpoints);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn up(&self) -> Result<MutexGuard<'_, State>, LedgerError> {
        let state = self.lock();
        if state.down { Err(failure("the simulated machine is down")) } else { Ok(state) }
    }
}

impl State {
    fn next_fault(&mut self) -> Option<LedgerFault> {
        let (skip, fault) = self.faults.front_mut()?;
        if *skip > 0 {
            *skip -= 1;
            return None;
        }
        let fault = *fault;
        self.faults.pop_front();
        Some(fault)
    }

    fn write(&mut self, entries: &[LeafEntry], checkpoint: &str) {
        self.entries.extend_from_slice(entries);
        let size = self.entries.len() as u64;
        self.checkpoints.push(StoredCheckpoint { size, note: checkpoint.to_owned() });
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn head(&self) -> Result<LedgerHead, LedgerError> {
        let state = self.up()?;
        let checkpoint = state.checkpoints.last().map(|checkpoint| checkpoint.note.clone());
        Ok(LedgerHead { size: state.entries.len() as u64, checkpoint })
    }

    async fn append(&self, expected: u64, entries: &[LeafEntry], checkpoint: &str) -> Result<(), LedgerError> {
        let state = &mut *self.up()?;
        let actual = state.entries.len() as u64;
        if actual != expected {
            return Err(LedgerError::Conflict { expected, actual });
        }
        match state.next_fault() {
            None => {
                state.write(entries, checkpoint);
                Ok(())
            }
            Some(LedgerFault::Full) => Err(LedgerError::Full(Box::new(io::Error::from(io::ErrorKind::StorageFull)))),
            Some(LedgerFault::FailsBefore) => Err(failure("a simulated fault before the write")),
            Some(LedgerFault::FailsAfter) => {
                state.write(entries, checkpoint);
                Err(failure("a simulated fault after the write"))
            }
            Some(LedgerFault::CrashesBefore) => {
                state.down = true;
                Err(failure("a simulated crash before the write"))
            }
            Some(LedgerFault::CrashesAfter) => {
                state.write(entries, checkpoint);
                state.down = true;
                Err(failure("a simulated crash after the write"))
            }
        }
    }

    async fn read(&self, from: u64, limit: usize) -> Result<Vec<LeafEntry>, LedgerError> {
        // Not by index: a test may have tampered with the sequences.
        Ok(self.up()?.entries.iter().filter(|leaf| leaf.entry.sequence >= from).take(limit).cloned().collect())
    }

    async fn leaf_hashes(&self, from: u64, limit: usize) -> Result<Vec<Hash>, LedgerError> {
        let state = self.up()?;
        let skip = usize::try_from(from).unwrap_or(usize::MAX);
        Ok(state.entries.iter().skip(skip).take(limit).map(|leaf| leaf.leaf_hash).collect())
    }

    async fn checkpoints(&self, after: u64, limit: usize) -> Result<Vec<StoredCheckpoint>, LedgerError> {
        let state = self.up()?;
        Ok(state.checkpoints.iter().filter(|checkpoint| checkpoint.size > after).take(limit).cloned().collect())
    }

    async fn search(&self, filter: &EntryFilter) -> Result<Vec<Entry>, LedgerError> {
        let state = self.up()?;
        let newest_first = state.entries.iter().rev().map(|leaf| &leaf.entry);
        Ok(newest_first.filter(|entry| filter.matches(entry)).take(filter.limit).cloned().collect())
    }

    async fn save_snapshot(&self, snapshot: &Snapshot) -> Result<(), LedgerError> {
        self.up()?.snapshot = Some(snapshot.clone());
        Ok(())
    }

    async fn snapshot(&self) -> Result<Option<Snapshot>, LedgerError> {
        Ok(self.up()?.snapshot.clone())
    }
}

fn failure(what: &'static str) -> LedgerError {
    LedgerError::Storage(what.into())
}

#[cfg(test)]
mod tests;

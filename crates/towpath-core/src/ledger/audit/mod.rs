//! The audit of a stored ledger: reads entries once, in order, and says exactly what was changed, removed, inserted,
//! reordered or cut off since it was written.
//!
//! What it rests on: the leaf hash stored with each entry finds a change of the entry; the signed checkpoints find a
//! change of the leaf hashes. Who holds the signing key can write another history, and who restores an older copy of the
//! whole ledger leaves no trace in it: only a checkpoint kept elsewhere ([`LedgerAudit::expect`]) finds those.

mod align;

use std::{
    collections::{BTreeSet, VecDeque},
    fmt,
};

use align::{Alignment, Origin};

use super::{
    checkpoint::{Checkpoint, CheckpointError, CheckpointVerifier, StoredCheckpoint},
    entry::LeafEntry,
    tree::{Hash, Tree},
};

/// How many entries that fit nowhere are kept until the end to see whether they come from another place.
const MAX_SUSPECTS: usize = 128;
/// How many skipped places are remembered while reading.
const MAX_SKIPPED: usize = 128;

/// How far ahead an entry is looked for that does not fit its place, and how many hashes that may cost in all.
const FARTHEST: u64 = 4096;
const SEARCH_BUDGET: u64 = 1_000_000;
/// Sequences from here on are nonsense: databases count entries in signed numbers.
const MAX_SEQUENCE: u64 = i64::MAX as u64;

/// One thing that is wrong with a stored ledger. All ranges include both ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// Entries are not what was hashed.
    Changed {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// Entries are not there any more; others follow.
    Removed {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// Entries were put in.
    Inserted {
        /// The first of them, as numbered now.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// Entries stand at the places of others.
    Reordered {
        /// The places, ascending.
        places: Vec<u64>,
    },
    /// Entries that a signed checkpoint covers are missing at the end.
    Truncated {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// Entries at the end are covered by no checkpoint.
    Unsigned {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// Entries were changed, removed, inserted or reordered, and hashed again: every entry fits its hash, but the
    /// checkpoint signed over these entries does not fit them.
    Rewritten {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// An entry cannot even be read.
    Unreadable {
        /// Which entry.
        sequence: u64,
        /// Why.
        reason: String,
    },
    /// A checkpoint is not to be believed.
    BadCheckpoint {
        /// The number of entries it stands for.
        size: u64,
        /// Why.
        error: CheckpointError,
    },
    /// There are entries but no checkpoint that can be believed.
    NoCheckpoint,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// How many entries were read.
    pub entries: u64,
    /// The newest checkpoint whose signature holds.
    pub checkpoint: Option<Checkpoint>,
    /// What is wrong, in order of kind and place; empty means nothing is.
    pub findings: Vec<Finding>,
}

/// An audit under way.
#[derive(Debug)]
pub struct LedgerAudit {
    verifier: CheckpointVerifier,
    checkpoints: VecDeque<StoredCheckpoint>,
    expected: Option<Checkpoint>,
    newest: Option<StoredCheckpoint>,
    /// The tree over the stored leaf hashes, as long as they can be those that were signed.
    tree: Option<Tree>,
    /// Size of the last checkpoint whose root fitted.
    confirmed: u64,
    next: u64,
    read: u64,
    alignment: Alignment,
    offset: i128,
    skipped: BTreeSet<u64>,
    suspects: Vec<LeafEntry>,
    search_budget: u64,
    findings: Vec<Finding>,
}

impl LedgerAudit {
    /// Begins an audit of the ledger whose checkpoints this key signs.
    pub fn new(verifier: CheckpointVerifier) -> Self {
        Self {
            verifier,
            checkpoints: VecDeque::new(),
            expected: None,
            newest: None,
            tree: Some(Tree::default()),
            confirmed: 0,
            next: 0,
            read: 0,
            alignment: Alignment::default(),
            offset: 0,
            skipped: BTreeSet::new(),
            suspects: Vec::new(),
            search_budget: SEARCH_BUDGET,
            findings: Vec::new(),
        }
    }

    /// Demands that the ledger still begins with what this checkpoint says: one that was kept elsewhere and is believed.
    #[must_use]
    pub fn expect(mut self, checkpoint: Checkpoint) -> Self {
        self.expected = Some(checkpoint);
        self
    }

    /// Hands in the next stored checkpoint. They must come in ascending order, and each before the entry at whose number
    /// it stands (the first entry it does not cover).
    pub fn push_checkpoint(&mut self, checkpoint: StoredCheckpoint) {
        self.newest = Some(checkpoint.clone());
        self.checkpoints.push_back(checkpoint);
    }

    /// Hands in the next stored entry.
    pub fn push(&mut self, leaf: &LeafEntry) {
        let Some(place) = self.arrive(leaf.entry.sequence, Some(leaf.leaf_hash)) else { return };
        if leaf.entry.leaf_hash() == leaf.leaf_hash {
            self.place(place, Origin::From(place));
            return;
        }
        if let Some(origin) = self.origin_of(leaf, place) {
            self.place(place, Origin::From(origin));
            return;
        }
        if self.suspects.len() < MAX_SUSPECTS {
            self.suspects.push(leaf.clone());
        }
        self.alignment.push(place, Origin::Foreign);
    }

    /// Hands in the place of an entry that could not be read, with its leaf hash if that could be.
    pub fn push_unreadable(&mut self, sequence: u64, leaf_hash: Option<Hash>, reason: String) {
        self.findings.push(Finding::Unreadable { sequence, reason });
        if let Some(place) = self.arrive(sequence, leaf_hash) {
            let origin = u64::try_from(i128::from(place) + self.offset).unwrap_or(place);
            self.place(place, Origin::From(origin));
        }
    }

    /// Ends the audit.
    pub fn finish(mut self) -> AuditReport {
        self.check_roots();
        self.resolve_suspects();
        let checkpoint = self.newest_believed();
        let signed = match (&checkpoint, &self.expected) {
            (Some(stored), Some(expected)) => Some(stored.size.max(expected.size)),
            (Some(only), None) | (None, Some(only)) => Some(only.size),
            (None, None) => None,
        };
        if checkpoint.is_none() && self.newest.is_none() && self.next > 0 {
            self.findings.push(Finding::NoCheckpoint);
        }
        self.findings.extend(self.alignment.findings(self.next, signed));
        self.drop_explained();
        self.findings.sort();
        self.findings.dedup();
        AuditReport { entries: self.read, checkpoint, findings: self.findings }
    }

    /// Takes note that something stands at `sequence` and returns its place, or `None` if that place has passed.
    fn arrive(&mut self, sequence: u64, leaf_hash: Option<Hash>) -> Option<u64> {
        self.check_roots();
        self.read += 1;
        if sequence >= MAX_SEQUENCE {
            let reason = "no ledger grows this long".to_owned();
            self.findings.push(Finding::Unreadable { sequence, reason });
            return None;
        }
        if sequence < self.next {
            self.findings.push(Finding::Reordered { places: vec![sequence] });
            self.tree = None;
            return None;
        }
        if sequence > self.next {
            self.tree = None;
        }
        match (leaf_hash, &mut self.tree) {
            (Some(hash), Some(tree)) => tree.append(hash),
            (None, tree) => *tree = None,
            (Some(_), None) => {}
        }
        self.next = sequence + 1;
        Some(sequence)
    }

    /// Takes note that the entry which was at `origin` is at `place`.
    fn place(&mut self, place: u64, origin: Origin) {
        if let Origin::From(origin) = origin {
            let follows = self.alignment.highest();
            self.skipped.extend((follows..origin).take(MAX_SKIPPED.saturating_sub(self.skipped.len())));
            self.skipped.remove(&origin);
            self.offset = i128::from(origin) - i128::from(place);
            if origin != place {
                self.tree = None;
            }
        }
        self.alignment.push(place, origin);
    }

    /// Finds out where an entry was that does not fit its place: moved entries fit their hash with the number they had.
    fn origin_of(&mut self, leaf: &LeafEntry, place: u64) -> Option<u64> {
        let fits = |origin: &u64| *origin != place && leaf.entry.leaf_hash_at(*origin) == leaf.leaf_hash;
        let near = [self.offset, self.offset + 1, self.offset - 1, 1, -1]
            .into_iter()
            .filter_map(|offset| u64::try_from(i128::from(place) + offset).ok());
        let found = near.chain(self.skipped.iter().copied()).find(fits);
        if found.is_some() {
            return found;
        }
        let first = self.alignment.highest();
        let length = self.claimed().saturating_sub(first).min(FARTHEST).min(self.search_budget);
        self.search_budget -= length;
        (first..first + length).find(fits)
    }

    /// Returns how many entries there should be, as far as the checkpoints seen until now claim.
    fn claimed(&self) -> u64 {
        let stored = self.newest.as_ref().map_or(0, |checkpoint| checkpoint.size.min(MAX_SEQUENCE));
        stored.max(self.expected.as_ref().map_or(0, |expected| expected.size.min(MAX_SEQUENCE)))
    }

    /// Compares the tree with the checkpoints that stand at its size.
    fn check_roots(&mut self) {
        if let (Some(tree), Some(expected)) = (&self.tree, &self.expected)
            && tree.size() == expected.size
            && tree.root() != expected.root
        {
            // The stored checkpoints up to here may be as false as the entries, so they narrow nothing down.
            self.findings.push(Finding::Rewritten { first: 0, last: expected.size.saturating_sub(1) });
            self.tree = None;
        }
        while let Some(checkpoint) = self.checkpoints.front()
            && checkpoint.size <= self.next
        {
            let checkpoint = self.checkpoints.pop_front();
            let Some((tree, checkpoint)) = self.tree.as_ref().zip(checkpoint) else { continue };
            if tree.size() != checkpoint.size {
                continue;
            }
            let says = Checkpoint::read_unverified(&checkpoint.note);
            if says.as_ref().is_ok_and(|says| says.size == checkpoint.size && says.root == tree.root()) {
                self.confirmed = checkpoint.size;
                continue;
            }
            // Only a checkpoint that was really signed says something about the entries.
            match believe(&self.verifier, &checkpoint) {
                Ok(_) => self.rewritten_until(checkpoint.size),
                Err(error) => self.findings.push(Finding::BadCheckpoint { size: checkpoint.size, error }),
            }
        }
    }

    fn rewritten_until(&mut self, size: u64) {
        self.findings.push(Finding::Rewritten { first: self.confirmed, last: size.saturating_sub(1) });
        self.tree = None;
    }

    fn newest_believed(&mut self) -> Option<Checkpoint> {
        let newest = self.newest.clone()?;
        believe(&self.verifier, &newest)
            .map_err(|error| self.findings.push(Finding::BadCheckpoint { size: newest.size, error }))
            .ok()
    }

    /// Looks once more where entries that fitted nowhere come from, now that all vacant places are known.
    fn resolve_suspects(&mut self) {
        let behind = (self.alignment.highest()..self.claimed()).take(MAX_SKIPPED);
        let vacant: Vec<u64> = self
            .skipped
            .iter()
            .copied()
            .chain(self.suspects.iter().map(|leaf| leaf.entry.sequence))
            .chain(behind)
            .collect();
        for leaf in &self.suspects {
            let place = leaf.entry.sequence;
            let hash_at = |origin: u64| {
                self.suspects.iter().find(|other| other.entry.sequence == origin).map(|other| other.leaf_hash)
            };
            let origin = vacant.iter().copied().filter(|origin| *origin != place).find(|origin| {
                let hash = leaf.entry.leaf_hash_at(*origin);
                // The hash went along with the entry, or stayed where it was.
                hash == leaf.leaf_hash || Some(hash) == hash_at(*origin)
            });
            if let Some(origin) = origin {
                self.alignment.resolve(place, origin);
            }
        }
    }

    /// Drops the general finding about a range of which a more exact one is known.
    fn drop_explained(&mut self) {
        let exact: Vec<(u64, u64)> = self.findings.iter().filter_map(Finding::range).collect();
        self.findings.retain(|finding| match finding {
            Finding::Rewritten { first, last } => !exact.iter().any(|(from, to)| from <= last && first <= to),
            Finding::Changed { .. }
            | Finding::Removed { .. }
            | Finding::Inserted { .. }
            | Finding::Reordered { .. }
            | Finding::Truncated { .. }
            | Finding::Unsigned { .. }
            | Finding::Unreadable { .. }
            | Finding::BadCheckpoint { .. }
            | Finding::NoCheckpoint => true,
        });
    }
}

fn believe(verifier: &CheckpointVerifier, stored: &StoredCheckpoint) -> Result<Checkpoint, CheckpointError> {
    let checkpoint = verifier.verify(&stored.note)?;
    if checkpoint.size == stored.size { Ok(checkpoint) } else { Err(CheckpointError::NotACheckpoint) }
}

impl AuditReport {
    /// Says whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

impl Finding {
    /// Returns the places that an exact finding is about.
    fn range(&self) -> Option<(u64, u64)> {
        match self {
            Self::Changed { first, last } | Self::Removed { first, last } | Self::Inserted { first, last } => {
                Some((*first, *last))
            }
            Self::Reordered { places } => places.first().copied().zip(places.last().copied()),
            Self::Unreadable { sequence, .. } => Some((*sequence, *sequence)),
            Self::Truncated { .. }
            | Self::Unsigned { .. }
            | Self::Rewritten { .. }
            | Self::BadCheckpoint { .. }
            | Self::NoCheckpoint => None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { first, last } => {
                write!(f, "{} changed: not what was hashed when written", entries(*first, *last, "was", "were"))
            }
            Self::Removed { first, last } => write!(f, "{} removed", entries(*first, *last, "was", "were")),
            Self::Inserted { first, last } => {
                write!(f, "{} inserted: nobody wrote it there", entries(*first, *last, "was", "were"))
            }
            Self::Reordered { places } => write_places(f, places),
            Self::Truncated { first, last } => {
                write!(f, "{} cut off the end: a signed checkpoint covers more", entries(*first, *last, "was", "were"))
            }
            Self::Unsigned { first, last } => {
                write!(f, "{} after the last checkpoint, unsigned", entries(*first, *last, "stands", "stand"))
            }
            Self::Rewritten { first, last } => write!(
                f,
                "{} not what was signed: changed, removed, inserted or reordered, and hashed again",
                entries(*first, *last, "is", "are")
            ),
            Self::Unreadable { sequence, reason } => write!(f, "entry {sequence} cannot be read: {reason}"),
            Self::BadCheckpoint { size, error } => write!(f, "the checkpoint at {size} entries does not hold: {error}"),
            Self::NoCheckpoint => {
                f.write_str("there are entries but no checkpoint, so nothing proves that all are there")
            }
        }
    }
}

fn entries(first: u64, last: u64, one: &str, many: &str) -> String {
    if first == last { format!("entry {first} {one}") } else { format!("entries {first} to {last} {many}") }
}

fn write_places(f: &mut fmt::Formatter<'_>, places: &[u64]) -> fmt::Result {
    /// How many places are worth reading.
    const SHOWN: usize = 10;
    let shown: Vec<String> = places.iter().take(SHOWN).map(u64::to_string).collect();
    write!(f, "entries were reordered: what stands at {} belongs elsewhere", shown.join(", "))?;
    if places.len() > SHOWN { write!(f, " (and {} more)", places.len() - SHOWN) } else { Ok(()) }
}

#[cfg(test)]
mod tests;

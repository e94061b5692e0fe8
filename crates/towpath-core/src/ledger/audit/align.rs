//! Puts the entries as they stand beside the entries as they were, and says what it took to get from one to the other.
//!
//! It keeps runs, not entries, so that a ledger of which everything moved by one place takes no more room than a sound one.

use super::Finding;

/// How many runs are kept; a ledger in more pieces than this is reported in one piece.
const MAX_RUNS: usize = 4096;
/// How many reordered places are listed.
const MAX_PLACES: u64 = 10_000;

/// Where an entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It was written as this one.
    From(u64),
    /// It fits nowhere.
    Foreign,
}

/// Entries that stand together and, if they were written, were written together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    place: u64,
    origin: Origin,
    length: u64,
}

/// The entries as they stand, in runs.
#[derive(Debug, Default)]
pub(super) struct Alignment {
    runs: Vec<Run>,
    /// The first place from which runs were too many to keep.
    overflow: Option<u64>,
    /// The origin after the highest one met.
    highest: u64,
}

impl Run {
    fn continues(&self, place: u64, origin: Origin) -> bool {
        place == self.place + self.length
            && match (self.origin, origin) {
                (Origin::From(first), Origin::From(next)) => next == first + self.length,
                // Foreign entries stay apart, since each may yet be found to come from somewhere.
                (Origin::Foreign, Origin::Foreign | Origin::From(_)) | (Origin::From(_), Origin::Foreign) => false,
            }
    }

    fn is_misplaced(&self) -> bool {
        matches!(self.origin, Origin::From(origin) if origin != self.place)
    }
}

impl Alignment {
    /// Adds the entry at `place`. Places must ascend.
    pub(super) fn push(&mut self, place: u64, origin: Origin) {
        if let Origin::From(origin) = origin {
            self.highest = self.highest.max(origin + 1);
        }
        if let Some(last) = self.runs.last_mut()
            && last.continues(place, origin)
        {
            last.length += 1;
        } else if self.runs.len() < MAX_RUNS {
            self.runs.push(Run { place, origin, length: 1 });
        } else if self.overflow.is_none() {
            self.overflow = Some(place);
        }
    }

    /// Returns the origin after the highest one met.
    pub(super) const fn highest(&self) -> u64 {
        self.highest
    }

    /// Says that the entry at `place`, foreign until now, comes from `origin`.
    pub(super) fn resolve(&mut self, place: u64, origin: u64) {
        if let Some(run) = self.runs.iter_mut().find(|run| run.place == place && run.origin == Origin::Foreign) {
            run.origin = Origin::From(origin);
        }
    }

    /// Says what is wrong, given where the ledger ends now and how many entries were signed, if that is known.
    pub(super) fn findings(&mut self, end: u64, signed: Option<u64>) -> Vec<Finding> {
        self.unmask();
        let mut findings = Vec::new();
        if let Some(first) = self.overflow {
            findings.push(Finding::Changed { first, last: end.saturating_sub(1) });
        }
        let ascends = self.origins().is_sorted_by(|left, right| left.0 + left.1 <= right.0);
        let permuted = !ascends && self.is_permutation();
        if !ascends {
            findings.push(Finding::Reordered { places: self.misplaced() });
        }
        if ascends || permuted {
            self.walk(permuted, signed.filter(|_| self.overflow.is_none()), &mut findings);
        } else {
            for run in self.runs.iter().filter(|run| run.origin == Origin::Foreign) {
                changed(&mut findings, run.place, run.length);
            }
        }
        // Numbered otherwise than written, with nothing removed nor inserted: places were left empty.
        if findings.is_empty() && self.runs.iter().any(Run::is_misplaced) {
            findings.push(Finding::Reordered { places: self.misplaced() });
        }
        findings
    }

    /// Of two entries that claim the same origin the earlier is foreign: it was put in with a number and a hash of its own,
    /// and pushed the other one away.
    fn unmask(&mut self) {
        let mut unmasked: Vec<Run> = Vec::with_capacity(self.runs.len());
        for run in &self.runs {
            if let (Origin::From(origin), Some(last)) = (run.origin, unmasked.last_mut())
                && let Origin::From(first) = last.origin
                && first < origin + run.length
                && origin < first + last.length
            {
                let kept = origin.saturating_sub(first);
                let foreign = Run { place: last.place + kept, origin: Origin::Foreign, length: last.length - kept };
                last.length = kept;
                unmasked.push(foreign);
            }
            unmasked.push(*run);
        }
        unmasked.retain(|run| run.length > 0);
        self.runs = unmasked;
    }

    fn origins(&self) -> impl Iterator<Item = (u64, u64)> {
        self.runs.iter().filter_map(|run| match run.origin {
            Origin::From(origin) => Some((origin, run.length)),
            Origin::Foreign => None,
        })
    }

    /// Says whether the misplaced entries only changed places among themselves.
    fn is_permutation(&self) -> bool {
        let ranges = |of: fn(&Run) -> Option<u64>| {
            let mut ranges: Vec<(u64, u64)> = Vec::new();
            let mut sorted: Vec<_> = self
                .runs
                .iter()
                .filter(|run| run.is_misplaced())
                .filter_map(|run| Some((of(run)?, run.length)))
                .collect();
            sorted.sort_unstable();
            for (start, length) in sorted {
                match ranges.last_mut() {
                    Some((first, total)) if *first + *total == start => *total += length,
                    Some(_) | None => ranges.push((start, length)),
                }
            }
            ranges
        };
        ranges(|run| Some(run.place))
            == ranges(|run| match run.origin {
                Origin::From(origin) => Some(origin),
                Origin::Foreign => None,
            })
    }

    fn misplaced(&self) -> Vec<u64> {
        let mut places = Vec::new();
        for run in self.runs.iter().filter(|run| run.is_misplaced()) {
            places.extend(run.place..run.place + run.length.min(MAX_PLACES.saturating_sub(places.len() as u64)));
        }
        places
    }

    /// Walks over the entries in ascending order of origin and reports what is missing and what is too much.
    fn walk(&self, permuted: bool, signed: Option<u64>, findings: &mut Vec<Finding>) {
        // The next origin, and the foreign entries that were met since the last known one.
        let mut next = 0;
        let mut foreign: Vec<(u64, u64)> = Vec::new();
        for run in &self.runs {
            let origin = match run.origin {
                Origin::Foreign => {
                    foreign.push((run.place, run.length));
                    continue;
                }
                Origin::From(_) if permuted => run.place,
                Origin::From(origin) => origin,
            };
            let replaced = replace(&mut foreign, origin.saturating_sub(next), findings);
            if next + replaced < origin {
                findings.push(Finding::Removed { first: next + replaced, last: origin - 1 });
            }
            next = origin + run.length;
        }
        let Some(signed) = signed else {
            for (place, length) in foreign {
                changed(findings, place, length);
            }
            return;
        };
        let replaced = replace(&mut foreign, signed.saturating_sub(next), findings);
        if next + replaced < signed {
            findings.push(Finding::Truncated { first: next + replaced, last: signed - 1 });
        } else if signed < next {
            findings.push(Finding::Unsigned { first: signed, last: next - 1 });
        }
    }
}

/// Sets foreign entries against `missing` originals: that many are changed originals, the rest was inserted. Returns how many
/// originals are accounted for.
fn replace(foreign: &mut Vec<(u64, u64)>, missing: u64, findings: &mut Vec<Finding>) -> u64 {
    let mut left = missing;
    for (place, length) in foreign.drain(..) {
        let taken = length.min(left);
        left -= taken;
        changed(findings, place, taken);
        inserted(findings, place + taken, length - taken);
    }
    missing - left
}

fn changed(findings: &mut Vec<Finding>, place: u64, length: u64) {
    match findings.last_mut() {
        _ if length == 0 => {}
        Some(Finding::Changed { last, .. }) if last.checked_add(1) == Some(place) => *last += length,
        Some(_) | None => findings.push(Finding::Changed { first: place, last: place + length - 1 }),
    }
}

fn inserted(findings: &mut Vec<Finding>, place: u64, length: u64) {
    match findings.last_mut() {
        _ if length == 0 => {}
        Some(Finding::Inserted { last, .. }) if last.checked_add(1) == Some(place) => *last += length,
        Some(_) | None => findings.push(Finding::Inserted { first: place, last: place + length - 1 }),
    }
}

#[cfg(test)]
mod tests;

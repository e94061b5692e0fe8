//! Tests of `audit`.

use proptest::prelude::*;
use serde_json::json;

use super::{super::CheckpointSigner, *};
use crate::{
    ids::{EnvironmentName, PrincipalName},
    ledger::Entry,
};

/// A stored ledger that can be tampered with.
#[derive(Debug, Clone)]
struct Stored {
    leaves: Vec<LeafEntry>,
    checkpoints: Vec<StoredCheckpoint>,
}

fn signer() -> CheckpointSigner {
    CheckpointSigner::new("towpath.example/shop", &[7; 32]).unwrap()
}

fn entry(sequence: u64) -> Entry {
    Entry {
        sequence,
        at: jiff::Timestamp::from_second(1_772_442_000 + i64::try_from(sequence).unwrap()).unwrap(),
        principal: PrincipalName::new("ada").unwrap(),
        cause: format!("req-{sequence}"),
        environment: EnvironmentName::new("production").ok(),
        kind: "step_started".to_owned(),
        version: 1,
        body: json!({"revision": sequence * 7}),
    }
}

/// A ledger of `size` entries that were written in groups of `group`.
fn stored(size: u64, group: u64) -> Stored {
    let mut tree = Tree::default();
    let (mut leaves, mut checkpoints) = (Vec::new(), Vec::new());
    for sequence in 0..size {
        let leaf = entry(sequence).into_leaf();
        tree.append(leaf.leaf_hash);
        leaves.push(leaf);
        if tree.size().is_multiple_of(group) || tree.size() == size {
            checkpoints.push(StoredCheckpoint { size: tree.size(), note: signer().sign(tree.size(), tree.root()) });
        }
    }
    Stored { leaves, checkpoints }
}

impl Stored {
    fn audit(&self) -> AuditReport {
        self.audit_with(LedgerAudit::new(signer().verifier().clone()))
    }

    fn audit_with(&self, mut audit: LedgerAudit) -> AuditReport {
        for checkpoint in &self.checkpoints {
            audit.push_checkpoint(checkpoint.clone());
        }
        for leaf in &self.leaves {
            audit.push(leaf);
        }
        audit.finish()
    }

    fn findings(&self) -> Vec<Finding> {
        self.audit().findings
    }

    /// Numbers all entries on without a gap, as somebody would who hides that one is gone or new.
    fn renumber(&mut self) {
        for (sequence, leaf) in (0..).zip(&mut self.leaves) {
            leaf.entry.sequence = sequence;
        }
    }

    fn hash_again(&mut self) {
        for leaf in &mut self.leaves {
            leaf.leaf_hash = leaf.entry.leaf_hash();
        }
    }
}

fn reordered(places: &[u64]) -> Vec<Finding> {
    vec![Finding::Reordered { places: places.to_vec() }]
}

#[test]
fn a_sound_ledger_has_no_findings() {
    for (size, group) in [(0, 1), (1, 1), (2, 1), (50, 1), (50, 7), (50, 50)] {
        let report = stored(size, group).audit();
        assert_eq!(report.findings, [], "{size} in groups of {group}");
        assert_eq!((report.entries, report.checkpoint.map_or(0, |checkpoint| checkpoint.size)), (size, size));
    }
}

#[test]
fn a_changed_entry_is_named() {
    for place in [0, 13, 49] {
        let mut ledger = stored(50, 7);
        ledger.leaves[place].entry.body = json!({"revision": 8});
        let sequence = place as u64;
        assert_eq!(ledger.findings(), [Finding::Changed { first: sequence, last: sequence }]);
    }
}

#[test]
fn changed_neighbours_are_named_together() {
    let mut ledger = stored(50, 7);
    ledger.leaves[10..14].iter_mut().for_each(|leaf| leaf.entry.cause = "x".to_owned());
    ledger.leaves[20].entry.cause = "x".to_owned();
    let findings = [Finding::Changed { first: 10, last: 13 }, Finding::Changed { first: 20, last: 20 }];
    assert_eq!(ledger.findings(), findings);
}

#[test]
fn an_entry_that_was_changed_and_hashed_again_is_found_by_the_checkpoint_over_it() {
    let mut ledger = stored(50, 1);
    ledger.leaves[13].entry.body = json!({"revision": 8});
    ledger.hash_again();
    assert_eq!(ledger.findings(), [Finding::Rewritten { first: 13, last: 13 }]);

    let mut ledger = stored(50, 7);
    ledger.leaves[13].entry.body = json!({"revision": 8});
    ledger.hash_again();
    assert_eq!(ledger.findings(), [Finding::Rewritten { first: 7, last: 13 }]);
}

#[test]
fn a_changed_hash_is_named_as_its_entry() {
    let mut ledger = stored(50, 7);
    ledger.leaves[13].leaf_hash[0] ^= 1;
    assert_eq!(ledger.findings(), [Finding::Changed { first: 13, last: 13 }]);
}

#[test]
fn a_removed_entry_is_named_with_and_without_renumbering() {
    for (first, count) in [(0, 1), (13, 1), (20, 5), (48, 1)] {
        let mut ledger = stored(50, 7);
        ledger.leaves.drain(first..first + count);
        let removed = [Finding::Removed { first: first as u64, last: (first + count - 1) as u64 }];
        assert_eq!(ledger.findings(), removed);
        ledger.renumber();
        assert_eq!(ledger.findings(), removed, "renumbered");
    }
}

#[test]
fn several_removed_entries_are_all_named() {
    let mut ledger = stored(50, 7);
    ledger.leaves.remove(30);
    ledger.leaves.remove(10);
    ledger.renumber();
    assert_eq!(ledger.findings(), [Finding::Removed { first: 10, last: 10 }, Finding::Removed { first: 30, last: 30 }]);
}

#[test]
fn an_inserted_entry_is_named() {
    for place in [0, 13, 49] {
        let mut ledger = stored(50, 7);
        let foreign = Entry { cause: "forged".to_owned(), ..entry(place as u64) };
        ledger.leaves.insert(place, foreign.into_leaf());
        ledger.renumber();
        let place = place as u64;
        // The forger hashed the new entry, so where it stands it fits its own hash.
        ledger.leaves[usize::try_from(place).unwrap()].leaf_hash[0] ^= 1;
        assert_eq!(ledger.findings(), [Finding::Inserted { first: place, last: place }]);
    }
}

#[test]
fn an_inserted_entry_with_a_right_hash_is_found_too() {
    let mut ledger = stored(50, 7);
    ledger.leaves.insert(13, Entry { cause: "forged".to_owned(), ..entry(13) }.into_leaf());
    ledger.renumber();
    assert_eq!(ledger.findings(), [Finding::Inserted { first: 13, last: 13 }]);
}

#[test]
fn entries_behind_the_last_checkpoint_are_unsigned() {
    let mut ledger = stored(50, 7);
    ledger.leaves.push(entry(50).into_leaf());
    ledger.leaves.push(entry(51).into_leaf());
    assert_eq!(ledger.findings(), [Finding::Unsigned { first: 50, last: 51 }]);
}

#[test]
fn a_ledger_cut_off_after_a_checkpoint_is_truncated() {
    let mut ledger = stored(50, 7);
    ledger.leaves.truncate(40);
    assert_eq!(ledger.findings(), [Finding::Truncated { first: 40, last: 49 }]);
    ledger.leaves.clear();
    assert_eq!(ledger.findings(), [Finding::Truncated { first: 0, last: 49 }]);
}

#[test]
fn a_ledger_cut_off_with_its_checkpoints_is_found_by_one_kept_elsewhere() {
    let kept = signer().verifier().verify(&stored(50, 7).checkpoints[7].note).unwrap();
    let mut ledger = stored(50, 7);
    ledger.leaves.truncate(42);
    ledger.checkpoints.truncate(6);
    assert_eq!(ledger.findings(), []);
    let audit = LedgerAudit::new(signer().verifier().clone()).expect(kept.clone());
    assert_eq!(ledger.audit_with(audit).findings, [Finding::Truncated { first: 42, last: 49 }]);

    let mut forged = stored(50, 7);
    forged.leaves[3].entry.cause = "forged".to_owned();
    forged.hash_again();
    forged.checkpoints = vec![StoredCheckpoint { size: 50, note: signer().sign(50, forged_root(&forged)) }];
    assert_eq!(forged.findings(), []);
    let audit = LedgerAudit::new(signer().verifier().clone()).expect(kept);
    assert_eq!(forged.audit_with(audit).findings, [Finding::Rewritten { first: 0, last: 49 }]);
}

fn forged_root(ledger: &Stored) -> Hash {
    Tree::of(&ledger.leaves.iter().map(|leaf| leaf.leaf_hash).collect::<Vec<_>>()).root()
}

#[test]
fn swapped_entries_are_named_however_they_were_swapped() {
    for (one, other) in [(3, 4), (0, 49), (10, 30), (48, 49)] {
        let places = reordered(&[one as u64, other as u64]);
        // Rows with their hashes.
        let mut rows = stored(50, 7);
        rows.leaves.swap(one, other);
        rows.renumber();
        assert_eq!(rows.findings(), places, "rows {one} {other}");
        // Contents alone.
        let mut contents = stored(50, 7);
        let (left, right) = (contents.leaves[one].leaf_hash, contents.leaves[other].leaf_hash);
        contents.leaves.swap(one, other);
        contents.leaves[one].leaf_hash = left;
        contents.leaves[other].leaf_hash = right;
        contents.renumber();
        assert_eq!(contents.findings(), places, "contents {one} {other}");
    }
}

#[test]
fn a_moved_entry_and_all_it_pushed_aside_are_named() {
    let mut ledger = stored(50, 7);
    let moved = ledger.leaves.remove(10);
    ledger.leaves.insert(20, moved);
    ledger.renumber();
    assert_eq!(ledger.findings(), reordered(&(10..=20).collect::<Vec<_>>()));
}

#[test]
fn entries_that_were_numbered_with_a_hole_are_named() {
    let mut ledger = stored(5, 1);
    ledger.leaves[3..].iter_mut().for_each(|leaf| leaf.entry.sequence += 2);
    assert_eq!(ledger.findings(), reordered(&[5, 6]));
}

#[test]
fn reordered_entries_that_were_hashed_again_are_found_by_the_checkpoint_over_them() {
    let mut ledger = stored(50, 10);
    ledger.leaves.swap(23, 24);
    ledger.renumber();
    ledger.hash_again();
    assert_eq!(ledger.findings(), [Finding::Rewritten { first: 20, last: 29 }]);
}

#[test]
fn a_checkpoint_that_does_not_hold_is_named() {
    let mut ledger = stored(50, 7);
    let last = ledger.checkpoints.len() - 1;
    ledger.checkpoints[last].note = ledger.checkpoints[last].note.replacen("\n50\n", "\n51\n", 1);
    let wrong = Finding::BadCheckpoint { size: 50, error: CheckpointError::WrongSignature };
    assert_eq!(ledger.findings(), [wrong]);

    let other = CheckpointSigner::new("towpath.example/shop", &[8; 32]).unwrap();
    let mut ledger = stored(50, 7);
    ledger.checkpoints[last].note = other.sign(50, forged_root(&ledger));
    assert_eq!(ledger.findings(), [Finding::BadCheckpoint { size: 50, error: CheckpointError::NotSigned }]);
}

#[test]
fn a_ledger_without_checkpoints_proves_nothing() {
    let mut ledger = stored(5, 1);
    ledger.checkpoints.clear();
    assert_eq!(ledger.findings(), [Finding::NoCheckpoint]);
}

#[test]
fn an_unreadable_entry_is_named_and_the_rest_is_still_checked() {
    let mut ledger = stored(50, 7);
    ledger.leaves[30].entry.cause = "x".to_owned();
    let mut audit = LedgerAudit::new(signer().verifier().clone());
    ledger.checkpoints.iter().for_each(|checkpoint| audit.push_checkpoint(checkpoint.clone()));
    for leaf in &ledger.leaves {
        if leaf.entry.sequence == 13 {
            audit.push_unreadable(13, Some(leaf.leaf_hash), "its body is not JSON".to_owned());
        } else {
            audit.push(leaf);
        }
    }
    let unreadable = Finding::Unreadable { sequence: 13, reason: "its body is not JSON".to_owned() };
    assert_eq!(audit.finish().findings, [Finding::Changed { first: 30, last: 30 }, unreadable]);
}

#[test]
fn findings_read_as_sentences() {
    let findings = [
        Finding::Changed { first: 3, last: 3 },
        Finding::Removed { first: 3, last: 5 },
        Finding::Inserted { first: 3, last: 3 },
        Finding::Reordered { places: (3..20).collect() },
        Finding::Truncated { first: 40, last: 49 },
        Finding::Unsigned { first: 50, last: 50 },
        Finding::Rewritten { first: 7, last: 13 },
        Finding::Unreadable { sequence: 3, reason: "its body is not JSON".to_owned() },
        Finding::BadCheckpoint { size: 50, error: CheckpointError::WrongSignature },
        Finding::NoCheckpoint,
    ];
    insta::assert_snapshot!(findings.map(|finding| finding.to_string()).join("\n"), @"
    entry 3 was changed: not what was hashed when written
    entries 3 to 5 were removed
    entry 3 was inserted: nobody wrote it there
    entries were reordered: what stands at 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 belongs elsewhere (and 7 more)
    entries 40 to 49 were cut off the end: a signed checkpoint covers more
    entry 50 stands after the last checkpoint, unsigned
    entries 7 to 13 are not what was signed: changed, removed, inserted or reordered, and hashed again
    entry 3 cannot be read: its body is not JSON
    the checkpoint at 50 entries does not hold: the checkpoint's signature is wrong: it was changed, or signed with another key
    there are entries but no checkpoint, so nothing proves that all are there
    ");
}

proptest! {
    #[test]
    fn whatever_is_done_to_a_ledger_is_found(
        size in 1..40_u64, group in 1..9_u64, changes in proptest::collection::vec((0..6_u8, any::<usize>(), any::<usize>()), 1..4),
    ) {
        let sound = stored(size, group);
        let mut ledger = sound.clone();
        for (kind, one, other) in changes {
            let count = ledger.leaves.len();
            if count == 0 { break; }
            let (one, other) = (one % count, other % count);
            match kind {
                0 => ledger.leaves[one].entry.body = json!(other),
                1 => { ledger.leaves.remove(one); }
                2 => { ledger.leaves.swap(one, other); ledger.renumber(); }
                3 => { ledger.leaves.insert(one, entry(other as u64).into_leaf()); ledger.renumber(); }
                4 => ledger.hash_again(),
                _ => ledger.leaves[one].leaf_hash = ledger.leaves[other].leaf_hash,
            }
        }
        prop_assert_eq!(ledger.audit().is_sound(), ledger.leaves == sound.leaves);
    }

    #[test]
    fn no_stored_ledger_makes_the_audit_panic(
        rows in proptest::collection::vec((any::<u64>(), any::<bool>()), 0..40), sizes in proptest::collection::vec(any::<u64>(), 0..5),
    ) {
        let mut audit = LedgerAudit::new(signer().verifier().clone());
        for size in sizes {
            audit.push_checkpoint(StoredCheckpoint { size, note: signer().sign(size, [0; 32]) });
        }
        for (sequence, readable) in rows {
            if readable {
                audit.push(&Entry { sequence, ..entry(0) }.into_leaf());
            } else {
                audit.push_unreadable(sequence, None, String::new());
            }
        }
        let _ = audit.finish();
    }
}

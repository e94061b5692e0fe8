//! Tests of `align`. What comes out of it for whole ledgers is tested with the audit.

use super::*;

fn aligned(origins: &[(u64, u64)]) -> Alignment {
    let mut alignment = Alignment::default();
    for (place, origin) in origins {
        alignment.push(*place, Origin::From(*origin));
    }
    alignment
}

#[test]
fn what_moved_together_takes_one_run() {
    let moved: Vec<_> =
        (0..100).map(|place| (place, place)).chain((100..100_000).map(|place| (place, place + 1))).collect();
    let mut alignment = aligned(&moved);
    assert_eq!(alignment.runs.len(), 2);
    assert_eq!(alignment.findings(100_000, Some(100_001)), [Finding::Removed { first: 100, last: 100 }]);
}

#[test]
fn a_ledger_in_too_many_pieces_is_reported_from_where_the_pieces_were_too_many() {
    let mut alignment = Alignment::default();
    for place in 0..10_000 {
        alignment.push(place, Origin::Foreign);
    }
    assert_eq!(alignment.runs.len(), MAX_RUNS);
    let end = MAX_RUNS as u64;
    assert_eq!(
        alignment.findings(10_000, Some(10_000)),
        [Finding::Changed { first: end, last: 9999 }, Finding::Changed { first: 0, last: end - 1 }]
    );
}

#[test]
fn foreign_entries_count_as_changed_as_long_as_originals_are_missing() {
    let mut alignment = aligned(&[(0, 0), (1, 1)]);
    alignment.push(2, Origin::Foreign);
    alignment.push(3, Origin::Foreign);
    alignment.push(4, Origin::From(3));
    let findings = [Finding::Changed { first: 2, last: 2 }, Finding::Inserted { first: 3, last: 3 }];
    assert_eq!(alignment.findings(5, Some(4)), findings);
}

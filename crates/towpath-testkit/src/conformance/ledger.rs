//! What every ledger must do.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use towpath_core::{
    ids::{EnvironmentName, PrincipalName},
    ledger::{CheckpointSigner, Entry, LeafEntry, MAX_BODY_DEPTH, verify_consistency, verify_inclusion},
};
use towpath_engine::{
    journal::{Journal, audit},
    ports::{EntryFilter, Ledger, LedgerError, Snapshot},
};

/// Makes one test of each case for the ledgers that an async function returns.
#[macro_export]
macro_rules! ledger_conformance {
    ($fresh:path) => {
        $crate::conformance_cases!(
            ledger,
            $fresh,
            an_empty_ledger_has_nothing,
            appended_entries_read_back_the_same,
            awkward_entries_read_back_the_same,
            a_stale_expected_head_conflicts_and_writes_nothing,
            of_two_writers_with_the_same_head_one_wins,
            entries_are_read_in_pages,
            every_group_keeps_its_checkpoint,
            a_search_narrows_and_pages_from_the_newest,
            a_search_by_time_includes_its_beginning_and_not_its_end,
            a_snapshot_takes_the_place_of_the_one_before,
            a_journal_opens_where_it_was_left,
            a_journal_proves_what_it_holds,
            a_journal_refuses_what_would_not_read_back,
            an_untouched_ledger_passes_its_audit,
        );
    };
}

/// Returns an entry like those that Towpath writes; the same number gives the same entry.
pub fn example_entry(sequence: u64) -> Entry {
    let environments = ["development", "staging", "production"];
    let pick = |count: usize| usize::try_from(sequence).unwrap_or(0) % count;
    let seconds = i64::try_from(sequence).unwrap_or(0);
    Entry {
        sequence,
        at: "2026-03-02T09:00:00.25Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds),
        principal: PrincipalName::new(if sequence.is_multiple_of(2) { "ada" } else { "towpath" }).unwrap(),
        cause: format!("req-{sequence:08}"),
        environment: environments.get(pick(4)).map(|name| EnvironmentName::new(name).unwrap()),
        kind: if sequence.is_multiple_of(5) { "release_created" } else { "rollout_step_started" }.to_owned(),
        version: 1,
        body: json!({
            "revision": sequence,
            "service": "web",
            "weight_percent": sequence % 101,
            "reason": "the canary served 1000 requests with 2 errors, the limit is 1 %",
            "artifacts": { "web": "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae" },
        }),
    }
}

/// Returns examples with their leaf hashes.
pub fn example_leaves(range: std::ops::Range<u64>) -> Vec<LeafEntry> {
    range.map(|sequence| example_entry(sequence).into_leaf()).collect()
}

/// Returns the signer that the suites use.
pub fn example_signer() -> CheckpointSigner {
    CheckpointSigner::new("towpath.example/shop", &[7; 32]).unwrap()
}

async fn fill(ledger: &Arc<dyn Ledger>, groups: &[u64]) -> Journal {
    let mut journal = Journal::open(ledger.clone(), example_signer()).await.unwrap();
    for size in groups {
        let next = journal.size();
        journal.append((next..next + size).map(example_entry).collect()).await.unwrap();
    }
    journal
}

/// An empty ledger has nothing.
pub async fn an_empty_ledger_has_nothing(ledger: Arc<dyn Ledger>) {
    let head = ledger.head().await.unwrap();
    assert_eq!((head.size, head.checkpoint), (0, None));
    assert_eq!(ledger.read(0, 10).await.unwrap(), []);
    assert!(ledger.leaf_hashes(0, 10).await.unwrap().is_empty());
    assert_eq!(ledger.checkpoints(0, 10).await.unwrap(), []);
    assert_eq!(ledger.search(&EntryFilter::default()).await.unwrap(), []);
    assert_eq!(ledger.snapshot().await.unwrap(), None);
}

/// What is appended is read back, with its hashes.
pub async fn appended_entries_read_back_the_same(ledger: Arc<dyn Ledger>) {
    let leaves = example_leaves(0..300);
    ledger.append(0, &leaves, "first").await.unwrap();
    let more = example_leaves(300..301);
    ledger.append(300, &more, "second").await.unwrap();

    let all = [leaves, more].concat();
    assert_eq!(ledger.read(0, 1000).await.unwrap(), all);
    assert_eq!(ledger.leaf_hashes(0, 1000).await.unwrap(), all.iter().map(|leaf| leaf.leaf_hash).collect::<Vec<_>>());
    let head = ledger.head().await.unwrap();
    assert_eq!((head.size, head.checkpoint.as_deref()), (301, Some("second")));
}

/// Extreme times, texts and numbers are read back exactly.
pub async fn awkward_entries_read_back_the_same(ledger: Arc<dyn Ledger>) {
    let mut deep = json!(1);
    for _ in 0..MAX_BODY_DEPTH {
        deep = json!([deep]);
    }
    let bodies = [
        Value::Null,
        json!("text alone: \u{0} \u{1f} \" \\ / \u{7f} \u{2028} é 漢 🚢"),
        json!({"": "", "\u{10000}": 1, "\u{e000}": 2, "a\u{0}b": [[], {}, null, true, false]}),
        json!([u64::MAX, i64::MIN, 0, -0.0, 1.0, 0.1, 1e300, 5e-324, -1.797_693_134_862_315_7e308]),
        deep,
    ];
    let times = [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH];
    let entry = |(sequence, body): (u64, Value)| Entry {
        at: times.get(usize::try_from(sequence).unwrap() % times.len()).copied().unwrap(),
        cause: ["", "'; DROP TABLE entries; --", "\u{1f}\n\r\t 漢"]
            .get(usize::try_from(sequence).unwrap() % 3)
            .map(|text| (*text).to_owned())
            .unwrap(),
        version: u16::MAX,
        body,
        ..example_entry(sequence)
    };
    let leaves: Vec<LeafEntry> = (0..).zip(bodies).map(entry).map(Entry::into_leaf).collect();
    ledger.append(0, &leaves, "checkpoint").await.unwrap();
    let read = ledger.read(0, 10).await.unwrap();
    assert_eq!(read, leaves);
    assert!(read.iter().all(|leaf| leaf.entry.leaf_hash() == leaf.leaf_hash));
}

/// An append that expects another head is refused and changes nothing.
pub async fn a_stale_expected_head_conflicts_and_writes_nothing(ledger: Arc<dyn Ledger>) {
    ledger.append(0, &example_leaves(0..3), "three").await.unwrap();
    for expected in [0, 2, 4, u64::MAX] {
        let error = ledger.append(expected, &example_leaves(3..5), "five").await.unwrap_err();
        assert!(matches!(error, LedgerError::Conflict { expected: e, actual: 3 } if e == expected), "{error:?}");
    }
    assert_eq!(ledger.head().await.unwrap().checkpoint.as_deref(), Some("three"));
    assert_eq!(ledger.read(0, 10).await.unwrap().len(), 3);
}

/// Two writers that saw the same head cannot both append.
pub async fn of_two_writers_with_the_same_head_one_wins(ledger: Arc<dyn Ledger>) {
    for head in 0..20 {
        let leaves = example_leaves(head..head + 1);
        let (left, right) = tokio::join!(ledger.append(head, &leaves, "left"), ledger.append(head, &leaves, "right"));
        let conflicts = [&left, &right].into_iter().filter(|r| matches!(r, Err(LedgerError::Conflict { .. }))).count();
        let written = [&left, &right].into_iter().filter(|result| result.is_ok()).count();
        assert_eq!((written, conflicts), (1, 1), "{left:?} {right:?}");
        assert_eq!(ledger.head().await.unwrap().size, head + 1);
    }
}

/// Any page can be asked for.
pub async fn entries_are_read_in_pages(ledger: Arc<dyn Ledger>) {
    ledger.append(0, &example_leaves(0..10), "ten").await.unwrap();
    for (from, limit, expected) in
        [(0, 4, 0..4), (4, 4, 4..8), (8, 4, 8..10), (0, usize::MAX, 0..10), (3, 0, 3..3), (10, 5, 10..10)]
    {
        let sequences: Vec<u64> =
            ledger.read(from, limit).await.unwrap().iter().map(|leaf| leaf.entry.sequence).collect();
        assert_eq!(sequences, expected.clone().collect::<Vec<_>>());
        assert_eq!(ledger.leaf_hashes(from, limit).await.unwrap().len(), expected.count());
    }
    assert!(ledger.read(u64::MAX, 1).await.unwrap().is_empty());
    assert!(ledger.leaf_hashes(u64::MAX, 1).await.unwrap().is_empty());
}

/// The checkpoint of each group stays.
pub async fn every_group_keeps_its_checkpoint(ledger: Arc<dyn Ledger>) {
    let journal = fill(&ledger, &[1, 2, 5]).await;
    let all = ledger.checkpoints(0, 10).await.unwrap();
    assert_eq!(all.iter().map(|checkpoint| checkpoint.size).collect::<Vec<_>>(), [1, 3, 8]);
    assert_eq!(all.last().map(|checkpoint| checkpoint.note.as_str()), journal.checkpoint());
    assert_eq!(ledger.checkpoints(1, 1).await.unwrap(), all.get(1..2).unwrap());
    assert_eq!(ledger.checkpoints(8, 10).await.unwrap(), []);
}

/// Search narrows by what is given and pages by sequence.
pub async fn a_search_narrows_and_pages_from_the_newest(ledger: Arc<dyn Ledger>) {
    fill(&ledger, &[100]).await;
    let all: Vec<Entry> = (0..100).rev().map(example_entry).collect();
    let production = EnvironmentName::new("production").unwrap();
    let filters = [
        EntryFilter::default(),
        EntryFilter { environment: Some(production.clone()), ..EntryFilter::default() },
        EntryFilter { kind: Some("release_created".to_owned()), ..EntryFilter::default() },
        EntryFilter { principal: Some(PrincipalName::new("ada").unwrap()), limit: 7, ..EntryFilter::default() },
        EntryFilter {
            environment: Some(production),
            kind: Some("release_created".to_owned()),
            before: Some(60),
            limit: 2,
            ..EntryFilter::default()
        },
        EntryFilter { kind: Some("no_such_kind".to_owned()), ..EntryFilter::default() },
        EntryFilter { limit: 0, ..EntryFilter::default() },
    ];
    for filter in filters {
        let wanted: Vec<Entry> = all.iter().filter(|entry| filter.matches(entry)).take(filter.limit).cloned().collect();
        assert_eq!(ledger.search(&filter).await.unwrap(), wanted, "{filter:?}");
    }

    let mut paged = Vec::new();
    let mut filter = EntryFilter { limit: 9, ..EntryFilter::default() };
    loop {
        let page = ledger.search(&filter).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.before = Some(last.sequence);
        paged.extend(page);
    }
    assert_eq!(paged, all);
}

/// Times narrow a search to the nanosecond.
pub async fn a_search_by_time_includes_its_beginning_and_not_its_end(ledger: Arc<dyn Ledger>) {
    fill(&ledger, &[20]).await;
    let nanosecond = SignedDuration::from_nanos(1);
    let (since, until) = (example_entry(5).at, example_entry(9).at);
    for (since, until, expected) in [
        (Some(since), Some(until), vec![8, 7, 6, 5]),
        (Some(since + nanosecond), Some(until + nanosecond), vec![9, 8, 7, 6]),
        (None, Some(example_entry(2).at), vec![1, 0]),
        (Some(example_entry(18).at), None, vec![19, 18]),
    ] {
        let found = ledger.search(&EntryFilter { since, until, ..EntryFilter::default() }).await.unwrap();
        assert_eq!(found.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), expected);
    }
}

/// Only the newest snapshot is kept.
pub async fn a_snapshot_takes_the_place_of_the_one_before(ledger: Arc<dyn Ledger>) {
    for size in [3, 9, 2] {
        let snapshot =
            Snapshot { size, format: format!("world-{size}"), bytes: vec![0, 255, 1, u8::try_from(size).unwrap()] };
        ledger.save_snapshot(&snapshot).await.unwrap();
        assert_eq!(ledger.snapshot().await.unwrap(), Some(snapshot));
    }
    assert_eq!(ledger.head().await.unwrap().size, 0);
}

/// Opening again finds the same size, root and checkpoint, and goes on from there.
pub async fn a_journal_opens_where_it_was_left(ledger: Arc<dyn Ledger>) {
    let first = fill(&ledger, &[1, 1, 6, 20]).await;
    let mut second = Journal::open(ledger.clone(), example_signer()).await.unwrap();
    assert_eq!((second.size(), second.root(), second.checkpoint()), (28, first.root(), first.checkpoint()));

    second.append(vec![example_entry(28)]).await.unwrap();
    let mut first = first;
    let error = first.append(vec![example_entry(28)]).await.unwrap_err();
    assert!(matches!(error, LedgerError::Conflict { expected: 28, actual: 29 }), "{error:?}");
    assert_eq!(first.size(), 28);
    let says = second.verifier().verify(second.checkpoint().unwrap()).unwrap();
    assert_eq!((says.size, says.root), (29, second.root()));
}

/// Proofs hold against the signed checkpoints.
pub async fn a_journal_proves_what_it_holds(ledger: Arc<dyn Ledger>) {
    let journal = fill(&ledger, &[1, 4, 8, 10]).await;
    for sequence in 0..23 {
        let proof = journal.prove_inclusion(sequence).await.unwrap();
        let leaf = example_entry(sequence).leaf_hash();
        verify_inclusion(sequence, 23, &leaf, &proof, &journal.root()).unwrap();
    }
    let mut roots = Vec::new();
    for checkpoint in ledger.checkpoints(0, 10).await.unwrap() {
        roots.push(journal.verifier().verify(&checkpoint.note).unwrap());
    }
    for to in &roots {
        for from in roots.iter().filter(|from| from.size <= to.size) {
            let proof = journal.prove_consistency(from.size, to.size).await.unwrap();
            verify_consistency(from.size, to.size, &proof, &from.root, &to.root).unwrap();
        }
    }
    assert!(journal.prove_inclusion(23).await.is_err());
    assert!(journal.prove_consistency(1, 24).await.is_err());
    assert!(journal.prove_consistency(0, 23).await.is_err());
}

/// What would be another entry after reading it back is not taken, and nothing of its group is.
pub async fn a_journal_refuses_what_would_not_read_back(ledger: Arc<dyn Ledger>) {
    let mut journal = fill(&ledger, &[2]).await;
    let mut body = json!(1);
    for _ in 0..=MAX_BODY_DEPTH {
        body = json!({ "a": body });
    }
    let bad = [
        Entry { body, ..example_entry(3) },
        Entry { cause: "a\0b".to_owned(), ..example_entry(3) },
        Entry { kind: "\0".to_owned(), ..example_entry(3) },
        example_entry(4),
        example_entry(2),
    ];
    for entry in bad {
        let error = journal.append(vec![example_entry(2), entry]).await.unwrap_err();
        assert!(matches!(error, LedgerError::Unfit { .. }), "{error:?}");
    }
    assert_eq!((journal.size(), ledger.head().await.unwrap().size), (2, 2));
    journal.append(Vec::new()).await.unwrap();
    journal.append(vec![example_entry(2)]).await.unwrap();
}

/// An audit finds nothing where nothing is wrong.
pub async fn an_untouched_ledger_passes_its_audit(ledger: Arc<dyn Ledger>) {
    let signer = example_signer();
    let empty = audit(ledger.as_ref(), signer.verifier(), None).await.unwrap();
    assert_eq!((empty.entries, empty.checkpoint, empty.findings), (0, None, vec![]));

    let groups: Vec<u64> = (0..60).map(|group| 1 + group * 7 % 150).collect();
    let journal = fill(&ledger, &groups).await;
    let report = audit(ledger.as_ref(), signer.verifier(), None).await.unwrap();
    assert_eq!(report.findings, []);
    assert_eq!(report.entries, journal.size());
    assert_eq!(report.checkpoint.map(|checkpoint| checkpoint.root), Some(journal.root()));
}

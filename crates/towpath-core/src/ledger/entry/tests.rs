//! Tests of `entry`.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn entry() -> Entry {
    Entry {
        sequence: 7,
        at: "2026-03-02T09:00:00.25Z".parse().unwrap(),
        principal: PrincipalName::new("ada").unwrap(),
        cause: "req-1".to_owned(),
        environment: Some(EnvironmentName::new("production").unwrap()),
        kind: "release_created".to_owned(),
        version: 1,
        body: json!({"number": 3, "bundle": "sha256:00"}),
    }
}

/// Whatever changes this text makes every ledger that exists fail its audit.
#[test]
fn the_canonical_form_never_changes() {
    let text = r#"{"at":"2026-03-02T09:00:00.250000000Z","body":{"bundle":"sha256:00","number":3},"cause":"req-1","environment":"production","kind":"release_created","principal":"ada","sequence":7,"version":1}"#;
    assert_eq!(entry().canonical(), text);
    assert_eq!(
        hex::encode(entry().leaf_hash()),
        "c7d46df6b9feda59e668e31a27d7152ec81a367e5f2d8d1329d07b9fb6fb1375",
        "the leaf hash of {text}"
    );
}

#[test]
fn the_canonical_form_is_itself_canonical_json() {
    let value: Value = serde_json::from_str(&entry().canonical()).unwrap();
    assert_eq!(super::super::canonical_json(&value), entry().canonical());
}

#[test]
fn every_part_of_an_entry_is_hashed() {
    let others = [
        Entry { sequence: 8, ..entry() },
        Entry { at: entry().at + jiff::SignedDuration::from_nanos(1), ..entry() },
        Entry { principal: PrincipalName::new("eve").unwrap(), ..entry() },
        Entry { cause: "req-2".to_owned(), ..entry() },
        Entry { environment: None, ..entry() },
        Entry { kind: "release_deleted".to_owned(), ..entry() },
        Entry { version: 2, ..entry() },
        Entry { body: json!({"number": 4, "bundle": "sha256:00"}), ..entry() },
    ];
    let hashes: std::collections::BTreeSet<Hash> = others.iter().chain([&entry()]).map(Entry::leaf_hash).collect();
    assert_eq!(hashes.len(), others.len() + 1);
}

#[test]
fn what_no_storage_keeps_is_refused() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(entry().check(), Ok(()));
    assert_eq!(Entry { body: nested(MAX_BODY_DEPTH), ..entry() }.check(), Ok(()));
    assert_eq!(Entry { body: nested(MAX_BODY_DEPTH + 1), ..entry() }.check(), Err(EntryError::TooDeep));
    assert_eq!(Entry { cause: "\0".to_owned(), ..entry() }.check(), Err(EntryError::Nul("cause")));
    assert_eq!(Entry { sequence: u64::MAX, ..entry() }.check(), Err(EntryError::TooFar));
}

proptest! {
    #[test]
    fn no_text_can_pretend_to_be_another_entry(cause: String, kind: String, other_cause: String, other_kind: String) {
        let one = Entry { cause, kind, ..entry() };
        let other = Entry { cause: other_cause, kind: other_kind, ..entry() };
        prop_assert_eq!(one == other, one.canonical() == other.canonical());
    }
}

//! Whatever is done to the database file behind the ledger's back is found, with the right entry.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod common;

use std::sync::Arc;

use common::{audited, raw, tamper, written};
use sqlx::Executor as _;
use tempfile::TempDir;
use towpath_core::ledger::Finding;
use towpath_engine::{
    journal::Journal,
    ports::{Ledger as _, LedgerError},
};
use towpath_store::SqliteStore;
use towpath_testkit::conformance::ledger::example_signer;

async fn findings_after(statements: &[&'static str]) -> Vec<Finding> {
    let folder = TempDir::new().unwrap();
    written(folder.path(), 6, 5).await;
    assert_eq!(audited(folder.path()).await.findings, []);
    tamper(folder.path(), statements).await;
    audited(folder.path()).await.findings
}

#[tokio::test]
async fn a_changed_byte_in_a_body_is_found() {
    let found = findings_after(&["UPDATE entries SET body = replace(body, '1000', '1001') WHERE sequence = 12"]).await;
    assert_eq!(found, [Finding::Changed { first: 12, last: 12 }]);
}

#[tokio::test]
async fn a_change_in_any_column_is_found() {
    for statement in [
        "UPDATE entries SET at = '2026-03-02T09:00:12.250000001Z' WHERE sequence = 12",
        "UPDATE entries SET principal = 'eve' WHERE sequence = 12",
        "UPDATE entries SET cause = cause || ' ' WHERE sequence = 12",
        "UPDATE entries SET environment = 'staging' WHERE sequence = 12",
        "UPDATE entries SET environment = NULL WHERE sequence = 12",
        "UPDATE entries SET kind = 'release_deleted' WHERE sequence = 12",
        "UPDATE entries SET version = 2 WHERE sequence = 12",
        "UPDATE entries SET leaf_hash = zeroblob(32) WHERE sequence = 12",
    ] {
        assert_eq!(findings_after(&[statement]).await, [Finding::Changed { first: 12, last: 12 }], "{statement}");
    }
}

#[tokio::test]
async fn a_deleted_row_is_found() {
    let removed = [Finding::Removed { first: 12, last: 12 }];
    assert_eq!(findings_after(&["DELETE FROM entries WHERE sequence = 12"]).await, removed);
    let closed_up = findings_after(&[
        "DELETE FROM entries WHERE sequence = 12",
        "UPDATE entries SET sequence = sequence + 1000 WHERE sequence > 12",
        "UPDATE entries SET sequence = sequence - 1001 WHERE sequence > 1000",
    ]);
    assert_eq!(closed_up.await, removed);
}

#[tokio::test]
async fn deleted_rows_at_the_end_are_found() {
    let found = findings_after(&["DELETE FROM entries WHERE sequence >= 27"]).await;
    assert_eq!(found, [Finding::Truncated { first: 27, last: 29 }]);
}

#[tokio::test]
async fn two_swapped_rows_are_found() {
    let found = findings_after(&[
        "UPDATE entries SET sequence = 1000 WHERE sequence = 12",
        "UPDATE entries SET sequence = 12 WHERE sequence = 21",
        "UPDATE entries SET sequence = 21 WHERE sequence = 1000",
    ]);
    assert_eq!(found.await, [Finding::Reordered { places: vec![12, 21] }]);
}

#[tokio::test]
async fn an_inserted_row_is_found() {
    let found = findings_after(&[
        "UPDATE entries SET sequence = sequence + 1000 WHERE sequence >= 12",
        "UPDATE entries SET sequence = sequence - 999 WHERE sequence > 1000",
        "INSERT INTO entries SELECT 12, at, principal, 'forged', environment, kind, version, body, leaf_hash \
         FROM entries WHERE sequence = 3",
    ]);
    assert_eq!(found.await, [Finding::Inserted { first: 12, last: 12 }]);
    let appended = findings_after(&[
        "INSERT INTO entries SELECT 30, at, principal, 'forged', environment, kind, version, body, leaf_hash \
         FROM entries WHERE sequence = 3",
    ]);
    assert!(matches!(
        *appended.await,
        [Finding::Inserted { first: 30, last: 30 } | Finding::Unsigned { first: 30, last: 30 }]
    ));
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_the_rest_is_checked() {
    let found = findings_after(&[
        "UPDATE entries SET body = '{' WHERE sequence = 12",
        "UPDATE entries SET principal = 'Not A Name' WHERE sequence = 13",
        "UPDATE entries SET cause = CAST(x'ff00ff' AS TEXT) WHERE sequence = 14",
        "UPDATE entries SET cause = 'x' WHERE sequence = 20",
    ])
    .await;
    let unreadable: Vec<u64> = found
        .iter()
        .filter_map(|finding| if let Finding::Unreadable { sequence, .. } = finding { Some(*sequence) } else { None })
        .collect();
    assert_eq!(unreadable, [12, 13, 14], "{found:?}");
    assert!(found.contains(&Finding::Changed { first: 20, last: 20 }), "{found:?}");
    assert_eq!(found.len(), 4, "{found:?}");
}

#[tokio::test]
async fn a_changed_or_missing_checkpoint_is_found() {
    let found =
        findings_after(&["UPDATE checkpoints SET note = replace(note, 'towpath', 'tow') WHERE size = 30"]).await;
    assert!(matches!(*found, [Finding::BadCheckpoint { size: 30, .. }]), "{found:?}");
    let found = findings_after(&["DELETE FROM checkpoints WHERE size = 30"]).await;
    assert_eq!(found, [Finding::Unsigned { first: 25, last: 29 }]);
}

#[tokio::test]
async fn a_journal_does_not_open_on_a_damaged_ledger() {
    for (statement, at) in [
        ("DELETE FROM entries WHERE sequence = 12", 12),
        ("DELETE FROM entries WHERE sequence = 29", 29),
        ("DELETE FROM checkpoints", 29),
        ("DELETE FROM checkpoints WHERE size = 30", 25),
        ("UPDATE entries SET leaf_hash = zeroblob(32) WHERE sequence = 3", 29),
    ] {
        let folder = TempDir::new().unwrap();
        written(folder.path(), 6, 5).await;
        tamper(folder.path(), &[statement]).await;
        let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
        let error = Journal::open(store, example_signer()).await.err().unwrap();
        assert!(matches!(error, LedgerError::Damaged { sequence, .. } if sequence == at), "{statement}: {error:?}");
    }
}

#[tokio::test]
async fn plain_sql_cannot_change_what_is_written() {
    let folder = TempDir::new().unwrap();
    written(folder.path(), 2, 5).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("ledger.db"));
    let mut plain = sqlx::ConnectOptions::connect(&options).await.unwrap();
    for statement in [
        "UPDATE entries SET kind = 'x' WHERE sequence = 3",
        "DELETE FROM entries WHERE sequence = 9",
        "UPDATE checkpoints SET note = 'x'",
        "DELETE FROM checkpoints",
        "INSERT INTO entries SELECT 20, at, principal, cause, environment, kind, version, body, leaf_hash FROM entries WHERE sequence = 3",
        "INSERT OR REPLACE INTO entries SELECT 3, at, principal, 'x', environment, kind, version, body, leaf_hash FROM entries WHERE sequence = 4",
    ] {
        assert!(plain.execute(statement).await.is_err(), "{statement}");
    }
    drop(plain);
    assert_eq!(audited(folder.path()).await.findings, []);
}

#[tokio::test]
async fn no_stored_text_makes_the_reader_panic() {
    let folder = TempDir::new().unwrap();
    written(folder.path(), 1, 8).await;
    let mut raw = raw(folder.path()).await;
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let columns = [
        "UPDATE entries SET at = CAST($1 AS TEXT) WHERE sequence = 4",
        "UPDATE entries SET principal = CAST($1 AS TEXT) WHERE sequence = 4",
        "UPDATE entries SET environment = CAST($1 AS TEXT) WHERE sequence = 4",
        "UPDATE entries SET cause = CAST($1 AS TEXT) WHERE sequence = 4",
        "UPDATE entries SET body = CAST($1 AS TEXT) WHERE sequence = 4",
    ];
    let fixed: [&[u8]; 6] = [b"", b"null", b"1e999", b"\"\xff\"", b"9999-99-99T99:99:99Z", &[b'['; 5000]];
    let arbitrary = proptest::collection::vec(proptest::num::u8::ANY, 0..40);
    for round in 0..60 {
        let bytes = match fixed.get(round) {
            Some(bytes) => bytes.to_vec(),
            None => proptest::strategy::ValueTree::current(
                &proptest::strategy::Strategy::new_tree(&arbitrary, &mut runner).unwrap(),
            ),
        };
        for column in columns {
            sqlx::query(column).bind(&bytes).execute(&mut raw).await.unwrap();
            match store.read(4, 10).await {
                Ok(entries) => assert_eq!(entries.len(), 4),
                Err(LedgerError::Damaged { sequence: 4, .. }) => assert_eq!(store.read(0, 10).await.unwrap().len(), 4),
                Err(other) => panic!("{other:?}"),
            }
            let statement = "UPDATE entries SET at = '2026-03-02T09:00:04Z', principal = 'ada', environment = NULL, \
                 cause = '', body = '1' WHERE sequence = 4";
            raw.execute(statement).await.unwrap();
        }
    }
}

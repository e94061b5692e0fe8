//! Tests of `ledger`.

use std::sync::Arc;

use tempfile::TempDir;
use towpath_engine::journal::Journal;
use towpath_testkit::conformance::ledger::{example_entry, example_signer};

use super::*;

#[tokio::test]
async fn a_full_disk_writes_nothing_by_halves_and_the_ledger_goes_on_when_there_is_space() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let mut journal = Journal::open(Arc::new(store.clone()), example_signer()).await.unwrap();
    journal.append((0..10).map(example_entry).collect()).await.unwrap();
    let before = store.head().await.unwrap();

    // SQLite reports its own limit of pages as it reports a full disk.
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&store.database.writer).await.unwrap();
    let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    sqlx::query(limit).execute(&store.database.writer).await.unwrap();
    let error = journal.append((10..1000).map(example_entry).collect()).await.unwrap_err();
    assert!(matches!(error, LedgerError::Full(_)), "{error:?}");
    assert_eq!(store.head().await.unwrap(), before);
    assert_eq!(journal.size(), 10);

    sqlx::query("PRAGMA max_page_count = 1000000").execute(&store.database.writer).await.unwrap();
    journal.append((10..1000).map(example_entry).collect()).await.unwrap();
    assert_eq!(store.head().await.unwrap().size, 1000);
}

#[tokio::test]
async fn an_append_that_is_given_up_leaves_the_writer_usable() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let leaves: Vec<LeafEntry> = (0..500).map(|number| example_entry(number).into_leaf()).collect();
    for _ in 0..20 {
        let append = store.append(0, &leaves, "checkpoint");
        tokio::select! {
            biased;
            () = tokio::task::yield_now() => {}
            _ = append => {}
        }
    }
    let size = store.head().await.unwrap().size;
    assert!(size == 0 || size == 500, "{size}");
    let next = example_entry(size).into_leaf();
    store.append(size, &[next], "next").await.unwrap();
}

#[tokio::test]
async fn the_ledger_is_durable_by_its_settings() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&store.database.writer).await.unwrap();
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&store.database.writer).await.unwrap();
    assert_eq!((mode.as_str(), synchronous), ("wal", 2));
    assert!(sqlx::query("DELETE FROM snapshots").execute(&store.database.readers).await.is_err());
}

//! What was acknowledged survives: a killed process, a full disk, a stale writer.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod common;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    sync::Arc,
};

use common::audited;
use tempfile::TempDir;
use towpath_engine::{
    journal::Journal,
    ports::{Ledger as _, LedgerError},
};
use towpath_store::SqliteStore;
use towpath_testkit::conformance::ledger::{example_entry, example_leaves, example_signer};

/// Where the child process finds the folder it appends to.
const FOLDER: &str = "TOWPATH_STORE_TEST_FOLDER";

/// Run by itself this does nothing; as a child process it appends until it is killed and says what was acknowledged.
#[tokio::test]
async fn child_that_appends_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = SqliteStore::open(folder.as_ref()).await.unwrap();
    let mut journal = Journal::open(Arc::new(store), example_signer()).await.unwrap();
    loop {
        let next = journal.size();
        journal.append((next..next + 1 + next % 5).map(example_entry).collect()).await.unwrap();
        writeln!(std::io::stdout(), "acknowledged {}", journal.size()).unwrap();
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let folder = TempDir::new().unwrap();
    let mut before = 0;
    for round in 0..5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_appends_until_it_is_killed", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        // The test harness of the child writes lines of its own.
        let mut acknowledged =
            lines.by_ref().filter_map(|line| line.split_once("acknowledged ")?.1.parse::<u64>().ok());
        let some = acknowledged.nth(3 + round * 7);
        child.kill().unwrap();
        let last = acknowledged.last().or(some).unwrap();
        child.wait().unwrap();

        let store = SqliteStore::open(folder.path()).await.unwrap();
        let journal = Journal::open(Arc::new(store.clone()), example_signer()).await.unwrap();
        assert!(journal.size() >= last && last > before, "{} stored, {last} acknowledged", journal.size());
        let entries = store.read(0, usize::MAX).await.unwrap();
        assert_eq!(entries, example_leaves(0..journal.size()));
        before = last;
        store.close().await;
        assert_eq!(audited(folder.path()).await.findings, []);
    }
}

#[tokio::test]
async fn of_many_writers_on_one_file_each_head_is_taken_once() {
    let folder = TempDir::new().unwrap();
    SqliteStore::open(folder.path()).await.unwrap().close().await;
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let path = folder.path().to_owned();
            tokio::spawn(async move {
                let store: Arc<SqliteStore> = Arc::new(SqliteStore::open(&path).await.unwrap());
                let mut written = 0_u64;
                while written < 25 {
                    let mut journal = Journal::open(store.clone(), example_signer()).await.unwrap();
                    match journal.append(vec![example_entry(journal.size())]).await {
                        Ok(()) => written += 1,
                        Err(LedgerError::Conflict { .. }) => {}
                        Err(other) => panic!("{other:?}"),
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let report = audited(folder.path()).await;
    assert_eq!((report.entries, report.findings), (100, vec![]));
}

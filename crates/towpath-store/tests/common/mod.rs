//! What the tests of the store share.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{path::Path, sync::Arc};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions,
};
use towpath_core::ledger::AuditReport;
use towpath_engine::journal::{Journal, audit};
use towpath_store::SqliteStore;
use towpath_testkit::conformance::ledger::{example_entry, example_signer};

/// Writes a ledger of `groups` groups of `size` entries and closes it.
pub(crate) async fn written(folder: &Path, groups: u64, size: u64) {
    let store = SqliteStore::open(folder).await.unwrap();
    let mut journal = Journal::open(Arc::new(store.clone()), example_signer()).await.unwrap();
    for group in 0..groups {
        journal.append((group * size..(group + 1) * size).map(example_entry).collect()).await.unwrap();
    }
    store.close().await;
}

/// Opens the database file as anybody could, without the triggers that protect it.
pub(crate) async fn raw(folder: &Path) -> SqliteConnection {
    let mut raw = SqliteConnectOptions::new().filename(folder.join("ledger.db")).connect().await.unwrap();
    let triggers: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetch_all(&mut raw).await.unwrap();
    for trigger in triggers {
        raw.execute(AssertSqlSafe(format!("DROP TRIGGER {trigger}"))).await.unwrap();
    }
    raw
}

/// Runs statements on the raw database file.
pub(crate) async fn tamper(folder: &Path, statements: &[&'static str]) {
    let mut raw = raw(folder).await;
    for statement in statements {
        raw.execute(*statement).await.unwrap();
    }
    raw.close().await.unwrap();
}

/// Audits the ledger in the folder.
pub(crate) async fn audited(folder: &Path) -> AuditReport {
    let store = SqliteStore::open(folder).await.unwrap();
    let report = audit(&store, example_signer().verifier(), None).await.unwrap();
    store.close().await;
    report
}

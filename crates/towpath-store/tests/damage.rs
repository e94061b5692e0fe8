//! A damaged, foreign or unwritable database is a clear error, never a panic and never a silent new beginning.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod common;

use std::{
    fs,
    io::{Seek as _, SeekFrom, Write as _},
    path::Path,
};

use common::{tamper, written};
use tempfile::TempDir;
use towpath_engine::{
    journal::audit,
    ports::{Ledger as _, LedgerError},
};
use towpath_store::{OpenError, SqliteSamples, SqliteStore};
use towpath_testkit::conformance::ledger::{example_leaves, example_signer};

async fn error(folder: &Path) -> OpenError {
    SqliteStore::open(folder).await.err().unwrap()
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named_and_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ledger.db");
    for content in [&b""[..], b"this is not a database at all, but long enough to look like one ........................................................"] {
        fs::write(&file, content).unwrap();
        let error = error(folder.path()).await;
        assert!(matches!(&error, OpenError::Corrupt { path, .. } if *path == file), "{error:?}");
        assert!(error.to_string().contains("ledger.db` is damaged and was left as it is"), "{error}");
        assert_eq!(fs::read(&file).unwrap(), content);
    }
}

#[tokio::test]
async fn a_newer_schema_is_not_touched() {
    let folder = TempDir::new().unwrap();
    written(folder.path(), 1, 3).await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (99, 'from the future', TRUE, x'00', 0)";
    tamper(folder.path(), &[newer]).await;
    let error = error(folder.path()).await;
    assert!(matches!(error, OpenError::Newer { found: 99, known: 1, .. }), "{error:?}");
    assert!(error.to_string().contains("use that version or a newer one"), "{error}");
}

#[tokio::test]
async fn a_changed_schema_is_not_touched() {
    let folder = TempDir::new().unwrap();
    written(folder.path(), 1, 3).await;
    tamper(folder.path(), &["UPDATE _sqlx_migrations SET checksum = x'00'"]).await;
    let error = error(folder.path()).await;
    assert!(matches!(error, OpenError::Foreign { version: 1, .. }), "{error:?}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let error = error(&file.join("data")).await;
    assert!(matches!(&error, OpenError::Folder { path, .. } if *path == file.join("data")), "{error:?}");
}

#[tokio::test]
async fn a_file_that_may_not_be_written_is_named() {
    let folder = TempDir::new().unwrap();
    // A folder in the file's place cannot be opened for writing by anybody, root included.
    fs::create_dir(folder.path().join("ledger.db")).unwrap();
    let error = error(folder.path()).await;
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error:?}");
    assert!(error.to_string().contains("choose another folder"), "{error}");
}

#[tokio::test]
async fn unusual_folder_names_work() {
    let folder = TempDir::new().unwrap();
    for name in ["with space", "what?mode=ro", "#hash", "100%25", "ümlaut 漢"] {
        let data = folder.path().join(name);
        written(&data, 1, 3).await;
        assert!(data.join("ledger.db").is_file(), "{name}");
        SqliteSamples::open(&data).await.unwrap().close().await;
    }
}

/// Flips bytes all over a database file. Either something is said to be wrong, or nothing that is read has changed.
#[tokio::test]
async fn a_damaged_file_never_panics_and_never_passes_as_sound_with_other_entries() {
    let folder = TempDir::new().unwrap();
    written(folder.path(), 4, 10).await;
    let good = fs::read(folder.path().join("ledger.db")).unwrap();
    let mut noticed = 0;
    for round in 0..60_u64 {
        let damaged = TempDir::new().unwrap();
        let path = damaged.path().join("ledger.db");
        fs::write(&path, &good).unwrap();
        let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        // Knuth's multiplicative hash spreads the places over the file.
        let place = round.wrapping_mul(2_654_435_761) % (good.len() as u64 - 64);
        file.seek(SeekFrom::Start(place)).unwrap();
        file.write_all(&vec![u8::try_from(round * 4 % 256).unwrap(); 1 + usize::try_from(round).unwrap()]).unwrap();
        drop(file);
        let Ok(store) = SqliteStore::open(damaged.path()).await else {
            noticed += 1;
            continue;
        };
        match audit(&store, example_signer().verifier(), None).await {
            Ok(report) if report.is_sound() => {
                assert_eq!(store.read(0, 100).await.unwrap(), example_leaves(0..40), "damage at {place}");
            }
            Ok(_) | Err(LedgerError::Storage(_)) => noticed += 1,
            Err(other) => panic!("{other:?}"),
        }
        store.close().await;
    }
    assert!(noticed > 10, "only {noticed} of 60 noticed");
}

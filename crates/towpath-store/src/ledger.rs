//! The ledger on SQLite: entries, checkpoints and the snapshot of the world.
//!
//! It stores what it is given; numbering, hashing and signing are the journal's.

mod rows;

use std::path::Path;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use sqlx::{Executor as _, Row as _, Sqlite, Transaction};
use towpath_core::{
    ids::{EnvironmentName, PrincipalName},
    ledger::{Entry, Hash, LeafEntry, StoredCheckpoint, canonical_json},
};
use towpath_engine::ports::{EntryFilter, Ledger, LedgerError, LedgerHead, Snapshot};

use crate::database::{Database, Durability, OpenError, Step, Trouble, trouble};

const STEPS: [Step; 1] = [(1, "ledger", include_str!("../migrations/sqlite/0001_ledger.sql"))];

const SELECT_SIZE: &str = "SELECT coalesce(max(sequence) + 1, 0) FROM entries";
const SELECT_NEWEST_CHECKPOINT: &str = "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1";
const INSERT_ENTRY: &str = "INSERT INTO entries (sequence, at, principal, cause, environment, kind, version, body, leaf_hash) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const INSERT_CHECKPOINT: &str = "INSERT INTO checkpoints (size, note) VALUES ($1, $2)";
const SELECT_ENTRIES: &str = "SELECT sequence, at, principal, cause, environment, kind, version, body, leaf_hash FROM entries \
     WHERE sequence >= $1 ORDER BY sequence LIMIT $2";
/// Hashes come as one text, because handing over a row costs far more than the 32 bytes in it. They are read from the index
/// that has nothing else; it is named, because SQLite prefers the table for a range of its key.
const SELECT_HASHES: &str = "SELECT count(*), coalesce(group_concat(hex(leaf_hash), ''), ''), \
     (SELECT max(sequence) FROM entries) FROM (SELECT leaf_hash FROM entries INDEXED BY entries_hashes \
     WHERE sequence >= $1 AND sequence < $2 ORDER BY sequence)";
const SELECT_SEQUENCES: &str = "SELECT sequence FROM entries WHERE sequence >= $1 AND sequence < $2 ORDER BY sequence";
const SELECT_CHECKPOINTS: &str = "SELECT size, note FROM checkpoints WHERE size > $1 ORDER BY size LIMIT $2";
const SEARCH: &str = "SELECT sequence, at, principal, cause, environment, kind, version, body, leaf_hash FROM entries \
     WHERE sequence >= 0 AND ($1 IS NULL OR environment = $1) AND ($2 IS NULL OR kind = $2) AND ($3 IS NULL OR principal = $3) \
     AND ($4 IS NULL OR at >= $4) AND ($5 IS NULL OR at < $5) AND ($6 IS NULL OR sequence < $6) \
     ORDER BY sequence DESC LIMIT $7";
const SAVE_SNAPSHOT: &str = "INSERT INTO snapshots (id, size, format, bytes) VALUES (1, $1, $2, $3) \
     ON CONFLICT (id) DO UPDATE SET size = excluded.size, format = excluded.format, bytes = excluded.bytes";
const SELECT_SNAPSHOT: &str = "SELECT size, format, bytes FROM snapshots WHERE id = 1";

/// A ledger in an SQLite database.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    database: Database,
}

/// The ledger's database file turned out to be damaged while it was in use.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database file `{}` is damaged and was left as it is: stop the server and put back a copy of the file",
    path.display()
)]
struct CorruptFile {
    path: std::path::PathBuf,
    source: sqlx::Error,
}

impl SqliteStore {
    /// Opens the ledger in the folder `data` (file `ledger.db`), or creates it there.
    pub async fn open(data: &Path) -> Result<Self, OpenError> {
        let database = Database::open(data.join("ledger.db"), Durability::Full, &STEPS).await?;
        Ok(Self { database })
    }

    /// Closes the database in good order. Without it nothing is lost, but the next opening takes longer.
    pub async fn close(&self) {
        self.database.close().await;
    }

    fn error(&self, error: sqlx::Error) -> LedgerError {
        match trouble(&error) {
            Trouble::Full => LedgerError::Full(error.into()),
            Trouble::Corrupt => {
                let path = self.database.path.clone();
                LedgerError::Storage(Box::new(CorruptFile { path, source: error }))
            }
            Trouble::ReadOnly | Trouble::Busy | Trouble::Other => LedgerError::Storage(error.into()),
        }
    }

    /// Says which entry from `from` on is missing or has a malformed hash.
    async fn first_bad_hash(&self, from: u64, end: i64, hashes: &str) -> Result<LedgerError, LedgerError> {
        let sequences: Vec<i64> = sqlx::query_scalar(SELECT_SEQUENCES)
            .bind(number(from))
            .bind(end)
            .fetch_all(&self.database.readers)
            .await
            .map_err(|error| self.error(error))?;
        let gap = (from..).zip(sequences).find(|(expected, found)| number(*expected) != *found);
        let (sequence, reason) = match gap {
            Some((expected, found)) => (expected, format!("it is missing; the next is {found}")),
            None => (from, format!("of the hashes from here on one is malformed ({} digits in all)", hashes.len())),
        };
        Ok(LedgerError::Damaged { sequence, reason })
    }
}

#[async_trait]
impl Ledger for SqliteStore {
    async fn head(&self) -> Result<LedgerHead, LedgerError> {
        let mut transaction = self.database.readers.begin().await.map_err(|error| self.error(error))?;
        let head = read_head(&mut transaction).await.map_err(|error| self.error(error))?;
        transaction.rollback().await.map_err(|error| self.error(error))?;
        Ok(head)
    }

    async fn append(&self, expected: u64, entries: &[LeafEntry], checkpoint: &str) -> Result<(), LedgerError> {
        let begun = self.database.writer.begin_with("BEGIN IMMEDIATE").await;
        let mut transaction = begun.map_err(|error| self.error(error))?;
        let actual: i64 =
            sqlx::query_scalar(SELECT_SIZE).fetch_one(&mut *transaction).await.map_err(|error| self.error(error))?;
        if actual != number(expected) {
            return Err(LedgerError::Conflict { expected, actual: unsigned(actual) });
        }
        write_group(&mut transaction, expected, entries, checkpoint).await.map_err(|error| self.error(error))?;
        transaction.commit().await.map_err(|error| self.error(error))
    }

    async fn read(&self, from: u64, limit: usize) -> Result<Vec<LeafEntry>, LedgerError> {
        let query = sqlx::query(SELECT_ENTRIES).bind(number(from)).bind(number(limit as u64));
        // Taken one by one, so that the database reads the next rows while this one is turned into an entry.
        let mut rows = query.fetch(&self.database.readers);
        let mut entries = Vec::with_capacity(limit.min(4096));
        while let Some(row) = rows.try_next().await.map_err(|error| self.error(error))? {
            match rows::leaf_entry(&row, from) {
                Ok(entry) => entries.push(entry),
                Err(error) if entries.is_empty() => return Err(error),
                // What comes before it is good; asking for what follows will say what is wrong.
                Err(_) => break,
            }
        }
        Ok(entries)
    }

    async fn leaf_hashes(&self, from: u64, limit: usize) -> Result<Vec<Hash>, LedgerError> {
        let end = number(from.saturating_add(limit as u64));
        let row = sqlx::query(SELECT_HASHES)
            .bind(number(from))
            .bind(end)
            .fetch_one(&self.database.readers)
            .await
            .map_err(|error| self.error(error))?;
        let count: i64 = row.try_get(0).map_err(|error| self.error(error))?;
        let text: &str = row.try_get(1).map_err(|error| self.error(error))?;
        let newest: Option<i64> = row.try_get(2).map_err(|error| self.error(error))?;
        let hashes = rows::hashes(text).filter(|hashes| hashes.len() as u64 == unsigned(count));
        // A full page has no gap; any other must reach the end.
        let complete =
            |count: usize| count == limit || newest.is_none_or(|newest| newest < number(from + count as u64));
        match hashes {
            Some(hashes) if complete(hashes.len()) => Ok(hashes),
            Some(_) | None => Err(self.first_bad_hash(from, end, text).await?),
        }
    }

    async fn checkpoints(&self, after: u64, limit: usize) -> Result<Vec<StoredCheckpoint>, LedgerError> {
        let rows = sqlx::query(SELECT_CHECKPOINTS)
            .bind(number(after))
            .bind(number(limit as u64))
            .fetch_all(&self.database.readers)
            .await
            .map_err(|error| self.error(error))?;
        let checkpoint = |row| rows::checkpoint(row).map_err(|error| self.error(error));
        rows.iter().map(checkpoint).collect()
    }

    async fn search(&self, filter: &EntryFilter) -> Result<Vec<Entry>, LedgerError> {
        let rows = sqlx::query(SEARCH)
            .bind(filter.environment.as_ref().map(EnvironmentName::as_str))
            .bind(filter.kind.as_deref())
            .bind(filter.principal.as_ref().map(PrincipalName::as_str))
            .bind(filter.since.map(rows::time_text))
            .bind(filter.until.map(rows::time_text))
            .bind(filter.before.map(number))
            .bind(number(filter.limit as u64))
            .fetch_all(&self.database.readers)
            .await
            .map_err(|error| self.error(error))?;
        rows.iter().map(|row| rows::leaf_entry(row, 0).map(|leaf| leaf.entry)).collect()
    }

    async fn save_snapshot(&self, snapshot: &Snapshot) -> Result<(), LedgerError> {
        let query = sqlx::query(SAVE_SNAPSHOT)
            .bind(number(snapshot.size))
            .bind(&snapshot.format)
            .bind(&snapshot.bytes)
            .execute(&self.database.writer);
        query.await.map(|_| ()).map_err(|error| self.error(error))
    }

    async fn snapshot(&self) -> Result<Option<Snapshot>, LedgerError> {
        let row = sqlx::query(SELECT_SNAPSHOT).fetch_optional(&self.database.readers).await;
        let row = row.map_err(|error| self.error(error))?;
        // A snapshot is disposable: one that cannot be read is none.
        Ok(row.and_then(|row| {
            let size = unsigned(row.try_get(0).ok()?);
            Some(Snapshot { size, format: row.try_get(1).ok()?, bytes: row.try_get(2).ok()? })
        }))
    }
}

async fn read_head(transaction: &mut Transaction<'_, Sqlite>) -> Result<LedgerHead, sqlx::Error> {
    let size: i64 = sqlx::query_scalar(SELECT_SIZE).fetch_one(&mut **transaction).await?;
    let checkpoint = sqlx::query_scalar(SELECT_NEWEST_CHECKPOINT).fetch_optional(&mut **transaction).await?;
    Ok(LedgerHead { size: unsigned(size), checkpoint })
}

async fn write_group(
    transaction: &mut Transaction<'_, Sqlite>,
    expected: u64,
    entries: &[LeafEntry],
    checkpoint: &str,
) -> Result<(), sqlx::Error> {
    for LeafEntry { entry, leaf_hash } in entries {
        let query = sqlx::query(INSERT_ENTRY)
            .bind(number(entry.sequence))
            .bind(rows::time_text(entry.at))
            .bind(entry.principal.as_str())
            .bind(entry.cause.as_str())
            .bind(entry.environment.as_ref().map(EnvironmentName::as_str))
            .bind(entry.kind.as_str())
            .bind(i64::from(entry.version))
            .bind(canonical_json(&entry.body))
            .bind(leaf_hash.as_slice());
        transaction.execute(query).await?;
    }
    let size = number(expected.saturating_add(entries.len() as u64));
    transaction.execute(sqlx::query(INSERT_CHECKPOINT).bind(size).bind(checkpoint)).await?;
    Ok(())
}

/// Databases count in signed numbers; what does not fit is beyond every ledger.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

#[cfg(test)]
mod tests;

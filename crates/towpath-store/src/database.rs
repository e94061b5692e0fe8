//! Opens SQLite databases the way Towpath needs them and says clearly why one cannot be opened.

use std::{
    borrow::Cow,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    SqlSafeStr as _, SqlitePool,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

/// The oldest SQLite that may be used: earlier ones can corrupt a database when the write-ahead log restarts
/// (sqlite.org/changes.html, 3.51.3).
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);
/// How long a statement waits for another connection's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How many connections read at once.
const READERS: u32 = 4;

// Primary result codes of SQLite (sqlite.org/rescode.html).
const SQLITE_PERM: i32 = 3;
const SQLITE_BUSY: i32 = 5;
const SQLITE_READONLY: i32 = 8;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_CANTOPEN: i32 = 14;
const SQLITE_NOTADB: i32 = 26;
/// An extended code: the shared-memory file of the log cannot grow, which happens on a full disk.
const SQLITE_IOERR_SHMSIZE: i32 = 4874;

/// Why a database could not be opened. The file is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made.
    #[error("cannot create the folder `{}`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file or its folder may not be written.
    #[error(
        "cannot write to `{}`: give this user the right to write the file and its folder, or choose another folder",
        path.display()
    )]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file is no database any more.
    #[error(
        "`{}` is damaged and was left as it is; the other files of its folder are not affected: put back a copy of this \
         file, or move it (and the files beside it that end in `-wal` and `-shm`) away to begin with an empty one",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A newer version of Towpath has written the file.
    #[error(
        "`{}` was written by a newer version of towpath (schema {found}, this version knows {known}): use that version or \
         a newer one",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema that was found.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// The file has a schema that no released version wrote.
    #[error(
        "`{}` has a schema {version} that differs from the one known here: it was written by another build of towpath",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The schema that differs.
        version: i64,
    },
    /// Another process holds the database.
    #[error("`{}` is in use by another process: stop it, or choose another folder", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// What the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No space is left.
    #[error("no space is left to open `{}`: free some and try again", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// SQLite itself is too old.
    #[error("SQLite {found} can damage databases: at least 3.51.3 is needed")]
    OldSqlite {
        /// The version that is linked.
        found: String,
    },
    /// Anything else.
    #[error("cannot open `{}`", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What kind of trouble a database reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Full,
    Corrupt,
    ReadOnly,
    Busy,
    Other,
}

/// How hard a database tries to keep what it acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// A power cut loses nothing.
    Full,
    /// A power cut may lose the last moments, and damages nothing.
    Relaxed,
}

/// A database: one connection that writes and a few that read.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) writer: SqlitePool,
    pub(crate) readers: SqlitePool,
    pub(crate) path: PathBuf,
}

/// A migration: its number, its name and its text.
pub(crate) type Step = (i64, &'static str, &'static str);

impl Database {
    /// Opens or creates the database at `path` and brings its schema up to date.
    pub(crate) async fn open(path: PathBuf, durability: Durability, steps: &[Step]) -> Result<Self, OpenError> {
        prepare_folder(&path)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(match durability {
                Durability::Full => SqliteSynchronous::Full,
                Durability::Relaxed => SqliteSynchronous::Normal,
            })
            .busy_timeout(BUSY_TIMEOUT)
            .row_buffer_size(1024)
            // A checkpoint that had to wait for readers must not leave a huge log behind for ever.
            .pragma("journal_size_limit", "67108864");
        let writer = pool(1).connect_with(options.clone()).await.map_err(|error| open_error(&path, error))?;
        check_version(&path, &writer).await?;
        migrate(&path, &writer, steps).await?;
        let reading = options.create_if_missing(false).pragma("query_only", "ON");
        let readers = pool(READERS).connect_with(reading).await.map_err(|error| open_error(&path, error))?;
        Ok(Self { writer, readers, path })
    }

    /// Closes all connections, which moves the write-ahead log into the database.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn pool(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

fn prepare_folder(path: &Path) -> Result<(), OpenError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?;
    }
    // SQLite takes an empty file for a new database, but here it can only be one that lost its content.
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0) {
        return Err(OpenError::Corrupt { path: path.to_owned(), source: "the file is empty".into() });
    }
    Ok(())
}

async fn check_version(path: &Path, writer: &SqlitePool) -> Result<(), OpenError> {
    let found: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(writer)
        .await
        .map_err(|error| open_error(path, error))?;
    let mut parts = found.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut part = || parts.next().unwrap_or(0);
    if (part(), part(), part()) < OLDEST_SQLITE { Err(OpenError::OldSqlite { found }) } else { Ok(()) }
}

async fn migrate(path: &Path, writer: &SqlitePool, steps: &[Step]) -> Result<(), OpenError> {
    let migrations = steps.iter().map(|(number, name, sql)| {
        Migration::new(*number, Cow::Borrowed(*name), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let known = steps.iter().map(|(number, ..)| *number).max().unwrap_or(0);
    let path = path.to_owned();
    match Migrator::with_migrations(migrations.collect()).run(writer).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(found)) if found > known => Err(OpenError::Newer { path, found, known }),
        Err(MigrateError::VersionMismatch(version) | MigrateError::VersionMissing(version)) => {
            Err(OpenError::Foreign { path, version })
        }
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => Err(open_error(&path, error)),
        Err(other) => Err(OpenError::Other { path, source: other.into() }),
    }
}

fn open_error(path: &Path, error: sqlx::Error) -> OpenError {
    let path = path.to_owned();
    match trouble(&error) {
        Trouble::Full => OpenError::Full { path, source: error.into() },
        Trouble::Corrupt => OpenError::Corrupt { path, source: error.into() },
        Trouble::ReadOnly => OpenError::ReadOnly { path, source: error.into() },
        Trouble::Busy => OpenError::Busy { path, source: error.into() },
        Trouble::Other => OpenError::Other { path, source: error.into() },
    }
}

/// Says what kind of trouble an error is.
pub(crate) fn trouble(error: &sqlx::Error) -> Trouble {
    let Some(code) = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok()) else {
        return Trouble::Other;
    };
    // The low byte is the primary code.
    match (code, code & 0xff) {
        (SQLITE_IOERR_SHMSIZE, _) | (_, SQLITE_FULL) => Trouble::Full,
        (_, SQLITE_CORRUPT | SQLITE_NOTADB) => Trouble::Corrupt,
        (_, SQLITE_READONLY | SQLITE_CANTOPEN | SQLITE_PERM) => Trouble::ReadOnly,
        (_, SQLITE_BUSY) => Trouble::Busy,
        _ => Trouble::Other,
    }
}

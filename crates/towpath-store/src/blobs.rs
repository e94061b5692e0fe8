//! Blobs as files named by their digest: `blobs/ab/abcd…`.
//!
//! A blob is written to a temporary file first and gets its name only when it is complete and on the disk, so what has a
//! name is whole. Who needs certainty about bytes that lay on a disk for long verifies them (`Blobs::get`).

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use async_trait::async_trait;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use towpath_core::ids::Digest;
use towpath_engine::ports::{BlobError, BlobReader, Blobs, StoredBlob};

/// The folder of files that are being written.
const TEMPORARY: &str = "tmp";
/// How many bytes are read at once.
const CHUNK: usize = 256 * 1024;

/// Blobs in a folder.
#[derive(Debug)]
pub struct FileBlobs {
    root: PathBuf,
    counter: AtomicU64,
    // Held while a blob gets its name, is kept, or is erased for its age: looking and erasing are one thing.
    aging: Arc<Mutex<()>>,
}

/// A file being written. It is removed unless it got its name.
struct Temporary {
    path: PathBuf,
    file: tokio::fs::File,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename there is nothing at this path; a failure leaves an orphan for the next opening.
        let _ = fs::remove_file(&self.path);
    }
}

impl FileBlobs {
    /// Opens the blobs in the folder `data` (folder `blobs`), or creates them there, and removes what interrupted
    /// writers left behind.
    pub fn open(data: &Path) -> Result<Self, BlobError> {
        let root = data.join("blobs");
        let temporary = root.join(TEMPORARY);
        fs::create_dir_all(&temporary).map_err(|error| storage("create the folder", &temporary, error))?;
        remove_orphans(&temporary).map_err(|error| storage("clean the folder", &temporary, error))?;
        Ok(Self { root, counter: AtomicU64::new(0), aging: Arc::default() })
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        let folder = hex.get(..2).unwrap_or_default();
        self.root.join(folder).join(&hex)
    }

    async fn temporary(&self) -> Result<Temporary, BlobError> {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let path = self.root.join(TEMPORARY).join(format!("{}-{number}", std::process::id()));
        let created = blocking({
            let path = path.clone();
            move || {
                let file = fs::File::create(&path)?;
                file.lock()?;
                Ok(file)
            }
        });
        let file = created.await.map_err(|error| storage("create", &path, error))?;
        Ok(Temporary { path, file: tokio::fs::File::from_std(file) })
    }

    /// Gives the complete file its name and makes the name durable.
    async fn name(&self, temporary: &Temporary, digest: &Digest) -> Result<(), BlobError> {
        let (from, to, root) = (temporary.path.clone(), self.path(digest), self.root.clone());
        let aging = Arc::clone(&self.aging);
        let named = blocking({
            let to = to.clone();
            move || {
                let folder = to.parent().unwrap_or(&root);
                if !folder.is_dir() {
                    fs::create_dir_all(folder)?;
                    fs::File::open(&root)?.sync_all()?;
                }
                // A blob of this name may be there already; putting the same bytes in its place also heals a damaged one.
                let one = aging.lock().unwrap_or_else(PoisonError::into_inner);
                fs::rename(&from, &to)?;
                drop(one);
                fs::File::open(folder)?.sync_all()
            }
        });
        named.await.map_err(|error| storage("store", &to, error))
    }
}

#[async_trait]
impl Blobs for FileBlobs {
    async fn write(&self, source: &mut (dyn AsyncRead + Send + Unpin)) -> Result<(Digest, u64), BlobError> {
        let mut temporary = self.temporary().await?;
        let mut hasher = Sha256::new();
        let mut length = 0;
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            chunk.clear();
            let mut part = (&mut *source).take(CHUNK as u64);
            part.read_to_end(&mut chunk).await.map_err(BlobError::Storage)?;
            if chunk.is_empty() {
                break;
            }
            hasher.update(&chunk);
            length += chunk.len() as u64;
            let written = temporary.file.write_all(&chunk).await;
            written.map_err(|error| storage("write", &temporary.path, error))?;
        }
        let synced = match temporary.file.flush().await {
            Ok(()) => temporary.file.sync_all().await,
            failed => failed,
        };
        synced.map_err(|error| storage("write", &temporary.path, error))?;
        let digest = Digest::from_bytes(hasher.finalize().into());
        self.name(&temporary, &digest).await?;
        Ok((digest, length))
    }

    async fn open(&self, digest: &Digest) -> Result<BlobReader, BlobError> {
        let path = self.path(digest);
        match tokio::fs::File::open(&path).await {
            Ok(file) => Ok(Box::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(BlobError::Missing(*digest)),
            Err(error) => Err(storage("open", &path, error)),
        }
    }

    async fn contains(&self, digest: &Digest) -> Result<bool, BlobError> {
        let path = self.path(digest);
        tokio::fs::try_exists(&path).await.map_err(|error| storage("look for", &path, error))
    }

    async fn erase(&self, digest: &Digest) -> Result<(), BlobError> {
        let path = self.path(digest);
        match tokio::fs::remove_file(&path).await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(storage("erase", &path, error)),
        }
        let synced = blocking({
            let folder = path.parent().unwrap_or(&self.root).to_owned();
            move || fs::File::open(folder)?.sync_all()
        });
        synced.await.map_err(|error| storage("erase", &path, error))
    }

    async fn list(&self) -> Result<Vec<StoredBlob>, BlobError> {
        let root = self.root.clone();
        blocking(move || list(&root)).await.map_err(|error| storage("list", &self.root, error))
    }

    async fn keep(&self, digest: &Digest) -> Result<bool, BlobError> {
        let (path, aging) = (self.path(digest), Arc::clone(&self.aging));
        let kept = blocking({
            let path = path.clone();
            move || {
                let _one = aging.lock().unwrap_or_else(PoisonError::into_inner);
                match fs::File::open(&path) {
                    Ok(file) => file.set_modified(SystemTime::now()).map(|()| true),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
                    Err(error) => Err(error),
                }
            }
        });
        kept.await.map_err(|error| storage("keep", &path, error))
    }

    async fn erase_older(&self, digest: &Digest, before: Timestamp) -> Result<bool, BlobError> {
        let (path, aging) = (self.path(digest), Arc::clone(&self.aging));
        let erased = blocking({
            let path = path.clone();
            move || {
                let one = aging.lock().unwrap_or_else(PoisonError::into_inner);
                match fs::metadata(&path) {
                    Ok(meta) if written(&meta)? >= before => return Ok(false),
                    Ok(_) => fs::remove_file(&path)?,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
                    Err(error) => return Err(error),
                }
                drop(one);
                path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all()).map(|()| true)
            }
        });
        erased.await.map_err(|error| storage("erase", &path, error))
    }
}

/// Lists the blobs: files that have the name of a digest. What has another name is nobody's.
fn list(root: &Path) -> io::Result<Vec<StoredBlob>> {
    let mut all = Vec::new();
    for folder in fs::read_dir(root)? {
        let folder = folder?;
        if folder.file_name() == TEMPORARY || !folder.file_type()?.is_dir() {
            continue;
        }
        for entry in fs::read_dir(folder.path())? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(digest) = name.to_str().and_then(|name| format!("sha256:{name}").parse().ok()) else { continue };
            match entry.metadata() {
                Ok(meta) if meta.is_file() => {
                    all.push(StoredBlob { digest, bytes: meta.len(), since: written(&meta)? });
                }
                Ok(_) => {}
                // It was erased meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    all.sort_by_key(|blob| blob.digest);
    Ok(all)
}

fn written(meta: &fs::Metadata) -> io::Result<Timestamp> {
    Timestamp::try_from(meta.modified()?).map_err(io::Error::other)
}

/// Removes temporary files that nobody writes to: a writer holds a lock on its file as long as it lives.
fn remove_orphans(temporary: &Path) -> io::Result<()> {
    for entry in fs::read_dir(temporary)? {
        let path = entry?.path();
        if fs::File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Runs file system calls that Tokio has no asynchronous form of.
async fn blocking<T: Send + 'static>(call: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(call).await.map_err(io::Error::other)?
}

/// What could not be done to which file.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} `{}`", path.display())]
struct FileError {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

fn storage(what: &'static str, path: &Path, source: io::Error) -> BlobError {
    BlobError::Storage(io::Error::new(source.kind(), FileError { what, path: path.to_owned(), source }))
}

#[cfg(test)]
mod tests;

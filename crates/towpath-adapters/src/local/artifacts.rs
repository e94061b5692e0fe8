//! Artifacts on the disk: each tree written once, verified, read-only, and there as a whole or not at all.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sha2::{Digest as _, Sha256};
use tokio::{io::AsyncReadExt as _, sync::Mutex};
use towpath_core::{
    artifact::{Tree, TreeEntry, TreeError, TreePath},
    ids::Digest,
};
use towpath_engine::ports::{BlobError, Blobs};

/// Why an artifact could not be written out.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArtifactError {
    #[error("the artifact {0} is missing: create the release again")]
    Missing(Digest),
    #[error("the artifact {0} is not a file tree: {1}")]
    Manifest(Digest, TreeError),
    #[error("the file `{path}` of the artifact {artifact} is missing: create the release again")]
    FileMissing { artifact: Digest, path: TreePath },
    #[error("the file `{path}` of the artifact {artifact} is damaged: create the release again")]
    Damaged { artifact: Digest, path: TreePath },
    #[error("the artifact {0} cannot be read: {1}")]
    Blob(Digest, BlobError),
    #[error("the artifact {0} cannot be written, no space is left on the disk")]
    Full(Digest),
    #[error("the artifact {0} cannot be written: {1}")]
    Write(Digest, io::Error),
}

/// The folder of artifacts.
pub(super) struct Artifacts {
    folder: PathBuf,
    blobs: Arc<dyn Blobs>,
    // One at a time: they compete for the same disk.
    writing: Mutex<()>,
    temporaries: AtomicU64,
}

/// Deletes what an interrupted writer left.
pub(super) fn clean(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            delete(&path)?;
        }
    }
    Ok(())
}

/// Deletes the files of an artifact: it is put aside first, so that it is there as a whole or not at all.
pub(super) fn remove(folder: &Path, digest: Digest) -> io::Result<()> {
    let path = folder.join(digest.hex());
    let aside = folder.join(format!("{}-gone.tmp", digest.hex()));
    if aside.exists() {
        delete(&aside)?;
    }
    // A folder that cannot be written to cannot be renamed by everybody.
    match fs::set_permissions(&path, fs::Permissions::from_mode(0o700)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    }
    fs::rename(&path, &aside)?;
    delete(&aside)
}

/// Deletes a tree whose folders cannot be written to.
fn delete(folder: &Path) -> io::Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    fs::remove_dir_all(folder)
}

impl Artifacts {
    pub(super) fn new(folder: PathBuf, blobs: Arc<dyn Blobs>) -> Self {
        Self { folder, blobs, writing: Mutex::default(), temporaries: AtomicU64::new(0) }
    }

    /// Keeps artifacts from being written out, or found to be there, as long as the answer is held.
    pub(super) async fn hold(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.writing.lock().await
    }

    /// Returns the folder with the files of an artifact, written out if it is not there yet.
    pub(super) async fn materialise(&self, digest: Digest) -> Result<PathBuf, ArtifactError> {
        let path = self.folder.join(digest.hex());
        let _one = self.writing.lock().await;
        if path.is_dir() {
            return Ok(path);
        }
        let manifest = self.blobs.get(&digest).await.map_err(|error| match error {
            BlobError::Missing(_) => ArtifactError::Missing(digest),
            other @ (BlobError::Damaged(_) | BlobError::Storage(_)) => ArtifactError::Blob(digest, other),
        })?;
        let tree = Tree::parse(&manifest).map_err(|error| ArtifactError::Manifest(digest, error))?;
        let number = self.temporaries.fetch_add(1, Ordering::Relaxed);
        let temporary = self.folder.join(format!("{}-{number}.tmp", digest.hex()));
        let written = match self.write(digest, &tree, &temporary).await {
            Ok(()) => {
                let (from, to) = (temporary.clone(), path.clone());
                // Flushing may take long.
                let finished = tokio::task::spawn_blocking(move || finish(&tree, &from, &to)).await;
                finished.map_err(io::Error::other).flatten().map_err(|error| cannot_write(digest, error))
            }
            Err(error) => Err(error),
        };
        if written.is_err() {
            // What is left is deleted at the next start, if it cannot be now.
            let _ = delete(&temporary);
        }
        written.map(|()| path)
    }

    async fn write(&self, digest: Digest, tree: &Tree, folder: &Path) -> Result<(), ArtifactError> {
        let failed = |error| cannot_write(digest, error);
        fs::create_dir(folder).map_err(failed)?;
        for (path, entry) in tree.entries() {
            let target = folder.join(path.as_str());
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent).map_err(failed)?;
            }
            match entry {
                TreeEntry::Symlink { target: to } => symlink(to, &target).map_err(failed)?,
                TreeEntry::File { digest: blob, executable, size } => {
                    let (got, length) = self.copy(digest, path, *blob, *executable, &target).await?;
                    if got != *blob || length != *size {
                        return Err(ArtifactError::Damaged { artifact: digest, path: path.clone() });
                    }
                }
            }
        }
        Ok(())
    }

    async fn copy(
        &self,
        artifact: Digest,
        path: &TreePath,
        blob: Digest,
        executable: bool,
        target: &Path,
    ) -> Result<(Digest, u64), ArtifactError> {
        use io::Write as _;
        let failed = |error| cannot_write(artifact, error);
        let mut reader = self.blobs.open(&blob).await.map_err(|error| match error {
            BlobError::Missing(_) => ArtifactError::FileMissing { artifact, path: path.clone() },
            other @ (BlobError::Damaged(_) | BlobError::Storage(_)) => ArtifactError::Blob(artifact, other),
        })?;
        let mode = if executable { 0o555 } else { 0o444 };
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(target).map_err(failed)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 64 * 1024];
        let mut length = 0_u64;
        loop {
            let read = reader.read(&mut buffer).await;
            let read = read.map_err(|error| ArtifactError::Blob(artifact, BlobError::Storage(error)))?;
            let bytes = buffer.get(..read).unwrap_or_default();
            if bytes.is_empty() {
                return Ok((Digest::from_bytes(hash.finalize().into()), length));
            }
            hash.update(bytes);
            length += read as u64;
            file.write_all(bytes).map_err(failed)?;
        }
    }
}

/// Takes the right to write away, flushes everything and puts the folder in its place.
fn finish(tree: &Tree, temporary: &Path, path: &Path) -> io::Result<()> {
    let folders: BTreeSet<&Path> =
        tree.entries().keys().flat_map(|path| Path::new(path.as_str()).ancestors().skip(1)).collect();
    for folder in folders.into_iter().rev().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::set_permissions(temporary.join(folder), fs::Permissions::from_mode(0o555))?;
    }
    let root = fs::File::open(temporary)?;
    rustix::fs::syncfs(&root)?;
    fs::rename(temporary, path)?;
    // A folder that cannot be written to cannot be renamed by everybody, so it loses the right last.
    fs::set_permissions(path, fs::Permissions::from_mode(0o555))
}

/// Says whether no space is left on the disk.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn cannot_write(digest: Digest, error: io::Error) -> ArtifactError {
    if is_full(&error) { ArtifactError::Full(digest) } else { ArtifactError::Write(digest, error) }
}

#[cfg(test)]
mod tests;

//! A folder for plain text: in memory where the system has such a place, closed to others, erased when it is dropped.
//!
//! What a killed process left is erased by the next one: a folder is held by a lock as long as its process lives.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use crate::{failure::Failure, folder::unwritable, server::files::random};

const PREFIX: &str = "towpath-edit-";

/// A folder that only this user can enter, and that is gone when this is.
#[derive(Debug)]
pub(super) struct PrivateFolder {
    path: PathBuf,
    _lock: File,
}

impl PrivateFolder {
    /// Makes one.
    pub(super) fn make() -> Result<Self, Failure> {
        let place = place();
        sweep(&place);
        let path = place.join(format!("{PREFIX}{}", hex::encode(random::<12>()?)));
        DirBuilder::new().mode(0o700).create(&path).map_err(|error| unwritable(&path, &error))?;
        let lock = File::open(&path).map_err(|error| unwritable(&path, &error))?;
        flock(&lock, FlockOperation::LockShared).map_err(|error| unwritable(&path, &error.into()))?;
        Ok(Self { path, _lock: lock })
    }

    /// Writes a file into it and returns where it is.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.path.join(name);
        let made = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path);
        made.and_then(|mut file| file.write_all(bytes)).map_err(|error| unwritable(&path, &error))?;
        Ok(path)
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        erase(&self.path);
    }
}

/// Returns where such folders are made: in memory if there is such a place.
fn place() -> PathBuf {
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let places = runtime.into_iter().chain([PathBuf::from("/dev/shm")]);
    places.into_iter().find(|path| is_writable(path)).unwrap_or_else(env::temp_dir)
}

fn is_writable(path: &Path) -> bool {
    path.is_dir() && rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
}

/// Erases folders whose process is gone.
fn sweep(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && fs::symlink_metadata(&path)
                .is_ok_and(|about| about.is_dir() && about.uid() == rustix::process::geteuid().as_raw());
        // Whoever uses the folder holds a lock; one that is just being made is held a moment later, and is still empty.
        let abandoned = || {
            let held = File::open(&path).and_then(|folder| {
                flock(&folder, FlockOperation::NonBlockingLockExclusive)?;
                Ok(fs::read_dir(&path)?.next().is_some())
            });
            held.unwrap_or(false)
        };
        if ours && abandoned() {
            erase(&path);
        }
    }
}

/// Overwrites and removes all files, also those that the editor made beside.
fn erase(folder: &Path) {
    if let Ok(entries) = fs::read_dir(folder) {
        for entry in entries.flatten() {
            let path = entry.path();
            match fs::symlink_metadata(&path) {
                Ok(about) if about.is_file() => {
                    // What cannot be overwritten is removed all the same.
                    let _ = overwrite(&path, about.len());
                    let _ = fs::remove_file(&path);
                }
                Ok(about) if about.is_dir() => erase(&path),
                Ok(_) | Err(_) => {
                    let _ = fs::remove_file(&path);
                }
            }
        }
    }
    let _ = fs::remove_dir(folder);
}

fn overwrite(path: &Path, length: u64) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let zeros = [0_u8; 4096];
    let mut left = usize::try_from(length).unwrap_or(usize::MAX);
    while left > 0 {
        let part = left.min(zeros.len());
        file.write_all(zeros.get(..part).unwrap_or_default())?;
        left -= part;
    }
    file.sync_data()
}

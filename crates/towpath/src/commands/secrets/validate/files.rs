//! The files of a project, each read once.
//!
//! Nothing outside of the folder is read: links are not followed. Nor is anything that is no file: devices and pipes may never
//! end.

use std::{
    collections::BTreeSet,
    fs::File,
    io::Read as _,
    path::Path,
    sync::{Mutex, PoisonError},
};

use ignore::{DirEntry, WalkBuilder, WalkState};
use rustix::fs::{Mode, OFlags};
use towpath_secrets::leaks::{Hit, Scanner};

use crate::folder::DATA_FOLDER;

/// More of a file is not read.
pub(super) const MAX_BYTES: u64 = 10 << 20;
/// Folders that other tools fill, skipped where ignored files are looked into.
const FILLED: &[&str] =
    &[".git", DATA_FOLDER, "node_modules", "target", ".venv", "venv", "__pycache__", ".terraform", "vendor"];

/// What came of looking through files.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    pub(super) hits: Vec<(String, Hit)>,
    pub(super) files: usize,
    pub(super) too_large: Vec<String>,
    pub(super) unreadable: Vec<String>,
    seen: BTreeSet<String>,
}

/// Looks through the files of a folder that git would take; through ignored ones of kinds that hold credentials, too, on
/// request.
pub(super) fn scan(root: &Path, scanner: &Scanner, ignored_too: bool) -> Scanned {
    let found = Mutex::new(Scanned::default());
    let mut walk = WalkBuilder::new(root);
    // Files that begin with a dot are where credentials are.
    walk.hidden(false).ignore(false).git_global(false).require_git(false).follow_links(false);
    walk.filter_entry(|entry| !is_folder_named(entry, &[".git", DATA_FOLDER]));
    look(&walk, root, scanner, &found, |_| true);
    if ignored_too {
        let mut walk = WalkBuilder::new(root);
        walk.standard_filters(false).follow_links(false);
        walk.filter_entry(|entry| !is_folder_named(entry, FILLED));
        look(&walk, root, scanner, &found, holds_credentials);
    }
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.hits.sort_by(|one, other| (&one.0, one.1.line, one.1.column).cmp(&(&other.0, other.1.line, other.1.column)));
    found.too_large.sort();
    found.unreadable.sort();
    found
}

fn is_folder_named(entry: &DirEntry, names: &[&str]) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_dir()) && names.iter().any(|name| entry.file_name() == *name)
}

/// Says whether an ignored file is of a kind that holds credentials.
fn holds_credentials(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let endings = [
        ".pem",
        ".key",
        ".p8",
        ".ppk",
        ".tfvars",
        ".tfstate",
        ".env",
        ".npmrc",
        ".pypirc",
        ".netrc",
        ".kubeconfig",
        ".properties",
        ".agekey",
        ".yaml",
        ".yml",
        ".json",
        ".toml",
        ".ini",
        ".sh",
        ".envrc",
        ".htpasswd",
        ".pgpass",
        ".log",
        ".sql",
    ];
    name.starts_with(".env") || name.starts_with("id_") || endings.iter().any(|ending| name.ends_with(ending))
}

fn look(walk: &WalkBuilder, root: &Path, scanner: &Scanner, found: &Mutex<Scanned>, wanted: fn(&str) -> bool) {
    let mut walk = walk.clone();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    walk.threads(threads).build_parallel().run(|| {
        Box::new(move |entry| {
            if let Ok(entry) = entry
                && entry.file_type().is_some_and(|kind| kind.is_file())
            {
                let shown = entry.path().strip_prefix(root).unwrap_or(entry.path()).to_string_lossy().into_owned();
                if wanted(&shown) {
                    one(entry.path(), shown, scanner, found);
                }
            }
            WalkState::Continue
        })
    });
}

fn one(path: &Path, shown: String, scanner: &Scanner, found: &Mutex<Scanned>) {
    let lock = || found.lock().unwrap_or_else(PoisonError::into_inner);
    if !lock().seen.insert(shown.clone()) {
        return;
    }
    let (bytes, whole) = match read(path) {
        Ok(Some(read)) => read,
        Ok(None) => return,
        Err(_) => return lock().unreadable.push(shown),
    };
    let hits = scanner.scan(&shown, &bytes);
    let mut found = lock();
    found.files += 1;
    if !whole {
        found.too_large.push(shown.clone());
    }
    found.hits.extend(hits.into_iter().map(|hit| (shown.clone(), hit)));
}

/// Reads a file up to the limit and says whether that is all; `None` for what is no file by now.
fn read(path: &Path) -> std::io::Result<Option<(Vec<u8>, bool)>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len().min(MAX_BYTES)).unwrap_or(0) + 1);
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(Some((bytes, meta.len() <= MAX_BYTES)))
}

//! Artifacts: folders read into trees that name every file by its content. Nothing is uploaded here.

use std::{
    collections::BTreeMap,
    fs, io,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};
use towpath_core::{
    artifact::{Tree, TreeEntry, TreePath},
    ids::Digest,
};

use crate::{
    failure::{Exit, Failure},
    folder::{DATA_FOLDER, unreadable},
};

mod ignore;

use ignore::Ignored;

/// The file that says what is left out, in the form of `.gitignore`.
pub(crate) const IGNORE_FILE: &str = ".towpathignore";

/// A folder read into a tree.
#[derive(Debug)]
pub(crate) struct Artifact {
    /// What names it.
    pub tree: Tree,
    /// Where the bytes of each file are.
    pub files: BTreeMap<Digest, PathBuf>,
}

/// Reads a folder, or a single file as the only one of a folder. `root` is the project's folder, whose ignore file holds
/// everywhere.
pub(crate) fn read(root: &Path, path: &Path) -> Result<Artifact, Failure> {
    let mut entries = BTreeMap::new();
    let mut files = BTreeMap::new();
    let metadata = fs::metadata(path).map_err(|error| missing(path, &error))?;
    if metadata.is_file() {
        let name = path.file_name().unwrap_or_default().to_str().unwrap_or_default();
        add(path, name, &mut entries, &mut files)?;
    } else {
        let ignored = Ignored::read(&[root, path])?;
        walk(path, "", &ignored, &mut entries, &mut files)?;
    }
    if entries.is_empty() {
        return Err(Failure::new(
            Exit::Failed,
            "empty_artifact",
            format!("there are no files in `{}`", path.display()),
        )
        .next(format!("build it first, or look at what {IGNORE_FILE} leaves out")));
    }
    let tree = Tree::new(entries).map_err(|error| Failure::of(Exit::Failed, "invalid_artifact", &error))?;
    Ok(Artifact { tree, files })
}

type Entries = BTreeMap<TreePath, TreeEntry>;

fn walk(
    folder: &Path,
    below: &str,
    ignored: &Ignored,
    entries: &mut Entries,
    files: &mut BTreeMap<Digest, PathBuf>,
) -> Result<(), Failure> {
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let path = entry.path();
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            return Err(Failure::new(
                Exit::Failed,
                "invalid_artifact",
                format!("the name of `{}` is not UTF-8", path.display()),
            )
            .next(format!("rename it, or leave it out by {IGNORE_FILE}")));
        };
        let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
        let relative = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        if is_ours(name) || ignored.has(&relative, kind.is_dir()) {
            continue;
        }
        if kind.is_dir() {
            walk(&path, &relative, ignored, entries, files)?;
        } else {
            add(&path, &relative, entries, files)?;
        }
    }
    Ok(())
}

/// Says whether nobody wants this in an artifact: version control and our own private data.
fn is_ours(name: &str) -> bool {
    matches!(name, ".git" | ".hg" | ".svn" | IGNORE_FILE) || name == DATA_FOLDER
}

fn add(
    path: &Path,
    relative: &str,
    entries: &mut Entries,
    files: &mut BTreeMap<Digest, PathBuf>,
) -> Result<(), Failure> {
    let invalid = |error: towpath_core::artifact::TreeError| Failure::of(Exit::Failed, "invalid_artifact", &error);
    let name = TreePath::new(relative).map_err(invalid)?;
    let metadata = fs::symlink_metadata(path).map_err(|error| unreadable(path, &error))?;
    let kind = metadata.file_type();
    let entry = if kind.is_symlink() {
        let target = fs::read_link(path).map_err(|error| unreadable(path, &error))?;
        TreeEntry::Symlink { target: target.to_str().unwrap_or_default().to_owned() }
    } else if kind.is_file() {
        let (digest, size) = digest(path).map_err(|error| unreadable(path, &error))?;
        files.insert(digest, path.to_owned());
        TreeEntry::File { digest, executable: metadata.permissions().mode() & 0o111 != 0, size }
    } else {
        let message = format!("`{}` is neither a file nor a folder nor a symbolic link", path.display());
        return Err(
            Failure::new(Exit::Failed, "invalid_artifact", message).next(format!("leave it out by {IGNORE_FILE}"))
        );
    };
    entries.insert(name, entry);
    Ok(())
}

fn digest(path: &Path) -> io::Result<(Digest, u64)> {
    let mut file = fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
        size += bytes.len() as u64;
    }
    Ok((Digest::from_bytes(hasher.finalize().into()), size))
}

fn missing(path: &Path, error: &io::Error) -> Failure {
    let failure = unreadable(path, error);
    if error.kind() == io::ErrorKind::NotFound {
        failure.next("build it first, or give another folder")
    } else {
        failure
    }
}

#[cfg(test)]
mod tests;

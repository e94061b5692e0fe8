//! Artifact trees: which files a service runs from, named by their content.
//!
//! Only the manifest is here. Reading folders into trees and writing trees to a disk is for others, who may
//! trust that a [`Tree`] cannot reach outside of the folder it is written to.

use std::{borrow::Borrow, collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::ids::Digest;

/// The longest name of one file or folder, as Linux file systems have it (`NAME_MAX`).
const LONGEST_NAME: usize = 255;
/// The longest path, with room for the folder a tree is written to (`PATH_MAX` is 4096).
const LONGEST_PATH: usize = 2048;

/// Why something is no artifact tree.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A path is not plain and relative.
    #[error("`{path}` cannot be a path in an artifact: {reason}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Something lies under what is no folder.
    #[error("`{path}` lies under `{parent}`, which is not a folder")]
    UnderFile {
        /// The path.
        path: String,
        /// The file or symbolic link above it.
        parent: String,
    },
    /// A symbolic link leads out of the tree, or could.
    #[error(
        "the symbolic link `{path}` to `{target}` leaves the artifact: use a relative target inside of it, with `..` only in front"
    )]
    Leaves {
        /// The link.
        path: String,
        /// Where it points.
        target: String,
    },
    /// The bytes are not the canonical form of a tree.
    #[error("this is not an artifact's manifest in canonical form")]
    NotCanonical,
    /// The bytes are no manifest at all.
    #[error("this is not an artifact's manifest")]
    Syntax(#[source] serde_json::Error),
}

/// A plain relative path in a tree, parts separated by `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TreePath(String);

/// What is at a path. Folders are implied by what is in them; empty ones are not kept.
// The fields are in alphabetical order because the derived serialisation is the canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TreeEntry {
    /// A file, its bytes in a blob.
    File {
        /// The blob.
        digest: Digest,
        /// Whether it may be executed.
        executable: bool,
        /// Its length in bytes.
        size: u64,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, relative to the folder it is in.
        target: String,
    },
}

/// The manifest of an artifact.
///
/// Its canonical form is JSON without white space, keys sorted by their bytes, stored as a blob; the digest of that
/// names the artifact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawTree")]
pub struct Tree {
    // INVARIANT: no entry lies under another, and no link leads out.
    entries: BTreeMap<TreePath, TreeEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTree {
    entries: BTreeMap<TreePath, TreeEntry>,
}

impl TreePath {
    /// Returns the path, or why it may not be in a tree.
    pub fn new(path: &str) -> Result<Self, TreeError> {
        let wrong = |reason| Err(TreeError::Path { path: path.to_owned(), reason });
        if path.is_empty() {
            return wrong("it is empty");
        }
        if path.starts_with('/') {
            return wrong("it is absolute");
        }
        if path.len() > LONGEST_PATH {
            return wrong("it is longer than 2048 bytes");
        }
        if path.contains(|c: char| c.is_control()) {
            return wrong("it has a control character");
        }
        for part in path.split('/') {
            match part {
                "" => return wrong("it has an empty part"),
                "." | ".." => return wrong("`.` and `..` are not allowed"),
                long if long.len() > LONGEST_NAME => return wrong("a part is longer than 255 bytes"),
                _ => {}
            }
        }
        Ok(Self(path.to_owned()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the folders above it, nearest first.
    fn ancestors(&self) -> impl Iterator<Item = &str> {
        let mut rest = self.0.as_str();
        std::iter::from_fn(move || {
            rest = rest.rsplit_once('/')?.0;
            Some(rest)
        })
    }
}

impl Tree {
    /// Returns the tree of these entries, or the first reason why it is none.
    pub fn new(entries: BTreeMap<TreePath, TreeEntry>) -> Result<Self, TreeError> {
        for (path, entry) in &entries {
            if let Some(parent) = path.ancestors().find(|above| entries.contains_key(*above)) {
                return Err(TreeError::UnderFile { path: path.0.clone(), parent: parent.to_owned() });
            }
            if let TreeEntry::Symlink { target } = entry
                && !stays_inside(path, target)
            {
                return Err(TreeError::Leaves { path: path.0.clone(), target: target.clone() });
            }
        }
        Ok(Self { entries })
    }

    /// Reads a manifest. Only the canonical form is taken, so that one tree has one digest.
    pub fn parse(bytes: &[u8]) -> Result<Self, TreeError> {
        // Errors of the tree itself are told apart from errors of syntax, so it is built in two steps.
        let raw: RawTree = serde_json::from_slice(bytes).map_err(TreeError::Syntax)?;
        let tree = Self::new(raw.entries)?;
        if tree.canonical() == bytes { Ok(tree) } else { Err(TreeError::NotCanonical) }
    }

    /// Returns what is in it, by path.
    pub fn entries(&self) -> &BTreeMap<TreePath, TreeEntry> {
        &self.entries
    }

    /// Returns the canonical form: the bytes of the manifest's blob.
    #[expect(clippy::missing_panics_doc, reason = "it cannot")]
    pub fn canonical(&self) -> Vec<u8> {
        #[expect(
            clippy::expect_used,
            reason = "a map with keys that are strings, of strings and numbers, always serialises"
        )]
        serde_json::to_vec(self).expect("a tree is always JSON")
    }

    /// Returns the digest of the canonical form, which names the artifact.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.canonical())
    }

    /// Returns the sum of the lengths of its files.
    pub fn size(&self) -> u64 {
        self.entries.values().fold(0, |sum, entry| match entry {
            TreeEntry::File { size, .. } => sum.saturating_add(*size),
            TreeEntry::Symlink { .. } => sum,
        })
    }

    /// Returns the blobs of its files, a blob that several files share several times.
    pub fn blobs(&self) -> impl Iterator<Item = Digest> {
        self.entries.values().filter_map(|entry| match entry {
            TreeEntry::File { digest, .. } => Some(*digest),
            TreeEntry::Symlink { .. } => None,
        })
    }
}

/// Says whether a link can only lead to places inside the tree.
///
/// `..` is allowed in front only: there it goes up from a real folder, as nothing lies under a link. Behind a name it
/// might go up from wherever another link led, which text alone does not show.
fn stays_inside(link: &TreePath, target: &str) -> bool {
    if target.is_empty() || target.starts_with('/') || target.len() > LONGEST_PATH || target.contains(char::is_control)
    {
        return false;
    }
    let mut above = link.ancestors().count();
    let mut in_front = true;
    for part in target.split('/') {
        match part {
            ".." if in_front && above > 0 => above -= 1,
            ".." => return false,
            "" | "." => {}
            _ => in_front = false,
        }
    }
    true
}

impl TryFrom<RawTree> for Tree {
    type Error = TreeError;
    fn try_from(raw: RawTree) -> Result<Self, TreeError> {
        Self::new(raw.entries)
    }
}

impl TryFrom<String> for TreePath {
    type Error = TreeError;
    fn try_from(path: String) -> Result<Self, TreeError> {
        Self::new(&path)
    }
}

impl From<TreePath> for String {
    fn from(path: TreePath) -> Self {
        path.0
    }
}

impl Borrow<str> for TreePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests;

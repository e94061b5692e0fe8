//! Releases: artifacts and configuration pinned together, immutable, named by their content.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{ArtifactName, Digest, PrincipalName, ReleaseNumber},
    units::Bytes,
};

/// What a release is made of; its canonical JSON gives the digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseContent {
    /// What people call it, such as `1.1`.
    pub version: String,
    /// The artifact trees, by name.
    pub artifacts: BTreeMap<ArtifactName, ArtifactRef>,
    /// The bundle: every configuration source.
    pub bundle: Digest,
    /// The git commit it was made from.
    pub commit: Option<Commit>,
}

/// An artifact as a release pins it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactRef {
    /// The digest of the tree that lists its files.
    pub tree: Digest,
    /// How many files.
    pub files: u64,
    /// Their total size.
    pub size: Bytes,
}

/// Where the sources came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The full object name.
    pub id: String,
    /// When it was committed: lead time is counted from here.
    pub at: Timestamp,
    /// Whether the work tree had changes that the commit does not have.
    pub dirty: bool,
}

/// A release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its number in the project.
    pub number: ReleaseNumber,
    /// Its name by content.
    pub digest: Digest,
    /// What it is made of.
    pub content: ReleaseContent,
    /// What changed, for people; not part of the content.
    pub notes: Option<String>,
    /// Who made it.
    pub created_by: PrincipalName,
    /// When.
    pub created_at: Timestamp,
}

impl ReleaseContent {
    /// Returns the digest of the canonical form.
    pub fn digest(&self) -> Digest {
        // Struct fields are written in declared order and maps are sorted, so the form is canonical.
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }
}

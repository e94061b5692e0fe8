//! Releases and the blobs they are made of.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Asks for a release to be made. Making the same again yields the one that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRelease {
    /// What it is made of.
    pub content: ReleaseContent,
    /// What changed, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// What a release is made of. Its blobs have to be there already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseContent {
    /// What people call it, 1 to 64 characters.
    #[schema(example = "1.1")]
    pub version: String,
    /// The artifact trees, by name.
    #[serde(default)]
    pub artifacts: BTreeMap<String, ArtifactView>,
    /// The digest of the bundle: every configuration source.
    pub bundle: String,
    /// The git commit it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitView>,
}

/// An artifact as a release pins it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ArtifactView {
    /// The digest of the manifest that lists its files.
    pub tree: String,
    /// How many files.
    pub files: u64,
    /// Their total size in bytes.
    pub size: u64,
}

/// Where the sources came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommitView {
    /// The full object name.
    pub id: String,
    /// When it was committed: lead time is counted from here.
    pub at: Timestamp,
    /// Whether the work tree had changes that the commit does not have.
    #[serde(default)]
    pub dirty: bool,
}

/// A release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseView {
    /// Its number in the project.
    pub number: u64,
    /// Its name by content.
    pub digest: String,
    /// What people call it.
    pub version: String,
    /// What it is made of.
    pub content: ReleaseContent,
    /// What changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Where it is or was, from the least to the most production-like.
    pub places: Vec<ReleasePlace>,
}

/// An environment that a release reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReleasePlace {
    /// Where.
    pub environment: String,
    /// The newest deployment of it there.
    pub revision: u64,
    /// How it stands there.
    pub state: ReleasePlaceState,
}

/// How a release stands in an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleasePlaceState {
    /// It is on its way in or back.
    RollingOut,
    /// It runs there.
    Current,
    /// It ran there until another took over.
    Replaced,
    /// It failed there or was gone back from.
    Failed,
}

/// Which blobs a client has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlobsWanted {
    /// Their digests, `sha256:` and 64 hexadecimal digits; at most 10,000.
    pub digests: Vec<String>,
}

/// Which of them the server does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlobsMissing {
    /// Their digests, in the order they were asked for, each once.
    pub missing: Vec<String>,
}

/// A blob that was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlobStored {
    /// Its digest.
    pub digest: String,
    /// Its length in bytes.
    pub size: u64,
}

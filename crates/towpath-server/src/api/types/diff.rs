//! What changes when another release or revision takes over.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// What runs; absent where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<RevisionRef>,
    /// What would run.
    pub to: RevisionRef,
    /// Artifacts that change.
    pub artifacts: Vec<ArtifactChange>,
    /// Services that change.
    pub services: Vec<ServiceChange>,
    /// What changes in how it is brought in: strategy, deadline, verification.
    pub deployment: Vec<FieldChange>,
    /// Keys of the live overlay of which what would run says something else than what runs.
    #[serde(default)]
    pub overlay: Vec<FieldChange>,
    /// The release stays: only its configuration changes.
    #[serde(default)]
    pub configuration_only: bool,
    /// Nothing changes at all.
    pub empty: bool,
}

/// A release or a revision of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevisionRef {
    /// The revision, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// The release.
    pub release: u64,
    /// What people call the release.
    pub version: String,
}

/// What happens to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was not there.
    Added,
    /// It will be another.
    Changed,
    /// It will not be there.
    Removed,
}

/// An artifact that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactChange {
    /// Its name.
    pub name: String,
    /// What happens to it.
    pub change: Change,
    /// The digest before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The digest after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many files are added.
    pub files_added: u64,
    /// How many files change.
    pub files_changed: u64,
    /// How many files are removed.
    pub files_removed: u64,
    /// The first files that differ, at most 20.
    pub files: Vec<String>,
}

/// A service that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceChange {
    /// Its name.
    pub service: String,
    /// What happens to it.
    pub change: Change,
    /// What changes in how it runs, such as `replicas`.
    pub fields: Vec<FieldChange>,
    /// Resolved variables that change.
    pub variables: Vec<VariableChange>,
}

/// A setting that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldChange {
    /// Which.
    #[schema(example = "replicas")]
    pub field: String,
    /// What it was; absent where it was not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it will be; absent where it will not be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A resolved variable that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VariableChange {
    /// Its name.
    pub name: String,
    /// What happens to it.
    pub change: Change,
    /// Whether its values are held back.
    pub secret: bool,
    /// What it was, unless held back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it will be, unless held back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

//! The life of environments: previews, destroying, collecting what nobody needs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Tier;

/// Makes a preview: a short-lived environment that is in no file of the project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreatePreview {
    /// What it is called.
    pub name: String,
    /// The environment it is built on, by name or alias.
    pub extends: String,
    /// How long it lives, in milliseconds from now.
    pub ttl_ms: u64,
    /// Its tier, never production; without one that of what it is built on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Values set from the start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<PreviewValue>,
    /// The release that goes in at once. Its files are what the preview is built from; without one the project's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<u64>,
    /// Why, for people; kept in the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Says what would be made, and makes nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// One value of a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PreviewValue {
    /// The key, such as `services.web.replicas`; a declared variable may be named alone.
    pub key: String,
    /// The value: for a variable its text, else JSON or a text. Never a secret.
    pub value: String,
}

/// A preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewView {
    /// What it is called.
    pub name: String,
    /// The environment it is built on.
    pub extends: String,
    /// Its tier.
    pub tier: Tier,
    /// When it is destroyed.
    pub expires_at: Timestamp,
    /// Who made it.
    pub owner: String,
    /// When.
    pub created_at: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The text of its environment file.
    pub file: String,
    /// The promotion of the release that goes in at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<u64>,
}

/// A preview at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewSummary {
    /// The environment it is built on.
    pub extends: String,
    /// When it is destroyed.
    pub expires_at: Timestamp,
    /// Who made it.
    pub owner: String,
}

/// Lets a preview live longer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExtendPreview {
    /// How long it lives, in milliseconds from now.
    pub ttl_ms: u64,
}

/// Destroys an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DestroyEnvironment {
    /// Lists what would go, and removes nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// The checksum of the listing that was shown by a dry run: needed, and another one is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listing: Option<String>,
    /// Why, for people; kept in the ledger. Needed where users are (tier production).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The name of the environment; needed where users are (tier production).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

/// Everything that goes with an environment, and what stays because others use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Destruction {
    /// Which environment.
    pub environment: String,
    /// Its tier; absent where nobody can say, and then it is treated as production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// Whether it is a preview.
    pub preview: bool,
    /// The checksum of this listing.
    pub listing: String,
    /// Whether it is on its way already.
    pub destroying: bool,
    /// Instances that are stopped.
    pub instances: Vec<InstanceGoes>,
    /// Routes that are closed.
    pub routes: Vec<RouteGoes>,
    /// Files and folders that are deleted, relative to the data folder.
    pub files: Vec<FileGoes>,
    /// Blobs that are erased.
    pub blobs: Vec<BlobGoes>,
    /// Keys of the live overlay that end.
    pub overlay: Vec<String>,
    /// Promotions that are closed.
    pub promotions: Vec<u64>,
    /// The rollout that is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<u64>,
    /// Revisions that cannot be gone back to any more; their history stays.
    pub revisions: Vec<u64>,
    /// What stays although the environment uses it.
    pub stays: Vec<StaysView>,
}

/// An instance that is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceGoes {
    /// Which: service, revision and index.
    pub instance: String,
    /// Its process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
}

/// A route that is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouteGoes {
    /// The service.
    pub service: String,
    /// Where it is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// A file or folder that is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileGoes {
    /// What it is.
    pub what: String,
    /// Where.
    pub path: String,
    /// How much room it takes.
    pub bytes: u64,
}

/// A blob that is erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlobGoes {
    /// Its name.
    pub digest: String,
    /// Its length.
    pub bytes: u64,
}

/// What stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StaysView {
    /// What.
    pub what: String,
    /// Why.
    pub because: String,
}

/// Where an environment is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LifeState {
    /// It is there.
    Active,
    /// It is being destroyed.
    Destroying,
    /// Nothing is left but its history.
    Destroyed,
}

/// The life of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LifeView {
    /// Which environment.
    pub environment: String,
    /// Where it is in its life.
    pub state: LifeState,
    /// Since when it is being or is destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What it is as a preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<PreviewSummary>,
    /// What goes or went, in numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<RemovedView>,
}

/// What was removed, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemovedView {
    /// Instances stopped.
    pub instances: u64,
    /// Routes closed.
    pub routes: u64,
    /// Revisions that cannot be gone back to any more.
    pub revisions: u64,
    /// Promotions closed.
    pub promotions: u64,
    /// Values of the live overlay.
    pub overlay: u64,
    /// Files and folders.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// Blobs.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
}

/// Collects what nobody needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CollectGarbage {
    /// Lists what would go, and removes nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// The checksum of the listing that was shown by a dry run: another one is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listing: Option<String>,
}

/// What nobody needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GarbageView {
    /// The checksum of this listing.
    pub listing: String,
    /// Whether it was removed.
    pub removed: bool,
    /// Blobs that nothing names.
    pub blobs: Vec<BlobGoes>,
    /// Files of revisions that cannot be gone back to.
    pub files: Vec<FileGoes>,
}

//! Environments: what runs where, and how it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{OverlaySummary, PreviewSummary, RolloutStatus, SetCounts};

/// The whole project at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The project; absent before the first release or `towpath up` declared one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// When this was so.
    pub at: Timestamp,
    /// How many events this takes into account.
    pub size: u64,
    /// In the order of the pipeline, from the least to the most production-like.
    pub environments: Vec<EnvironmentSummary>,
}

/// Every environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentList {
    /// In the order of the pipeline, from the least to the most production-like.
    pub items: Vec<EnvironmentSummary>,
}

/// How much depends on an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Where people try things.
    Development,
    /// Where machines and testers look for faults.
    Testing,
    /// Where a release is rehearsed.
    Staging,
    /// Where users are.
    Production,
}

/// An environment at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentSummary {
    /// Its name.
    pub name: String,
    /// How much depends on it.
    pub tier: Tier,
    /// Where a release must have been before.
    pub after: Vec<String>,
    /// Whether a new release enters by itself.
    pub automatic: bool,
    /// What serves; absent where nothing was ever deployed successfully.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<RevisionSummary>,
    /// The rollout that is running or going back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutSummary>,
    /// Its instances.
    pub instances: InstanceCounts,
    /// Where its services can be reached.
    pub addresses: Vec<AddressView>,
    /// The promotions that wait to enter.
    pub waiting: Vec<PromotionSummary>,
    /// What is laid over the files; absent where nothing is and was when what runs came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<OverlaySummary>,
    /// What it is as a preview; absent for an environment of the pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<PreviewSummary>,
    /// Since when it is being destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destroying: Option<Timestamp>,
}

/// What serves in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevisionSummary {
    /// The revision.
    pub revision: u64,
    /// Its release.
    pub release: u64,
    /// What people call the release.
    pub version: String,
    /// Since when it is the good one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// A rollout at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutSummary {
    /// The revision that comes in.
    pub revision: u64,
    /// Its release.
    pub release: u64,
    /// What people call the release.
    pub version: String,
    /// How it stands.
    pub status: RolloutStatus,
    /// The index of the step in force, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// How many steps there are.
    pub steps: usize,
    /// The step in force in words, or why it failed.
    pub message: String,
    /// The share of the traffic that the new revision is given, 0 to 100.
    pub weight_percent: u8,
    /// When it began.
    pub started_at: Timestamp,
    /// Who began it.
    pub started_by: String,
}

/// Counts of instances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceCounts {
    /// Those that may get traffic.
    pub ready: u32,
    /// Those that should be there now.
    pub wanted: u32,
    /// Those that exist, also the ones that are stopping.
    pub existing: u32,
}

/// Where a service of an environment can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddressView {
    /// The service.
    pub service: String,
    /// Its address, such as `http://127.0.0.1:8080`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The address of the preview, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
    /// Why it cannot be reached (`address already in use`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A promotion at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromotionSummary {
    /// Its number.
    pub number: u64,
    /// The release.
    pub release: u64,
    /// What people call the release.
    pub version: String,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub requested_at: Timestamp,
    /// The gates that are closed, each with why.
    pub closed: Vec<String>,
}

/// An environment in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentView {
    /// What there is at a glance.
    #[serde(flatten)]
    pub summary: EnvironmentSummary,
    /// The services of what runs.
    pub services: Vec<ServiceView>,
    /// Instances by revision and service.
    pub sets: Vec<SetCounts>,
    /// Revisions that were replaced and still run.
    pub retiring: Vec<RetiringView>,
    /// The declared gates in words; what is not declared is open.
    pub gates: Vec<String>,
}

/// A service as it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceView {
    /// Its name.
    pub name: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// The container image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The digest of its artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<String>,
    /// How many instances are declared.
    pub replicas: u32,
}

/// A revision that was replaced and still runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetiringView {
    /// The revision.
    pub revision: u64,
    /// Since when.
    pub since: Timestamp,
}

/// The instances of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceList {
    /// By service, revision and index.
    pub items: Vec<InstanceView>,
}

/// Where an instance is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstancePhase {
    /// Started, not ready yet.
    Starting,
    /// May get traffic.
    Ready,
    /// Was ready and fails its readiness probe now.
    Unready,
    /// Ended and is started again soon.
    BackOff,
    /// Ended too often in a row; still tried again.
    CrashLoop,
    /// Told to stop and has not yet.
    Stopping,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceView {
    /// Its service.
    pub service: String,
    /// The revision it belongs to.
    pub revision: u64,
    /// Its index in the set, from 0.
    pub index: u32,
    /// Where in its life.
    pub phase: InstancePhase,
    /// When it is started again, while it waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Where it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Its process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// When the process was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// How often it was started again.
    pub restarts: u32,
    /// Why it last ended or is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// CPU used, in thousandths of a core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_milli: Option<u32>,
    /// Resident memory in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Requests in flight.
    pub in_flight: u64,
}

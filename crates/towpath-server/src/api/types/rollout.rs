//! Rollouts, the history of deployments, and going back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Diff, RevisionRef};

/// How a rollout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RolloutStatus {
    /// A step is in force.
    Running,
    /// It waits.
    Paused,
    /// It failed; the good revision takes everything back.
    RollingBack,
    /// It failed and the good revision serves alone.
    RolledBack,
    /// Somebody aborted it and the good revision serves alone.
    Aborted,
    /// It serves alone, or did until another took over.
    Completed,
    /// It served once and is stopped.
    Retired,
}

/// A rollout in full: the newest of its environment, or the one asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutView {
    /// What there is in the history.
    #[serde(flatten)]
    pub deployment: DeploymentView,
    /// Whether it is running, paused or going back.
    pub active: bool,
    /// The good revision that it takes over from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<RevisionRef>,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
    /// The index of the step in force, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// Since when the step is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_since: Option<Timestamp>,
    /// When the step ends by itself, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_until: Option<Timestamp>,
    /// When it fails unless it makes progress before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// The share of the traffic that the new revision is given, 0 to 100.
    pub weight_percent: u8,
    /// The share it really got since the step began; absent without requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual_weight_percent: Option<f64>,
    /// What each revision did since the step began, the new one first.
    pub traffic: Vec<RevisionTraffic>,
    /// Why it waits, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<PauseView>,
    /// How the analysis in force stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<TallyView>,
    /// What its analyses measured, the last 50.
    pub measurements: Vec<MeasurementView>,
    /// What its verification said, a line for each check.
    pub verification: Vec<String>,
    /// Instances by revision and service.
    pub sets: Vec<SetCounts>,
    /// What it does with a flag, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<RolloutFlagView>,
}

/// What a rollout does with a flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutFlagView {
    /// The flag.
    pub key: String,
    /// The variant that is new.
    pub variant: String,
    /// The share of the users that has it by the doing of the rollout now, 0 to 100.
    pub percent: u8,
    /// The share that had it before, which is what a rollout that fails goes back to.
    pub before_percent: u8,
}

/// A deployment in the history of an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentView {
    /// Where.
    pub environment: String,
    /// Its number.
    pub revision: u64,
    /// Its release.
    pub release: u64,
    /// What people call the release.
    pub version: String,
    /// How it stands.
    pub status: RolloutStatus,
    /// Whether it is the good revision now.
    pub current: bool,
    /// `rolling`, `blue-green`, `canary` or `recreate`.
    pub strategy: String,
    /// The promotion that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<u64>,
    /// The release ran there before: only its configuration changed.
    #[serde(default)]
    pub configuration_only: bool,
    /// Keys of the live overlay that it brought in or took off.
    #[serde(default)]
    pub overlay: Vec<String>,
    /// Where it goes back, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackOriginView>,
    /// When it began.
    pub started_at: Timestamp,
    /// Who began it.
    pub started_by: String,
    /// Why, in the words of who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it ended, well or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it failed, with the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureView>,
}

/// Where a rollback goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RollbackOriginView {
    /// The revision it goes back to.
    pub to: u64,
    /// The revision it leaves.
    pub from: u64,
}

/// Why a rollout failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailureView {
    /// `crash_loop`, `failed_probe`, `progress_deadline`, `analysis`, `verification`, `cannot_start` or `aborted`.
    pub kind: String,
    /// In words.
    pub message: String,
    /// What was seen, line by line.
    pub evidence: Vec<String>,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// The old instances are stopped.
    StopOld,
    /// The new instances become ready.
    Start,
    /// Instances are replaced a few at a time.
    Replace,
    /// A share of the traffic goes to the new revision.
    Weight,
    /// Time passes, or a person is waited for.
    Pause,
    /// The new revision is judged by its metrics.
    Analysis,
    /// The checks of the environment are run.
    Verify,
    /// A share of the users gets what is behind a flag.
    Flag,
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// It is over, or was passed over.
    Done,
    /// It is in force.
    Active,
    /// It is still to come.
    Pending,
    /// The rollout ended before it was done.
    Failed,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// What it does.
    pub kind: StepKind,
    /// The same in words.
    pub text: String,
    /// How it stands.
    pub state: StepState,
    /// The share of the traffic, for `weight`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_percent: Option<u8>,
    /// The share of the users, for `flag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag_percent: Option<u8>,
    /// How long it takes, for a `pause` that ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// What a revision did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevisionTraffic {
    /// The revision.
    pub revision: u64,
    /// The share of the traffic it is given, 0 to 100.
    pub weight_percent: u8,
    /// Requests it answered.
    pub requests: u64,
    /// Failed requests among them.
    pub errors: u64,
    /// Estimated 95th percentile of its latency in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_us: Option<u64>,
}

/// What a rollout waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PauseKind {
    /// Its step says so, until a person goes on.
    Step,
    /// Somebody paused it.
    ByHand,
    /// Its analysis saw too little.
    Inconclusive,
    /// It failed, and whether it goes back is for a person to say.
    Failed,
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PauseView {
    /// Since when.
    pub since: Timestamp,
    /// What it waits for.
    pub kind: PauseKind,
    /// The same in words.
    pub message: String,
}

/// How an analysis stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TallyView {
    /// Measurements made.
    pub made: u32,
    /// Measurements to be made.
    pub of: u32,
    /// Those outside a limit.
    pub failed: u32,
    /// How many may fail.
    pub failure_limit: u32,
    /// Those without enough to judge.
    pub inconclusive: u32,
    /// How many may be without.
    pub inconclusive_limit: u32,
}

/// What a measurement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Within the limits.
    Pass,
    /// Outside a limit.
    Fail,
    /// Too little was seen to say.
    Inconclusive,
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeasurementView {
    /// Beginning of what was measured.
    pub from: Timestamp,
    /// End of it.
    pub to: Timestamp,
    /// Requests seen.
    pub requests: u64,
    /// Failed requests among them.
    pub errors: u64,
    /// Estimated 95th percentile of latency in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_us: Option<u64>,
    /// The judgement.
    pub verdict: Verdict,
    /// The judgement in words.
    pub reason: String,
}

/// Instances of a service of a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetCounts {
    /// The revision.
    pub revision: u64,
    /// The service.
    pub service: String,
    /// Those that may get traffic.
    pub ready: u32,
    /// Those that should be there now.
    pub wanted: u32,
    /// Those that exist, also the ones that are stopping.
    pub existing: u32,
}

/// Something to do with a rollout.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RolloutRequest {
    /// Why, for people; kept in the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The revision that is meant: the request is refused when another is rolling out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// The name of the environment; needed to promote a rollout where users are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

/// Asks to go back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RollbackRequest {
    /// To which revision; without one to the good one before the current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// Why, for people; kept in the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Says what would be done, and does nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// The name of the environment. Never needed to go back; refused when it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

/// What going back would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RollbackPlan {
    /// Where.
    pub environment: String,
    /// What is left.
    pub from: RevisionRef,
    /// What is gone back to.
    pub to: RevisionRef,
    /// Whether a rollout is running that is aborted by it.
    pub aborts: bool,
    /// What changes.
    pub diff: Diff,
    /// What is done, in order.
    pub steps: Vec<StepView>,
}

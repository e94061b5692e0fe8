//! What the API says and is told, as JSON. The CLI reads and writes the same types.
//!
//! They are not the core's types: those may change with the domain, these only grow. Names and digests are plain text,
//! numbers of releases, revisions and promotions plain integers, times RFC 3339, durations milliseconds.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

mod audit;
mod configuration;
mod diff;
mod environment;
mod event;
mod experiments;
mod flag_changes;
mod flag_keys;
mod flag_schedules;
mod health;
mod lifecycle;
mod log;
mod metrics;
mod overlay;
mod problem;
mod promotion;
mod release;
mod rollout;
mod rotation;
mod secrets;

pub use audit::{CheckpointView, ConsistencyProof, InclusionProof};
pub use configuration::{
    ConfigValue, ConfigView, ContributionView, DiagnosticView, ExplainView, ExplanationView, ValidateConfig, Validated,
};
pub use diff::{ArtifactChange, Change, Diff, FieldChange, RevisionRef, ServiceChange, VariableChange};
pub use environment::{
    AddressView, EnvironmentList, EnvironmentSummary, EnvironmentView, InstanceCounts, InstanceList, InstancePhase,
    InstanceView, PromotionSummary, RetiringView, RevisionSummary, RolloutSummary, ServiceView, Status, Tier,
};
pub use event::EventView;
pub use experiments::{
    AlteredView, ChangeExperiment, DecideExperiment, EraseUnit, ExperimentEnd, ExperimentList, ExperimentResults,
    ExperimentVariant, ExperimentView, ExposureReport, ItemStatus, MetricEventReport, Reported, ReportedItem,
    UnitErased,
};
pub use flag_changes::{
    ApproveFlags, ChangeFlags, FlagChangeHow, FlagChangeView, FlagDifferenceView, FlagEditView, FlagEffect, FlagLog,
    FlagPresence, FlagPropertyView, FlagRequestAnswered, FlagRequestView, FlagRequests, FlagsChanged, FlagsDiff,
    PromoteFlags, RejectFlags, UndoFlags,
};
pub use flag_keys::{
    EvaluationCountView, FlagEvaluations, FlagEvaluationsView, FlagKeyKind, FlagKeyList, FlagKeyShown, FlagKeyView,
    MakeFlagKey, RevokeFlagKey,
};
pub use flag_schedules::{
    AnswerSchedule, FlagScheduleList, FlagScheduleState, FlagScheduleStep, FlagScheduleView, RampFlag, ScheduleFlag,
    ScheduledPercentage, ScheduledSetView,
};
pub use health::{Health, HealthCheck, HealthStatus};
pub use lifecycle::{
    BlobGoes, CollectGarbage, CreatePreview, DestroyEnvironment, Destruction, ExtendPreview, FileGoes, GarbageView,
    InstanceGoes, LifeState, LifeView, PreviewSummary, PreviewValue, PreviewView, RemovedView, RouteGoes, StaysView,
};
pub use log::{LogChunk, Logs};
pub use metrics::{ChangeFailureRate, DeploymentFrequency, Dora, DoraEnvironment, Durations};
pub use overlay::{
    OverlayChanged, OverlayEffect, OverlayEntryView, OverlaySummary, OverlayValue, OverlayView, SetOverlay,
};
pub use problem::{Problem, ProblemField, ProblemKind};
pub use promotion::{
    ApprovalView, ApproveRequest, ChecklistItem, ConfirmRequest, CreatePromotion, GateView, PromotionPlan,
    PromotionState, PromotionView, RefusalView, RejectRequest,
};
pub use release::{
    ArtifactView, BlobStored, BlobsMissing, BlobsWanted, CommitView, CreateRelease, ReleaseContent, ReleasePlace,
    ReleasePlaceState, ReleaseView,
};
pub use rollout::{
    DeploymentView, FailureView, MeasurementView, PauseKind, PauseView, RevisionTraffic, RollbackOriginView,
    RollbackPlan, RollbackRequest, RolloutFlagView, RolloutRequest, RolloutStatus, RolloutView, SetCounts, StepKind,
    StepState, StepView, TallyView, Verdict,
};

pub use rotation::{
    ChangeRotation, DataKeyRotated, DueSecretView, DueSecrets, RotateSecret, RotationList, RotationView,
};
pub use secrets::{
    DataKeyView, DestroySecret, KeptWhy, ReadSecret, ReadSecrets, RestoreSecret, RestoreSecrets, RestoredView,
    SecretChanged, SecretEventView, SecretHistory, SecretList, SecretShown, SecretValue, SecretVersionView, SecretView,
    SecretsRestored, SecretsShown, SetSecret,
};

/// A page of a list. Pages do not shift when something is added meanwhile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// What to give as `after` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

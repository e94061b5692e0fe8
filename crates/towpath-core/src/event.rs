//! Events: everything that ever changed, typed.
//!
//! Stored for ever: a kind or field is never renamed or used for something else. Add an optional field or a new kind.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    analysis::Measurement,
    deployment::DeploymentSpec,
    experiments::{ExperimentAltered, ExperimentDecided, ExperimentStarted, ExperimentStopped},
    flags::{
        FlagChangeApproved, FlagChangeRejected, FlagChangeRequested, FlagKeyMade, FlagKeyRevoked, FlagScheduleApproved,
        FlagScheduleCancelled, FlagScheduleFailed, FlagScheduleFired, FlagScheduled, FlagsChanged,
    },
    ids::{Digest, EnvironmentName, PrincipalName, PromotionNumber, ReleaseNumber, Revision},
    ledger::Entry,
    lifecycle::{DestroyCause, Removed},
    project::{EnvironmentPolicy, Project},
    release::Release,
    rollout::{Failure, PauseReason},
    secrets::rotation::{
        RotationAborting, RotationAdvanced, RotationDue, RotationFailed, RotationFinished, RotationRetried,
        RotationStarted,
    },
    secrets::store::{
        DataKeyMade, DataKeyRetired, DataKeyRewrapped, SecretDestroyed, SecretRestored, SecretUnset, SecretWritten,
        SecretsRead, SecretsResealed,
    },
    units::Millis,
};

/// The version of the bodies that this program writes.
pub const BODY_VERSION: u16 = 1;

/// An event as the domain sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Place in the ledger, from 0.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub principal: PrincipalName,
    /// The command that led to it.
    pub cause: String,
    /// Where, if anywhere.
    pub environment: Option<EnvironmentName>,
    /// What.
    pub fact: Fact,
}

/// What happened, before the ledger gives it a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Where, if anywhere.
    pub environment: Option<EnvironmentName>,
    /// What.
    pub fact: Fact,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "snake_case")]
pub enum Fact {
    /// The project's files were read and their policy is in force from here on.
    ProjectDeclared {
        /// The policy.
        project: Project,
        /// The bundle it was read from.
        bundle: Digest,
    },
    /// A value was laid over the files of an environment.
    OverlaySet {
        /// The key, such as `services.web.replicas` or `variables.LOG_LEVEL`.
        key: String,
        /// The value: for a variable its text, else YAML; `None` takes the key away. Never a secret.
        value: Option<String>,
        /// Why, in the words of who asked.
        reason: Option<String>,
    },
    /// The overlay of an environment says nothing of a key any more: the files decide again.
    OverlayUnset {
        /// The key.
        key: String,
        /// Why, in the words of who asked.
        reason: Option<String>,
    },
    /// A release was made.
    ReleaseCreated {
        /// The release.
        release: Box<Release>,
    },
    /// A release asks to enter an environment.
    PromotionRequested {
        /// The request.
        promotion: PromotionNumber,
        /// What.
        release: ReleaseNumber,
        /// What would run, resolved.
        spec: Box<DeploymentSpec>,
        /// The checksum over everything that would be done; what is approved is this.
        plan: Digest,
        /// Why, in the words of who asked.
        reason: Option<String>,
    },
    /// Somebody approved.
    PromotionApproved {
        /// The request.
        promotion: PromotionNumber,
        /// The checksum they saw.
        plan: Digest,
        /// What they said.
        comment: Option<String>,
    },
    /// Somebody said no; the request is closed.
    PromotionRejected {
        /// The request.
        promotion: PromotionNumber,
        /// What they said.
        comment: Option<String>,
    },
    /// Somebody confirmed an item of the checklist.
    ChecklistConfirmed {
        /// The request.
        promotion: PromotionNumber,
        /// The item, as the project words it.
        item: String,
    },
    /// A newer request took its place.
    PromotionSuperseded {
        /// The request.
        promotion: PromotionNumber,
        /// The newer one.
        by: PromotionNumber,
    },
    /// It could not be carried out as approved; the request is closed.
    PromotionFailed {
        /// The request.
        promotion: PromotionNumber,
        /// Why.
        reason: String,
    },
    /// A rollout began.
    DeploymentStarted {
        /// Its number.
        revision: Revision,
        /// The release.
        release: ReleaseNumber,
        /// The revision whose instances it runs: itself, or for a rollback the one gone back to.
        runs: Revision,
        /// The request that led here.
        promotion: Option<PromotionNumber>,
        /// Whether it goes back, and why.
        rollback: Option<RollbackOrigin>,
        /// What runs.
        spec: Box<DeploymentSpec>,
    },
    /// A step of the rollout came into force.
    StepStarted {
        /// The rollout.
        revision: Revision,
        /// The step's index.
        step: usize,
    },
    /// More instances than ever before in this step are ready: the rollout makes progress.
    RolloutProgressed {
        /// The rollout.
        revision: Revision,
        /// How many are ready.
        ready: u32,
    },
    /// An analysis measured once.
    AnalysisMeasured {
        /// The rollout.
        revision: Revision,
        /// The step.
        step: usize,
        /// What and how it was judged.
        measurement: Measurement,
    },
    /// The verification of a step ended well.
    VerificationPassed {
        /// The rollout.
        revision: Revision,
        /// The step.
        step: usize,
        /// One line per check.
        results: Vec<String>,
    },
    /// The rollout waits.
    RolloutPaused {
        /// The rollout.
        revision: Revision,
        /// Why.
        reason: PauseReason,
    },
    /// The rollout goes on.
    RolloutResumed {
        /// The rollout.
        revision: Revision,
    },
    /// Somebody sent it to the end without the steps between.
    RolloutPromoted {
        /// The rollout.
        revision: Revision,
    },
    /// The new revision serves alone and is the good one now.
    RolloutCompleted {
        /// The rollout.
        revision: Revision,
    },
    /// The rollout failed and goes back.
    RolloutFailed {
        /// The rollout.
        revision: Revision,
        /// Why, with the evidence.
        failure: Failure,
    },
    /// The good revision serves alone again and the failed one is stopped.
    RolledBack {
        /// The rollout.
        revision: Revision,
    },
    /// A revision that served before was stopped.
    RevisionRetired {
        /// The revision.
        revision: Revision,
    },
    /// A preview was made: a short-lived environment that is in no file.
    PreviewCreated {
        /// The text of its environment file.
        file: String,
        /// The environment it is built on.
        extends: EnvironmentName,
        /// What guards it.
        policy: EnvironmentPolicy,
        /// When it is destroyed.
        expires_at: Timestamp,
        /// Why, in the words of who made it.
        reason: Option<String>,
    },
    /// A preview lives until another time.
    PreviewExtended {
        /// When it is destroyed now.
        expires_at: Timestamp,
    },
    /// An environment began to be destroyed.
    EnvironmentDestroying {
        /// Why.
        cause: DestroyCause,
        /// What was listed to go.
        goes: Removed,
    },
    /// Nothing of an environment is left but its history.
    EnvironmentDestroyed {
        /// What went.
        removed: Removed,
    },
    /// What nobody names any more is removed.
    GarbageCollected {
        /// The revisions that cannot be gone back to from here on.
        revisions: BTreeSet<Revision>,
        /// What was listed to go.
        removed: Removed,
    },
    /// A data key was made.
    DataKeyMade(DataKeyMade),
    /// A data key was encrypted anew by its provider.
    DataKeyRewrapped(DataKeyRewrapped),
    /// A data key is not used any more and is gone.
    DataKeyRetired(DataKeyRetired),
    /// A secret of the store got a value.
    SecretWritten(SecretWritten),
    /// A secret of the store has an older value again.
    SecretRestored(SecretRestored),
    /// The store gives no value for a secret any more.
    SecretUnset(SecretUnset),
    /// Values of a secret of the store are gone for good.
    SecretDestroyed(SecretDestroyed),
    /// Values of the store were encrypted anew by another data key.
    SecretsResealed(SecretsResealed),
    /// Somebody was shown values of secrets.
    SecretsRead(SecretsRead),
    /// A rotation of a secret began.
    RotationStarted(RotationStarted),
    /// A rotation reached its next phase.
    RotationAdvanced(RotationAdvanced),
    /// A step of a rotation did not succeed.
    RotationFailed(RotationFailed),
    /// A rotation tries again.
    RotationRetried(RotationRetried),
    /// A rotation was given up.
    RotationAborting(RotationAborting),
    /// A rotation is over.
    RotationFinished(RotationFinished),
    /// A secret is due soon.
    RotationDue(RotationDue),
    /// An experiment began.
    ExperimentStarted(ExperimentStarted),
    /// The flag of a running experiment is no longer what it was when it began.
    ExperimentAltered(ExperimentAltered),
    /// An experiment ended without a decision.
    ExperimentStopped(ExperimentStopped),
    /// An experiment ended with a decision.
    ExperimentDecided(ExperimentDecided),
    /// A key with which applications evaluate flags was made.
    FlagKeyMade(FlagKeyMade),
    /// A key with which applications evaluate flags is refused from here on.
    FlagKeyRevoked(FlagKeyRevoked),
    /// Flags or segments of an environment serve something else from here on.
    FlagsChanged(FlagsChanged),
    /// A change of flags waits until enough people agree.
    FlagChangeRequested(FlagChangeRequested),
    /// Somebody agreed to a change of flags that waits.
    FlagChangeApproved(FlagChangeApproved),
    /// Somebody said no to a change of flags that waits; it is closed.
    FlagChangeRejected(FlagChangeRejected),
    /// Changes of a flag were scheduled.
    FlagScheduled(Box<FlagScheduled>),
    /// Somebody agreed to a schedule.
    FlagScheduleApproved(FlagScheduleApproved),
    /// A step of a schedule was done.
    FlagScheduleFired(FlagScheduleFired),
    /// A step of a schedule could not be done.
    FlagScheduleFailed(FlagScheduleFailed),
    /// A schedule was taken back.
    FlagScheduleCancelled(FlagScheduleCancelled),
}

/// Where a rollback goes and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackOrigin {
    /// The revision it goes back to.
    pub to: Revision,
    /// The revision it leaves.
    pub from: Revision,
    /// Why, in the words of who asked.
    pub reason: Option<String>,
}

/// Why a stored entry could not be read as an event.
#[derive(Debug, thiserror::Error)]
pub enum ReadEventError {
    /// It was written by a newer program.
    #[error(
        "entry {sequence} (`{kind}`) has body version {version}, newer than this program knows ({BODY_VERSION}); use a newer towpath"
    )]
    Newer {
        /// Its place.
        sequence: u64,
        /// Its kind.
        kind: String,
        /// Its version.
        version: u16,
    },
    /// It cannot be understood.
    #[error("entry {sequence} (`{kind}`) cannot be read")]
    Unreadable {
        /// Its place.
        sequence: u64,
        /// Its kind.
        kind: String,
        /// Why.
        source: serde_json::Error,
    },
}

impl Fact {
    /// Returns the stable name of what happened.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ProjectDeclared { .. } => "project_declared",
            Self::OverlaySet { .. } => "overlay_set",
            Self::OverlayUnset { .. } => "overlay_unset",
            Self::ReleaseCreated { .. } => "release_created",
            Self::PromotionRequested { .. } => "promotion_requested",
            Self::PromotionApproved { .. } => "promotion_approved",
            Self::PromotionRejected { .. } => "promotion_rejected",
            Self::ChecklistConfirmed { .. } => "checklist_confirmed",
            Self::PromotionSuperseded { .. } => "promotion_superseded",
            Self::PromotionFailed { .. } => "promotion_failed",
            Self::DeploymentStarted { .. } => "deployment_started",
            Self::StepStarted { .. } => "step_started",
            Self::RolloutProgressed { .. } => "rollout_progressed",
            Self::AnalysisMeasured { .. } => "analysis_measured",
            Self::VerificationPassed { .. } => "verification_passed",
            Self::RolloutPaused { .. } => "rollout_paused",
            Self::RolloutResumed { .. } => "rollout_resumed",
            Self::RolloutPromoted { .. } => "rollout_promoted",
            Self::RolloutCompleted { .. } => "rollout_completed",
            Self::RolloutFailed { .. } => "rollout_failed",
            Self::RolledBack { .. } => "rolled_back",
            Self::RevisionRetired { .. } => "revision_retired",
            Self::PreviewCreated { .. } => "preview_created",
            Self::PreviewExtended { .. } => "preview_extended",
            Self::EnvironmentDestroying { .. } => "environment_destroying",
            Self::EnvironmentDestroyed { .. } => "environment_destroyed",
            Self::GarbageCollected { .. } => "garbage_collected",
            Self::DataKeyMade(_) => "data_key_made",
            Self::DataKeyRewrapped(_) => "data_key_rewrapped",
            Self::DataKeyRetired(_) => "data_key_retired",
            Self::SecretWritten(_) => "secret_written",
            Self::SecretRestored(_) => "secret_restored",
            Self::SecretUnset(_) => "secret_unset",
            Self::SecretDestroyed(_) => "secret_destroyed",
            Self::SecretsResealed(_) => "secrets_resealed",
            Self::SecretsRead(_) => "secrets_read",
            Self::RotationStarted(_) => "rotation_started",
            Self::RotationAdvanced(_) => "rotation_advanced",
            Self::RotationFailed(_) => "rotation_failed",
            Self::RotationRetried(_) => "rotation_retried",
            Self::RotationAborting(_) => "rotation_aborting",
            Self::RotationFinished(_) => "rotation_finished",
            Self::RotationDue(_) => "rotation_due",
            Self::ExperimentStarted(_) => "experiment_started",
            Self::ExperimentAltered(_) => "experiment_altered",
            Self::ExperimentStopped(_) => "experiment_stopped",
            Self::ExperimentDecided(_) => "experiment_decided",
            Self::FlagKeyMade(_) => "flag_key_made",
            Self::FlagKeyRevoked(_) => "flag_key_revoked",
            Self::FlagsChanged(_) => "flags_changed",
            Self::FlagChangeRequested(_) => "flag_change_requested",
            Self::FlagChangeApproved(_) => "flag_change_approved",
            Self::FlagChangeRejected(_) => "flag_change_rejected",
            Self::FlagScheduled(_) => "flag_scheduled",
            Self::FlagScheduleApproved(_) => "flag_schedule_approved",
            Self::FlagScheduleFired(_) => "flag_schedule_fired",
            Self::FlagScheduleFailed(_) => "flag_schedule_failed",
            Self::FlagScheduleCancelled(_) => "flag_schedule_cancelled",
        }
    }

    /// Returns the rollout it is about, if it is about one.
    pub fn revision(&self) -> Option<Revision> {
        match self {
            Self::DeploymentStarted { revision, .. }
            | Self::StepStarted { revision, .. }
            | Self::RolloutProgressed { revision, .. }
            | Self::AnalysisMeasured { revision, .. }
            | Self::VerificationPassed { revision, .. }
            | Self::RolloutPaused { revision, .. }
            | Self::RolloutResumed { revision }
            | Self::RolloutPromoted { revision }
            | Self::RolloutCompleted { revision }
            | Self::RolloutFailed { revision, .. }
            | Self::RolledBack { revision }
            | Self::RevisionRetired { revision } => Some(*revision),
            Self::ProjectDeclared { .. }
            | Self::OverlaySet { .. }
            | Self::OverlayUnset { .. }
            | Self::ReleaseCreated { .. }
            | Self::PromotionRequested { .. }
            | Self::PromotionApproved { .. }
            | Self::PromotionRejected { .. }
            | Self::ChecklistConfirmed { .. }
            | Self::PromotionSuperseded { .. }
            | Self::PromotionFailed { .. }
            | Self::PreviewCreated { .. }
            | Self::PreviewExtended { .. }
            | Self::EnvironmentDestroying { .. }
            | Self::EnvironmentDestroyed { .. }
            | Self::GarbageCollected { .. }
            | Self::DataKeyMade(_)
            | Self::DataKeyRewrapped(_)
            | Self::DataKeyRetired(_)
            | Self::SecretWritten(_)
            | Self::SecretRestored(_)
            | Self::SecretUnset(_)
            | Self::SecretDestroyed(_)
            | Self::SecretsResealed(_)
            | Self::SecretsRead(_)
            | Self::RotationStarted(_)
            | Self::RotationAdvanced(_)
            | Self::RotationFailed(_)
            | Self::RotationRetried(_)
            | Self::RotationAborting(_)
            | Self::RotationFinished(_)
            | Self::RotationDue(_)
            | Self::ExperimentStarted(_)
            | Self::ExperimentAltered(_)
            | Self::ExperimentStopped(_)
            | Self::ExperimentDecided(_)
            | Self::FlagKeyMade(_)
            | Self::FlagKeyRevoked(_)
            | Self::FlagsChanged(_)
            | Self::FlagChangeRequested(_)
            | Self::FlagChangeApproved(_)
            | Self::FlagChangeRejected(_)
            | Self::FlagScheduled(_)
            | Self::FlagScheduleApproved(_)
            | Self::FlagScheduleFired(_)
            | Self::FlagScheduleFailed(_)
            | Self::FlagScheduleCancelled(_) => None,
        }
    }
}

impl Event {
    /// Returns the ledger's form.
    pub fn to_entry(&self) -> Entry {
        let body = serde_json::to_value(&self.fact)
            .ok()
            .and_then(|mut value| value.get_mut("body").map(serde_json::Value::take))
            .unwrap_or_default();
        Entry {
            sequence: self.sequence,
            at: self.at,
            principal: self.principal.clone(),
            cause: self.cause.clone(),
            environment: self.environment.clone(),
            kind: self.fact.kind().to_owned(),
            version: BODY_VERSION,
            body,
        }
    }

    /// Reads the ledger's form. Old versions of a body are lifted here.
    pub fn from_entry(entry: Entry) -> Result<Self, ReadEventError> {
        let Entry { sequence, at, principal, cause, environment, kind, version, body } = entry;
        if version > BODY_VERSION {
            return Err(ReadEventError::Newer { sequence, kind, version });
        }
        let tagged = serde_json::json!({ "kind": kind, "body": body });
        match serde_json::from_value(tagged) {
            Ok(fact) => Ok(Self { sequence, at, principal, cause, environment, fact }),
            Err(source) => Err(ReadEventError::Unreadable { sequence, kind, source }),
        }
    }
}

/// Returns the time between two moments, or nothing if the second is not later.
pub fn elapsed(from: Timestamp, to: Timestamp) -> Millis {
    Millis(u64::try_from(to.as_millisecond().saturating_sub(from.as_millisecond())).unwrap_or(0))
}

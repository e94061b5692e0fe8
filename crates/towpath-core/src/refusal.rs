//! Refusals: why a command was not carried out, as data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a command was refused. The same data is shown by CLI, API and dashboard; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Stable name, such as `not_forward`.
    pub code: RefusalCode,
    /// What was asked and why it is not done.
    pub message: String,
    /// Further lines: the gates that are closed, for example.
    pub details: Vec<String>,
    /// What would make it possible.
    pub next: Option<String>,
}

/// The stable names of refusals. Never renamed: scripts depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// No project has been declared yet.
    NoProject,
    /// There is no such environment, release, revision, promotion, item.
    NotFound,
    /// The request does not make sense as it is.
    Invalid,
    /// Promotion goes forward only.
    NotForward,
    /// It has not been where it must have been before.
    NotUpstream,
    /// It is there already.
    AlreadyThere,
    /// A rollout is running.
    RolloutRunning,
    /// No rollout is running.
    NoRollout,
    /// The rollout is not in a state where this can be done.
    WrongPhase,
    /// The promotion is closed.
    PromotionClosed,
    /// Nobody approves their own.
    SelfApproval,
    /// The principal does not have the role.
    MissingRole,
    /// What was approved is not what would be done.
    PlanChanged,
    /// A gate is closed.
    GateClosed,
    /// There is nothing good to go back to.
    NothingToRollBackTo,
    /// The environment says that nobody goes back.
    RollbackDisabled,
    /// It has to be said why.
    ReasonRequired,
    /// A report of the control plane about something that has moved on.
    Stale,
    /// The secret is being rotated.
    BeingRotated,
    /// Something has the name already.
    NameTaken,
    /// The environment is in the pipeline.
    InPipeline,
    /// The environment is being destroyed.
    BeingDestroyed,
    /// A version of a secret, or a data key, is still used.
    SecretInUse,
    /// The value of a version of a secret is gone for good.
    SecretDestroyed,
    /// The flag is in a running experiment, which a change would spoil.
    FlagInExperiment,
    /// The flag of a rollout is not one that the rollout could turn on.
    FlagNotReady,
    /// A rollout turns the flag on step by step: nobody else does meanwhile.
    FlagInRollout,
    /// Flags would not work after the change.
    FlagsInvalid,
    /// The targeting of a flag cannot be edited like this.
    NotEditable,
    /// A later change touched the same.
    FlagConflict,
    /// The change of flags does not wait any more.
    FlagChangeClosed,
}

/// What kind of answer a refusal is, for exit status and HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The request is wrong: exit status 2, HTTP 422 or 404.
    User,
    /// A gate or policy says no: exit status 3, HTTP 403 or 409.
    Refused,
    /// The state is not what it must be: exit status 3, HTTP 409.
    Conflict,
}

impl RefusalCode {
    /// Returns the kind.
    pub const fn kind(self) -> RefusalKind {
        match self {
            Self::NoProject
            | Self::NotFound
            | Self::Invalid
            | Self::ReasonRequired
            | Self::FlagsInvalid
            | Self::NotEditable => RefusalKind::User,
            Self::NotForward
            | Self::NotUpstream
            | Self::SelfApproval
            | Self::MissingRole
            | Self::GateClosed
            | Self::RollbackDisabled
            | Self::InPipeline => RefusalKind::Refused,
            Self::AlreadyThere
            | Self::RolloutRunning
            | Self::NoRollout
            | Self::WrongPhase
            | Self::PromotionClosed
            | Self::PlanChanged
            | Self::NothingToRollBackTo
            | Self::NameTaken
            | Self::SecretInUse
            | Self::BeingRotated
            | Self::SecretDestroyed
            | Self::FlagInExperiment
            | Self::FlagNotReady
            | Self::FlagInRollout
            | Self::BeingDestroyed
            | Self::FlagConflict
            | Self::FlagChangeClosed
            | Self::Stale => RefusalKind::Conflict,
        }
    }

    /// Returns the stable name.
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

impl Refusal {
    /// Returns a refusal without details.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new(), next: None }
    }

    /// Adds what would make it possible.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Adds further lines.
    #[must_use]
    pub fn details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

//! Commands: what people and the control plane ask for, and who asks.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    analysis::Measurement,
    deployment::DeploymentSpec,
    experiments::ExperimentCommand,
    flags::{FlagCommand, KeyCommand, ScheduleCommand},
    ids::{Digest, EnvironmentName, PrincipalName, PromotionNumber, ReleaseNumber, Revision},
    lifecycle::{Claims, DestroyCause, Removed},
    project::{EnvironmentPolicy, Project},
    release::ReleaseContent,
    rollout::{Failure, PauseReason},
    secrets::rotation::RotationCommand,
    secrets::store::{Reading, StoreCommand},
    units::Millis,
};

/// Who asks, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// Who.
    pub principal: PrincipalName,
    /// When.
    pub now: Timestamp,
}

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Puts the policy of the project's files in force.
    DeclareProject {
        /// The policy.
        project: Project,
        /// The bundle it was read from.
        bundle: Digest,
    },
    /// Makes a release; making the same again yields the one that is there.
    CreateRelease {
        /// What it is made of.
        content: ReleaseContent,
        /// What changed.
        notes: Option<String>,
    },
    /// Lays values over the files of an environment or takes them off, and asks for what that changes in what runs.
    ChangeOverlay {
        /// Where.
        environment: EnvironmentName,
        /// What, all of it or nothing.
        changes: Vec<OverlayChange>,
        /// Why.
        reason: Option<String>,
        /// What it was found to lead to.
        configured: Configured,
    },
    /// Asks for a release to enter an environment.
    Promote {
        /// Where to.
        environment: EnvironmentName,
        /// What.
        release: ReleaseNumber,
        /// What would run, resolved from the release's bundle.
        spec: Box<DeploymentSpec>,
        /// Why.
        reason: Option<String>,
    },
    /// Agrees.
    Approve {
        /// The request.
        promotion: PromotionNumber,
        /// The checksum that was shown, if the client says it: another one is refused.
        plan: Option<Digest>,
        /// What they say.
        comment: Option<String>,
    },
    /// Says no.
    Reject {
        /// The request.
        promotion: PromotionNumber,
        /// What they say.
        comment: Option<String>,
    },
    /// Ticks off an item.
    Confirm {
        /// The request.
        promotion: PromotionNumber,
        /// The item as the project words it.
        item: String,
    },
    /// Begins the rollout of a promotion whose gates are open. Asked by the control plane.
    StartDeployment {
        /// The request.
        promotion: PromotionNumber,
        /// What would run, resolved again now.
        spec: Box<DeploymentSpec>,
        /// What it was resolved with ([`crate::config::Live::digest`]): anything newer is not started by it.
        live: Digest,
    },
    /// Closes a promotion that cannot be carried out. Asked by the control plane.
    FailPromotion {
        /// The request.
        promotion: PromotionNumber,
        /// Why.
        reason: String,
    },
    /// Goes back.
    Rollback {
        /// Where.
        environment: EnvironmentName,
        /// To which revision; without one to the good one before the current.
        to: Option<Revision>,
        /// Why.
        reason: Option<String>,
    },
    /// Holds a rollout.
    Pause {
        /// Where.
        environment: EnvironmentName,
        /// What they say.
        comment: Option<String>,
    },
    /// Lets a rollout go on.
    Resume {
        /// Where.
        environment: EnvironmentName,
    },
    /// Sends a rollout to its end.
    PromoteRollout {
        /// Where.
        environment: EnvironmentName,
    },
    /// Fails a rollout by hand.
    Abort {
        /// Where.
        environment: EnvironmentName,
        /// Why.
        reason: Option<String>,
    },
    /// Writes down what has happened. Asked by the control plane.
    Report(Report),
    /// Makes a preview.
    CreatePreview {
        /// What it is called.
        environment: EnvironmentName,
        /// The text of its environment file.
        file: String,
        /// The environment it is built on.
        extends: EnvironmentName,
        /// What guards it, resolved from the file.
        policy: EnvironmentPolicy,
        /// How long it lives from now on.
        ttl: Millis,
        /// Why.
        reason: Option<String>,
    },
    /// Lets a preview live longer.
    ExtendPreview {
        /// Which.
        environment: EnvironmentName,
        /// How long it lives from now on.
        ttl: Millis,
    },
    /// Begins to destroy an environment.
    Destroy {
        /// Which.
        environment: EnvironmentName,
        /// Why.
        cause: DestroyCause,
        /// What the ledger knew of it when it was listed: if that changed, it is refused.
        claims: Claims,
        /// What was listed to go.
        goes: Removed,
    },
    /// Writes down that nothing of an environment is left. Asked by the control plane.
    FinishDestroying {
        /// Which.
        environment: EnvironmentName,
        /// What went.
        removed: Removed,
    },
    /// Schedules changes of flags, or does what is due.
    ScheduleFlags(Box<ScheduleCommand>),
    /// Changes the store of secrets of an environment.
    ChangeSecrets(Box<StoreCommand>),
    /// Rotates a secret: begins, gives up, tries again, or writes down what has happened.
    Rotate(Box<RotationCommand>),
    /// Writes down that somebody is about to be shown values of secrets.
    ReadSecrets {
        /// Where.
        environment: EnvironmentName,
        /// Which.
        secrets: Vec<Reading>,
        /// Why.
        reason: Option<String>,
    },
    /// Starts, stops or decides an experiment, or writes down what became of its flag.
    Experiment(Box<ExperimentCommand>),
    /// Makes or revokes a key with which applications evaluate flags.
    ChangeFlagKeys(Box<KeyCommand>),
    /// Changes flags while they serve: asks, agrees, refuses.
    ChangeFlags(Box<FlagCommand>),
    /// Gives up revisions that are not kept, before what they ran with is removed.
    Collect {
        /// Which.
        revisions: BTreeSet<Revision>,
        /// What was listed to go.
        removed: Removed,
    },
}

/// One change of a live overlay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverlayChange {
    /// Lays a value over the files.
    Set {
        /// The key.
        key: String,
        /// The value: for a variable its text, else YAML; `None` takes the key away.
        value: Option<String>,
    },
    /// Says nothing of a key any more.
    Unset {
        /// The key.
        key: String,
    },
}

impl OverlayChange {
    /// Returns the key.
    pub fn key(&self) -> &str {
        match self {
            Self::Set { key, .. } | Self::Unset { key } => key,
        }
    }
}

/// What resolving found that a change of a live overlay leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// The live state it was resolved from ([`crate::config::Live::digest`]): with any other it does not count.
    pub seen: Digest,
    /// The release that runs, as it would run; `None` records the change only.
    pub promote: Option<(ReleaseNumber, Box<DeploymentSpec>)>,
    /// Promotions that wait and are no longer what was asked for.
    pub outdated: Vec<PromotionNumber>,
}

/// What has happened to a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which.
    pub revision: Revision,
    /// What.
    pub happened: Happened,
}

/// What can happen to a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// The step before is done.
    StepStarted {
        /// The step that begins.
        step: usize,
    },
    /// More instances are ready.
    Progressed {
        /// The step in force.
        step: usize,
        /// How many.
        ready: u32,
    },
    /// The analysis measured.
    Measured {
        /// The step in force.
        step: usize,
        /// What.
        measurement: Measurement,
    },
    /// The verification passed.
    Verified {
        /// The step in force.
        step: usize,
        /// One line per check.
        results: Vec<String>,
    },
    /// It waits.
    Paused(PauseReason),
    /// It is done.
    Completed,
    /// It failed.
    Failed(Failure),
    /// The good revision serves alone again.
    RolledBack,
    /// The revision replaced earlier is stopped.
    Retired,
}

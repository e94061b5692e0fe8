//! Rollouts: how a revision takes over, step by step, and how it goes back.
//!
//! `apply` (in `world`) folds what happened into a [`Deployment`]; `desired` says what should run and be routed in that
//! state; `transition` says what has happened now that the observations show it. Nothing here acts.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    analysis::{Measurement, Tally},
    config::Live,
    deployment::DeploymentSpec,
    event::RollbackOrigin,
    ids::{EnvironmentName, PrincipalName, PromotionNumber, ReleaseNumber, Revision},
    units::Millis,
};

mod desired;
mod flag;
mod fold;
mod observation;
mod shares;
mod steps;
mod transition;

pub use desired::{Desired, desired};
pub use flag::{RolloutFlag, check_flag, served_share};
pub(crate) use flag::{follow, restore, take_back};
pub(crate) use fold::fold;
pub use observation::Observation;
pub use steps::{Step, steps};
pub use transition::{Due, due};

/// A release in an environment: a revision, with how its rollout stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its number.
    pub revision: Revision,
    /// Where.
    pub environment: EnvironmentName,
    /// What.
    pub release: ReleaseNumber,
    /// The revision whose instances it runs: itself, or for a rollback the one gone back to.
    pub runs: Revision,
    /// The request that led here.
    pub promotion: Option<PromotionNumber>,
    /// Whether it goes back, and why.
    pub rollback: Option<RollbackOrigin>,
    /// What runs.
    pub spec: Arc<DeploymentSpec>,
    /// The good revision that it takes over from.
    pub stable: Option<Revision>,
    /// Its steps.
    pub steps: Vec<Step>,
    /// Where it is.
    pub phase: Phase,
    /// When it began.
    pub started_at: Timestamp,
    /// Who began it.
    pub started_by: PrincipalName,
    /// When it ended, well or not.
    pub ended_at: Option<Timestamp>,
    /// What its analyses measured, the last ones.
    pub measurements: Vec<Measurement>,
    /// What its verification said.
    pub verification: Vec<String>,
    /// What the ledger laid over the files of its release when it was resolved.
    #[serde(default, skip_serializing_if = "crate::config::is_nothing_live")]
    pub live: Arc<Live>,
    /// What it does with a flag, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<RolloutFlag>,
}

/// Where a rollout is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// A step is in force.
    Running(Running),
    /// It failed; the good revision is taking everything back.
    RollingBack {
        /// Why.
        failure: Failure,
        /// Since when.
        since: Timestamp,
    },
    /// It failed and the good revision serves alone.
    RolledBack {
        /// Why.
        failure: Failure,
    },
    /// It serves alone, or did until another took over.
    Completed,
    /// It served once and is stopped.
    Retired,
}

/// The state of a running step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Index into the steps.
    pub step: usize,
    /// When it came into force.
    pub since: Timestamp,
    /// When it last made progress.
    pub progress_at: Timestamp,
    /// The most instances that were ready at once in this step.
    pub ready: u32,
    /// How long it was paused so far.
    pub paused_for: Millis,
    /// Whether it is paused, since when and why.
    pub pause: Option<Pause>,
    /// How its analysis stands.
    pub tally: Tally,
    /// Up to when its analysis has measured.
    pub measured_to: Option<Timestamp>,
    /// Whether its verification passed.
    pub verified: bool,
    /// Whether somebody sent the rollout to its end: from here on nothing gradual is waited for.
    pub promoted: bool,
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: PauseReason,
}

/// Why a rollout waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PauseReason {
    /// Its step says so, until a person goes on.
    Step,
    /// Somebody paused it.
    ByHand {
        /// What they said.
        comment: Option<String>,
    },
    /// Its analysis saw too little.
    Inconclusive {
        /// What was missing.
        message: String,
    },
    /// It failed, and whether it goes back is for a person to say.
    Failed {
        /// How, with the evidence.
        failure: Failure,
    },
}

/// Why a rollout failed, with the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// In words.
    pub message: String,
    /// What was seen, line by line.
    pub evidence: Vec<String>,
}

/// What can go wrong in a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// An instance keeps exiting.
    CrashLoop,
    /// An instance that was ready fails its readiness probe, or was restarted by its liveness probe again and again.
    FailedProbe,
    /// Nothing moved for too long.
    ProgressDeadline,
    /// The analysis saw a limit exceeded.
    Analysis,
    /// The verification failed.
    Verification,
    /// The target cannot start it at all.
    CannotStart,
    /// Somebody aborted it.
    Aborted,
    /// Somebody switched off the flag that it was turning on.
    SwitchedOff,
}

impl Deployment {
    /// Returns the state of its running step, if one is running.
    pub fn running(&self) -> Option<&Running> {
        match &self.phase {
            Phase::Running(running) => Some(running),
            Phase::RollingBack { .. } | Phase::RolledBack { .. } | Phase::Completed | Phase::Retired => None,
        }
    }

    /// Returns the step in force, if one is.
    pub fn step(&self) -> Option<&Step> {
        self.running().and_then(|running| self.steps.get(running.step))
    }

    /// Returns the index of the step after the one in force, or `None` after the last. Somebody's haste passes over what is
    /// gradual.
    pub fn next_step(&self, running: &Running) -> Option<usize> {
        let rest = self.steps.iter().enumerate().skip(running.step + 1);
        rest.into_iter().find(|(_, step)| !(running.promoted && step.is_gradual())).map(|(index, _)| index)
    }

    /// Returns why it failed, if it did.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.phase {
            Phase::RollingBack { failure, .. } | Phase::RolledBack { failure } => Some(failure),
            Phase::Running(_) | Phase::Completed | Phase::Retired => None,
        }
    }

    /// Returns one word for how it stands.
    pub fn status(&self) -> &'static str {
        match &self.phase {
            Phase::Running(Running { pause: Some(_), .. }) => "paused",
            Phase::Running(_) => "running",
            Phase::RollingBack { .. } => "rolling back",
            Phase::RolledBack { failure: Failure { kind: FailureKind::Aborted, .. } } => "aborted",
            Phase::RolledBack { .. } => "rolled back",
            Phase::Completed => "completed",
            Phase::Retired => "retired",
        }
    }
}

#[cfg(test)]
mod tests;

//! Steps: every strategy is the same machine over a different list of steps.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    deployment::{AnalysisSpec, CanaryStep, DeploymentSpec, Strategy},
    units::{Millis, Percent},
};

/// One step of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Step {
    /// The old instances are stopped; requests wait in the proxy.
    StopOld,
    /// All instances of the new revision become ready, without traffic.
    Start,
    /// Instances are replaced a few at a time; traffic follows what is ready.
    Replace {
        /// How many more than declared may run.
        max_surge: u32,
        /// How many fewer than declared may be ready.
        max_unavailable: u32,
    },
    /// This share of the traffic goes to the new revision, once enough of it is ready.
    Weight {
        /// The share.
        percent: Percent,
    },
    /// Time passes; without a duration until a person goes on.
    Pause {
        /// How long.
        duration: Option<Millis>,
    },
    /// The new revision is judged.
    Analysis(AnalysisSpec),
    /// The checks of the environment are run against the new revision.
    Verify,
}

/// Returns the steps of a rollout.
///
/// The first deployment of an environment has nobody to take traffic from, so it skips what is gradual. A rollback goes
/// straight to the end: what it goes back to has been judged before.
pub fn steps(spec: &DeploymentSpec, has_stable: bool, is_rollback: bool) -> Vec<Step> {
    let verify = (!spec.verification.is_empty() && !is_rollback).then_some(Step::Verify);
    let all = Step::Weight { percent: Percent::FULL };
    if !has_stable || is_rollback {
        let stop = (has_stable && spec.strategy == Strategy::Recreate).then_some(Step::StopOld);
        return stop.into_iter().chain([Step::Start, all]).chain(verify).collect();
    }
    match &spec.strategy {
        Strategy::Recreate => [Step::StopOld, Step::Start, all].into_iter().chain(verify).collect(),
        Strategy::Rolling { max_surge, max_unavailable } => {
            // With neither nothing could ever move.
            let max_surge = if *max_unavailable == 0 { (*max_surge).max(1) } else { *max_surge };
            let replace = Step::Replace { max_surge, max_unavailable: *max_unavailable };
            std::iter::once(replace).chain(verify).collect()
        }
        Strategy::BlueGreen { auto_promote_after, analysis, .. } => {
            let pause =
                (*auto_promote_after != Some(Millis(0))).then_some(Step::Pause { duration: *auto_promote_after });
            std::iter::once(Step::Start)
                .chain(verify)
                .chain(pause)
                .chain([all])
                .chain(analysis.clone().map(Step::Analysis))
                .collect()
        }
        Strategy::Canary { steps } => canary(steps, all).chain(verify).collect(),
    }
}

fn canary(steps: &[CanaryStep], all: Step) -> impl Iterator<Item = Step> {
    let last = steps.iter().rev().find_map(|step| match step {
        CanaryStep::Weight { percent } => Some(*percent),
        CanaryStep::Pause { .. } | CanaryStep::Analysis(_) => None,
    });
    let implied = (last != Some(Percent::FULL)).then_some(all);
    steps
        .iter()
        .map(|step| match step {
            CanaryStep::Weight { percent } => Step::Weight { percent: *percent },
            CanaryStep::Pause { duration } => Step::Pause { duration: *duration },
            CanaryStep::Analysis(spec) => Step::Analysis(spec.clone()),
        })
        .chain(implied)
        .collect::<Vec<_>>()
        .into_iter()
}

impl Step {
    /// Says whether the step is there to go slowly: it is passed over once somebody has sent the rollout to its end. What
    /// starts, switches and verifies is never passed over.
    pub fn is_gradual(&self) -> bool {
        match self {
            Self::Weight { percent } => *percent < Percent::FULL,
            Self::Pause { .. } | Self::Analysis(_) => true,
            Self::StopOld | Self::Start | Self::Replace { .. } | Self::Verify => false,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StopOld => f.write_str("stop the old instances"),
            Self::Start => f.write_str("start the new instances"),
            Self::Replace { max_surge, max_unavailable } => {
                write!(f, "replace instances (surge {max_surge}, unavailable {max_unavailable})")
            }
            Self::Weight { percent } => write!(f, "send {percent} of the traffic"),
            Self::Pause { duration: Some(duration) } => write!(f, "wait {duration}"),
            Self::Pause { duration: None } => f.write_str("wait for a person"),
            Self::Analysis(spec) => write!(f, "analyse {} times every {}", spec.count, spec.interval),
            Self::Verify => f.write_str("verify"),
        }
    }
}

//! Steps: every strategy is the same machine over a different list of steps.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    deployment::{AnalysisSpec, CanaryStep, DeploymentSpec, FlagStep, FlagStrategy, Strategy, Via},
    flags::FlagKey,
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
    /// This share of the users gets what is behind a flag.
    Flag {
        /// Which flag.
        key: FlagKey,
        /// Which of its variants.
        variant: String,
        /// The share.
        percent: Percent,
        /// Whether it is the last such step: somebody's haste does not pass over it.
        last: bool,
    },
}

/// Returns the steps of a rollout.
///
/// The first deployment of an environment has nobody to take traffic from, so it skips what is gradual. A rollback goes
/// straight to the end: what it goes back to has been judged before. Nobody is taken a flag that they have: steps of a flag up
/// to `served`, the share of the users that has it already, are left out with what belongs to them.
pub fn steps(spec: &DeploymentSpec, has_stable: bool, is_rollback: bool, served: Percent) -> Vec<Step> {
    let verify = (!spec.verification.is_empty() && !is_rollback).then_some(Step::Verify);
    let all = Step::Weight { percent: Percent::FULL };
    if !has_stable || is_rollback {
        let stop = (has_stable && recreates(&spec.strategy)).then_some(Step::StopOld);
        let flag = spec.strategy.flag().filter(|_| !is_rollback);
        let end = flag.and_then(|flag| flag_steps(flag, served).pop_last_percent());
        return stop.into_iter().chain([Step::Start, all]).chain(verify).chain(end).collect();
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
        Strategy::Flag(flag) => {
            let dark = match flag.via {
                Via::Rolling => vec![Step::Replace { max_surge: 1, max_unavailable: 0 }],
                Via::BlueGreen => vec![Step::Start, all],
                Via::Recreate => vec![Step::StopOld, Step::Start, all],
            };
            let on = flag_steps(flag, served).0;
            // Once dark, before any user meets what is new, and once with it.
            let again = verify.clone().filter(|_| on.iter().any(|step| matches!(step, Step::Flag { .. })));
            dark.into_iter().chain(verify).chain(on).chain(again).collect()
        }
    }
}

fn recreates(strategy: &Strategy) -> bool {
    match strategy {
        Strategy::Recreate => true,
        Strategy::Flag(flag) => flag.via == Via::Recreate,
        Strategy::Rolling { .. } | Strategy::BlueGreen { .. } | Strategy::Canary { .. } => false,
    }
}

/// The steps of a flag alone.
struct FlagSteps(Vec<Step>);

impl FlagSteps {
    fn pop_last_percent(self) -> Option<Step> {
        self.0.into_iter().rev().find(|step| matches!(step, Step::Flag { .. }))
    }
}

fn flag_steps(flag: &FlagStrategy, served: Percent) -> FlagSteps {
    let highest = flag.highest();
    // What stands before the first share belongs to the dark; what stands after a share that is left out goes with it.
    let mut kept = highest > served;
    let mut steps = Vec::new();
    for step in &flag.steps {
        match step {
            FlagStep::Percent { percent } => {
                kept = *percent > served;
                let (key, variant) = (flag.key.clone(), flag.variant.clone());
                let last = *percent == highest;
                steps.extend(kept.then_some(Step::Flag { key, variant, percent: *percent, last }));
            }
            FlagStep::Pause { duration } => steps.extend(kept.then_some(Step::Pause { duration: *duration })),
            FlagStep::Analysis(spec) => steps.extend(kept.then(|| Step::Analysis(spec.clone()))),
        }
    }
    FlagSteps(steps)
}

impl FlagStrategy {
    /// Returns the share of the users that has the variant in the end.
    pub fn highest(&self) -> Percent {
        let percents = self.steps.iter().filter_map(|step| match step {
            FlagStep::Percent { percent } => Some(*percent),
            FlagStep::Pause { .. } | FlagStep::Analysis(_) => None,
        });
        percents.max().unwrap_or(Percent::ZERO)
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
            Self::Flag { last, .. } => !last,
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
            Self::Flag { key, variant, percent, .. } => write!(f, "give {percent} of the users `{variant}` of `{key}`"),
        }
    }
}

//! What a rollout does with a flag. The share of the users that has it follows from the phase of the rollout alone, and what lies
//! over the files of the flag follows from the share: the event that fails a rollout is the event that turns the flag off.
//!
//! Nobody is taken a flag that they had before: "off" means the share from which the rollout began.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Deployment, PauseReason, Phase, Step};
use crate::{
    deployment::{DeploymentSpec, FlagStrategy},
    event::Fact,
    flags::{FlagDefinition, FlagPatch, FlagState, LiveFlags, share, with_share},
    ids::{EnvironmentName, Revision},
    refusal::{Refusal, RefusalCode},
    units::Percent,
    world::World,
};

/// What a rollout found of its flag, and when it came how far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutFlag {
    /// The share of the users that had it already.
    pub served: Percent,
    /// What lay over the files of the flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<FlagPatch>,
    /// Since when the revision serves everything with the flag as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dark_since: Option<Timestamp>,
    /// Since when the flag is on for more users than before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_since: Option<Timestamp>,
}

/// Returns what a flag is with what lies over it.
fn as_it_is(strategy: &FlagStrategy, laid: Option<&FlagPatch>) -> Option<FlagDefinition> {
    let defined = strategy.definition.as_ref()?;
    match laid {
        Some(patch) => patch.over(Some(defined)).ok(),
        None => Some(defined.clone()),
    }
}

/// Returns the share of the users that has the flag of a strategy before a rollout, as far as that can be said.
pub fn served_share(world: &World, environment: &EnvironmentName, spec: &DeploymentSpec) -> Percent {
    let laid = |strategy: &FlagStrategy| world.environments.get(environment)?.flags.patches.get(&strategy.key).cloned();
    spec.strategy.flag().map_or(Percent::ZERO, |strategy| share_of(strategy, laid(strategy).as_ref()))
}

fn share_of(strategy: &FlagStrategy, laid: Option<&FlagPatch>) -> Percent {
    let whole = as_it_is(strategy, laid).filter(|whole| whole.state == FlagState::Enabled);
    whole.and_then(|whole| share(&whole, &strategy.variant).ok()).unwrap_or(Percent::ZERO)
}

/// Checks that a rollout could turn its flag on: with what people changed of it meanwhile.
pub fn check_flag(world: &World, environment: &EnvironmentName, spec: &DeploymentSpec) -> Result<(), Refusal> {
    let Some(strategy) = spec.strategy.flag() else { return Ok(()) };
    let (key, variant) = (&strategy.key, &strategy.variant);
    let refuse = |why: String, next: String| {
        let message = format!("the rollout in {environment} could not turn on `{key}`: {why}");
        Err(Refusal::new(RefusalCode::FlagNotReady, message).next(next))
    };
    if strategy.definition.is_none() {
        return refuse(
            "the release defines no such flag".to_owned(),
            format!("define `{key}` in `flags/`, make a release, and promote that one"),
        );
    }
    let laid = world.environments.get(environment).and_then(|state| state.flags.patches.get(key));
    let undo = format!("towpath flags reset {environment} {key}, so that the files decide again");
    let Some(whole) = as_it_is(strategy, laid) else {
        return refuse("what was changed of it live does not fit the release's definition".to_owned(), undo);
    };
    if whole.state == FlagState::Disabled {
        let next = format!("towpath flags on {environment} {key}, or `state: ENABLED` in its file");
        return refuse("it is switched off (`DISABLED`)".to_owned(), next);
    }
    match with_share(&whole, variant, strategy.highest()) {
        Ok(_) => Ok(()),
        Err(error) if laid.is_some() => refuse(error.to_string(), undo),
        Err(error) => refuse(error.to_string(), format!("change `{key}` in `flags/` and make a release")),
    }
}

impl RolloutFlag {
    /// Returns what a rollout that begins now finds.
    pub(crate) fn begin(spec: &DeploymentSpec, live: &LiveFlags) -> Option<Self> {
        let strategy = spec.strategy.flag()?;
        let before = live.patches.get(&strategy.key).cloned();
        let served = share_of(strategy, before.as_ref());
        Some(Self { served, before, dark_since: None, on_since: None })
    }

    /// Notes when a step came into force that is behind what brings the revision in, and when the flag went on.
    pub(super) fn note(&mut self, steps: &[Step], fact: &Fact, at: Timestamp) {
        let Fact::StepStarted { step, .. } = fact else { return };
        match steps.get(*step) {
            Some(Step::Flag { .. }) => {
                self.dark_since = self.dark_since.or(Some(at));
                self.on_since = self.on_since.or(Some(at));
            }
            Some(Step::Pause { .. } | Step::Analysis(_) | Step::Verify) => {
                self.dark_since = self.dark_since.or(Some(at));
            }
            Some(Step::StopOld | Step::Start | Step::Replace { .. } | Step::Weight { .. }) | None => {}
        }
    }
}

impl Deployment {
    /// Returns the share of the users that had its flag before it began.
    pub fn served(&self) -> Percent {
        self.flag.as_ref().map_or(Percent::ZERO, |flag| flag.served)
    }

    /// Returns the share of the users that has its flag by its doing, or `None` if it does nothing with a flag.
    pub fn flag_share(&self) -> Option<Percent> {
        let flag = self.flag.as_ref()?;
        let up_to = |count: usize| {
            let percents = self.steps.iter().take(count).rev().find_map(|step| match step {
                Step::Flag { percent, .. } => Some(*percent),
                Step::StopOld
                | Step::Start
                | Step::Replace { .. }
                | Step::Weight { .. }
                | Step::Pause { .. }
                | Step::Analysis(_)
                | Step::Verify => None,
            });
            percents.unwrap_or(flag.served)
        };
        Some(match &self.phase {
            // What failed and waits for a person to say so has failed.
            Phase::Running(running) if matches!(&running.pause, Some(pause) if matches!(pause.reason, PauseReason::Failed { .. })) => {
                flag.served
            }
            Phase::Running(running) => up_to(running.step + 1),
            Phase::Completed | Phase::Retired => up_to(self.steps.len()),
            Phase::RollingBack { .. } | Phase::RolledBack { .. } => flag.served,
        })
    }

    /// Returns the spans in which what the flag does not do was measured, the best first: this revision while it was dark, then
    /// the one before it for as long as an analysis takes.
    pub fn baselines(&self, world: &World, span: crate::units::Millis) -> Vec<(Revision, Timestamp, Timestamp)> {
        let Some(flag) = &self.flag else { return Vec::new() };
        let dark = flag.dark_since.zip(flag.on_since).map(|(from, to)| (self.runs, from, to));
        let before = self.stable.and_then(|stable| world.deployments.get(&stable)).map(|stable| {
            let back = jiff::SignedDuration::from_millis(i64::try_from(span.0).unwrap_or(i64::MAX));
            let from = self.started_at.checked_sub(back).unwrap_or(self.started_at);
            (stable.runs, from.max(stable.started_at), self.started_at)
        });
        dark.into_iter().chain(before).filter(|(_, from, to)| to > from).collect()
    }

    /// Returns what lies over the files of its flag while this share of the users has it.
    fn laid(&self, percent: Percent) -> Option<FlagPatch> {
        let (strategy, flag) = (self.spec.strategy.flag()?, self.flag.as_ref()?);
        if percent == flag.served {
            return flag.before.clone();
        }
        let whole = as_it_is(strategy, flag.before.as_ref())?;
        let change = with_share(&whole, &strategy.variant, percent).ok()?;
        Some(flag.before.as_ref().map_or_else(|| change.clone(), |before| before.then(&change)))
    }
}

/// Makes what lies over the files follow a rollout from how it stood to how it stands.
pub(crate) fn follow(live: &mut std::sync::Arc<LiveFlags>, before: &Deployment, after: &Deployment) {
    let (Some(was), Some(is)) = (before.flag_share(), after.flag_share()) else { return };
    if was != is {
        lay(live, after, after.laid(is));
    }
}

fn lay(live: &mut std::sync::Arc<LiveFlags>, of: &Deployment, patch: Option<FlagPatch>) {
    let Some(strategy) = of.spec.strategy.flag() else { return };
    if live.patches.get(&strategy.key) == patch.as_ref() {
        return;
    }
    let live = std::sync::Arc::make_mut(live);
    live.changes = live.changes.saturating_add(1);
    match patch {
        Some(patch) => drop(live.patches.insert(strategy.key.clone(), patch)),
        None => drop(live.patches.remove(&strategy.key)),
    }
}

/// Takes back what the rollouts after the one that is gone back to did with flags, the latest first. What people changed since
/// stays as they changed it.
pub(crate) fn take_back<'a>(live: &mut std::sync::Arc<LiveFlags>, later: impl Iterator<Item = &'a Deployment>) {
    for deployment in later {
        undo(live, deployment);
    }
}

fn undo(live: &mut std::sync::Arc<LiveFlags>, deployment: &Deployment) {
    let (Some(strategy), Some(flag)) = (deployment.spec.strategy.flag(), &deployment.flag) else { return };
    let good = matches!(deployment.phase, Phase::Completed | Phase::Retired);
    let left = deployment.flag_share().and_then(|percent| deployment.laid(percent));
    if good && live.patches.get(&strategy.key) == left.as_ref() {
        lay(live, deployment, flag.before.clone());
    }
}

/// Turns on again what a revision that was gone back to had turned on, where it is as it was before that.
pub(crate) fn restore(live: &mut std::sync::Arc<LiveFlags>, target: &Deployment) {
    let (Some(strategy), Some(flag)) = (target.spec.strategy.flag(), &target.flag) else { return };
    let good = matches!(target.phase, Phase::Completed | Phase::Retired);
    if good && live.patches.get(&strategy.key) == flag.before.as_ref() {
        let left = target.flag_share().and_then(|percent| target.laid(percent));
        lay(live, target, left);
    }
}

#[cfg(test)]
mod tests;

//! Rollouts: pausing, going on, aborting, going back, and what the control plane reports.

use std::{collections::BTreeSet, sync::Arc};

use super::{Decision, one, policy, secrets::still_there};
use crate::{
    command::{Asker, Happened, Report},
    event::{Fact, RollbackOrigin},
    ids::{EnvironmentName, Revision},
    refusal::{Refusal, RefusalCode},
    rollout::{Deployment, Failure, FailureKind, PauseReason, Phase, Running},
    world::World,
};

/// Returns the revision that a rollback goes to: the one asked for, or the good one before the current.
pub fn rollback_target<'a>(
    world: &'a World,
    environment: &'a EnvironmentName,
    to: Option<Revision>,
) -> Result<(&'a Arc<Deployment>, &'a Arc<Deployment>), Refusal> {
    policy(world, environment)?;
    let current = world.current(environment).ok_or_else(|| {
        Refusal::new(
            RefusalCode::NothingToRollBackTo,
            format!("nothing has been deployed successfully in {environment}"),
        )
    })?;
    if current.spec.rollback.is_some_and(|policy| !policy.enabled) {
        return Err(Refusal::new(
            RefusalCode::RollbackDisabled,
            format!("{environment} says that nobody goes back: `deployment.rollback.enabled` is false"),
        )
        .next(format!("towpath release create with what mends it, then towpath promote it to {environment}")));
    }
    let gone_from = |later: &Arc<Deployment>| Some(world.deployments.get(&later.rollback.as_ref()?.from)?.runs);
    let left: BTreeSet<Revision> = world.history(environment).filter_map(gone_from).collect();
    let target = match to {
        Some(revision) => named_target(world, environment, revision)?,
        // What was gone back from, or is the same thing as what runs, is no way back.
        None => world
            .history(environment)
            .filter(|before| is_good(before))
            .find(|before| {
                before.revision < current.revision
                    && !world.is_lost(before)
                    && before.runs != current.runs
                    && !left.contains(&before.runs)
                    && world.completed_at(environment, before.release).is_some()
            })
            .ok_or_else(|| {
                Refusal::new(
                    RefusalCode::NothingToRollBackTo,
                    format!("there is no good revision before {} in {environment}", current.revision),
                )
            })?,
    };
    if target.runs == current.runs {
        return Err(Refusal::new(RefusalCode::AlreadyThere, format!("{environment} runs {} already", target.revision)));
    }
    still_there(world, target)?;
    Ok((current, target))
}

fn is_good(deployment: &Deployment) -> bool {
    matches!(deployment.phase, Phase::Completed | Phase::Retired)
}

/// Returns the revision that was asked for, or why nobody can go back to it.
fn named_target<'a>(
    world: &'a World,
    environment: &EnvironmentName,
    revision: Revision,
) -> Result<&'a Arc<Deployment>, Refusal> {
    let here =
        |found: &&Arc<Deployment>| found.environment == *environment && !world.is_gone(environment, found.revision);
    let asked = world.deployments.get(&revision).filter(here).ok_or_else(|| {
        Refusal::new(RefusalCode::NotFound, format!("{environment} has no revision {revision}"))
            .next(format!("towpath history {environment}"))
    })?;
    if world.is_lost(asked) {
        return Err(Refusal::new(
            RefusalCode::NothingToRollBackTo,
            format!("what {revision} ran with is not kept any more: it was collected"),
        )
        .next(format!("towpath promote {} {environment}, if nothing newer is there", asked.release)));
    }
    if !is_good(asked) {
        return Err(Refusal::new(
            RefusalCode::NothingToRollBackTo,
            format!("{revision} never became good in {environment}: it is {}", asked.status()),
        )
        .next(format!("towpath history {environment}")));
    }
    Ok(asked)
}

pub(super) fn roll_back(
    world: &World,
    environment: &EnvironmentName,
    to: Option<Revision>,
    reason: Option<&String>,
    asker: &Asker,
) -> Decision {
    policy(world, environment)?;
    if let Some(rollout) = world.rollout(environment) {
        if to.is_none_or(|to| Some(to) == rollout.stable) {
            // Going back from a rollout is aborting it: the good revision still runs.
            return abort(world, environment, reason, asker);
        }
        return Err(running_already(rollout).next(format!("towpath rollout abort {environment}, then roll back")));
    }
    let (current, target) = rollback_target(world, environment, to)?;
    let revision = world.next_revision();
    let spec = world.with_valid_secrets(environment, &target.spec);
    // With other versions of secrets it needs instances of its own: those of the target were started with what is invalid now.
    let runs = if spec == *target.spec { target.runs } else { revision };
    let fact = Fact::DeploymentStarted {
        revision,
        release: target.release,
        runs,
        promotion: None,
        rollback: Some(RollbackOrigin { to: target.revision, from: current.revision, reason: reason.cloned() }),
        spec: Box::new(spec),
    };
    one(Some(environment.clone()), fact)
}

pub(super) fn pause(world: &World, environment: &EnvironmentName, comment: Option<&String>) -> Decision {
    let (rollout, running) = going_forward(world, environment)?;
    if running.pause.is_some() {
        return Ok(Vec::new());
    }
    let reason = PauseReason::ByHand { comment: comment.cloned() };
    one(Some(environment.clone()), Fact::RolloutPaused { revision: rollout.revision, reason })
}

pub(super) fn resume(world: &World, environment: &EnvironmentName) -> Decision {
    let (rollout, running) = going_forward(world, environment)?;
    if running.pause.is_none() {
        return Err(Refusal::new(RefusalCode::WrongPhase, format!("rollout {} is not paused", rollout.revision)));
    }
    one(Some(environment.clone()), Fact::RolloutResumed { revision: rollout.revision })
}

pub(super) fn promote(world: &World, environment: &EnvironmentName) -> Decision {
    let (rollout, running) = going_forward(world, environment)?;
    if running.promoted {
        return Ok(Vec::new());
    }
    one(Some(environment.clone()), Fact::RolloutPromoted { revision: rollout.revision })
}

pub(super) fn abort(world: &World, environment: &EnvironmentName, reason: Option<&String>, asker: &Asker) -> Decision {
    let (rollout, _) = going_forward(world, environment)?;
    let because = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let failure = Failure {
        kind: FailureKind::Aborted,
        message: format!("aborted by {}{because}", asker.principal),
        evidence: Vec::new(),
    };
    one(Some(environment.clone()), Fact::RolloutFailed { revision: rollout.revision, failure })
}

pub(super) fn report(world: &World, report: &Report) -> Decision {
    let revision = report.revision;
    let stale = || Refusal::new(RefusalCode::Stale, format!("{revision} has moved on"));
    let deployment = world.deployments.get(&revision).ok_or_else(stale)?;
    let at_step = |step: usize| deployment.running().filter(|running| running.step == step).ok_or_else(stale);
    let fact = match &report.happened {
        Happened::StepStarted { step } => {
            let running = deployment.running().ok_or_else(stale)?;
            deployment.next_step(running).filter(|next| next == step).ok_or_else(stale)?;
            Fact::StepStarted { revision, step: *step }
        }
        Happened::Progressed { step, ready } => {
            at_step(*step)?;
            Fact::RolloutProgressed { revision, ready: *ready }
        }
        Happened::Measured { step, measurement } => {
            at_step(*step)?;
            Fact::AnalysisMeasured { revision, step: *step, measurement: measurement.clone() }
        }
        Happened::Verified { step, results } => {
            at_step(*step)?;
            Fact::VerificationPassed { revision, step: *step, results: results.clone() }
        }
        Happened::Paused(reason) => {
            deployment.running().filter(|running| running.pause.is_none()).ok_or_else(stale)?;
            Fact::RolloutPaused { revision, reason: reason.clone() }
        }
        Happened::Completed => {
            let running = deployment.running().ok_or_else(stale)?;
            if deployment.next_step(running).is_some() {
                return Err(stale());
            }
            Fact::RolloutCompleted { revision }
        }
        Happened::Failed(failure) => {
            let running = deployment.running().ok_or_else(stale)?;
            if deployment.spec.goes_back_by_itself() {
                Fact::RolloutFailed { revision, failure: failure.clone() }
            } else if running.pause.as_ref().is_some_and(|pause| matches!(pause.reason, PauseReason::Failed { .. })) {
                return Err(stale());
            } else {
                Fact::RolloutPaused { revision, reason: PauseReason::Failed { failure: failure.clone() } }
            }
        }
        Happened::RolledBack => match deployment.phase {
            Phase::RollingBack { .. } => Fact::RolledBack { revision },
            Phase::Running(_) | Phase::RolledBack { .. } | Phase::Completed | Phase::Retired => return Err(stale()),
        },
        Happened::Retired => {
            let retiring = world.environments.get(&deployment.environment);
            let waits = retiring.is_some_and(|state| state.retiring.iter().any(|it| it.revision == revision));
            if !waits {
                return Err(stale());
            }
            Fact::RevisionRetired { revision }
        }
    };
    one(Some(deployment.environment.clone()), fact)
}

fn going_forward<'a>(
    world: &'a World,
    environment: &EnvironmentName,
) -> Result<(&'a Deployment, &'a Running), Refusal> {
    policy(world, environment)?;
    let rollout = world.rollout(environment).ok_or_else(|| {
        Refusal::new(RefusalCode::NoRollout, format!("no rollout is running in {environment}"))
            .next(format!("towpath rollback {environment}, to go back to an earlier revision"))
    })?;
    let running = rollout.running().ok_or_else(|| {
        Refusal::new(RefusalCode::WrongPhase, format!("rollout {} is going back already", rollout.revision))
            .next(format!("towpath rollout watch {environment}"))
    })?;
    Ok((rollout, running))
}

fn running_already(rollout: &Deployment) -> Refusal {
    Refusal::new(
        RefusalCode::RolloutRunning,
        format!("rollout {} is running in {}", rollout.revision, rollout.environment),
    )
}

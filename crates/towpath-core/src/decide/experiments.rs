//! Experiments: starting, stopping, deciding, and what the control plane reports of their flags.

use serde_json::Value;

use super::{Decision, one, policy};
use crate::{
    command::Asker,
    event::{Fact, NewEvent},
    experiments::{
        ExperimentAltered, ExperimentChange, ExperimentCommand, ExperimentDecided, ExperimentDefinition,
        ExperimentStarted, ExperimentStopped, Pinned, Run, StopCause,
    },
    flags::{FlagChange, FlagPatch, FlagsChanged},
    ids::PrincipalName,
    project::Tier,
    refusal::{Refusal, RefusalCode},
    world::World,
};

pub(super) fn change(world: &World, command: &ExperimentCommand, asker: &Asker) -> Decision {
    let ExperimentCommand { environment, experiment, change, reason } = command;
    let tier = policy(world, environment)?.tier;
    let by_a_person = asker.principal != PrincipalName::control_plane();
    let no_reason = reason.as_ref().is_none_or(|reason| reason.trim().is_empty());
    // Stopping never waits for anything.
    let stops = matches!(change, ExperimentChange::Stop { .. });
    if tier == Tier::Production && by_a_person && no_reason && !stops {
        let message = format!("changing an experiment of {environment} needs a reason: users are there");
        return Err(Refusal::new(RefusalCode::ReasonRequired, message).next("say why with --reason \"…\""));
    }
    match change {
        ExperimentChange::Start { definition, pinned } => start(world, command, definition, pinned),
        ExperimentChange::Alter { run, what } => {
            let Some(running) = numbered(world, command, Some(*run)) else { return Ok(Vec::new()) };
            if running.altered.is_some() {
                return Ok(Vec::new());
            }
            let altered = ExperimentAltered { experiment: experiment.clone(), run: *run, what: what.clone() };
            one(Some(environment.clone()), Fact::ExperimentAltered(altered))
        }
        ExperimentChange::Stop { run, cause } => stop(world, command, *run, cause),
        ExperimentChange::Decide { variant, blocked, force, summary } => {
            let running = running(world, command)?;
            known_variant(running, variant)?;
            if let Some(blocked) = blocked.as_ref().filter(|_| !force) {
                let message = format!("the numbers of `{experiment}` say nothing: {blocked}");
                return Err(Refusal::new(RefusalCode::GateClosed, message).next(format!(
                    "towpath experiments results {environment} {experiment}; --force decides all the same"
                )));
            }
            let decided = ExperimentDecided {
                experiment: experiment.clone(),
                run: running.number,
                variant: variant.clone(),
                summary: summary.clone(),
                reason: reason.clone(),
            };
            one(Some(environment.clone()), Fact::ExperimentDecided(decided))
        }
    }
}

fn start(world: &World, command: &ExperimentCommand, definition: &ExperimentDefinition, pinned: &Pinned) -> Decision {
    let ExperimentCommand { environment, experiment, reason, .. } = command;
    let experiments = world.experiments(environment);
    let latest = experiments.and_then(|experiments| experiments.latest(experiment));
    if latest.is_some_and(|run| run.is_running()) {
        let message = format!("the experiment `{experiment}` runs in {environment} already");
        return Err(Refusal::new(RefusalCode::AlreadyThere, message)
            .next(format!("towpath experiments show {environment} {experiment}")));
    }
    if let Some((other, _)) = experiments.and_then(|experiments| experiments.on_flag(&definition.flag)) {
        let message =
            format!("the flag `{}` is in the experiment `{other}` of {environment}, which runs", definition.flag);
        return Err(Refusal::new(RefusalCode::FlagInExperiment, message)
            .next(format!("towpath experiments stop {environment} {other}, or use another flag")));
    }
    let started = ExperimentStarted {
        experiment: experiment.clone(),
        run: latest.map_or(1, |run| run.number.saturating_add(1)),
        definition: Box::new(definition.clone()),
        pinned: pinned.clone(),
        reason: reason.clone(),
    };
    one(Some(environment.clone()), Fact::ExperimentStarted(started))
}

fn stop(world: &World, command: &ExperimentCommand, run: Option<u32>, cause: &StopCause) -> Decision {
    let ExperimentCommand { environment, experiment, reason, .. } = command;
    let running = match run {
        None => running(world, command)?,
        // The control plane may be late: what has ended has ended.
        Some(_) => match numbered(world, command, run) {
            Some(running) => running,
            None => return Ok(Vec::new()),
        },
    };
    let stopped = ExperimentStopped {
        experiment: experiment.clone(),
        run: running.number,
        cause: cause.clone(),
        reason: reason.clone(),
    };
    let mut facts = vec![Fact::ExperimentStopped(stopped)];
    facts.extend(to_control(world, command, running, cause).map(Fact::FlagsChanged));
    Ok(facts.into_iter().map(|fact| NewEvent { environment: Some(environment.clone()), fact }).collect())
}

/// Returns the change that gives everybody the control where the experiment does harm: together with its end, so that neither
/// is ever there without the other.
fn to_control(world: &World, command: &ExperimentCommand, run: &Run, cause: &StopCause) -> Option<FlagsChanged> {
    let StopCause::Guardrail { .. } = cause else { return None };
    let (flag, control) = (&run.definition.flag, &run.definition.control);
    let live = world.flags(&command.environment);
    let fixed = [("defaultVariant".to_owned(), control.as_str().into()), ("targeting".to_owned(), Value::Null)];
    let before = live.patches.get(flag).cloned().unwrap_or_default();
    let after = before.then(&FlagPatch(fixed.into_iter().collect()));
    (after != before).then(|| FlagsChanged {
        number: live.next_number(),
        changes: vec![FlagChange::of_flag(flag.clone(), Some(after))],
        words: vec![format!("{flag}: everybody gets `{control}`")],
        reason: Some(format!("experiment {} stopped: {}", command.experiment, cause.words())),
        undoes: None,
        from: None,
        schedule: None,
    })
}

fn numbered<'w>(world: &'w World, command: &ExperimentCommand, run: Option<u32>) -> Option<&'w Run> {
    let latest = world.experiments(&command.environment)?.latest(&command.experiment)?;
    (latest.is_running() && run.is_none_or(|run| run == latest.number)).then_some(latest)
}

fn running<'w>(world: &'w World, command: &ExperimentCommand) -> Result<&'w Run, Refusal> {
    let ExperimentCommand { environment, experiment, .. } = command;
    numbered(world, command, None).ok_or_else(|| {
        let latest = world.experiments(environment).and_then(|it| it.latest(experiment));
        let next = format!("towpath experiments start {environment} {experiment}");
        match latest {
            Some(run) => {
                let message =
                    format!("the experiment `{experiment}` of {environment} does not run: it is {}", run.state.word());
                Refusal::new(RefusalCode::WrongPhase, message).next(next)
            }
            None => {
                let message = format!("the experiment `{experiment}` was never started in {environment}");
                Refusal::new(RefusalCode::NotFound, message).next(next)
            }
        }
    })
}

fn known_variant(run: &Run, variant: &str) -> Result<(), Refusal> {
    if run.definition.place(variant).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = run.definition.variants().collect();
    let message = format!("`{variant}` is not compared by the experiment");
    Err(Refusal::new(RefusalCode::Invalid, message).next(format!("one of: {}", known.join(", "))))
}

#[cfg(test)]
mod tests;

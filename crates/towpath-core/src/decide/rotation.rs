//! Rotations: beginning, giving up and trying again, and what the control plane reports of them.

use super::{Decision, one, overlay, policy, secrets::running_with};
use crate::{
    command::Asker,
    event::{Fact, NewEvent},
    ids::{EnvironmentName, PrincipalName},
    lifecycle::later,
    project::Tier,
    refusal::{Refusal, RefusalCode},
    secrets::rotation::{
        Advance, Generator, NewValue, Phase, Rotation, RotationAborting, RotationAdvanced, RotationChange,
        RotationCommand, RotationDue, RotationFailed, RotationFinished, RotationPolicy, RotationRetried,
        RotationStarted,
    },
    secrets::store::{SecretOrigin, StoreChange},
    world::World,
};

pub(super) fn change(world: &World, command: &RotationCommand, asker: &Asker) -> Decision {
    let RotationCommand { environment, name, change, reason, .. } = command;
    let tier = policy(world, environment)?.tier;
    let by_a_person = matches!(change, RotationChange::Start { .. } | RotationChange::Abort);
    let needs_reason = tier == Tier::Production && asker.principal != PrincipalName::control_plane();
    if by_a_person && needs_reason && reason.as_ref().is_none_or(|reason| reason.trim().is_empty()) {
        let message = format!("rotating a secret of {environment} needs a reason: users are there");
        return Err(Refusal::new(RefusalCode::ReasonRequired, message).next("say why with --reason \"…\""));
    }
    match change {
        RotationChange::Start { value } => start(world, environment, name, value, reason.as_ref()),
        RotationChange::Abort => abort(world, command),
        RotationChange::Retry => {
            let rotation = running(world, environment, name)?;
            if rotation.trouble.is_none() {
                return Ok(Vec::new());
            }
            let retried = RotationRetried { name: name.clone(), number: rotation.number };
            one(Some(environment.clone()), Fact::RotationRetried(retried))
        }
        RotationChange::Advance { number, to } => advance(world, command, (*number, *to), asker),
        RotationChange::Fail { number, message, hopeless } => {
            numbered(world, environment, name, *number)?;
            let (name, number) = (name.clone(), *number);
            let failed = RotationFailed { name, number, message: message.clone(), hopeless: *hopeless };
            one(Some(environment.clone()), Fact::RotationFailed(failed))
        }
        RotationChange::Finish { number, rotated } => finish(world, environment, name, (*number, *rotated)),
        RotationChange::Remind { due } => {
            let reminded = world.rotations(environment).and_then(|it| it.reminded.get(name));
            if reminded == Some(due) {
                return Ok(Vec::new());
            }
            let owner = declared(world, name).and_then(|policy| policy.owner.clone());
            one(Some(environment.clone()), Fact::RotationDue(RotationDue { name: name.clone(), due: *due, owner }))
        }
    }
}

fn declared<'a>(world: &'a World, name: &str) -> Option<&'a RotationPolicy> {
    world.project.as_ref()?.secrets.get(name)
}

fn start(
    world: &World,
    environment: &EnvironmentName,
    name: &str,
    value: &NewValue,
    reason: Option<&String>,
) -> Decision {
    super::secrets::checked_name(name)?;
    let rotations = world.rotations(environment);
    if let Some(running) = rotations.and_then(|rotations| rotations.running(name)) {
        let message = format!("`{name}` of {environment} is being rotated already: it is {}", running.phase.word());
        return Err(Refusal::new(RefusalCode::BeingRotated, message)
            .next(format!("towpath secrets rotations {environment} {name}")));
    }
    let secret = world.secrets(environment).and_then(|store| store.secrets.get(name));
    let Some(from) = secret.and_then(|secret| secret.current) else {
        let message = format!("the store has no value of `{name}` in {environment} that could be rotated");
        return Err(Refusal::new(RefusalCode::NotFound, message)
            .next(format!("towpath secrets set {environment} {name}, for the first one")));
    };
    let policy = declared(world, name);
    let generate = generator(name, value, policy)?;
    let number = rotations.and_then(|it| it.latest.get(name)).map_or(1, |last| last.number.saturating_add(1));
    let started = RotationStarted {
        name: name.to_owned(),
        number,
        from: Some(from),
        credential: policy.map(|policy| policy.credential.clone()).unwrap_or_default(),
        generate,
        grace: policy.map_or(RotationPolicy::GRACE, |policy| policy.grace),
        reason: reason.cloned(),
    };
    one(Some(environment.clone()), Fact::RotationStarted(started))
}

fn generator(name: &str, value: &NewValue, policy: Option<&RotationPolicy>) -> Result<Option<Generator>, Refusal> {
    match value {
        NewValue::Given => Ok(None),
        NewValue::Generated(generator) => {
            generator.check().map_err(|error| Refusal::new(RefusalCode::Invalid, error.to_string()))?;
            Ok(Some(generator.clone()))
        }
        NewValue::Declared => match policy.and_then(|policy| policy.generate.clone()) {
            Some(generator) => Ok(Some(generator)),
            None => Err(Refusal::new(
                RefusalCode::Invalid,
                format!("`{name}` does not say how a new value is made, and none was given"),
            )
            .next(
                "give the value on standard input, say --generate password, or declare `generate: password` for the variable",
            )),
        },
    }
}

fn abort(world: &World, command: &RotationCommand) -> Decision {
    let RotationCommand { environment, name, reason, configured, .. } = command;
    let rotation = running(world, environment, name)?;
    match rotation.phase {
        Phase::Aborting { .. } => return Ok(Vec::new()),
        Phase::Retiring { .. } => {
            let message =
                format!("the old value of `{name}` in {environment} is being made invalid: there is no way back");
            return Err(Refusal::new(RefusalCode::WrongPhase, message)
                .next(format!("towpath secrets rotations {environment} {name}, then rotate it again")));
        }
        Phase::Creating | Phase::Staged { .. } | Phase::Dual { .. } | Phase::Switched { .. } => {}
        Phase::Finished { .. } | Phase::Aborted { .. } => return Err(none(environment, name)),
    }
    let aborting = RotationAborting { name: name.clone(), number: rotation.number, reason: reason.clone() };
    let mut events = vec![NewEvent { environment: Some(environment.clone()), fact: Fact::RotationAborting(aborting) }];
    bring(world, environment, &mut events, configured.as_ref(), reason.as_ref())?;
    Ok(events)
}

fn advance(world: &World, command: &RotationCommand, (number, to): (u32, Advance), asker: &Asker) -> Decision {
    let RotationCommand { environment, name, configured, .. } = command;
    let rotation = numbered(world, environment, name, number)?;
    let used = |version: u32| running_with(world, environment, name, version).is_some();
    let sound = match (rotation.phase, to) {
        (Phase::Staged { .. }, Advance::Dual) => true,
        (Phase::Dual { .. }, Advance::Switched) => !rotation.from.is_some_and(used),
        (Phase::Switched { since, .. }, Advance::Retiring) => {
            asker.now >= later(since, rotation.grace) && !rotation.from.is_some_and(used)
        }
        (
            Phase::Creating
            | Phase::Staged { .. }
            | Phase::Dual { .. }
            | Phase::Switched { .. }
            | Phase::Retiring { .. }
            | Phase::Aborting { .. }
            | Phase::Finished { .. }
            | Phase::Aborted { .. },
            Advance::Dual | Advance::Switched | Advance::Retiring,
        ) => false,
    };
    if !sound {
        return Err(stale(environment, name));
    }
    let advanced = RotationAdvanced { name: name.clone(), number, to };
    let mut events = vec![NewEvent { environment: Some(environment.clone()), fact: Fact::RotationAdvanced(advanced) }];
    bring(world, environment, &mut events, configured.as_ref(), Some(&format!("rotation {number} of `{name}`")))?;
    Ok(events)
}

/// Asks for what runs to run with the version that comes into force, in the same append.
fn bring(
    world: &World,
    environment: &EnvironmentName,
    events: &mut Vec<NewEvent>,
    configured: Option<&crate::command::Configured>,
    reason: Option<&String>,
) -> Result<(), Refusal> {
    let Some(configured) = configured else { return Ok(()) };
    if world.live(environment).digest() != configured.seen {
        return Err(stale(environment, "the live state"));
    }
    overlay::bring(world, environment, events, configured, reason, "secrets of")
}

fn finish(world: &World, environment: &EnvironmentName, name: &str, (number, rotated): (u32, bool)) -> Decision {
    let rotation = numbered(world, environment, name, number)?;
    let sound = match rotation.phase {
        Phase::Retiring { .. } => rotated,
        Phase::Aborting { to, .. } => {
            !rotated && to.is_none_or(|to| running_with(world, environment, name, to).is_none())
        }
        Phase::Creating
        | Phase::Staged { .. }
        | Phase::Dual { .. }
        | Phase::Switched { .. }
        | Phase::Finished { .. }
        | Phase::Aborted { .. } => false,
    };
    if !sound {
        return Err(stale(environment, name));
    }
    let finished = RotationFinished { name: name.to_owned(), number, rotated };
    one(Some(environment.clone()), Fact::RotationFinished(finished))
}

/// Refuses changes of the store that a rotation under way must not see: it alone writes, and needs both values.
pub(super) fn allows(world: &World, environment: &EnvironmentName, change: &StoreChange) -> Result<(), Refusal> {
    let Some(rotations) = world.rotations(environment) else {
        let StoreChange::Write { origin: SecretOrigin::Rotated { .. }, name, .. } = change else { return Ok(()) };
        return Err(stale(environment, name));
    };
    match change {
        StoreChange::Write { origin: SecretOrigin::Rotated { rotation: number, .. }, name, .. } => {
            match rotations.running(name) {
                Some(it) if it.number == *number && it.phase == Phase::Creating => Ok(()),
                Some(_) | None => Err(stale(environment, name)),
            }
        }
        StoreChange::Write { name, .. } | StoreChange::Unset { name } => {
            rotations.running(name).map_or(Ok(()), |_| Err(busy(environment, name)))
        }
        StoreChange::Restore { secrets, .. } => {
            let found = secrets.iter().find(|one| rotations.running(&one.name).is_some());
            found.map_or(Ok(()), |one| Err(busy(environment, &one.name)))
        }
        StoreChange::Destroy { name, versions } => {
            let needed = |rotation: &Rotation| {
                [rotation.from, rotation.phase.new_version()].iter().flatten().any(|it| versions.contains(it))
            };
            rotations.running(name).filter(|it| needed(it)).map_or(Ok(()), |_| Err(busy(environment, name)))
        }
        StoreChange::MakeDataKey(_)
        | StoreChange::Rewrap { .. }
        | StoreChange::RetireDataKey { .. }
        | StoreChange::Reseal { .. } => Ok(()),
    }
}

fn busy(environment: &EnvironmentName, name: &str) -> Refusal {
    Refusal::new(RefusalCode::BeingRotated, format!("`{name}` of {environment} is being rotated")).next(format!(
        "wait for it (towpath secrets rotations {environment} {name}), or give it up with towpath secrets abort"
    ))
}

fn running<'a>(world: &'a World, environment: &EnvironmentName, name: &str) -> Result<&'a Rotation, Refusal> {
    let rotation = world.rotations(environment).and_then(|rotations| rotations.running(name));
    rotation.map(AsRef::as_ref).ok_or_else(|| none(environment, name))
}

fn numbered<'a>(
    world: &'a World,
    environment: &EnvironmentName,
    name: &str,
    number: u32,
) -> Result<&'a Rotation, Refusal> {
    running(world, environment, name).ok().filter(|it| it.number == number).ok_or_else(|| stale(environment, name))
}

fn none(environment: &EnvironmentName, name: &str) -> Refusal {
    Refusal::new(RefusalCode::NotFound, format!("no rotation of `{name}` is under way in {environment}"))
        .next(format!("towpath secrets rotate {environment} {name}"))
}

fn stale(environment: &EnvironmentName, name: &str) -> Refusal {
    Refusal::new(RefusalCode::Stale, format!("{name} of {environment} has changed meanwhile"))
}

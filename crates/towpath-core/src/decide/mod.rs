//! Deciding: a command becomes events, or a refusal. Pure: nothing is done, and the same question gets the same answer.

mod experiments;
mod flag_keys;
pub mod flags;
pub mod lifecycle;
pub mod overlay;
pub mod promotion;
mod release;
pub mod rollout;
mod rotation;
mod schedules;
pub mod secrets;

use crate::{
    command::{Asker, Command},
    event::{Event, Fact, NewEvent},
    ids::EnvironmentName,
    project::{EnvironmentPolicy, Project},
    refusal::{Refusal, RefusalCode},
    world::World,
};

/// What a command leads to: events to append, possibly none when everything is as asked already.
pub type Decision = Result<Vec<NewEvent>, Refusal>;

/// Decides a command.
pub fn decide(world: &World, command: &Command, asker: &Asker) -> Decision {
    match command {
        Command::DeclareProject { project, bundle } => release::declare(world, project, *bundle),
        Command::CreateRelease { content, notes } => release::create(world, content, notes.as_ref(), asker),
        Command::ChangeOverlay { environment, changes, reason, configured } => {
            overlay::change(world, environment, changes, reason.as_ref(), configured, asker)
        }
        Command::Promote { environment, release, spec, reason } => {
            promotion::request(world, environment, *release, spec, reason.as_ref())
        }
        Command::Approve { promotion, plan, comment } => {
            promotion::approve(world, *promotion, *plan, comment.as_ref(), asker)
        }
        Command::Reject { promotion, comment } => promotion::reject(world, *promotion, comment.as_ref()),
        Command::Confirm { promotion, item } => promotion::confirm(world, *promotion, item),
        Command::StartDeployment { promotion, spec, live } => promotion::start(world, *promotion, spec, *live, asker),
        Command::FailPromotion { promotion, reason } => promotion::fail(world, *promotion, reason),
        Command::Rollback { environment, to, reason } => {
            rollout::roll_back(world, environment, *to, reason.as_ref(), asker)
        }
        Command::Pause { environment, comment } => rollout::pause(world, environment, comment.as_ref()),
        Command::Resume { environment } => rollout::resume(world, environment),
        Command::PromoteRollout { environment } => rollout::promote(world, environment),
        Command::Abort { environment, reason } => rollout::abort(world, environment, reason.as_ref(), asker),
        Command::Report(report) => rollout::report(world, report),
        Command::CreatePreview { environment, file, extends, policy, ttl, reason } => {
            let wanted = lifecycle::Asked { file, extends, policy, reason: reason.as_ref() };
            lifecycle::create(world, environment, &wanted, *ttl, asker)
        }
        Command::ExtendPreview { environment, ttl } => lifecycle::extend(world, environment, *ttl, asker),
        Command::Destroy { environment, cause, claims, goes } => {
            lifecycle::destroy(world, environment, cause, (claims, goes), asker)
        }
        Command::FinishDestroying { environment, removed } => lifecycle::finish(world, environment, *removed),
        Command::ScheduleFlags(command) => schedules::decide(world, command, asker),
        Command::ChangeSecrets(command) => secrets::change(world, command, asker),
        Command::Rotate(command) => rotation::change(world, command, asker),
        Command::ReadSecrets { environment, secrets, reason } => {
            secrets::read(world, environment, secrets, reason.as_ref(), asker)
        }
        Command::Experiment(command) => experiments::change(world, command, asker),
        Command::ChangeFlagKeys(command) => flag_keys::change(world, command, asker),
        Command::ChangeFlags(command) => flags::decide(world, command, asker),
        Command::Collect { revisions, removed } => lifecycle::collect(world, revisions, *removed),
    }
}

/// Gives decided events their place after `world` and folds them; the second half of carrying out a command.
pub fn commit(world: World, decided: Vec<NewEvent>, asker: &Asker, cause: &str) -> (World, Vec<Event>) {
    let mut events = Vec::with_capacity(decided.len());
    let world = decided.into_iter().fold(world, |world, NewEvent { environment, fact }| {
        let event = Event {
            sequence: world.size,
            at: asker.now,
            principal: asker.principal.clone(),
            cause: cause.to_owned(),
            environment,
            fact,
        };
        let world = world.apply(&event);
        events.push(event);
        world
    });
    (world, events)
}

#[expect(clippy::unnecessary_wraps, reason = "every decision ends with it")]
fn one(environment: Option<EnvironmentName>, fact: Fact) -> Decision {
    Ok(vec![NewEvent { environment, fact }])
}

fn project(world: &World) -> Result<&Project, Refusal> {
    world.project.as_deref().ok_or_else(|| {
        Refusal::new(RefusalCode::NoProject, "no project has been declared")
            .next("towpath up in a folder with a `towpath.yaml`")
    })
}

fn policy<'a>(world: &'a World, environment: &EnvironmentName) -> Result<&'a EnvironmentPolicy, Refusal> {
    let project = project(world)?;
    if world.destroying(environment).is_some() {
        return Err(Refusal::new(RefusalCode::BeingDestroyed, format!("{environment} is being destroyed"))
            .next(format!("towpath env destroy {environment}, to see how far it is")));
    }
    world.policy(environment).ok_or_else(|| {
        let known: Vec<&str> =
            project.environments.keys().chain(world.previews.keys()).map(EnvironmentName::as_str).collect();
        Refusal::new(RefusalCode::NotFound, format!("there is no environment `{environment}` in the pipeline"))
            .next(format!("one of: {}", known.join(", ")))
    })
}

#[cfg(test)]
mod tests;

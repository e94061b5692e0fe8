//! Doing what was scheduled of flags, when its time has come.

use towpath_core::{
    command::Command,
    flags::{ChangeFlags, FlagDocument, FlagWish, ScheduleCommand, ScheduleDue, schedules_due, wished},
    refusal::RefusalCode,
    world::World,
};

use super::DefinitionsError;
use crate::{Engine, writer::SubmitError};

impl Engine {
    /// Does every step that is due; says whether anything was written down. What could not be done for want of the definitions is
    /// tried again at the next turn.
    pub(crate) async fn keep_schedules(&self) -> bool {
        let mut moved = false;
        for due in schedules_due(&self.world(), self.now()) {
            // What the step before did counts for this one.
            let world = self.world();
            let (environment, number) = (due.environment.clone(), due.number);
            match self.schedule_step(&world, due).await {
                Ok(command) => match self.submit_own(command, &format!("flag schedule {number}")).await {
                    Ok(done) => moved |= !done.events.is_empty(),
                    Err(SubmitError::Refused(refusal)) if refusal.code == RefusalCode::Stale => {}
                    Err(error) => {
                        tracing::error!(error = &error as &dyn std::error::Error, %environment, %number, "a schedule is tried again");
                    }
                },
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, %environment, %number, "a schedule is tried again");
                }
            }
        }
        moved
    }

    async fn schedule_step(&self, world: &World, due: ScheduleDue) -> Result<Command, DefinitionsError> {
        let ScheduleDue { environment, number, step, edit } = due;
        let definitions = self.flag_definitions().of(world, &environment).await?;
        let (live, wish) = (world.flags(&environment), FlagWish::Edit(vec![edit]));
        let change = match wished(&environment, &definitions, &live, &wish, &FlagDocument::default()) {
            Ok(wished) => Ok(Box::new(ChangeFlags {
                environment: environment.clone(),
                changes: wished.work.changes,
                words: wished.work.words,
                plan: wished.work.plan,
                seen: world.flag_basis(&environment),
                reason: Some(reason(world, &environment, number)),
                undoes: None,
                from: None,
            })),
            Err(refusal) => Err(refusal.message),
        };
        Ok(Command::ScheduleFlags(Box::new(ScheduleCommand::Fire { environment, number, step, change })))
    }
}

fn reason(
    world: &World,
    environment: &towpath_core::ids::EnvironmentName,
    number: towpath_core::ids::ScheduleNumber,
) -> String {
    let schedules = world.schedules(environment);
    let schedule = schedules.all.get(&number);
    match schedule.and_then(|schedule| Some((&schedule.by, schedule.asked.reason.as_ref()?))) {
        Some((by, why)) => format!("schedule {number} by {by}: {why}"),
        None => format!("schedule {number}"),
    }
}

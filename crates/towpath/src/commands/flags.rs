//! `towpath flags …`, one file per subject.

use super::Outcome;
use crate::{cli::FlagsCommand, context::Context};

mod changes;
mod definitions;
mod evaluations;
mod keys;
mod schedules;

pub(super) fn run(context: &Context, command: &FlagsCommand) -> Outcome {
    match command {
        FlagsCommand::Definitions(command) => definitions::run(context, command),
        FlagsCommand::Changes(command) => changes::run(context, command),
        FlagsCommand::Schedules(command) => schedules::run(context, command),
        FlagsCommand::Evaluations(args) => evaluations::run(context, args),
        FlagsCommand::Keys(command) => keys::run(context, command),
    }
}

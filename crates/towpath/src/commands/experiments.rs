//! `towpath experiments …`.

use super::Outcome;
use crate::{
    cli::ExperimentsCommand,
    context::Context,
    failure::{Exit, Failure},
};

mod planning;

pub(super) fn run(context: &Context, command: &ExperimentsCommand) -> Outcome {
    match command {
        ExperimentsCommand::Planning(command) => planning::run(context, command),
        ExperimentsCommand::List(_) => Err(Failure::new(Exit::Failed, "not_yet", "not yet")),
    }
}

//! `towpath flags …`: changes at a time, and step by step over a time.

use crate::{
    cli::SchedulesCommand,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
};

pub(super) fn run(_: &Context, _: &SchedulesCommand) -> Outcome {
    Err(Failure::new(Exit::Failed, "not_yet", "not yet"))
}

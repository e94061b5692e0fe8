//! `towpath experiments …`: what can be computed before an experiment, or from sums alone.

use crate::{
    cli::PlanningCommand,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
};

pub(super) fn run(_: &Context, _: &PlanningCommand) -> Outcome {
    Err(Failure::new(Exit::Failed, "not_yet", "not yet"))
}

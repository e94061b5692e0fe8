//! `towpath flags …`: definitions in files, and evaluating them.

use crate::{
    cli::DefinitionsCommand,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
};

pub(super) fn run(_: &Context, _: &DefinitionsCommand) -> Outcome {
    Err(Failure::new(Exit::Failed, "not_yet", "not yet"))
}

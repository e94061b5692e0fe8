//! `towpath flags …`: what people change while flags serve.

use crate::{
    cli::ChangesCommand,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
};

pub(super) fn run(_: &Context, _: &ChangesCommand) -> Outcome {
    Err(Failure::new(Exit::Failed, "not_yet", "not yet"))
}

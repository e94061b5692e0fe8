//! `towpath flags …`: the keys of applications.

use crate::{
    cli::KeysCommand,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
};

pub(super) fn run(_: &Context, _: &KeysCommand) -> Outcome {
    Err(Failure::new(Exit::Failed, "not_yet", "not yet"))
}

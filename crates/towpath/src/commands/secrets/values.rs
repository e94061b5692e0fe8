//! `towpath secrets …`: values of an environment's secrets.

use crate::{cli::ValuesCommand, commands::Outcome, context::Context, failure::Failure};

pub(super) fn run(_context: &Context, command: &ValuesCommand) -> Outcome {
    match command {
        ValuesCommand::List(_) => Err(Failure::usage("not yet")),
    }
}

//! `towpath secrets …`: changing values and keys without interruption.

use crate::{cli::RotationCommand, commands::Outcome, context::Context, failure::Failure};

pub(super) fn run(_context: &Context, command: &RotationCommand) -> Outcome {
    match command {
        RotationCommand::Rotate(_) => Err(Failure::usage("not yet")),
    }
}

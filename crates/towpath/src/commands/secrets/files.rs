//! `towpath secrets …`: encrypted files, inside and outside of projects.

use crate::{cli::FilesCommand, commands::Outcome, context::Context, failure::Failure};

pub(super) fn run(_context: &Context, command: &FilesCommand) -> Outcome {
    match command {
        FilesCommand::Decrypt(_) => Err(Failure::usage("not yet")),
    }
}

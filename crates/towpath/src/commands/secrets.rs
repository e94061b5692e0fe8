//! `towpath secrets …`, one file per subject.

use super::Outcome;
use crate::{cli::SecretsCommand, context::Context};

pub(crate) mod files;
mod rotation;
mod sync;
mod validate;
mod values;

pub(super) fn run(context: &Context, command: &SecretsCommand) -> Outcome {
    match command {
        SecretsCommand::Values(command) => values::run(context, command),
        SecretsCommand::Rotation(command) => rotation::run(context, command),
        SecretsCommand::Files(command) => files::run(context, command),
        SecretsCommand::Validate(args) => validate::run(context, args),
        SecretsCommand::Run(args) => super::run::run(context, args),
        SecretsCommand::Sync(args) => sync::run(context, args),
    }
}

//! `towpath experiments …`: what can be computed before an experiment, or from sums alone.

use crate::{cli::PlanningCommand, commands::Outcome, context::Context};

mod analyse;
mod power;
mod read;
pub(in crate::commands) mod show;

pub(super) fn run(context: &Context, command: &PlanningCommand) -> Outcome {
    match command {
        PlanningCommand::Power(args) => power::run(context, args),
        PlanningCommand::Analyse(args) => analyse::run(context, args),
    }
}

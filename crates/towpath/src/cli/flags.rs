//! `towpath flags …`, a group of commands per subject.

use clap::Subcommand;

mod changes;
mod definitions;
mod evaluations;
mod keys;
mod schedules;

pub(crate) use changes::*;
pub(crate) use definitions::*;
pub(crate) use evaluations::*;
pub(crate) use keys::*;
pub(crate) use schedules::*;

#[derive(Debug, Subcommand)]
pub(crate) enum FlagsCommand {
    #[command(flatten)]
    Definitions(DefinitionsCommand),
    #[command(flatten)]
    Changes(ChangesCommand),
    #[command(flatten)]
    Schedules(SchedulesCommand),
    /// Shows how often each flag was evaluated, to what and when last.
    Evaluations(EvaluationsArgs),
    /// Makes, lists and takes back the keys with which applications evaluate flags.
    #[command(subcommand)]
    Keys(KeysCommand),
}

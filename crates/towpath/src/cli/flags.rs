//! `towpath flags …`, a group of commands per subject.

use clap::Subcommand;

mod changes;
mod definitions;
mod keys;
mod schedules;

pub(crate) use changes::{ChangesCommand, FlagLogArgs};
pub(crate) use definitions::{
    AddFlagArgs, BootstrapArgs, DefinitionsCommand, EvalFlagArgs, ExportFlagsArgs, FlagFormat, FlagType, ListFlagsArgs,
    RefsArgs, ShowFlagArgs, StaleArgs, StateArgs, ValidateFlagsArgs,
};
pub(crate) use keys::{KeysCommand, ListKeysArgs};
pub(crate) use schedules::{SchedulesArgs, SchedulesCommand};

#[derive(Debug, Subcommand)]
pub(crate) enum FlagsCommand {
    #[command(flatten)]
    Definitions(DefinitionsCommand),
    #[command(flatten)]
    Changes(ChangesCommand),
    #[command(flatten)]
    Schedules(SchedulesCommand),
    /// Makes, lists and takes back the keys with which applications evaluate flags.
    #[command(subcommand)]
    Keys(KeysCommand),
}

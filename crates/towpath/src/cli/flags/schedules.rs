//! `towpath flags …`: changes at a time, and step by step over a time.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum SchedulesCommand {
    /// Lists what is going to change by itself.
    Schedules(SchedulesArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SchedulesArgs {}

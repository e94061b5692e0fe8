//! `towpath experiments …`.

use clap::{Args, Subcommand};

mod planning;

pub(crate) use planning::{AnalyseArgs, JudgedAs, KeepBy, PlanningCommand, PowerArgs, Rule};

#[derive(Debug, Subcommand)]
pub(crate) enum ExperimentsCommand {
    /// Lists the experiments of an environment.
    List(ListExperimentsArgs),
    #[command(flatten)]
    Planning(PlanningCommand),
}

#[derive(Debug, Args)]
pub(crate) struct ListExperimentsArgs {}

//! `towpath experiments …`: what can be computed before an experiment, or from sums alone.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum PlanningCommand {
    /// Computes how many units an experiment needs.
    Power(PowerArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PowerArgs {}

//! `towpath flags …`: definitions in files, and evaluating them.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum DefinitionsCommand {
    /// Lists the flags of an environment.
    List(ListFlagsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListFlagsArgs {}

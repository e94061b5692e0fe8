//! `towpath secrets …`: values of an environment's secrets.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum ValuesCommand {
    /// Lists the secrets of an environment, never their values.
    List(ListArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {}

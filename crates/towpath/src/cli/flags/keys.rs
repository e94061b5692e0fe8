//! `towpath flags …`: the keys of applications.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Lists the keys of an environment.
    List(ListKeysArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListKeysArgs {}
